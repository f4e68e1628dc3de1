/* log.c - see log.h. */
#include "common/log.h"
