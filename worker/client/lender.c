/* lender.c - see lender.h. */
#include "worker/client/lender.h"

#include <stdlib.h>

#include "common/mem.h"

enum { LEAST = 64 * 1024 };

/* waits: an answer that nobody wants is still being written there. */
typedef enum { OFFERED, FREE, USED, WAITS, GONE } state_t;

struct plt_lender {
  plt_region_t *regions[PLT_REGIONS_MAX];
  state_t states[PLT_REGIONS_MAX];
  int n;
  bool given_up;
};

plt_lender_t *plt_lender_create(void) { return plt_mem_zalloc(1, sizeof(plt_lender_t)); }

void plt_lender_destroy(plt_lender_t **lender) {
  if (*lender == NULL) return;
  while ((*lender)->n > 0) plt_region_destroy(&(*lender)->regions[--(*lender)->n]);
  free(*lender);
  *lender = NULL;
}

bool plt_lender_has_given_up(const plt_lender_t *lender) { return lender->given_up; }

void plt_lender_give_up(plt_lender_t *lender) {
  lender->given_up = true;
  for (int i = 0; i < lender->n; i++) plt_region_seal(lender->regions[i]);
}

static uint64_t room_of(const plt_region_t *region) { return plt_region_bytes(region) - PLT_REGION_FIRST; }

int plt_lender_take(plt_lender_t *lender, uint64_t bytes) {
  if (lender->given_up) return PLT_LENT_NONE;
  for (int i = 0; i < lender->n; i++) {
    if (lender->states[i] == WAITS && plt_region_close(lender->regions[i])) lender->states[i] = FREE;
    if (lender->states[i] != FREE || room_of(lender->regions[i]) < bytes) continue;
    lender->states[i] = USED;
    return i;
  }
  return PLT_LENT_NONE;
}

/* Free regions are too small from now on: exchanges grow rather than shrink. */
static uint64_t drop_outgrown(plt_lender_t *lender) {
  uint64_t largest = 0;
  for (int i = 0; i < lender->n; i++) {
    if (lender->states[i] == GONE) continue;
    if (room_of(lender->regions[i]) > largest) largest = room_of(lender->regions[i]);
    if (lender->states[i] != FREE) continue;
    plt_region_empty(lender->regions[i]);
    lender->states[i] = GONE;
  }
  return largest;
}

plt_status_t plt_lender_make(plt_lender_t *lender, uint64_t bytes, uint32_t *number, plt_region_offer_t *offer) {
  plt_status_t status = PLT_OK;
  if (lender->n == PLT_REGIONS_MAX)
    status = plt_fail(PLT_ERR_CREATE, "%d regions of memory were lent, each larger than the last", PLT_REGIONS_MAX);
  if (status == PLT_OK) {
    uint64_t most = drop_outgrown(lender), room = bytes < LEAST ? LEAST : bytes + bytes / 4;
    if (most < bytes) most += most / 2; /* else as large as those that are in use */
    if (room < most) room = most;
    if (room > PLT_REGION_BYTES_MAX - PLT_REGION_FIRST) room = bytes;
    status = plt_region_create(room, &lender->regions[lender->n]);
  }
  if (status != PLT_OK) {
    plt_lender_give_up(lender);
    return status;
  }
  lender->states[lender->n] = OFFERED;
  *number = (uint32_t)lender->n;
  *offer = plt_region_offer(lender->regions[lender->n++]);
  return PLT_OK;
}

void plt_lender_grown(plt_lender_t *lender) {
  plt_region_seal(lender->regions[lender->n - 1]);
  lender->states[lender->n - 1] = FREE;
}

plt_region_t *plt_lender_region(const plt_lender_t *lender, int number) { return lender->regions[number]; }

void plt_lender_give_back(plt_lender_t *lender, int number) {
  if (number == PLT_LENT_NONE) return;
  lender->states[number] = plt_region_close(lender->regions[number]) ? FREE : WAITS;
}
