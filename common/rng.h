/* rng.h - random numbers without state: Philox4x32-10, a function of (key, counter).
 *
 * Every random decision of a run names what it is for: the key comes from (seed, purpose), the counter from
 * (epoch, batch, entity, draw) or (row, column). So any worker can draw any number at any time and a resumed
 * run repeats the bits.
 * Threads    any; pure functions.
 * Source     Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011. */
#ifndef PLT_COMMON_RNG_H
#define PLT_COMMON_RNG_H

#include <stddef.h>
#include <stdint.h>

typedef struct plt_rng_key {
  uint32_t word[2];
} plt_rng_key_t;

typedef struct plt_rng_block {
  uint32_t word[4];
} plt_rng_block_t;

/* A key for one purpose ("negatives", "order", "row user" ...) of one run; salt separates stages. */
plt_rng_key_t plt_rng_key(uint64_t seed, const char *purpose, uint64_t salt);
/* Four words for one counter. */
plt_rng_block_t plt_rng_draw(plt_rng_key_t key, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3);
/* The same for many counters side by side, in vector instructions: word [w][l] is word w of counter l before, of its
 * block after. */
enum { PLT_RNG_LANES = 16 };
typedef struct plt_rng_lanes {
  uint32_t word[4][PLT_RNG_LANES];
} plt_rng_lanes_t;
void plt_rng_draw_lanes(plt_rng_key_t key, plt_rng_lanes_t *lanes);
/* Uniform in [0, bound) from one 64-bit draw (bias below 2^-32); bound >= 1. */
uint32_t plt_rng_below(uint64_t bits, uint32_t bound);
/* Uniform in (0, 1) and [0, 1). */
double plt_rng_open01(uint32_t word);
double plt_rng_unit(uint32_t word);
/* Two standard normal values of two words (Box-Muller). */
void plt_rng_normal(uint32_t a, uint32_t b, double out[2]);

/* Beta(alpha, alpha), 0 < alpha <= 1, from the counters (counter, 0, 0, 0), (counter, 1, 0, 0) ... (Joehnk 1964). */
double plt_rng_beta(plt_rng_key_t key, uint32_t counter, double alpha);

/* The place of `i` in a keyed permutation of [0, n): a Feistel network with cycle walking; 1 <= n < 2^62. */
uint64_t plt_rng_permute(plt_rng_key_t key, uint64_t n, uint64_t i);
/* Those of first, first + 1 .. into out [count], several at a time: first + count <= n. */
void plt_rng_permute_range(plt_rng_key_t key, uint64_t n, uint64_t first, size_t count, uint64_t *out);

#endif
