/* hashed.c - see hashed.h. */
#include "ps/table/hashed.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "proto/shard.h"

enum {
  ENTRIES_MIN = 8, /* of a bucket, once it holds anything */
  TAG_SHIFT = 22,  /* bits of a hash: 10 bucket, 32 tag, 22 place; a bucket with more entries repeats bits of the tag */
  SWEEP_SHIFT = 3, /* old rows are gone within this fraction of max_age */
  SWEEP_STEPS = 1024 /* and within so many steps, if max_age is longer */
};

static uint32_t tag_of(uint64_t hash) { return (uint32_t)(hash >> TAG_SHIFT); }
static uint64_t entry_of(uint64_t hash, uint32_t slot) { return (uint64_t)tag_of(hash) << 32 | (slot + 1); }
static uint32_t slot_of(uint64_t entry) { return (uint32_t)entry - 1; }

static size_t buckets_of(uint32_t number, uint32_t servers) {
  return number < PLT_BUCKETS ? (PLT_BUCKETS - 1 - number) / servers + 1 : 0;
}

static uint32_t most_of(uint64_t max_rows) {
  uint64_t most = max_rows / PLT_BUCKETS;
  if (max_rows == 0) return 0;
  return most == 0 ? 1 : most > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)most;
}

uint64_t plt_hashed_most_rows(uint64_t max_rows, uint32_t number, uint32_t servers) {
  return (uint64_t)most_of(max_rows) * buckets_of(number, servers);
}

void plt_hashed_init(plt_hashed_t *hashed, size_t stride, uint64_t max_rows, uint32_t number, uint32_t servers) {
  *hashed = (plt_hashed_t){.number = number, .servers = servers, .n_buckets = buckets_of(number, servers)};
  hashed->most = most_of(max_rows);
  hashed->buckets = plt_mem_zalloc(hashed->n_buckets, sizeof *hashed->buckets);
  hashed->over = plt_mem_alloc(hashed->n_buckets * sizeof *hashed->over);
  bool fits = plt_slabs_init(&hashed->slabs, 0, stride, true);
  assert(fits);
  (void)fits;
}

void plt_hashed_clear(plt_hashed_t *hashed) {
  for (size_t b = 0; b < hashed->n_buckets; b++) free(hashed->buckets[b].entries);
  memset(hashed->buckets, 0, hashed->n_buckets * sizeof *hashed->buckets);
  hashed->used = hashed->hand = 0;
  hashed->n_free = hashed->n_over = 0;
  plt_slabs_clear(&hashed->slabs);
}

void plt_hashed_destroy(plt_hashed_t *hashed) {
  plt_hashed_clear(hashed);
  plt_slabs_destroy(&hashed->slabs);
  free(hashed->buckets);
  free(hashed->free);
  free(hashed->over);
  *hashed = (plt_hashed_t){0};
}

size_t plt_hashed_bytes(const plt_hashed_t *hashed) {
  size_t bytes = plt_slabs_bytes(&hashed->slabs) + hashed->free_capacity * sizeof *hashed->free;
  for (size_t b = 0; b < hashed->n_buckets; b++)
    if (hashed->buckets[b].entries != NULL) bytes += ((size_t)hashed->buckets[b].mask + 1) * sizeof(uint64_t);
  return bytes + hashed->n_buckets * (sizeof *hashed->buckets + sizeof *hashed->over);
}

/* ---- finding ---- */

static plt_bucket_t *bucket_of(const plt_hashed_t *hashed, uint64_t hash) {
  return &hashed->buckets[plt_key_bucket(hash) / hashed->servers];
}

/* The place of the entry of a key, or of the empty one where it would be. The bucket has entries. */
static uint32_t search(const plt_hashed_t *hashed, const plt_bucket_t *bucket, uint64_t key, uint64_t hash) {
  uint32_t at = (uint32_t)hash & bucket->mask;
  for (; bucket->entries[at] != 0; at = (at + 1) & bucket->mask) {
    uint64_t entry = bucket->entries[at];
    if ((uint32_t)(entry >> 32) == tag_of(hash) && *plt_slabs_key(&hashed->slabs, slot_of(entry)) == key) break;
  }
  return at;
}

uint32_t plt_hashed_slot(const plt_hashed_t *hashed, uint64_t key) {
  uint64_t hash = plt_key_hash(key);
  const plt_bucket_t *bucket = bucket_of(hashed, hash);
  if (bucket->n == 0) return PLT_NO_SLOT;
  return slot_of(bucket->entries[search(hashed, bucket, key, hash)]); /* of an empty entry: PLT_NO_SLOT */
}

void plt_hashed_fetch(const plt_hashed_t *hashed, uint64_t key) {
  uint64_t hash = plt_key_hash(key);
  const plt_bucket_t *bucket = bucket_of(hashed, hash);
  if (bucket->entries != NULL) __builtin_prefetch(&bucket->entries[(uint32_t)hash & bucket->mask]);
}

plt_place_t plt_hashed_guess(const plt_hashed_t *hashed, uint64_t key) {
  uint64_t hash = plt_key_hash(key);
  const plt_bucket_t *bucket = bucket_of(hashed, hash);
  if (bucket->entries == NULL) return (plt_place_t){0};
  for (uint32_t at = (uint32_t)hash & bucket->mask; bucket->entries[at] != 0; at = (at + 1) & bucket->mask)
    if ((uint32_t)(bucket->entries[at] >> 32) == tag_of(hash)) {
      uint32_t slot = slot_of(bucket->entries[at]);
      __builtin_prefetch(plt_slabs_key(&hashed->slabs, slot));
      return plt_slabs_find(&hashed->slabs, slot);
    }
  return (plt_place_t){0};
}

/* ---- storing ---- */

static void put(plt_bucket_t *bucket, uint64_t hash, uint64_t entry) {
  uint32_t at = (uint32_t)hash & bucket->mask;
  while (bucket->entries[at] != 0) at = (at + 1) & bucket->mask;
  bucket->entries[at] = entry;
}

/* At most three quarters are taken. */
static void make_room(const plt_hashed_t *hashed, plt_bucket_t *bucket) {
  uint64_t *was = bucket->entries;
  size_t before = was == NULL ? 0 : (size_t)bucket->mask + 1;
  if (4 * ((size_t)bucket->n + 1) <= 3 * before) return;
  size_t now = before == 0 ? ENTRIES_MIN : 2 * before;
  bucket->entries = plt_mem_zalloc(now, sizeof *bucket->entries);
  bucket->mask = (uint32_t)(now - 1);
  for (size_t i = 0; i < before; i++)
    if (was[i] != 0) put(bucket, plt_key_hash(*plt_slabs_key(&hashed->slabs, slot_of(was[i]))), was[i]);
  free(was);
}

static uint32_t take_slot(plt_hashed_t *hashed) {
  if (hashed->n_free > 0) return hashed->free[--hashed->n_free];
  assert(hashed->used < UINT32_MAX - 1);
  plt_slabs_reach(&hashed->slabs, (uint64_t)hashed->used + 1);
  return hashed->used++;
}

plt_place_t plt_hashed_open(plt_hashed_t *hashed, uint64_t key) {
  uint64_t hash = plt_key_hash(key);
  plt_bucket_t *bucket = bucket_of(hashed, hash);
  make_room(hashed, bucket);
  uint32_t at = search(hashed, bucket, key, hash);
  if (bucket->entries[at] != 0) return plt_slabs_open(&hashed->slabs, slot_of(bucket->entries[at]));
  uint32_t slot = take_slot(hashed);
  plt_place_t place = plt_slabs_open(&hashed->slabs, slot);
  assert(*place.last == 0);
  *plt_slabs_key(&hashed->slabs, slot) = key;
  bucket->entries[at] = entry_of(hash, slot);
  bucket->n++;
  if (hashed->most > 0 && bucket->n > hashed->most && !bucket->is_over) {
    bucket->is_over = true;
    hashed->over[hashed->n_over++] = (uint32_t)(bucket - hashed->buckets);
  }
  return place;
}

/* Entries behind the gap whose search passes it move up. */
static void close_gap(const plt_hashed_t *hashed, plt_bucket_t *bucket, uint32_t gap) {
  for (uint32_t at = (gap + 1) & bucket->mask; bucket->entries[at] != 0; at = (at + 1) & bucket->mask) {
    uint64_t hash = plt_key_hash(*plt_slabs_key(&hashed->slabs, slot_of(bucket->entries[at])));
    uint32_t home = (uint32_t)hash & bucket->mask;
    if (((at - home) & bucket->mask) < ((at - gap) & bucket->mask)) continue; /* its way begins behind the gap */
    bucket->entries[gap] = bucket->entries[at];
    gap = at;
  }
  bucket->entries[gap] = 0;
}

static void free_slot(plt_hashed_t *hashed, uint32_t slot) {
  *plt_slabs_open(&hashed->slabs, slot).last = 0;
  hashed->slabs.stored--;
  PLT_MEM_GROW(hashed->free, hashed->n_free, hashed->free_capacity);
  hashed->free[hashed->n_free++] = slot;
}

void plt_hashed_drop(plt_hashed_t *hashed, uint64_t key) {
  uint64_t hash = plt_key_hash(key);
  plt_bucket_t *bucket = bucket_of(hashed, hash);
  uint32_t at = search(hashed, bucket, key, hash), slot = slot_of(bucket->entries[at]);
  assert(bucket->entries[at] != 0);
  close_gap(hashed, bucket, at);
  bucket->n--;
  free_slot(hashed, slot);
}

/* ---- leaving ---- */

typedef struct row {
  uint64_t last, key;
} row_t;

static bool goes_before(row_t a, row_t b) { return a.last != b.last ? a.last < b.last : a.key < b.key; }

/* Moves the `n` that go first to the front: Hoare's selection. No row is the same as another. */
static void select_first(row_t *rows, size_t total, size_t n) {
  for (size_t begin = 0, end = total; n > begin && n < end;) { /* those before `begin` go first, those from `end` not */
    row_t middle = rows[begin + (end - begin - 1) / 2];
    size_t left = begin, right = end - 1;
    while (true) {
      while (goes_before(rows[left], middle)) left++;
      while (goes_before(middle, rows[right])) right--;
      if (left >= right) break;
      row_t other = rows[left];
      rows[left++] = rows[right];
      rows[right--] = other;
    }
    if (n <= right)
      end = right + 1;
    else
      begin = right + 1;
  }
}

static void trim(plt_hashed_t *hashed, plt_bucket_t *bucket, const plt_sparse_keys_t *sparse, uint64_t t) {
  size_t n = bucket->n, got = 0, old = 0;
  row_t *rows = plt_mem_alloc(n * sizeof *rows);
  for (size_t i = 0; i <= bucket->mask; i++) {
    if (bucket->entries[i] == 0) continue;
    uint32_t slot = slot_of(bucket->entries[i]);
    rows[got++] = (row_t){*plt_slabs_last(&hashed->slabs, slot) - 1, *plt_slabs_key(&hashed->slabs, slot)};
  }
  for (size_t i = 0; i < n; i++) old += plt_sparse_keys_is_old(sparse, t, rows[i].last);
  size_t kept = n - old > hashed->most ? hashed->most - hashed->most / 8 : n - old;
  select_first(rows, n, n - kept);
  for (size_t i = 0; i < n - kept; i++) plt_hashed_drop(hashed, rows[i].key);
  free(rows);
}

void plt_hashed_trim(plt_hashed_t *hashed, const plt_sparse_keys_t *sparse, uint64_t t) {
  for (size_t i = 0; i < hashed->n_over; i++) {
    plt_bucket_t *bucket = &hashed->buckets[hashed->over[i]];
    bucket->is_over = false;
    if (bucket->n > hashed->most) trim(hashed, bucket, sparse, t);
  }
  hashed->n_over = 0;
}

static void sweep(plt_hashed_t *hashed, const plt_sparse_keys_t *sparse, uint64_t t, uint64_t slots) {
  for (; slots > 0; slots--) {
    if (hashed->hand >= hashed->used) hashed->hand = 0;
    uint32_t slot = hashed->hand++;
    uint64_t last = *plt_slabs_last(&hashed->slabs, slot);
    if (last != 0 && plt_sparse_keys_is_old(sparse, t, last - 1))
      plt_hashed_drop(hashed, *plt_slabs_key(&hashed->slabs, slot));
  }
}

void plt_hashed_sweep(plt_hashed_t *hashed, const plt_sparse_keys_t *sparse, uint64_t t) {
  uint64_t steps = sparse->max_age >> SWEEP_SHIFT;
  if (sparse->max_age == 0 || hashed->used == 0) return;
  steps = steps == 0 ? 1 : steps > SWEEP_STEPS ? SWEEP_STEPS : steps;
  sweep(hashed, sparse, t, (hashed->used - 1) / steps + 1);
}

void plt_hashed_purge(plt_hashed_t *hashed, const plt_sparse_keys_t *sparse, uint64_t t) {
  if (sparse->max_age > 0) sweep(hashed, sparse, t, hashed->used);
}
