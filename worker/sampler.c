/* sampler.c - see sampler.h. */
#include "worker/sampler.h"
