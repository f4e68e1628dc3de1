/* model.c - see model.h. */
#include "worker/model.h"
