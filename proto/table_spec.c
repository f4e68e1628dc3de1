/* table_spec.c - see table_spec.h. */
#include "proto/table_spec.h"
