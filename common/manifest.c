/* manifest.c - see manifest.h. */
#include "common/manifest.h"
