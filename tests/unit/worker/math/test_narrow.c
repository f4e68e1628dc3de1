/* test_narrow.c - products of bfloat16: those of a twin in double over factors that it rounds itself, across the edges
 * of tiles; the same bits from any number of threads. Where there is no AMX they are not to be had. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tests/unit/worker/naive.h"
#include "worker/math/gemm.h"
#include "worker/math/narrow.h"
#include "worker/tape/tape.h"

enum { N_MAX = 700 };

/* The nearest number of 8 bits, ties to even. */
static double rounded(float x) {
  int exponent;
  double fraction = frexp((double)x, &exponent); /* [1/2, 1) */
  return ldexp(nearbyint(ldexp(fraction, 8)), exponent - 8);
}

static void copy_rows(const void *context, size_t first, size_t rows, float *out) {
  const plt_lazy_t *of = context; /* its context: the rows */
  memcpy(out, (const float *)of->context + first * of->cols, rows * of->cols * sizeof *out);
}

/* As if of rows that lie apart. */
static plt_lazy_t lazy(const plt_lazy_t *of) {
  return (plt_lazy_t){.rows = of->rows, .cols = of->cols, .make = copy_rows, .context = of, .narrow = true};
}

static double product(const float *x, size_t x_stride, const float *y, size_t y_stride, size_t n) {
  double sum = 0;
  for (size_t k = 0; k < n; k++) sum += rounded(x[k * x_stride]) * rounded(y[k * y_stride]);
  return sum;
}

static void check(size_t n, size_t k, size_t m) {
  naive_rng_t rng = {n + k + m};
  float *x = naive_matrix(&rng, n * k, -1, 1), *b = naive_matrix(&rng, k * m, -1, 1);
  float *y = naive_matrix(&rng, n * m, -1, 1), *start = naive_matrix(&rng, k * m, -1, 1);
  float *out = calloc(n * m, sizeof *out), *at = calloc(k * m, sizeof *at);
  uint16_t *copy = malloc(plt_narrow_size(n, k) * sizeof *copy);
  const plt_lazy_t rows = {.rows = n, .cols = k, .context = x}, of = lazy(&rows);
  plt_crew_t *crew = plt_crew_create(3);
  plt_narrow_matmul(NULL, &of, false, m, b, copy, out);
  memcpy(at, start, k * m * sizeof *at);
  plt_narrow_matmul_at(NULL, n, k, m, copy, y, true, at);
  double near = 1e-6 * (double)(n > k ? n : k); /* sums of so many terms below 1 */
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < m; j++)
      cr_assert_float_eq((double)out[i * m + j], product(x + i * k, 1, b + j, m, k), near, "%zu, %zu", i, j);
  for (size_t i = 0; i < k; i++)
    for (size_t j = 0; j < m; j++)
      cr_assert_float_eq((double)at[i * m + j], (double)start[i * m + j] + product(x + i, k, y + j, m, n), near,
                         "%zu, %zu", i, j);
  float *again = calloc(n * m, sizeof *again), *again_at = malloc(k * m * sizeof *again_at);
  memset(again_at, 0xff, k * m * sizeof *again_at);
  plt_narrow_matmul(crew, &of, true, m, b, copy, again); /* of the copy that is there */
  plt_narrow_matmul_at(crew, n, k, m, copy, y, false, again_at);
  cr_assert_eq(memcmp(again, out, n * m * sizeof *out), 0);
  for (size_t i = 0; i < k * m; i++) cr_assert_float_eq((double)(again_at[i] + start[i]), (double)at[i], near);
  plt_narrow_matmul_at(NULL, n, k, m, copy, y, false, at);
  cr_assert_eq(memcmp(again_at, at, k * m * sizeof *at), 0);
  plt_crew_destroy(&crew);
  free(x), free(b), free(y), free(start), free(out), free(at), free(copy), free(again), free(again_at);
}

static void need(void) {
  plt_gemm_init();
  if (!plt_narrow_is_there()) cr_skip_test("this processor has no AMX, or its use is off");
}

Test(narrow, products) {
  need();
  static const size_t sizes[][3] = {{1, 1, 1}, {7, 5, 3}, {256, 9, 4}, {257, 33, 17}, {N_MAX, 40, 64}, {30, 1100, 8}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) check(sizes[i][0], sizes[i][1], sizes[i][2]);
}

Test(narrow, what_is_not_finite_stays_so) {
  need();
  const float x[] = {NAN, 1, -INFINITY, 0x1.fffffep127f}, one[] = {1};
  float out[4];
  const plt_lazy_t rows = {.rows = 4, .cols = 1, .context = x}, of = lazy(&rows);
  uint16_t *copy = malloc(plt_narrow_size(4, 1) * sizeof *copy);
  plt_narrow_matmul(NULL, &of, false, 1, one, copy, out);
  cr_assert(isnan(out[0]) && out[1] == 1 && out[2] == -INFINITY && out[3] == INFINITY);
  free(copy);
}

/* On a tape: the product and its derivative are narrow, another operation sees the matrix as it is. */
Test(narrow, on_a_tape) {
  need();
  enum { K = 20, M = 6 };
  naive_rng_t rng = {4};
  float *x = naive_matrix(&rng, N_MAX * K, -1, 1), *b = naive_matrix(&rng, K * M, -1, 1);
  float *y = naive_matrix(&rng, N_MAX * M, -1, 1), db[K * M] = {0};
  const plt_lazy_t rows = {.rows = N_MAX, .cols = K, .context = x}, of = lazy(&rows);
  plt_tape_t *t = plt_tape_create(NULL);
  plt_var_t features = plt_tape_lazy(t, &of), weights = plt_tape_parameter(t, K, M, b, db);
  plt_var_t out = plt_op_matmul(t, features, weights);
  cr_assert_eq(memcmp(plt_tape_value(t, features), x, N_MAX * K * sizeof *x), 0);
  plt_tape_backward(t, plt_op_sum(t, plt_op_mul(t, out, plt_tape_constant(t, N_MAX, M, y))));
  const float *value = plt_tape_value(t, out);
  for (size_t i = 0; i < N_MAX; i++)
    for (size_t j = 0; j < M; j++)
      cr_assert_float_eq((double)value[i * M + j], product(x + i * K, 1, b + j, M, K), 1e-5);
  for (size_t i = 0; i < K; i++)
    for (size_t j = 0; j < M; j++) cr_assert_float_eq((double)db[i * M + j], product(x + i, K, y + j, M, N_MAX), 1e-4);
  plt_tape_destroy(&t);
  free(x), free(b), free(y);
}
