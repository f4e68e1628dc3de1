/* checkpoint.c - see checkpoint.h. */
#include "ps/checkpoint.h"
