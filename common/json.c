/* json.c - see json.h. */
#include "common/json.h"
