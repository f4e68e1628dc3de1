/* distinct.c - libplateau: plateau_distinct(). See state.h. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "worker/library/state.h"

typedef struct entry {
  uint64_t key;
  uint32_t from; /* its place in what was given */
} entry_t;

/* By key: least significant digit first, digits that are all the same are skipped. The result is in one of the two. */
static entry_t *radix_sort(entry_t *entries, entry_t *other, size_t n) {
  enum { BITS = 11, BUCKETS = 1 << BITS };
  for (unsigned shift = 0; shift < 64; shift += BITS) {
    size_t count[BUCKETS] = {0}, place = 0;
    for (size_t i = 0; i < n; i++) count[entries[i].key >> shift & (BUCKETS - 1)]++;
    if (count[entries[0].key >> shift & (BUCKETS - 1)] == n) continue;
    for (size_t b = 0; b < BUCKETS; b++) {
      size_t here = count[b];
      count[b] = place;
      place += here;
    }
    for (size_t i = 0; i < n; i++) other[count[entries[i].key >> shift & (BUCKETS - 1)]++] = entries[i];
    entry_t *swap = entries;
    entries = other;
    other = swap;
  }
  return entries;
}

size_t plateau_distinct(uint64_t *keys, size_t n, uint32_t *place) {
  if (n == 0) return 0;
  entry_t *memory = plt_mem_alloc(2 * n * sizeof *memory);
  for (size_t i = 0; i < n; i++) memory[i] = (entry_t){keys[i], (uint32_t)i};
  const entry_t *sorted = radix_sort(memory, memory + n, n);
  size_t left = 0;
  for (size_t i = 0; i < n; i++) {
    if (i == 0 || sorted[i].key != keys[left - 1]) keys[left++] = sorted[i].key;
    if (place != NULL) place[sorted[i].from] = (uint32_t)(left - 1);
  }
  free(memory);
  return left;
}
