/* tape.c - see tape.h. */
#include "worker/tape.h"
