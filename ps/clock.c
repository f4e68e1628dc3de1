/* clock.c - see clock.h. */
#include "ps/clock.h"

#include <stdlib.h>

#include "common/mem.h"

struct plt_clock {
  uint32_t workers;
  uint64_t staleness;
  uint64_t *pushed; /* steps of each worker */
  bool *live;
};

plt_clock_t *plt_clock_create(uint32_t workers, uint64_t staleness, uint64_t start) {
  plt_clock_t *clock = plt_mem_zalloc(1, sizeof *clock);
  *clock = (plt_clock_t){.workers = workers,
                         .staleness = staleness,
                         .pushed = plt_mem_zalloc(workers, sizeof *clock->pushed),
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
  free((*clock)->live);
  free(*clock);
  *clock = NULL;
}

uint64_t plt_clock_of(const plt_clock_t *clock, uint32_t worker) { return clock->pushed[worker]; }

void plt_clock_advance(plt_clock_t *clock, uint32_t worker) { clock->pushed[worker]++; }

void plt_clock_leave(plt_clock_t *clock, uint32_t worker) { clock->live[worker] = false; }

bool plt_clock_is_live(const plt_clock_t *clock, uint32_t worker) { return clock->live[worker]; }

uint32_t plt_clock_live(const plt_clock_t *clock) {
  uint32_t n = 0;
  for (uint32_t w = 0; w < clock->workers; w++) n += clock->live[w];
  return n;
}

bool plt_clock_admits(const plt_clock_t *clock, uint32_t worker, uint64_t b, uint32_t *who) {
  uint64_t slowest = UINT64_MAX;
  for (uint32_t w = 0; w < clock->workers; w++) {
    if (w == worker || !clock->live[w] || clock->pushed[w] >= slowest) continue;
    slowest = clock->pushed[w];
    *who = w;
  }
  return clock->staleness >= b || slowest >= b - clock->staleness;
}
