/* options.c - see options.h. */
#include "common/options.h"
