/* test_kernels.c - kernels against plain loops in double, and their bits over crews of several sizes. */
#include <criterion/criterion.h>

#include "tests/unit/worker/naive.h"
#include "worker/math/gemm.h"
#include "worker/math/kernels.h"

typedef struct shape {
  size_t n, k, m;
} shape_t;

/* One row, one column, below, at and above the sizes at which a job is cut. */
static const shape_t shapes[] = {{1, 1, 1},   {1, 7, 5},     {5, 1, 3},    {3, 4, 1},     {16, 16, 16},
                                 {17, 33, 9}, {256, 20, 64}, {257, 31, 7}, {300, 50, 65}, {40, 12, 1100}};
enum { SHAPES = sizeof shapes / sizeof *shapes, CREWS = 3 };

static plt_crew_t *crews[CREWS];

static void open_crews(void) {
  plt_gemm_init();
  plt_gemm_init(); /* idempotent */
  for (size_t i = 0; i < CREWS; i++) crews[i] = plt_crew_create(i + 1);
}

static void close_crews(void) {
  for (size_t i = 0; i < CREWS; i++) plt_crew_destroy(&crews[i]);
}

TestSuite(kernels, .init = open_crews, .fini = close_crews);

typedef void (*product_fn)(plt_crew_t *, size_t, size_t, size_t, const float *, const float *, bool, float *);

/* Strides of a and b say which of them is transposed. */
static void check_product(product_fn fn, shape_t s, bool a_transposed, bool b_transposed, bool add, naive_rng_t *rng) {
  float *a = naive_matrix(rng, s.n * s.k, -1, 1), *b = naive_matrix(rng, s.k * s.m, -1, 1);
  float *before = naive_matrix(rng, s.n * s.m, -1, 1), *out[CREWS];
  for (size_t c = 0; c < CREWS; c++) {
    out[c] = naive_copy(before, s.n * s.m);
    fn(crews[c], s.n, s.k, s.m, a, b, add, out[c]);
    cr_assert_arr_eq(out[c], out[0], s.n * s.m * sizeof(float), "bits differ with a crew of %zu", c + 1);
  }
  for (size_t i = 0; i < s.n; i++) {
    for (size_t j = 0; j < s.m; j++) {
      double want = add ? before[i * s.m + j] : 0;
      for (size_t l = 0; l < s.k; l++) {
        want += (double)a[a_transposed ? l * s.n + i : i * s.k + l] * b[b_transposed ? j * s.k + l : l * s.m + j];
      }
      cr_assert(naive_near(out[0][i * s.m + j], want, 1e-5), "[%zu,%zu,%zu] at %zu,%zu", s.n, s.k, s.m, i, j);
    }
  }
  for (size_t c = 0; c < CREWS; c++) free(out[c]);
  free(a), free(b), free(before);
}

Test(kernels, products) {
  naive_rng_t rng = {1};
  for (size_t i = 0; i < SHAPES; i++) {
    for (int add = 0; add < 2; add++) {
      check_product(plt_kernel_matmul, shapes[i], false, false, add, &rng);
      check_product(plt_kernel_matmul_bt, shapes[i], false, true, add, &rng);
      check_product(plt_kernel_matmul_at, shapes[i], true, false, add, &rng);
    }
  }
}

Test(kernels, product_over_nothing) {
  float out[2] = {3, 4};
  plt_kernel_matmul(NULL, 1, 0, 2, NULL, NULL, true, out);
  cr_assert(out[0] == 3 && out[1] == 4);
  plt_kernel_matmul(NULL, 1, 0, 2, NULL, NULL, false, out);
  cr_assert(out[0] == 0 && out[1] == 0);
}

Test(kernels, scores) {
  naive_rng_t rng = {2};
  enum { N = 130, ITEMS = 2500, D = 9 };
  float *users = naive_matrix(&rng, N * D, -1, 1), *items = naive_matrix(&rng, ITEMS * D, -1, 1);
  float *out = malloc(N * ITEMS * sizeof *out), *again = malloc(N * ITEMS * sizeof *out);
  plt_kernel_scores(crews[0], N, ITEMS, D, users, items, out);
  plt_kernel_scores(crews[2], N, ITEMS, D, users, items, again);
  cr_assert_arr_eq(out, again, N * ITEMS * sizeof *out);
  for (size_t u = 0; u < N; u++) {
    for (size_t i = 0; i < ITEMS; i++) {
      double want = 0;
      for (size_t j = 0; j < D; j++) want += (double)users[u * D + j] * items[i * D + j];
      cr_assert(naive_near(out[u * ITEMS + i], want, 1e-6));
    }
  }
  free(users), free(items), free(out), free(again);
}

/* Rows in any order and repeated; or, ascending, every second one. */
static void check_gather_and_scatter(shape_t s, bool ascending, naive_rng_t *rng) {
  size_t rows = s.k, cols = s.m, n = ascending ? (rows + 1) / 2 : 3 * s.n;
  uint32_t *index = malloc(n * sizeof *index);
  for (size_t i = 0; i < n; i++) index[i] = ascending ? (uint32_t)(2 * i) : naive_below(rng, (uint32_t)rows);
  float *x = naive_matrix(rng, rows * cols, -1, 1), *y = naive_matrix(rng, n * cols, -1, 1);
  float *want = naive_copy(x, rows * cols), *taken = malloc(n * cols * sizeof *taken);
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < cols; j++) want[index[i] * cols + j] += y[i * cols + j];
  }
  for (size_t c = 0; c < CREWS; c++) {
    plt_kernel_gather(crews[c], x, cols, index, n, taken);
    for (size_t i = 0; i < n; i++) {
      cr_assert_arr_eq(taken + i * cols, x + index[i] * cols, cols * sizeof *x, "row %zu", i);
    }
    float *got = naive_copy(x, rows * cols);
    plt_kernel_scatter_add(crews[c], y, cols, index, n, got);
    cr_assert_arr_eq(got, want, rows * cols * sizeof *got, "additions in order of i, crew of %zu", c + 1);
    free(got);
  }
  free(index), free(x), free(y), free(want), free(taken);
}

Test(kernels, gather_and_scatter) {
  naive_rng_t rng = {3};
  for (size_t s = 0; s < SHAPES; s++) {
    check_gather_and_scatter(shapes[s], false, &rng);
    check_gather_and_scatter(shapes[s], true, &rng);
  }
}

static void check_dots(shape_t s, bool ones, naive_rng_t *rng) {
  size_t rows = s.n, cols = s.m;
  float *x = naive_matrix(rng, rows * cols, -1, 1), *y = naive_matrix(rng, rows * cols, -1, 1);
  float *by_row = naive_matrix(rng, rows, -1, 1), *by_column = naive_matrix(rng, cols, -1, 1);
  float *got_rows[CREWS], *got_columns[CREWS];
  for (size_t c = 0; c < CREWS; c++) {
    got_rows[c] = naive_copy(by_row, rows);
    got_columns[c] = naive_copy(by_column, cols);
    plt_kernel_row_dots(crews[c], x, ones ? NULL : y, rows, cols, got_rows[c]);
    plt_kernel_column_dots(crews[c], x, ones ? NULL : y, rows, cols, got_columns[c]);
    cr_assert_arr_eq(got_rows[c], got_rows[0], rows * sizeof(float));
    cr_assert_arr_eq(got_columns[c], got_columns[0], cols * sizeof(float));
  }
  for (size_t i = 0; i < rows; i++) {
    double want = by_row[i];
    for (size_t j = 0; j < cols; j++) want += (double)x[i * cols + j] * (ones ? 1 : y[i * cols + j]);
    cr_assert(naive_near(got_rows[0][i], want, 1e-6));
  }
  for (size_t j = 0; j < cols; j++) {
    double want = by_column[j];
    for (size_t i = 0; i < rows; i++) want += (double)x[i * cols + j] * (ones ? 1 : y[i * cols + j]);
    cr_assert(naive_near(got_columns[0][j], want, 1e-6));
  }
  for (size_t c = 0; c < CREWS; c++) free(got_rows[c]), free(got_columns[c]);
  free(x), free(y), free(by_row), free(by_column);
}

Test(kernels, dots) {
  naive_rng_t rng = {4};
  for (size_t s = 0; s < SHAPES; s++) {
    check_dots(shapes[s], false, &rng);
    check_dots(shapes[s], true, &rng);
  }
}

Test(kernels, vectors) {
  naive_rng_t rng = {5};
  const size_t sizes[] = {0, 1, 3, 4, 5, 16383, 16384, 16385, 1500001};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    size_t n = sizes[s];
    float *x = naive_matrix(&rng, n, -1, 1), *y = naive_matrix(&rng, n, -1, 1);
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) sum += x[i], squares += (double)x[i] * x[i];
    for (size_t c = 0; c < CREWS; c++) {
      cr_assert(naive_near(plt_kernel_sum(crews[c], x, n), sum, 1e-10));
      cr_assert(naive_near(plt_kernel_sum_squares(crews[c], x, n), squares, 1e-12));
      cr_assert(plt_kernel_sum(crews[c], x, n) == plt_kernel_sum(NULL, x, n));
      cr_assert(plt_kernel_sum_squares(crews[c], x, n) == plt_kernel_sum_squares(NULL, x, n));
      float *got = naive_copy(y, n);
      plt_kernel_add_scaled(crews[c], n, 0.3f, x, got);
      for (size_t i = 0; i < n; i++) {
        float product = 0.3f * x[i]; /* body and tail alike */
        cr_assert(got[i] == y[i] + product);
      }
      free(got);
    }
    free(x), free(y);
  }
}

Test(kernels, largest_of_the_numbers) {
  float x[300];
  for (uint32_t n = 0; n <= 300; n++) {
    float want = -INFINITY;
    for (uint32_t i = 0; i < n; i++) {
      x[i] = (float)((int)((i * 2654435761u + n * 40503u) >> 8 & 0xFFFF) - 40000);
      if ((i * 7 + n) % 11 == 0) x[i] = i % 2 == 0 ? NAN : -INFINITY;
      if (x[i] > want) want = x[i];
    }
    cr_assert_eq(plt_kernel_largest(x, n), want, "%u", n);
  }
}
