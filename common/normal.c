/* normal.c - see normal.h.
 *
 * Everything is done for LANES counters side by side, in loops without branches that the compiler turns into vector
 * instructions; bits move between integers and floats through unions. */
#include "common/normal.h"

#include <math.h>

#include "common/elementary.h"
#include "common/vector.h"

enum { LANES = PLT_RNG_LANES };

/* Blocks of counters (c0, c1, first .. first + LANES - 1, 0). */
static void draw(plt_rng_key_t key, uint32_t c0, uint32_t c1, uint32_t first, plt_rng_lanes_t *out) {
  for (uint32_t l = 0; l < LANES; l++)
    out->word[0][l] = c0, out->word[1][l] = c1, out->word[2][l] = first + l, out->word[3][l] = 0;
  plt_rng_draw_lanes(key, out);
}

/* w + 1/2, rounded once. */
static inline float half_up(uint32_t w) {
  float high = (float)(int32_t)(w >> 16), low = (float)(int32_t)(w & 0xffff) + 0.5f;
  return high * 65536.0f + low;
}

/* -ln((w + 1/2) 2^-32) > 0, with full relative precision at both ends. */
static inline float minus_log(uint32_t w) {
  const uint32_t above_root_half = UINT32_C(0xB504F334);
  /* u = m 2^e with m in [sqrt(1/2), sqrt(2)), f = m - 1; near 1 f = -(1 - u), which integers give exactly. */
  plt_float_bits_t x = {.f = half_up(w)};
  /* The exponent of x from sqrt(1/2) on, -1 (x is 1/2) to 32. */
  int32_t biased = (int32_t)((x.u - UINT32_C(0x3F3504F3) + (UINT32_C(1) << 23)) >> 23) - 1;
  plt_float_bits_t m = {.u = x.u - ((uint32_t)biased << 23)};
  int near_one = w >= above_root_half;
  float e = near_one ? 0.0f : (float)(biased - 32);
  float f = near_one ? -half_up(~w) * 0x1p-32f : m.f - 1.0f;
  return -plt_log_reduced(f, e);
}

/* Cosine and sine of 2 pi w 2^-32. */
static inline void turn(uint32_t w, float *cosine, float *sine) {
  uint32_t quadrant = (w + (UINT32_C(1) << 29)) >> 30;                       /* of the nearest quarter turn, modulo 4 */
  float r = (float)(int32_t)(w - (quadrant << 30)) * 1.4629180792671596e-9f; /* 2 pi 2^-32; |r| <= pi / 4 */
  float z = r * r;
  float s = ((-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f) * z * r + r;
  float c = ((2.443315711809948e-5f * z - 1.388731625493765e-3f) * z + 4.166664568298827e-2f) * z * z - 0.5f * z + 1.0f;
  uint32_t swap = 0 - (quadrant & 1);
  plt_float_bits_t sb = {.f = s}, cb = {.f = c};
  plt_float_bits_t first = {.u = (cb.u & ~swap) | (sb.u & swap)}, second = {.u = (sb.u & ~swap) | (cb.u & swap)};
  first.u ^= ((quadrant + 1) & 2) << 30; /* less than 0 in quadrants 1 and 2 */
  second.u ^= (quadrant & 2) << 30;
  *cosine = first.f;
  *sine = second.f;
}

static inline void pair(uint32_t a, uint32_t b, float out[2]) {
  float radius = sqrtf(2.0f * minus_log(a)), cosine, sine;
  turn(b, &cosine, &sine);
  out[0] = radius * cosine;
  out[1] = radius * sine;
}

/* Two values per lane of two words. */
PLT_VECTOR_CLONES static void transform(const uint32_t *restrict a, const uint32_t *restrict b, float *restrict x,
                                        float *restrict y) {
  for (size_t l = 0; l < LANES; l++) {
    float two[2];
    pair(a[l], b[l], two);
    x[l] = two[0];
    y[l] = two[1];
  }
}

void plt_normal_pair(uint32_t a, uint32_t b, float out[2]) { pair(a, b, out); }

void plt_normal_row(plt_rng_key_t key, uint32_t c0, uint32_t c1, size_t n, float *out) {
  plt_rng_lanes_t words;
  float value[4][LANES];
  const size_t at_once = sizeof value / sizeof(float);
  for (size_t done = 0; done < n; done += at_once) {
    draw(key, c0, c1, (uint32_t)(done / 4), &words);
    transform(words.word[0], words.word[1], value[0], value[1]);
    transform(words.word[2], words.word[3], value[2], value[3]);
    size_t left = n - done < at_once ? n - done : at_once;
    for (size_t i = 0; i < left; i++) out[done + i] = value[i % 4][i / 4];
  }
}
