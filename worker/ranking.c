/* ranking.c - see ranking.h. */
#include "worker/ranking.h"
