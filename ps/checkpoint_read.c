#include "ps/checkpoint.h"
