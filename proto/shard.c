/* shard.c - see shard.h. */
#include "proto/shard.h"

#include <string.h>

#include "common/bf16.h"

size_t plt_keys_below(const uint64_t *keys, size_t n, uint64_t key) {
  size_t low = 0;
  for (size_t high = n; low < high;) {
    size_t middle = low + (high - low) / 2;
    if (keys[middle] < key)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

plt_share_t *plt_shard_split(const uint64_t *keys, size_t n, bool sparse, uint32_t servers, plt_arena_t *arena) {
  plt_share_t *shares = plt_arena_zalloc(arena, servers * sizeof *shares);
  if (servers == 1) {
    shares[0] = (plt_share_t){keys, NULL, n};
    return shares;
  }
  for (size_t i = 0; i < n; i++) shares[plt_shard_of(keys[i], sparse, servers)].n++;
  /* All shares lie one behind the other; next[s] is where the next key of server s goes. */
  uint64_t *sorted = plt_arena_alloc(arena, n * sizeof *sorted);
  uint32_t *position = plt_arena_alloc(arena, n * sizeof *position);
  size_t *next = plt_arena_alloc(arena, servers * sizeof *next);
  for (size_t s = 0, at = 0; s < servers; at += shares[s++].n) {
    next[s] = at;
    shares[s].keys = sorted + at;
    shares[s].position = position + at;
  }
  for (size_t i = 0; i < n; i++) {
    size_t place = next[plt_shard_of(keys[i], sparse, servers)]++;
    sorted[place] = keys[i];
    position[place] = (uint32_t)i;
  }
  return shares;
}

size_t plt_shard_value_bytes(plt_wire_type_t type) { return type == PLT_WIRE_BF16 ? 2 : 4; }

void plt_shard_encode(const float *from, size_t n, plt_wire_type_t type, void *out) {
  if (type == PLT_WIRE_F32)
    memcpy(out, from, n * sizeof *from);
  else
    plt_bf16_encode(n, from, out);
}

void plt_shard_decode(const void *from, size_t n, plt_wire_type_t type, float *out) {
  if (type == PLT_WIRE_F32)
    memcpy(out, from, n * sizeof *out);
  else
    plt_bf16_decode(n, from, out);
}

void plt_shard_pack(const void *matrix, const uint32_t *position, size_t n, size_t cols, plt_wire_type_t type,
                    void *out) {
  const char *rows = matrix;
  char *place = out;
  size_t bytes = cols * plt_shard_value_bytes(type), row_bytes = cols * sizeof(float);
  if (n == 0) return; /* there may be no matrix then */
  if (position == NULL && type == PLT_WIRE_F32) {
    memcpy(out, matrix, n * row_bytes);
    return;
  }
  if (position == NULL) {
    plt_bf16_encode(n * cols, rows, out);
    return;
  }
  for (size_t i = 0; i < n; i++, place += bytes) {
    const char *row = rows + position[i] * row_bytes;
    if (type == PLT_WIRE_F32)
      memcpy(place, row, row_bytes);
    else
      plt_bf16_encode(cols, row, place);
  }
}

void plt_shard_unpack(const void *values, const uint32_t *position, size_t n, size_t cols, plt_wire_type_t type,
                      float *matrix) {
  const char *place = values;
  size_t bytes = cols * plt_shard_value_bytes(type);
  if (n == 0) return;
  if (position == NULL) {
    plt_shard_decode(values, n * cols, type, matrix);
    return;
  }
  for (size_t i = 0; i < n; i++, place += bytes)
    plt_shard_decode(place, cols, type, matrix + (size_t)position[i] * cols);
}
