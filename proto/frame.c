/* frame.c - see frame.h. */
#include "proto/frame.h"
