/* row_cache.c - see row_cache.h. */
#include "worker/session/row_cache.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

struct plt_row_cache {
  uint32_t table, cols;
  bool *is_here;
  float *values; /* [rows, cols] */
};

plt_row_cache_t *plt_row_cache_create(uint32_t table, uint64_t rows, uint32_t cols) {
  plt_row_cache_t *cache = plt_mem_alloc(sizeof *cache);
  *cache = (plt_row_cache_t){.table = table,
                             .cols = cols,
                             .is_here = plt_mem_zalloc(rows, sizeof *cache->is_here),
                             .values = plt_mem_zalloc(rows * cols, sizeof *cache->values)};
  return cache;
}

void plt_row_cache_destroy(plt_row_cache_t **cache) {
  if (*cache == NULL) return;
  free((*cache)->is_here);
  free((*cache)->values);
  free(*cache);
  *cache = NULL;
}

size_t plt_row_cache_missing(const plt_row_cache_t *cache, const uint64_t *keys, size_t n, uint64_t *missing) {
  size_t count = 0;
  for (size_t k = 0; k < n; k++)
    if (!cache->is_here[keys[k]]) missing[count++] = keys[k];
  return count;
}

void plt_row_cache_put(plt_row_cache_t *cache, const uint64_t *keys, size_t n, const float *rows) {
  size_t cols = cache->cols;
  for (size_t k = 0; k < n; k++) {
    memcpy(cache->values + keys[k] * cols, rows + k * cols, cols * sizeof *rows);
    cache->is_here[keys[k]] = true;
  }
}

void plt_row_cache_copy(const plt_row_cache_t *cache, const uint64_t *keys, size_t n, float *out) {
  size_t cols = cache->cols;
  for (size_t k = 0; k < n; k++) memcpy(out + k * cols, cache->values + keys[k] * cols, cols * sizeof *out);
}

static plt_status_t fetch(plt_row_cache_t *cache, plt_client_t *client, const uint64_t *keys, size_t n) {
  if (n == 0) return PLT_OK;
  float *rows = plt_mem_alloc(n * cache->cols * sizeof *rows);
  plt_status_t status = plt_client_read(client, &(plt_pull_t){cache->table, cache->cols, keys, n, rows}, 1);
  if (status == PLT_OK) plt_row_cache_put(cache, keys, n, rows);
  free(rows);
  return status;
}

plt_status_t plt_row_cache_read(plt_row_cache_t *cache, plt_client_t *client, const uint32_t *ids, size_t n,
                                float *out) {
  uint64_t *keys = plt_mem_alloc(2 * n * sizeof *keys), *missing = keys + n;
  for (size_t k = 0; k < n; k++) keys[k] = ids[k];
  plt_status_t status = fetch(cache, client, missing, plt_row_cache_missing(cache, keys, n, missing));
  if (status == PLT_OK) plt_row_cache_copy(cache, keys, n, out);
  free(keys);
  return status;
}
