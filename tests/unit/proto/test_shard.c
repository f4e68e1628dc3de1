/* Splitting keys and moving rows, and bfloat16 against a twin that compares distances. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/shard.h"

static uint64_t state = 5;
static uint32_t next(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(state >> 32);
}

static float from_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static uint32_t to_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static uint16_t encoded(float value) {
  uint16_t half;
  plt_shard_encode(&value, 1, PLT_WIRE_BF16, &half);
  return half;
}

/* Of the two neighbours of a finite value the nearer one, at a tie the even one; beyond the last one as if there
 * were another of the same spacing, called infinity. Distances are exact in double. */
static uint16_t naive_bf16(float value) {
  uint32_t magnitude = to_bits(value) & 0x7fffffff;
  uint16_t low = (uint16_t)(magnitude >> 16), high = (uint16_t)(low + 1), sign = signbit(value) ? 0x8000 : 0;
  double x = fabs((double)value), below = from_bits((uint32_t)low << 16);
  double above = high == 0x7f80 ? ldexp(1, 128) : (double)from_bits((uint32_t)high << 16);
  double to_low = x - below, to_high = above - x;
  uint16_t chosen = to_low < to_high ? low : to_high < to_low ? high : low % 2 == 0 ? low : high;
  return sign | chosen;
}

Test(shard, bf16_rounds_to_nearest_even) {
  for (uint32_t high = 0; high < 0x10000; high++) { /* every bfloat16, and what lies around its middle and ends */
    const uint32_t low[] = {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff, next() & 0xffff};
    for (size_t i = 0; i < sizeof low / sizeof *low; i++) {
      float value = from_bits(high << 16 | low[i]);
      if (isfinite(value)) cr_assert_eq(encoded(value), naive_bf16(value), "%a", (double)value);
    }
  }
  for (int i = 0; i < 1000000; i++) {
    float value = from_bits(next());
    if (isfinite(value)) cr_assert_eq(encoded(value), naive_bf16(value), "%a", (double)value);
  }
}

Test(shard, bf16_keeps_nan_infinity_and_zero) {
  const uint32_t nans[] = {0x7f800001, 0x7fc00000, 0x7fffffff, 0xff800001, 0xffffffff, 0x7f80ffff};
  for (size_t i = 0; i < sizeof nans / sizeof *nans; i++) {
    uint16_t half = encoded(from_bits(nans[i]));
    float back;
    plt_shard_decode(&half, 1, PLT_WIRE_BF16, &back);
    cr_assert(isnan(back), "%08x became %04x", nans[i], half);
    cr_assert_eq(half >> 15, nans[i] >> 31);
  }
  cr_assert_eq(encoded(INFINITY), 0x7f80);
  cr_assert_eq(encoded(-INFINITY), 0xff80);
  cr_assert_eq(encoded(3.4028235e38f), 0x7f80, "the largest float rounds away");
  cr_assert_eq(encoded(-0.0f), 0x8000);
  cr_assert_eq(encoded(from_bits(1)), 0, "the least denormal");
  cr_assert_eq(encoded(from_bits(0x00018000)), 2, "a tie among denormals");
}

Test(shard, every_bf16_comes_back) {
  for (uint32_t half = 0; half < 0x10000; half++) {
    char odd[3];
    uint16_t in = (uint16_t)half;
    float value;
    memcpy(odd + 1, &in, 2);
    plt_shard_decode(odd + 1, 1, PLT_WIRE_BF16, &value);
    cr_assert_eq(to_bits(value), half << 16);
    if (!isnan(value)) cr_assert_eq(encoded(value), half);
  }
}

/* One server's share is the whole list as it stands: no positions. */
static size_t place_of(const plt_share_t *share, size_t i) { return share->position == NULL ? i : share->position[i]; }

static void expect_shares(bool sparse) {
  plt_arena_t *arena = plt_arena_create();
  enum { N = 500 };
  uint64_t keys[N];
  for (uint32_t servers = 1; servers <= 9; servers++) {
    for (size_t n = 0; n <= N; n += n < 3 ? 1 : 166) {
      uint64_t key = next() % 10;
      size_t total = 0;
      for (size_t i = 0; i < n; i++, key += 1 + next() % 5) keys[i] = i == n - 1 ? key + (UINT64_C(1) << 40) : key;
      plt_share_t *shares = plt_shard_split(keys, n, sparse, servers, arena);
      for (uint32_t s = 0; s < servers; s++) {
        total += shares[s].n;
        for (size_t i = 0; i < shares[s].n; i++) {
          cr_assert_eq(sparse ? plt_shard_of(shares[s].keys[i], true, servers) : shares[s].keys[i] % servers, s);
          cr_assert_eq(keys[place_of(&shares[s], i)], shares[s].keys[i]);
          cr_assert(i == 0 || place_of(&shares[s], i - 1) < place_of(&shares[s], i));
        }
      }
      cr_assert_eq(total, n);
      plt_arena_reset(arena);
    }
  }
  plt_arena_destroy(&arena);
}

Test(shard, shares_are_the_keys_of_each_server_in_order) {
  expect_shares(false);
  expect_shares(true);
}

/* Whatever their pattern. */
Test(shard, sparse_keys_are_spread_evenly) {
  enum { N = 64000, SERVERS = 5 };
  for (int shift = 0; shift < 48; shift += 6) {
    size_t n[SERVERS] = {0};
    for (uint64_t i = 0; i < N; i++) n[plt_shard_of(i << shift, true, SERVERS)]++;
    for (int s = 0; s < SERVERS; s++) cr_assert(n[s] > N / SERVERS * 0.95 && n[s] < N / SERVERS * 1.05, "%zu", n[s]);
  }
}

/* Rows of a matrix travel in shares and come back to the same places; odd addresses all the way. */
static void round_trip(size_t n, size_t cols, uint32_t servers, plt_wire_type_t type) {
  plt_arena_t *arena = plt_arena_create();
  size_t width = type == PLT_WIRE_BF16 ? 2 : 4;
  uint64_t *keys = plt_arena_alloc(arena, n * sizeof *keys);
  char *matrix = (char *)plt_arena_alloc(arena, 1 + n * cols * 4) + 1;
  char *wire = (char *)plt_arena_alloc(arena, 1 + n * cols * width) + 1;
  float *back = plt_arena_alloc(arena, n * cols * sizeof *back);
  for (size_t i = 0; i < n; i++) keys[i] = 7 * i + next() % 7;
  for (size_t i = 0; i < n * cols; i++) {
    float value = (float)(int32_t)next() / 1e6f;
    memcpy(matrix + 4 * i, &value, 4);
  }
  memset(back, 0xee, n * cols * sizeof *back);
  plt_share_t *shares = plt_shard_split(keys, n, false, servers, arena);
  for (uint32_t s = 0; s < servers; s++) {
    plt_shard_pack(matrix, shares[s].position, shares[s].n, cols, type, wire);
    plt_shard_unpack(wire, shares[s].position, shares[s].n, cols, type, back);
  }
  for (size_t i = 0; i < n * cols; i++) {
    float value;
    memcpy(&value, matrix + 4 * i, 4);
    uint32_t want = type == PLT_WIRE_BF16 ? (uint32_t)naive_bf16(value) << 16 : to_bits(value);
    cr_assert_eq(to_bits(back[i]), want, "number %zu", i);
  }
  plt_arena_destroy(&arena);
}

Test(shard, rows_come_back_to_their_places) {
  for (uint32_t servers = 1; servers <= 5; servers++)
    for (size_t n = 0; n < 20; n += 1 + n / 3)
      for (size_t cols = 1; cols < 70; cols = cols * 2 + 1) {
        round_trip(n, cols, servers, PLT_WIRE_F32);
        round_trip(n, cols, servers, PLT_WIRE_BF16);
      }
}

Test(shard, value_bytes) {
  cr_assert_eq(plt_shard_value_bytes(PLT_WIRE_F32), 4);
  cr_assert_eq(plt_shard_value_bytes(PLT_WIRE_BF16), 2);
}
