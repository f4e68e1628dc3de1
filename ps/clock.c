/* clock.c - see clock.h. */
#include "ps/clock.h"
