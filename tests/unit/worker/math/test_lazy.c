/* unit.worker.math.lazy - products with rows that are made on the way are those with a copy, bit for bit. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/worker/naive.h"
#include "worker/math/kernels.h"
#include "worker/tape/tape.h"

typedef struct scattered {
  const float *from;
  const uint32_t *index;
  size_t cols;
} scattered_t;

static void make_rows(const void *context, size_t first, size_t rows, float *out) {
  const scattered_t *s = context;
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < s->cols; j++) out[i * s->cols + j] = s->from[s->index[first + i] * s->cols + j];
}

typedef struct sample {
  plt_lazy_t x;
  scattered_t rows;
  float *from, *copy, *b;
  uint32_t *index;
} sample_t;

static sample_t *sample_open(naive_rng_t *rng, size_t n, size_t cols, size_t m) {
  sample_t *s = malloc(sizeof *s);
  *s = (sample_t){.from = naive_matrix(rng, 31 * cols, -1, 1),
                  .copy = malloc((n * cols + 1) * sizeof(float)),
                  .b = naive_matrix(rng, cols * m, -1, 1),
                  .index = malloc((n + 1) * sizeof(uint32_t))};
  for (size_t i = 0; i < n; i++) {
    s->index[i] = naive_below(rng, 31);
    memcpy(s->copy + i * cols, s->from + s->index[i] * cols, cols * sizeof(float));
  }
  s->rows = (scattered_t){s->from, s->index, cols};
  s->x = (plt_lazy_t){.rows = n, .cols = cols, .make = make_rows, .context = &s->rows};
  return s;
}

static void sample_close(sample_t *s) {
  free(s->from), free(s->copy), free(s->b), free(s->index);
  free(s);
}

Test(lazy, products) {
  static const size_t sizes[][3] = {{0, 3, 2}, {1, 1, 1}, {7, 5, 3}, {256, 9, 4}, {600, 33, 17}};
  naive_rng_t rng = {1};
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
    size_t n = sizes[k][0], cols = sizes[k][1], m = sizes[k][2];
    sample_t *s = sample_open(&rng, n, cols, m);
    float *copy = malloc((n * cols + 1) * sizeof *copy), *out = malloc((n * m + 1) * sizeof *out);
    float *want = malloc((n * m + 1) * sizeof *want);
    plt_kernel_matmul(NULL, n, cols, m, s->copy, s->b, false, want);
    for (size_t threads = 1; threads <= 3; threads++) {
      plt_crew_t *crew = plt_crew_create(threads);
      memset(copy, 0xff, n * cols * sizeof *copy);
      plt_lazy_matmul(crew, &s->x, m, s->b, copy, out);
      cr_assert_arr_eq(out, want, n * m * sizeof *want, "%zu x %zu x %zu, %zu threads", n, cols, m, threads);
      cr_assert_arr_eq(copy, s->copy, n * cols * sizeof *copy);
      memset(copy, 0xff, n * cols * sizeof *copy);
      plt_lazy_make(crew, &s->x, copy);
      cr_assert_arr_eq(copy, s->copy, n * cols * sizeof *copy);
      plt_crew_destroy(&crew);
    }
    free(copy), free(out), free(want);
    sample_close(s);
  }
}

/* sum(x b) + sum(2 x): the value and the derivative by b, with x lazy or a constant, whoever takes it first. */
static double pass(sample_t *s, size_t m, bool lazy, bool product_first, float *gradient) {
  plt_tape_t *t = plt_tape_create(NULL);
  plt_var_t x = lazy ? plt_tape_lazy(t, &s->x) : plt_tape_constant(t, s->x.rows, s->x.cols, s->copy);
  plt_var_t b = plt_tape_parameter(t, s->x.cols, m, s->b, gradient), product, twice;
  memset(gradient, 0, s->x.cols * m * sizeof *gradient);
  if (product_first) product = plt_op_matmul(t, x, b);
  twice = plt_op_scale(t, x, 2);
  if (!product_first) product = plt_op_matmul(t, x, b);
  plt_var_t sum = plt_op_add(t, plt_op_sum(t, product), plt_op_sum(t, twice));
  double value = plt_tape_scalar(t, sum);
  plt_tape_backward(t, sum);
  plt_tape_destroy(&t);
  return value;
}

Test(lazy, on_the_tape) {
  naive_rng_t rng = {2};
  enum { N = 300, COLS = 12, M = 5 };
  sample_t *s = sample_open(&rng, N, COLS, M);
  float want[COLS * M], have[COLS * M];
  double value = pass(s, M, false, true, want);
  for (int first = 0; first < 2; first++) {
    cr_assert_eq(pass(s, M, true, first, have), value);
    cr_assert_arr_eq(have, want, sizeof want);
  }
  sample_close(s);
}

/* ---- copies that are kept ---- */

typedef struct counted {
  const float *from; /* a row is from[number] in every column */
  const uint32_t *numbers;
  size_t cols;
  size_t *rows_made;
} counted_t;

static void make_counted(const void *context, size_t first, size_t rows, float *out) {
  const counted_t *c = context;
  *c->rows_made += rows;
  for (size_t i = 0; i < rows * c->cols; i++) out[i] = c->from[c->numbers[first + i / c->cols]];
}

static const float numbers_of_rows[8] = {1, 2, 4, 8, 16, 32, 64, 128};
static size_t rows_made;

static plt_lazy_t counted(counted_t *c, const float *from, const uint32_t *numbers, size_t rows, size_t cols) {
  *c = (counted_t){from, numbers, cols, &rows_made};
  return (plt_lazy_t){
      .rows = rows, .cols = cols, .make = make_counted, .context = c, .sources = {from}, .numbers = numbers};
}

/* The sum of the rows' numbers times columns, by a product or another operation first. */
static double sum_on(plt_tape_t *t, const plt_lazy_t *x, bool product_first) {
  static const float ones[4] = {1, 1, 1, 1};
  plt_var_t lazy = plt_tape_lazy(t, x), b = plt_tape_constant(t, x->cols, 1, ones);
  if (!product_first) return plt_tape_scalar(t, plt_op_sum(t, lazy));
  return plt_tape_scalar(t, plt_op_sum(t, plt_op_matmul(t, lazy, b)));
}

Test(lazy, copies_of_the_same_rows_are_kept) {
  static const float other[8] = {1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000};
  uint32_t rows[3] = {0, 2, 5};
  const uint32_t moved[3] = {1, 2, 5};
  counted_t a, b, c;
  plt_tape_t *t = plt_tape_create(NULL);
  for (int pass = 0; pass < 3; pass++) { /* made once, whoever takes it */
    plt_lazy_t x = counted(&a, numbers_of_rows, rows, 3, 4);
    cr_assert_eq(sum_on(t, &x, pass != 1), 37 * 4);
    cr_assert_eq(sum_on(t, &x, pass == 1), 37 * 4);
    cr_assert_eq(rows_made, 3, "pass %d", pass);
    plt_tape_reset(t);
  }
  /* Other rows, fewer rows, other columns, another source: each its own, also side by side. */
  plt_lazy_t x = counted(&a, numbers_of_rows, rows, 3, 4), y = counted(&b, numbers_of_rows, moved, 3, 4);
  plt_lazy_t z = counted(&c, other, rows, 3, 4);
  cr_assert_eq(sum_on(t, &y, true), 38 * 4);
  cr_assert_eq(sum_on(t, &x, true), 37 * 4);
  cr_assert_eq(sum_on(t, &z, false), 3000 * 4);
  cr_assert_eq(sum_on(t, &y, false), 38 * 4);
  cr_assert_eq(rows_made, 12, "y and z once, x in the arena");
  plt_tape_reset(t);
  y = counted(&b, numbers_of_rows, moved, 2, 4);
  cr_assert_eq(sum_on(t, &y, true), 6 * 4);
  x = counted(&a, numbers_of_rows, rows, 3, 2);
  cr_assert_eq(sum_on(t, &x, true), 37 * 2);
  plt_tape_reset(t);
  /* The caller's list changed after it was handed over. */
  x = counted(&a, numbers_of_rows, rows, 3, 2);
  rows[0] = 7;
  cr_assert_eq(sum_on(t, &x, true), 164 * 2);
  plt_tape_reset(t);
  size_t warm = plt_tape_allocations(t);
  for (int pass = 0; pass < 4; pass++) {
    rows[1] = (uint32_t)pass;
    cr_assert_eq(sum_on(t, &x, true), (160 + numbers_of_rows[pass]) * 2);
    plt_tape_reset(t);
  }
  cr_assert_eq(plt_tape_allocations(t), warm);
  plt_tape_destroy(&t);
}
