/* clock.h - who may go on: the one rule of all consistency modes.
 *
 * A worker's clock is the number of optimizer steps it has pushed. A pull for clock b is answered when every other
 * live worker's clock >= b - staleness: 0 is bsp, a bound is ssp, PLT_STALENESS_ANY is asp.
 * Source     PROTOCOL.md, "Clock". */
#ifndef PLT_PS_CLOCK_H
#define PLT_PS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define PLT_STALENESS_ANY UINT64_MAX

typedef struct plt_clock plt_clock_t;

/* All workers live, at clock `start`. */
plt_clock_t *plt_clock_create(uint32_t workers, uint64_t staleness, uint64_t start);
void plt_clock_destroy(plt_clock_t **clock);
uint64_t plt_clock_of(const plt_clock_t *clock, uint32_t worker);
/* The worker has pushed one more step. */
void plt_clock_advance(plt_clock_t *clock, uint32_t worker);
/* The worker holds nobody back any more. */
void plt_clock_leave(plt_clock_t *clock, uint32_t worker);
bool plt_clock_is_live(const plt_clock_t *clock, uint32_t worker);
uint32_t plt_clock_live(const plt_clock_t *clock);
/* Whether `worker` may have the rows of clock b; if not, *who is the worker furthest behind. */
bool plt_clock_admits(const plt_clock_t *clock, uint32_t worker, uint64_t b, uint32_t *who);

#endif
