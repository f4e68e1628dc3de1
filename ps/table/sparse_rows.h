/* sparse_rows.h - the rows of a shard under 64-bit keys: which are stored, and until when.
 *
 *   a push of a key ─▶ stored, and not old? ─▶ its row
 *                      else admitted? at its n-th push, or with a probability ─▶ a new row
 *                      else it is counted, and the push is left out
 *
 * "Old" is decided by step counts alone: a row that max_age steps have not pushed is as if it had never been, whenever
 * its memory is given back. So what a table holds depends on its steps alone, not on servers, reads, checkpoints or
 * restarts.
 *
 * Threads    one owner.
 * Errors     PLT_ERR_USAGE for a rule that cannot be; nothing else fails.
 * Source     docs/methods/sparse-ids.md. */
#ifndef PLT_PS_TABLE_SPARSE_ROWS_H
#define PLT_PS_TABLE_SPARSE_ROWS_H

#include "common/rng.h"
#include "common/status.h"
#include "ps/table/hashed.h"

typedef struct plt_sparse_rows {
  plt_sparse_keys_t rule;
  plt_hashed_t rows;
  plt_hashed_t counted; /* pushes of keys that are not stored: rows of one float, exact up to 2^24 */
  plt_rng_key_t draws;  /* of admission */
} plt_sparse_rows_t;

enum { PLT_ADMIT_PUSHES_MAX = 1 << 24 };

/* Whether there can be such a rule, on so many servers. PLT_ERR_USAGE. */
plt_status_t plt_sparse_rows_check(const plt_table_spec_t *spec, uint32_t servers);
void plt_sparse_rows_init(plt_sparse_rows_t *sparse, const plt_table_spec_t *spec, size_t stride, uint32_t number,
                          uint32_t servers);
/* Admissions are drawn with that salt from now on; until then with 0. */
void plt_sparse_rows_salt(plt_sparse_rows_t *sparse, const plt_table_spec_t *spec, uint64_t salt);
/* Forgets all rows and counts. */
void plt_sparse_rows_clear(plt_sparse_rows_t *sparse);
void plt_sparse_rows_destroy(plt_sparse_rows_t *sparse);
size_t plt_sparse_rows_bytes(const plt_sparse_rows_t *sparse); /* memory held */
/* Bytes of a row of `floats`, with what finding it takes. */
uint64_t plt_sparse_row_bytes(const plt_sparse_keys_t *rule, size_t floats);

/* A row as it is after step t, to read from; .row is NULL if it is not stored. */
plt_place_t plt_sparse_rows_find(const plt_sparse_rows_t *sparse, uint64_t key, uint64_t t);
/* A row that is pushed in step t, to write to; *last == 0: it is new. .row is NULL if it is not admitted. */
plt_place_t plt_sparse_rows_push(plt_sparse_rows_t *sparse, uint64_t key, uint64_t t);
/* A row that is assigned or restored; *last == 0: it is new. */
plt_place_t plt_sparse_rows_open(plt_sparse_rows_t *sparse, uint64_t key);
/* After the pushes of step t: rows that are too many go, memory of old ones is given back. */
void plt_sparse_rows_end_step(plt_sparse_rows_t *sparse, uint64_t t);
/* Before an image is taken after step t, so that it has no old rows. */
void plt_sparse_rows_purge(plt_sparse_rows_t *sparse, uint64_t t);
/* A count, from a checkpoint. */
void plt_sparse_rows_restore_count(plt_sparse_rows_t *sparse, uint64_t key, uint64_t last, float count);

#endif
