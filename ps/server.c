/* server.c - see server.h. */
#include "ps/server.h"
