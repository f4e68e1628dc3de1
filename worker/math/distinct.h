/* distinct.h - the distinct ids of a list, sorted, and where each stands among them.
 *
 * Threads    any; a pure function, but for the arena, which is one caller's. */
#ifndef PLT_WORKER_MATH_DISTINCT_H
#define PLT_WORKER_MATH_DISTINCT_H

#include <stddef.h>
#include <stdint.h>

#include "common/mem.h"

/* Distinct values of ids [n] in ascending order into out [n]; position[i] is the place of ids[i] there. Scratch is the
 * arena's. Returns how many. */
size_t plt_distinct(const uint32_t *ids, size_t n, uint32_t *out, uint32_t *position, plt_arena_t *arena);
/* The first place in ascending ids [n] that is not below `id`. */
size_t plt_lower_bound(const uint32_t *ids, size_t n, uint32_t id);

#endif
