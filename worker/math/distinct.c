/* distinct.c - see distinct.h. */
#include "worker/math/distinct.h"

/* Sorts by the upper 32 bits: least significant digit first, digits that are all the same are skipped. */
static uint64_t *radix_sort(uint64_t *values, uint64_t *other, size_t n) {
  enum { BITS = 11, BUCKETS = 1 << BITS };
  for (unsigned shift = 32; shift < 64; shift += BITS) {
    size_t count[BUCKETS] = {0};
    for (size_t i = 0; i < n; i++) count[values[i] >> shift & (BUCKETS - 1)]++;
    if (count[values[0] >> shift & (BUCKETS - 1)] == n) continue;
    size_t place = 0;
    for (size_t b = 0; b < BUCKETS; b++) {
      size_t here = count[b];
      count[b] = place;
      place += here;
    }
    for (size_t i = 0; i < n; i++) other[count[values[i] >> shift & (BUCKETS - 1)]++] = values[i];
    uint64_t *swap = values;
    values = other;
    other = swap;
  }
  return values;
}

size_t plt_distinct(const uint32_t *ids, size_t n, uint32_t *out, uint32_t *position, plt_arena_t *arena) {
  if (n == 0) return 0;
  uint64_t *tagged = plt_arena_alloc(arena, n * sizeof *tagged);
  uint64_t *other = plt_arena_alloc(arena, n * sizeof *other);
  for (size_t i = 0; i < n; i++) tagged[i] = (uint64_t)ids[i] << 32 | i;
  tagged = radix_sort(tagged, other, n);
  size_t distinct = 0;
  for (size_t i = 0; i < n; i++) {
    uint32_t id = (uint32_t)(tagged[i] >> 32);
    if (i == 0 || id != out[distinct - 1]) out[distinct++] = id;
    position[(uint32_t)tagged[i]] = (uint32_t)(distinct - 1);
  }
  return distinct;
}

size_t plt_lower_bound(const uint32_t *ids, size_t n, uint32_t id) {
  size_t low = 0, high = n;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (ids[middle] < id)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}
