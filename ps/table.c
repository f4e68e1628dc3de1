/* table.c - see table.h. */
#include "ps/table.h"
