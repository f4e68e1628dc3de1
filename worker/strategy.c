/* strategy.c - see strategy.h. */
#include "worker/strategy.h"
