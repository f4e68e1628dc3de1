/* being written. */
#include "ps/optimizer.h"
