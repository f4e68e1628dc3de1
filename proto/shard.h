/* shard.h - which server holds a key, and moving rows between matrices and the wire.
 *
 * Key k lives on server k mod S. One of sparse keys lives on server b mod S, b its bucket: the first ten bits of its
 * hash, so that keys with a pattern are spread, too, and what is done bucket by bucket does not depend on S. Splitting
 * ascending keys keeps their order, so each server's share ascends too.
 * Values on the wire are float32 or bfloat16 (rounded to nearest even).
 *
 * Threads    any; pure functions, but for the arena, which is one caller's. */
#ifndef PLT_PROTO_SHARD_H
#define PLT_PROTO_SHARD_H

#include "common/mem.h"
#include "proto/message.h"

/* A bijection of 64 bits (the end of splitmix64: Steele, Lea, Flood, OOPSLA 2014): other keys, other hashes. */
static inline uint64_t plt_key_hash(uint64_t key) {
  key = (key ^ (key >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  key = (key ^ (key >> 27)) * UINT64_C(0x94d049bb133111eb);
  return key ^ (key >> 31);
}
enum { PLT_BUCKETS = 1024, PLT_BUCKET_SHIFT = 54 }; /* so many servers at most have rows of sparse keys */
static inline uint32_t plt_key_bucket(uint64_t hash) { return (uint32_t)(hash >> PLT_BUCKET_SHIFT); }
/* The server of a key. */
static inline uint32_t plt_shard_of(uint64_t key, bool sparse, uint32_t servers) {
  if (sparse) return plt_key_bucket(plt_key_hash(key)) % servers;
  if (key <= UINT32_MAX) return (uint32_t)key % servers; /* far cheaper than in 64 bits */
  return (uint32_t)(key % servers);
}

/* How many of n ascending keys are below `key`. */
size_t plt_keys_below(const uint64_t *keys, size_t n, uint64_t key);

typedef struct plt_share {
  const uint64_t *keys;     /* [n] of one server */
  const uint32_t *position; /* [n]: their places in the list that was split; NULL: all of it, in order */
  size_t n;
} plt_share_t;

/* One share per server; memory is the arena's, or that of the only server's keys. */
plt_share_t *plt_shard_split(const uint64_t *keys, size_t n, bool sparse, uint32_t servers, plt_arena_t *arena);

/* Rows `position` (NULL: 0 .. n-1) of a [*, cols] float32 matrix (maybe unaligned) as wire values into out. */
void plt_shard_pack(const void *matrix, const uint32_t *position, size_t n, size_t cols, plt_wire_type_t type,
                    void *out);
/* Wire values into rows `position` of a float32 matrix. */
void plt_shard_unpack(const void *values, const uint32_t *position, size_t n, size_t cols, plt_wire_type_t type,
                      float *matrix);
/* n values in a row. */
void plt_shard_encode(const float *from, size_t n, plt_wire_type_t type, void *out);
void plt_shard_decode(const void *from, size_t n, plt_wire_type_t type, float *out);
size_t plt_shard_value_bytes(plt_wire_type_t type);

#endif
