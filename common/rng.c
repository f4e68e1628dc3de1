/* rng.c - see rng.h.
 *
 * Integer arithmetic only, up to the last conversion: the same words on every machine. Whatever changes a bit here
 * changes every run. */
#include "common/rng.h"

#include <math.h>
#include <string.h>

#include "common/hash.h"
#include "common/vector.h"

enum { ROUNDS = 10 };

plt_rng_key_t plt_rng_key(uint64_t seed, const char *purpose, uint64_t salt) {
  uint64_t key = plt_hash64_text(plt_hash64(seed, &salt, sizeof salt), purpose);
  return (plt_rng_key_t){{(uint32_t)key, (uint32_t)(key >> 32)}};
}

/* One round of Philox4x32 on the four words at c0 .. c3. */
static inline void turn(uint32_t *c0, uint32_t *c1, uint32_t *c2, uint32_t *c3, plt_rng_key_t key) {
  uint64_t a = (uint64_t)UINT32_C(0xD2511F53) * *c0, b = (uint64_t)UINT32_C(0xCD9E8D57) * *c2;
  *c0 = (uint32_t)(b >> 32) ^ *c1 ^ key.word[0];
  *c1 = (uint32_t)b;
  *c2 = (uint32_t)(a >> 32) ^ *c3 ^ key.word[1];
  *c3 = (uint32_t)a;
}

static inline plt_rng_key_t next_key(plt_rng_key_t key) {
  return (plt_rng_key_t){{key.word[0] + UINT32_C(0x9E3779B9), key.word[1] + UINT32_C(0xBB67AE85)}};
}

plt_rng_block_t plt_rng_draw(plt_rng_key_t key, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3) {
  for (int round = 0; round < ROUNDS; round++, key = next_key(key)) turn(&c0, &c1, &c2, &c3, key);
  return (plt_rng_block_t){{c0, c1, c2, c3}};
}

PLT_VECTOR_CLONES void plt_rng_draw_lanes(plt_rng_key_t key, plt_rng_lanes_t *lanes) {
  uint32_t c0[PLT_RNG_LANES], c1[PLT_RNG_LANES], c2[PLT_RNG_LANES], c3[PLT_RNG_LANES];
  memcpy(c0, lanes->word[0], sizeof c0);
  memcpy(c1, lanes->word[1], sizeof c1);
  memcpy(c2, lanes->word[2], sizeof c2);
  memcpy(c3, lanes->word[3], sizeof c3);
  for (int round = 0; round < ROUNDS; round++, key = next_key(key))
    for (size_t l = 0; l < PLT_RNG_LANES; l++) turn(&c0[l], &c1[l], &c2[l], &c3[l], key);
  memcpy(lanes->word[0], c0, sizeof c0);
  memcpy(lanes->word[1], c1, sizeof c1);
  memcpy(lanes->word[2], c2, sizeof c2);
  memcpy(lanes->word[3], c3, sizeof c3);
}

uint32_t plt_rng_below(uint64_t bits, uint32_t bound) {
  /* The high half of a 64 x 32 bit product, without a 128-bit type. */
  uint64_t high = (bits >> 32) * bound, low = (bits & UINT32_MAX) * bound;
  return (uint32_t)((high + (low >> 32)) >> 32);
}

double plt_rng_open01(uint32_t word) { return ((double)word + 0.5) * 0x1p-32; }

double plt_rng_unit(uint32_t word) { return (double)word * 0x1p-32; }

void plt_rng_normal(uint32_t a, uint32_t b, double out[2]) {
  double radius = sqrt(-2.0 * log(plt_rng_open01(a)));
  double angle = 6.283185307179586476925 * plt_rng_unit(b);
  out[0] = radius * cos(angle);
  out[1] = radius * sin(angle);
}

double plt_rng_beta(plt_rng_key_t key, uint32_t counter, double alpha) {
  for (uint32_t turn = 0;; turn++) { /* at least every second pair will do, on average */
    plt_rng_block_t block = plt_rng_draw(key, counter, turn, 0, 0);
    for (size_t half = 0; half < 2; half++) {
      double x = pow(plt_rng_open01(block.word[2 * half]), 1 / alpha);
      double y = pow(plt_rng_open01(block.word[2 * half + 1]), 1 / alpha);
      if (x + y <= 1 && x + y > 0) return x / (x + y);
    }
  }
}

/* ---- permutations ---- */

enum { NETWORK_ROUNDS = 6 };

/* Bits of each half of a network's domain, 2^(2 half) >= n. */
static uint32_t half_bits(uint64_t n) {
  uint32_t half = 1;
  while (half < 31 && (UINT64_C(1) << (2 * half)) < n) half++;
  return half;
}

uint64_t plt_rng_permute(plt_rng_key_t key, uint64_t n, uint64_t i) {
  uint32_t half = half_bits(n);
  uint64_t mask = (UINT64_C(1) << half) - 1;
  do { /* a walk along the cycle back into [0, n): at most 4 steps on average */
    uint64_t left = i >> half, right = i & mask;
    for (uint32_t round = 0; round < NETWORK_ROUNDS; round++) {
      plt_rng_block_t f = plt_rng_draw(key, (uint32_t)right, round, half, 0);
      uint64_t next = left ^ (f.word[0] & mask);
      left = right;
      right = next;
    }
    i = left << half | right;
  } while (i >= n);
  return i;
}

/* One step of the walks in all lanes. */
static void walk_lanes(plt_rng_key_t key, uint32_t half, uint32_t *left, uint32_t *right) {
  uint32_t mask = (uint32_t)((UINT64_C(1) << half) - 1);
  for (uint32_t round = 0; round < NETWORK_ROUNDS; round++) {
    plt_rng_lanes_t lanes = {{{0}}};
    for (size_t l = 0; l < PLT_RNG_LANES; l++) {
      lanes.word[0][l] = right[l];
      lanes.word[1][l] = round;
      lanes.word[2][l] = half;
    }
    plt_rng_draw_lanes(key, &lanes);
    for (size_t l = 0; l < PLT_RNG_LANES; l++) {
      uint32_t next = left[l] ^ (lanes.word[0][l] & mask);
      left[l] = right[l];
      right[l] = next;
    }
  }
}

void plt_rng_permute_range(plt_rng_key_t key, uint64_t n, uint64_t first, size_t count, uint64_t *out) {
  uint32_t half = half_bits(n), left[PLT_RNG_LANES] = {0}, right[PLT_RNG_LANES] = {0};
  uint64_t mask = (UINT64_C(1) << half) - 1;
  size_t of[PLT_RNG_LANES], begun = 0, walking = 0; /* of: whose walk a lane is; count: nobody's */
  for (size_t l = 0; l < PLT_RNG_LANES; l++) of[l] = count;
  do {
    for (size_t l = 0; l < PLT_RNG_LANES && begun < count; l++) { /* lanes that are free begin the next walks */
      if (of[l] != count) continue;
      left[l] = (uint32_t)((first + begun) >> half);
      right[l] = (uint32_t)((first + begun) & mask);
      of[l] = begun++;
      walking++;
    }
    walk_lanes(key, half, left, right);
    for (size_t l = 0; l < PLT_RNG_LANES; l++) {
      uint64_t at = (uint64_t)left[l] << half | right[l];
      if (of[l] == count || at >= n) continue;
      out[of[l]] = at;
      of[l] = count;
      walking--;
    }
  } while (walking > 0 || begun < count);
}
