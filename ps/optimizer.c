/* optimizer.c - see optimizer.h. */
#include "ps/optimizer.h"
