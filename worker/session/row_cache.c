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

/* Reads n rows, and puts them in their places. */
static plt_status_t fetch(plt_row_cache_t *cache, plt_client_t *client, const uint64_t *keys, size_t n) {
  size_t cols = cache->cols;
  float *read = plt_mem_alloc(n * cols * sizeof *read);
  plt_status_t status = plt_client_read(client, &(plt_pull_t){cache->table, cache->cols, keys, n, read}, 1);
  for (size_t k = 0; k < n && status == PLT_OK; k++) {
    memcpy(cache->values + keys[k] * cols, read + k * cols, cols * sizeof *read);
    cache->is_here[keys[k]] = true;
  }
  free(read);
  return status;
}

plt_status_t plt_row_cache_read(plt_row_cache_t *cache, plt_client_t *client, const uint32_t *ids, size_t n,
                                float *out) {
  uint64_t *keys = plt_mem_alloc(n * sizeof *keys);
  size_t missing = 0;
  for (size_t k = 0; k < n; k++)
    if (!cache->is_here[ids[k]]) keys[missing++] = ids[k];
  plt_status_t status = missing == 0 ? PLT_OK : fetch(cache, client, keys, missing);
  free(keys);
  for (size_t k = 0; k < n && status == PLT_OK; k++)
    memcpy(out + k * cache->cols, cache->values + (size_t)ids[k] * cache->cols, cache->cols * sizeof *out);
  return status;
}
