/* wire.c - see wire.h. */
#include "proto/wire.h"
