/* kernels.c - see kernels.h. */
#include "worker/kernels.h"
