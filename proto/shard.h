/* shard.h - which server holds a key, and moving rows between matrices and the wire.
 *
 * Key k lives on server k mod S. Splitting ascending keys keeps their order, so each server's share ascends too.
 * Values on the wire are float32 or bfloat16 (rounded to nearest even).
 *
 * Threads    any; pure functions, but for the arena, which is one caller's. */
#ifndef PLT_PROTO_SHARD_H
#define PLT_PROTO_SHARD_H

#include "common/mem.h"
#include "proto/message.h"

typedef struct plt_share {
  const uint64_t *keys;     /* [n] of one server */
  const uint32_t *position; /* [n]: their places in the list that was split; NULL: all of it, in order */
  size_t n;
} plt_share_t;

/* One share per server; memory is the arena's, or that of the only server's keys. */
plt_share_t *plt_shard_split(const uint64_t *keys, size_t n, uint32_t servers, plt_arena_t *arena);

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
