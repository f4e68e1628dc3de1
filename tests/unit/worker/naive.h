/* naive.h - what the worker's tests share: random numbers, and comparisons of bits and of values. */
#ifndef PLT_TESTS_NAIVE_H
#define PLT_TESTS_NAIVE_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct naive_rng {
  uint64_t state;
} naive_rng_t;

static inline uint32_t naive_next(naive_rng_t *rng) {
  rng->state = rng->state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(rng->state >> 33);
}

/* Where tests that go by chance begin; another number in the environment gives other cases. */
static inline uint64_t naive_seed(void) {
  const char *text = getenv("PLATEAU_TEST_SEED");
  return text == NULL ? 1 : 1000 * strtoull(text, NULL, 10);
}

static inline uint32_t naive_below(naive_rng_t *rng, uint32_t n) { return naive_next(rng) % n; }

/* Uniform in (low, high). */
static inline float naive_between(naive_rng_t *rng, double low, double high) {
  return (float)(low + (high - low) * ((naive_next(rng) + 0.5) / 2147483648.0));
}

static inline float *naive_matrix(naive_rng_t *rng, size_t n, double low, double high) {
  float *x = malloc((n + 1) * sizeof *x);
  for (size_t i = 0; i < n; i++) x[i] = naive_between(rng, low, high);
  return x;
}

static inline float *naive_copy(const float *x, size_t n) {
  float *copy = malloc((n + 1) * sizeof *copy);
  memcpy(copy, x, n * sizeof *copy);
  return copy;
}

static inline int naive_near(double got, double want, double tolerance) {
  return fabs(got - want) <= tolerance * (1 + fabs(want)); /* false for NaN */
}

#endif
