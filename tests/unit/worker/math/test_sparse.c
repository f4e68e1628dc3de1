/* Products with sparse matrices: every width and length of rows, bit by bit. */
#include "worker/math/sparse.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/rng.h"

enum { ROWS = 200, COLS = 150, WIDEST = 200, RUN = 32 };

static float draw(uint32_t a, uint32_t b) {
  return (float)plt_rng_unit(plt_rng_draw(plt_rng_key(1, "sparse", 0), a, b, 0, 0).word[0]) - 0.5f;
}

/* Rows of 0 to COLS entries: most short, some of several runs, the last ones empty. */
static void make(plt_csr_t *s, uint64_t offset[ROWS + 1], uint32_t *index, float *weight) {
  uint64_t n = 0;
  for (uint32_t r = 0; r < ROWS; r++) {
    uint32_t every = r + 3 >= ROWS ? COLS + 1 : r % 7 == 0 ? 1 : 1 + r % 40;
    offset[r] = n;
    for (uint32_t c = r % 5; c < COLS && every <= COLS; c += every, n++) {
      index[n] = c;
      weight[n] = draw(r, c);
    }
  }
  offset[ROWS] = n;
  *s = (plt_csr_t){.rows = ROWS, .cols = COLS, .offset = offset, .index = index, .weight = weight};
}

/* The order of sums that sparse.h promises. */
static float element(const plt_csr_t *s, size_t r, const float *x, size_t cols, size_t j, float sum) {
  for (uint64_t from = s->offset[r]; from < s->offset[r + 1]; from += RUN) {
    float run = 0;
    for (uint64_t e = from; e < s->offset[r + 1] && e < from + RUN; e++)
      run += s->weight[e] * x[(size_t)s->index[e] * cols + j];
    sum += run;
  }
  return sum;
}

Test(sparse, products_have_the_bits_of_runs_at_every_width) {
  static const size_t widths[] = {1, 3, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 100, 112, 128, WIDEST};
  static uint64_t offset[ROWS + 1];
  static uint32_t index[ROWS * COLS];
  static float weight[ROWS * COLS], x[COLS * WIDEST], out[ROWS * WIDEST + 1];
  plt_csr_t s;
  make(&s, offset, index, weight);
  for (size_t i = 0; i < COLS * WIDEST; i++) x[i] = draw(1000, (uint32_t)i);
  plt_crew_t *crews[] = {NULL, plt_crew_create(3)};
  for (size_t k = 0; k < 4 * sizeof widths / sizeof *widths; k++) {
    size_t cols = widths[k / 4];
    bool add = k % 2 == 1;
    for (size_t i = 0; i <= ROWS * cols; i++) out[i] = 7;
    plt_csr_multiply(crews[k / 2 % 2], &s, x, cols, add, out);
    for (size_t r = 0; r < ROWS; r++) {
      for (size_t j = 0; j < cols; j++) {
        float want = element(&s, r, x, cols, j, add ? 7 : 0);
        cr_assert_eq(memcmp(&out[r * cols + j], &want, sizeof want), 0, "row %zu, column %zu of %zu", r, j, cols);
      }
    }
    cr_assert_eq(out[ROWS * cols], 7, "%zu columns: it writes behind its end", cols);
  }
  plt_crew_destroy(&crews[1]);
}

Test(sparse, without_entries_a_product_is_zero) {
  static const uint64_t offset[4] = {0};
  float x[2 * 64] = {1}, out[3 * 64];
  plt_csr_t s = {.rows = 3, .cols = 2, .offset = offset};
  memset(out, 0xff, sizeof out);
  plt_csr_multiply(NULL, &s, x, 64, false, out);
  for (size_t i = 0; i < 3 * 64; i++) cr_assert_eq(out[i], 0);
}

Test(sparse, a_transpose_has_the_same_entries) {
  static uint64_t offset[ROWS + 1];
  static uint32_t index[ROWS * COLS];
  static float weight[ROWS * COLS], dense[ROWS][COLS];
  plt_sparse_t s;
  plt_arena_t *arena = plt_arena_create();
  make(&s.matrix, offset, index, weight);
  for (size_t r = 0; r < ROWS; r++)
    for (uint64_t e = offset[r]; e < offset[r + 1]; e++) dense[r][index[e]] = weight[e];
  plt_sparse_transpose(NULL, &s, 1, arena);
  const plt_csr_t *t = &s.transpose;
  cr_assert(t->rows == COLS && t->cols == ROWS && t->offset[COLS] == offset[ROWS]);
  for (size_t c = 0; c < COLS; c++) {
    for (uint64_t e = t->offset[c]; e < t->offset[c + 1]; e++) {
      cr_assert(e == t->offset[c] || t->index[e] > t->index[e - 1], "rows of a column do not ascend");
      cr_assert_eq(t->weight[e], dense[t->index[e]][c]);
    }
  }
  plt_arena_destroy(&arena);
}
