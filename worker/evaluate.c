/* evaluate.c - see evaluate.h. */
#include "worker/evaluate.h"
