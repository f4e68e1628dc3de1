/* trainer.c - see trainer.h. */
#include "worker/trainer.h"
