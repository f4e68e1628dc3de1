/* being written. */
#include "worker/tape.h"
