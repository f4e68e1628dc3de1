/* batch.c - see batch.h. */
#include "worker/batch.h"
