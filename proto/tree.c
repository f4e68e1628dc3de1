/* tree.c - see tree.h. */
#include "proto/tree.h"
