/* clock.h - who may go on: the one rule of all consistency modes.
 *
 * A worker's clock is the number of optimizer steps it has pushed. A pull for clock b is answered when every other
 * live worker's clock >= b - staleness: 0 is bsp, a bound is ssp, PLT_STALENESS_ANY is asp.
 *
 * Where workers step alone (ssp, asp) the clock counts rounds: batch b of epoch e is pushed at e * R + b / W, with R
 * rounds in an epoch. A worker with fewer batches than R is placed at the next epoch's first round when it has done
 * them: so it holds nobody back, and the bound is right again when the next epoch begins.
 *
 * Meetings   a worker that was answered a pull for clock b may push b, and no more, before it hears from the server
 *            again. The largest b + 1 of all workers is thus a clock that nobody passes without another answer:
 *            they can still be told to meet there.
 * Threads    one owner: the server's loop.
 * Source     proto/PROTOCOL.md, "Clock"; docs/consistency.md. */
#ifndef PLT_PS_SERVER_CLOCK_H
#define PLT_PS_SERVER_CLOCK_H

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
/* The worker goes on from `clock` at the earliest; nothing happens if it is there or further. */
void plt_clock_place(plt_clock_t *clock, uint32_t worker, uint64_t at);
/* The worker was answered and may come as far as `reach` before it hears from the server again. */
void plt_clock_told(plt_clock_t *clock, uint32_t worker, uint64_t reach);
/* The first clock that no live worker passes without another answer. */
uint64_t plt_clock_meeting(const plt_clock_t *clock);
/* The worker holds nobody back any more. */
void plt_clock_leave(plt_clock_t *clock, uint32_t worker);
bool plt_clock_is_live(const plt_clock_t *clock, uint32_t worker);
uint32_t plt_clock_live(const plt_clock_t *clock);
/* Whether `worker` may have the rows of clock b; if not, *who is the worker furthest behind. */
bool plt_clock_admits(const plt_clock_t *clock, uint32_t worker, uint64_t b, uint32_t *who);
/* How far clock b is ahead of the slowest other live worker. */
uint64_t plt_clock_lead(const plt_clock_t *clock, uint32_t worker, uint64_t b);

#endif
