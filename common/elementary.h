/* elementary.h - exponential, logarithm and what is made of them, in float32: the same bits on every processor and
 * under every libc.
 *
 *   function                         error at most, in units in the last place of the exact value
 *   exp, log, log1p                  2
 *   sigmoid  1 / (1 + e^-x)          3
 *   softplus log(1 + e^x)            3
 *   tanh                             3
 *
 * At the edges they are what IEEE 754 and C say: 0 and subnormal numbers where e^x is, infinity where it is too large,
 * log 0 = -inf, NaN of what is not defined, NaN for NaN (of which the bits are not promised).
 *
 * They have no branches, so that loops over them become vector instructions (vector.h; a file with such a loop wants
 * -fno-trapping-math). Sums, products and quotients of IEEE 754 are all they use: nothing depends on who computes, nor
 * on the values beside one.
 * Threads    any.
 * Source     polynomials: Moshier, Cephes (expf, logf, tanhf); log1p by what 1 + x loses: Goldberg, "What every
 *            computer scientist should know about floating-point arithmetic", ACM Comput. Surv. 23, 1991, theorem 4.
 */
#ifndef PLT_COMMON_ELEMENTARY_H
#define PLT_COMMON_ELEMENTARY_H

#include <math.h>
#include <stdint.h>

typedef union plt_float_bits {
  uint32_t u;
  int32_t i;
  float f;
} plt_float_bits_t;

/* e^x = 2^k e^r, |r| <= log(2) / 2. k is rounded by adding 1.5 * 2^23, which leaves it in the low bits; 2^k is two
 * factors, since it may be subnormal or too large where the product is not. */
static inline float plt_exp(float x) {
  const plt_float_bits_t round = {.f = 12582912.0f};
  float kept = x < -104.0f ? -104.0f : x > 89.0f ? 89.0f : x; /* 0 and infinity from there on */
  plt_float_bits_t shifted = {.f = kept * 1.44269504f + round.f};
  float k = shifted.f - round.f;
  float r = kept - k * 0.693359375f - k * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  uint32_t above = shifted.u - round.u + 254, half = above >> 1; /* k + 254, the factors' biased exponents together */
  plt_float_bits_t one = {.u = half << 23}, other = {.u = (above - half) << 23};
  return (p * r * r + r + 1) * one.f * other.f;
}

/* log(1 + f) + e log(2), for 1 + f in [sqrt(1/2), sqrt(2)) and whole numbers e. */
static inline float plt_log_reduced(float f, float e) {
  float p = 7.0376836292e-2f;
  p = p * f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  float square = f * f;
  float y = p * f * square;
  y = y - 2.12194440e-4f * e;
  y = y - 0.5f * square;
  return f + y + 0.693359375f * e;
}

/* x = m 2^e with m in [sqrt(1/2), sqrt(2)). */
static inline float plt_log(float x) {
  const float smallest = 0x1p-126f; /* that is not subnormal */
  plt_float_bits_t scaled = {.f = x < smallest ? x * 0x1p23f : x};
  uint32_t biased = (scaled.u - UINT32_C(0x3F3504F3) + (UINT32_C(127) << 23)) >> 23;
  plt_float_bits_t m = {.u = scaled.u - ((biased - 127) << 23)};
  float e = (float)((int32_t)biased - 127) - (x < smallest ? 23.0f : 0.0f);
  float y = plt_log_reduced(m.f - 1.0f, e);
  y = x < INFINITY ? y : x;
  return x > 0 ? y : x == 0 ? -INFINITY : x - x + NAN;
}

/* log(1 + x) = log(u) + (what 1 + x lost when it was rounded to u) / u */
static inline float plt_log1p(float x) {
  float u = 1.0f + x, lost = x - (u - 1.0f);
  float y = plt_log(u) + lost / u;
  y = u == 1.0f ? x : y;
  return u > 0 && u < INFINITY ? y : plt_log(u);
}

static inline float plt_sigmoid(float x) {
  float t = plt_exp(-fabsf(x)), high = 1.0f / (1.0f + t);
  return x >= 0 ? high : t * high;
}

/* e^x would overflow from 89 on: log(1 + e^x) = max(x, 0) + log(1 + e^-|x|). */
static inline float plt_softplus(float x) {
  float low = plt_log1p(plt_exp(-fabsf(x)));
  return x > 0 ? x + low : low;
}

/* An odd polynomial up to 0.625, 1 - 2 / (e^2x + 1) from there on. */
static inline float plt_tanh(float x) {
  float size = fabsf(x), z = x * x;
  float p = -5.70498872745e-3f;
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  float low = p * z * x + x, high = 1.0f - 2.0f / (plt_exp(2.0f * size) + 1.0f);
  high = x < 0 ? -high : high;
  return size > 0.625f ? high : low;
}

#endif
