/* clock.c - see clock.h. */
#include "ps/server/clock.h"

#include <stdlib.h>

#include "common/mem.h"

struct plt_clock {
  uint32_t workers;
  uint64_t staleness;
  uint64_t *pushed; /* steps of each worker */
  uint64_t *reach;  /* how far each may come without another answer */
  bool *live;
};

plt_clock_t *plt_clock_create(uint32_t workers, uint64_t staleness, uint64_t start) {
  plt_clock_t *clock = plt_mem_zalloc(1, sizeof *clock);
  *clock = (plt_clock_t){.workers = workers,
                         .staleness = staleness,
                         .pushed = plt_mem_zalloc(workers, sizeof *clock->pushed),
                         .reach = plt_mem_zalloc(workers, sizeof *clock->reach),
                         .live = plt_mem_zalloc(workers, sizeof *clock->live)};
  for (uint32_t w = 0; w < workers; w++) {
    clock->pushed[w] = start;
    clock->live[w] = true;
  }
  return clock;
}

void plt_clock_destroy(plt_clock_t **clock) {
  if (*clock == NULL) return;
  free((*clock)->pushed);
  free((*clock)->reach);
  free((*clock)->live);
  free(*clock);
  *clock = NULL;
}

uint64_t plt_clock_of(const plt_clock_t *clock, uint32_t worker) { return clock->pushed[worker]; }

void plt_clock_advance(plt_clock_t *clock, uint32_t worker) { clock->pushed[worker]++; }

void plt_clock_place(plt_clock_t *clock, uint32_t worker, uint64_t at) {
  if (clock->pushed[worker] < at) clock->pushed[worker] = at;
}

void plt_clock_told(plt_clock_t *clock, uint32_t worker, uint64_t reach) {
  if (clock->reach[worker] < reach) clock->reach[worker] = reach;
}

uint64_t plt_clock_meeting(const plt_clock_t *clock) {
  uint64_t most = 0;
  for (uint32_t w = 0; w < clock->workers; w++) {
    if (!clock->live[w]) continue;
    if (clock->pushed[w] > most) most = clock->pushed[w];
    if (clock->reach[w] > most) most = clock->reach[w];
  }
  return most;
}

void plt_clock_leave(plt_clock_t *clock, uint32_t worker) { clock->live[worker] = false; }

bool plt_clock_is_live(const plt_clock_t *clock, uint32_t worker) { return clock->live[worker]; }

uint32_t plt_clock_live(const plt_clock_t *clock) {
  uint32_t n = 0;
  for (uint32_t w = 0; w < clock->workers; w++) n += clock->live[w];
  return n;
}

/* The clock of the slowest other live worker; UINT64_MAX if there is none. */
static uint64_t slowest_other(const plt_clock_t *clock, uint32_t worker, uint32_t *who) {
  uint64_t slowest = UINT64_MAX;
  for (uint32_t w = 0; w < clock->workers; w++) {
    if (w == worker || !clock->live[w] || clock->pushed[w] >= slowest) continue;
    slowest = clock->pushed[w];
    *who = w;
  }
  return slowest;
}

bool plt_clock_admits(const plt_clock_t *clock, uint32_t worker, uint64_t b, uint32_t *who) {
  uint64_t slowest = slowest_other(clock, worker, who);
  return clock->staleness >= b || slowest >= b - clock->staleness;
}

uint64_t plt_clock_lead(const plt_clock_t *clock, uint32_t worker, uint64_t b) {
  uint32_t who;
  uint64_t slowest = slowest_other(clock, worker, &who);
  return b > slowest ? b - slowest : 0;
}
