/* being written. */
#include "worker/strategy.h"
