/* dataset.c - see dataset.h. */
#include "worker/dataset.h"
