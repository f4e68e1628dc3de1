/* test_pairs.c - uniformity over all pairs: values and derivatives of a twin in double that takes pair by pair, across
 * the edges of tiles; the same bits from any number of threads. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/worker/naive.h"
#include "tests/unit/worker/tape/slopes.h"
#include "worker/tape/tape.h"

enum { C = 7, M = 3 };

static const float low = 0.1f, high = 0.6f;

/* Unit rows [n, cols]; row 1 equals row 0, as items drawn twice do. */
static float *unit_rows(naive_rng_t *rng, size_t n, size_t cols) {
  float *x = naive_matrix(rng, n * cols, -1, 1);
  for (size_t i = 0; i < n; i++) {
    double norm = 0;
    for (size_t j = 0; j < cols; j++) norm += (double)x[i * cols + j] * (double)x[i * cols + j];
    for (size_t j = 0; j < cols; j++) x[i * cols + j] = (float)((double)x[i * cols + j] / sqrt(norm));
  }
  memcpy(x + cols, x, cols * sizeof *x);
  return x;
}

static double dot(const float *x, size_t cols, size_t a, size_t b) {
  double sum = 0;
  for (size_t j = 0; j < cols; j++) sum += (double)x[a * cols + j] * (double)x[b * cols + j];
  return sum;
}

/* The loss; dx [n, C], dy [n, M] its derivatives. y NULL: without calibration. */
static double twin(size_t n, const float *x, const float *y, double *dx, double *dy) {
  double sum = 0;
  for (size_t a = 0; a < n; a++) {
    for (size_t b = a + 1; b < n; b++) {
      double alike = y == NULL ? 1 : dot(y, M, a, b), kept = y == NULL ? 1 : fmin(fmax(alike, low), high);
      double e = exp(4 * (dot(x, C, a, b) - kept));
      sum += e;
      for (size_t j = 0; j < C; j++) {
        dx[a * C + j] += 4 * e * (double)x[b * C + j];
        dx[b * C + j] += 4 * e * (double)x[a * C + j];
      }
      for (size_t j = 0; y != NULL && kept == alike && j < M; j++) {
        dy[a * M + j] -= 4 * e * (double)y[b * M + j];
        dy[b * M + j] -= 4 * e * (double)y[a * M + j];
      }
    }
  }
  for (size_t k = 0; k < n * C; k++) dx[k] /= sum;
  for (size_t k = 0; y != NULL && k < n * M; k++) dy[k] /= sum;
  return log(sum / ((double)n * (double)(n - 1) / 2));
}

/* 3 times the loss, so that the slope that comes in counts; dx, dy float. */
static double record(plt_crew_t *crew, size_t n, const float *x, const float *y, float *dx, float *dy) {
  plt_tape_t *t = plt_tape_create(crew);
  plt_var_t rows = plt_tape_parameter(t, n, C, x, dx);
  plt_var_t loss = y == NULL ? plt_op_uniformity(t, rows)
                             : plt_op_calibrated_uniformity(t, rows, plt_tape_parameter(t, n, M, y, dy), low, high);
  double value = plt_tape_scalar(t, loss);
  plt_tape_backward(t, plt_op_scale(t, loss, 3));
  plt_tape_destroy(&t);
  return value;
}

static void check(size_t n, bool calibrated) {
  naive_rng_t rng = {n};
  float *x = unit_rows(&rng, n, C), *y = calibrated ? unit_rows(&rng, n, M) : NULL;
  float *dx = calloc(n * C, sizeof *dx), *dy = calloc(n * M, sizeof *dy);
  double *want_x = calloc(n * C, sizeof *want_x), *want_y = calloc(n * M, sizeof *want_y);
  double want = twin(n, x, y, want_x, want_y), got = record(NULL, n, x, y, dx, dy);
  cr_assert(naive_near(got, want, 1e-6), "%zu rows: %.9g, not %.9g", n, got, want);
  expect_slopes(2e-6, n * C, dx, want_x);
  if (calibrated) expect_slopes(2e-6, n * M, dy, want_y);
  plt_crew_t *crew = plt_crew_create(3);
  float *again = calloc(n * C, sizeof *again), *again_y = calloc(n * M, sizeof *again_y);
  cr_assert_eq(record(crew, n, x, y, again, again_y), got);
  cr_assert(memcmp(again, dx, n * C * sizeof *dx) == 0 && memcmp(again_y, dy, n * M * sizeof *dy) == 0);
  plt_crew_destroy(&crew);
  free(x), free(y), free(dx), free(dy), free(want_x), free(want_y), free(again), free(again_y);
}

Test(pairs, uniformity) {
  const size_t sizes[] = {2, 3, 127, 128, 129, 700};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) check(sizes[i], false);
}

Test(pairs, calibrated_uniformity) {
  const size_t sizes[] = {2, 3, 127, 128, 129, 700};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) check(sizes[i], true);
}

/* A constant `alike`: x has the same derivative, and nothing is made for `alike`. */
Test(pairs, stopped_similarity) {
  enum { N = 130 };
  naive_rng_t rng = {5};
  float *x = unit_rows(&rng, N, C), *y = unit_rows(&rng, N, M), both[N * C] = {0}, alone[N * C] = {0}, dy[N * M] = {0};
  record(NULL, N, x, y, both, dy);
  plt_tape_t *t = plt_tape_create(NULL);
  plt_var_t stopped = plt_op_stop(t, plt_tape_parameter(t, N, M, y, (float[N * M]){0}));
  plt_var_t loss = plt_op_calibrated_uniformity(t, plt_tape_parameter(t, N, C, x, alone), stopped, low, high);
  plt_tape_backward(t, plt_op_scale(t, loss, 3));
  cr_assert_eq(memcmp(both, alone, sizeof both), 0);
  plt_tape_destroy(&t);
  free(x), free(y);
}
