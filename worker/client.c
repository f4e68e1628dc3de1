/* client.c - see client.h. */
#include "worker/client.h"
