/* npy.c - see npy.h. */
#include "common/npy.h"
