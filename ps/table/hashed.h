/* hashed.h - rows under 64-bit keys: where they lie, found by a hash.
 *
 *   hash(key) ─▶ bucket (its first ten bits) ─▶ entries, open addressing: [tag, slot] [tag, slot] ...
 *                                                slot ─▶ slabs.h: row, last, key
 *
 * The buckets are the same for any number of servers, and each is whole on one of them (proto/shard.h): what is decided
 * within a bucket is decided alike on every cluster. A bucket grows alone, so no step stands still for a table.
 *
 * Threads    one owner.
 * Source     linear probing with backward-shift deletion: Knuth, TAOCP 3, 6.4, algorithm R. */
#ifndef PLT_PS_TABLE_HASHED_H
#define PLT_PS_TABLE_HASHED_H

#include "proto/table_spec.h"
#include "ps/table/slabs.h"

typedef struct plt_bucket {
  uint64_t *entries; /* `mask` + 1 of them: tag << 32 | slot + 1; 0: empty */
  uint32_t mask, n;
  bool is_over; /* waits for plt_hashed_trim() */
} plt_bucket_t;

typedef struct plt_hashed {
  plt_slabs_t slabs;
  uint32_t number, servers;
  plt_bucket_t *buckets; /* of this server: bucket b is the b / servers-th */
  size_t n_buckets;
  uint32_t most; /* rows of a bucket; 0: no bound */
  uint32_t used; /* slots that were ever taken; so many and no more have a key */
  uint32_t *free;
  size_t n_free, free_capacity;
  uint32_t *over; /* buckets with more than `most`; room for all */
  size_t n_over;
  uint32_t hand; /* of the sweep: the next slot that it looks at */
} plt_hashed_t;

/* max_rows: of all servers; 0: no bound. */
void plt_hashed_init(plt_hashed_t *hashed, size_t stride, uint64_t max_rows, uint32_t number, uint32_t servers);
void plt_hashed_clear(plt_hashed_t *hashed);
void plt_hashed_destroy(plt_hashed_t *hashed);
size_t plt_hashed_bytes(const plt_hashed_t *hashed); /* memory held */
/* Memory of a row, beside what slabs need: its key and a share of the entries. */
enum { PLT_HASHED_ROW_BYTES = 8 + 16 };
/* Rows that one server of `servers` stores at most. */
uint64_t plt_hashed_most_rows(uint64_t max_rows, uint32_t number, uint32_t servers);

/* The slot of a key, for plt_slabs_find() and plt_slabs_open(); PLT_NO_SLOT: it is not stored. */
#define PLT_NO_SLOT UINT32_MAX
uint32_t plt_hashed_slot(const plt_hashed_t *hashed, uint64_t key);
/* To write to: stored if it was not, then with *last == 0 (the caller sets it, and counts slabs.stored). */
plt_place_t plt_hashed_open(plt_hashed_t *hashed, uint64_t key);
/* Forgets a row that is there. */
void plt_hashed_drop(plt_hashed_t *hashed, uint64_t key);
/* Has what the search for a key begins with fetched. */
void plt_hashed_fetch(const plt_hashed_t *hashed, uint64_t key);
/* Where the row of a key probably is: another key may have the same tag. For fetching it ahead. */
plt_place_t plt_hashed_guess(const plt_hashed_t *hashed, uint64_t key);

/* After step t. Buckets that hold more than `most` rows that are not old are left with seven eighths of it, rounded up:
 * those of the latest pushes, of one step those with the higher keys. */
void plt_hashed_trim(plt_hashed_t *hashed, const plt_sparse_keys_t *sparse, uint64_t t);
/* Gives the memory of old rows back, some at a time: of all within max_age / 8 calls. */
void plt_hashed_sweep(plt_hashed_t *hashed, const plt_sparse_keys_t *sparse, uint64_t t);
/* Of all of them at once. */
void plt_hashed_purge(plt_hashed_t *hashed, const plt_sparse_keys_t *sparse, uint64_t t);

#endif
