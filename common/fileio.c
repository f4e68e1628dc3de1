/* fileio.c - see fileio.h. */
#include "common/fileio.h"
