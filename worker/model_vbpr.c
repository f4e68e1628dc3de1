/* being written. */
#include "worker/model.h"
