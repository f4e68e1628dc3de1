/* sets.c - see sets.h. */
#include "launch/job/sets.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"

void plt_sets_add(plt_sets_t *sets, const char *key, const char *value) {
  size_t n = sets->n;
  PLT_MEM_GROW(sets->owned, n, sets->owned_capacity);
  PLT_MEM_GROW(sets->text, n, sets->capacity);
  sets->owned[n] = key == NULL ? NULL : plt_mem_print("%s=%s", key, value);
  sets->text[n] = key == NULL ? value : sets->owned[n];
  sets->n++;
}

void plt_sets_add_number(plt_sets_t *sets, const char *key, uint64_t value) {
  char text[32];
  snprintf(text, sizeof text, "%" PRIu64, value);
  plt_sets_add(sets, key, text);
}

void plt_sets_clear(plt_sets_t *sets) {
  for (size_t i = 0; i < sets->n; i++) free(sets->owned[i]);
  free(sets->owned);
  free(sets->text);
  *sets = (plt_sets_t){0};
}
