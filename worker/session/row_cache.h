/* row_cache.h - rows of a table that does not change, kept from the first time they are asked for.
 *
 * Memory     of all rows, but the system gives pages only for those that were asked for.
 * Threads    one owner.
 * Errors     those of the client (worker/client/client.h). */
#ifndef PLT_WORKER_SESSION_ROW_CACHE_H
#define PLT_WORKER_SESSION_ROW_CACHE_H

#include "worker/client/client.h"

typedef struct plt_row_cache plt_row_cache_t;

plt_row_cache_t *plt_row_cache_create(uint32_t table, uint64_t rows, uint32_t cols);
void plt_row_cache_destroy(plt_row_cache_t **cache);
/* Rows ids [n], distinct and ascending, into out [n, cols]; reads those that are missing. */
plt_status_t plt_row_cache_read(plt_row_cache_t *cache, plt_client_t *client, const uint32_t *ids, size_t n,
                                float *out);

/* The same in three steps, for those who pull in their own way: which of `keys` [n] are missing, into missing [n], and
 * how many; their rows, once they have come; rows that are all there. */
size_t plt_row_cache_missing(const plt_row_cache_t *cache, const uint64_t *keys, size_t n, uint64_t *missing);
void plt_row_cache_put(plt_row_cache_t *cache, const uint64_t *keys, size_t n, const float *rows);
void plt_row_cache_copy(const plt_row_cache_t *cache, const uint64_t *keys, size_t n, float *out);

#endif
