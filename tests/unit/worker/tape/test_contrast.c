/* test_contrast.c - the contrast of a matrix with another: values and derivatives of a twin in double that takes pair
 * by pair, across the edges of blocks and groups; the same bits from any number of threads; its memory. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/worker/naive.h"
#include "tests/unit/worker/tape/slopes.h"
#include "worker/tape/tape.h"

enum { C = 7 };

typedef struct sizes {
  size_t n, m;
  float largest; /* of an element */
} sizes_t;

static double dot(const float *a, const float *b) {
  double sum = 0;
  for (size_t j = 0; j < C; j++) sum += (double)a[j] * (double)b[j];
  return sum;
}

/* The mean; da [n, C], db [m, C] its derivatives. */
static double twin(size_t n, size_t m, const float *a, const float *b, double *da, double *db) {
  double mean = 0;
  for (size_t i = 0; i < n; i++) {
    double high = -HUGE_VAL, sum = 0;
    for (size_t j = 0; j < m; j++) high = fmax(high, dot(a + i * C, b + j * C));
    for (size_t j = 0; j < m; j++) sum += exp(dot(a + i * C, b + j * C) - high);
    mean += (high + log(sum)) / (double)n;
    for (size_t j = 0; j < m; j++) {
      double p = exp(dot(a + i * C, b + j * C) - high) / sum / (double)n;
      for (size_t c = 0; c < C; c++) {
        da[i * C + c] += p * (double)b[j * C + c];
        db[j * C + c] += p * (double)a[i * C + c];
      }
    }
  }
  return mean;
}

/* 3 times the loss, so that the slope that comes in counts. */
static double record(plt_crew_t *crew, size_t n, size_t m, const float *a, const float *b, float *da, float *db) {
  plt_tape_t *t = plt_tape_create(crew);
  plt_var_t loss = plt_op_contrast(t, plt_tape_parameter(t, n, C, a, da), plt_tape_parameter(t, m, C, b, db));
  double value = plt_tape_scalar(t, loss);
  plt_tape_backward(t, plt_op_scale(t, loss, 3));
  plt_tape_destroy(&t);
  return value;
}

static void check(const sizes_t *s) {
  naive_rng_t rng = {s->n + s->m};
  float *a = naive_matrix(&rng, s->n * C, -s->largest, s->largest);
  float *b = naive_matrix(&rng, s->m * C, -s->largest, s->largest);
  float *da = calloc(s->n * C, sizeof *da), *db = calloc(s->m * C, sizeof *db);
  double *want_a = calloc(s->n * C, sizeof *want_a), *want_b = calloc(s->m * C, sizeof *want_b);
  double want = twin(s->n, s->m, a, b, want_a, want_b), got = record(NULL, s->n, s->m, a, b, da, db);
  cr_assert(naive_near(got, want, 1e-6), "%zu among %zu: %.9g, not %.9g", s->n, s->m, got, want);
  double tolerance = 2e-6 + 2e-7 * (double)(s->largest * s->largest); /* an exponential has its dot's rounding */
  expect_slopes(tolerance, s->n * C, da, want_a);
  expect_slopes(tolerance, s->m * C, db, want_b);
  plt_crew_t *crew = plt_crew_create(3);
  float *again_a = calloc(s->n * C, sizeof *again_a), *again_b = calloc(s->m * C, sizeof *again_b);
  cr_assert_eq(record(crew, s->n, s->m, a, b, again_a, again_b), got);
  cr_assert(memcmp(again_a, da, s->n * C * sizeof *da) == 0 && memcmp(again_b, db, s->m * C * sizeof *db) == 0);
  plt_crew_destroy(&crew);
  free(a), free(b), free(da), free(db), free(want_a), free(want_b), free(again_a), free(again_b);
}

Test(contrast, of_any_shape) {
  const sizes_t sizes[] = {{1, 1, 1},   {2, 3, 1},   {144, 144, 1},  {143, 300, 1},
                           {145, 5, 1}, {300, 1, 1}, {1500, 700, 1}, {1153, 257, 1}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) check(&sizes[i]);
}

/* Dots of some hundreds either way: exponentials by themselves would not be finite, or all zero. */
Test(contrast, of_dots_whose_exponentials_are_not_finite) {
  check(&(sizes_t){200, 300, 12});
  check(&(sizes_t){3, 2, 20});
}

/* A constant operand gets no derivative; the other's is the same. */
Test(contrast, among_constants) {
  enum { N = 150, M = 40 };
  naive_rng_t rng = {5};
  float *a = naive_matrix(&rng, N * C, -1, 1), *b = naive_matrix(&rng, M * C, -1, 1);
  float da[N * C] = {0}, db[M * C] = {0}, alone_a[N * C] = {0}, alone_b[M * C] = {0};
  record(NULL, N, M, a, b, da, db);
  record(NULL, N, M, a, b, alone_a, NULL);
  record(NULL, N, M, a, b, NULL, alone_b);
  cr_assert(memcmp(da, alone_a, sizeof da) == 0 && memcmp(db, alone_b, sizeof db) == 0);
  free(a), free(b);
}

/* A matrix with itself: both derivatives are the same variable's. */
Test(contrast, with_itself) {
  enum { N = 150 };
  naive_rng_t rng = {6};
  float *x = naive_matrix(&rng, N * C, -1, 1), got[N * C] = {0};
  double as_a[N * C] = {0}, as_b[N * C] = {0};
  twin(N, N, x, x, as_a, as_b);
  plt_tape_t *t = plt_tape_create(NULL);
  plt_var_t rows = plt_tape_parameter(t, N, C, x, got);
  plt_tape_backward(t, plt_op_scale(t, plt_op_contrast(t, rows, rows), 3));
  for (size_t k = 0; k < N * C; k++) as_a[k] += as_b[k];
  expect_slopes(3e-6, N * C, got, as_a);
  plt_tape_destroy(&t);
  free(x);
}

/* Grows with the others, and not with their product with the samples. */
Test(contrast, memory) {
  cr_assert_lt(plt_contrast_floats(2048, 100000, 64, 2), (size_t)2048 * 100000 / 2);
  cr_assert_leq(plt_contrast_floats(16384, 100000, 64, 2), plt_contrast_floats(2048, 100000, 64, 2) * 11 / 10);
  cr_assert_eq(plt_contrast_floats(0, 100, 64, 1), 144 * 164 + 200 * 64);
}
