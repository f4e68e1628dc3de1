/* shard.c - see shard.h. */
#include "proto/shard.h"
