/* test_attend.c - a softmax over each row's edges and the product with such weights, against a dense twin in double
 * with central differences; crews of any size have the same bits. */
#include <criterion/criterion.h>

#include "tests/unit/worker/naive.h"
#include "worker/tape/tape.h"

enum { ROWS = 7, COLUMNS = 6, WIDTH = 40, EDGES_MAX = ROWS * COLUMNS };

typedef struct world {
  uint64_t offset[ROWS + 1];
  uint32_t index[EDGES_MAX];
  plt_sparse_t sparse;
  float score[EDGES_MAX], x[COLUMNS * WIDTH], r[ROWS * WIDTH];
} world_t;

/* Row 2 has no edge, row 3 all, the others some; scores far from each other too. */
static void make(world_t *w, uint32_t seed) {
  naive_rng_t rng = {seed};
  uint64_t n = 0;
  for (uint32_t r = 0; r < ROWS; r++) {
    w->offset[r] = n;
    for (uint32_t c = 0; c < COLUMNS; c++)
      if (r == 3 || (r != 2 && naive_below(&rng, 2) == 0)) w->index[n++] = c;
  }
  w->offset[ROWS] = n;
  for (size_t e = 0; e < EDGES_MAX; e++) w->score[e] = naive_between(&rng, -3, 3) * (e % 7 == 0 ? 20.0f : 1.0f);
  for (size_t k = 0; k < COLUMNS * WIDTH; k++) w->x[k] = naive_between(&rng, -1, 1);
  for (size_t k = 0; k < ROWS * WIDTH; k++) w->r[k] = naive_between(&rng, -1, 1);
  w->sparse = (plt_sparse_t){.matrix = {.rows = ROWS, .cols = COLUMNS, .offset = w->offset, .index = w->index}};
}

/* sum r . softmax(score) x */
static double twin(const world_t *w, const double *score, const double *x) {
  double sum = 0;
  for (uint32_t r = 0; r < ROWS; r++) {
    double total = 0, largest = -INFINITY;
    for (uint64_t e = w->offset[r]; e < w->offset[r + 1]; e++) largest = fmax(largest, score[e]);
    for (uint64_t e = w->offset[r]; e < w->offset[r + 1]; e++) total += exp(score[e] - largest);
    for (uint64_t e = w->offset[r]; e < w->offset[r + 1]; e++)
      for (uint32_t j = 0; j < WIDTH; j++)
        sum += w->r[r * WIDTH + j] * exp(score[e] - largest) / total * x[w->index[e] * WIDTH + j];
  }
  return sum;
}

typedef struct outcome {
  float y[ROWS * WIDTH], d_score[EDGES_MAX], d_x[COLUMNS * WIDTH];
  double loss;
} outcome_t;

static outcome_t run(const world_t *w, plt_crew_t *crew) {
  outcome_t out = {0};
  plt_tape_t *t = plt_tape_create(crew);
  plt_var_t score = plt_tape_parameter(t, w->offset[ROWS], 1, w->score, out.d_score);
  plt_var_t x = plt_tape_parameter(t, COLUMNS, WIDTH, w->x, out.d_x);
  plt_var_t y = plt_op_attend(t, &w->sparse, plt_op_edge_softmax(t, &w->sparse, score), x);
  memcpy(out.y, plt_tape_value(t, y), sizeof out.y);
  plt_var_t loss = plt_op_sum(t, plt_op_mul(t, y, plt_tape_constant(t, ROWS, WIDTH, w->r)));
  out.loss = plt_tape_scalar(t, loss);
  plt_tape_backward(t, loss);
  plt_tape_destroy(&t);
  return out;
}

static void expect_slope(const world_t *w, double *score, double *x, double *at, float got, const char *what,
                         size_t k) {
  double middle = *at, h = 1e-5;
  *at = middle + h;
  double above = twin(w, score, x);
  *at = middle - h;
  double below = twin(w, score, x);
  *at = middle;
  cr_assert(naive_near(got, (above - below) / (2 * h), 2e-4), "%s %zu: %g, not %g", what, k, (double)got,
            (above - below) / (2 * h));
}

Test(attend, values_and_derivatives) {
  for (uint32_t seed = 1; seed < 6; seed++) {
    world_t w;
    double score[EDGES_MAX], x[COLUMNS * WIDTH];
    make(&w, seed);
    outcome_t out = run(&w, NULL);
    for (size_t e = 0; e < EDGES_MAX; e++) score[e] = w.score[e];
    for (size_t k = 0; k < COLUMNS * WIDTH; k++) x[k] = w.x[k];
    cr_assert(naive_near((float)out.loss, twin(&w, score, x), 1e-5));
    for (uint32_t j = 0; j < WIDTH; j++) cr_assert_eq(out.y[2 * WIDTH + j], 0, "a row without edges");
    for (size_t e = 0; e < w.offset[ROWS]; e++) expect_slope(&w, score, x, &score[e], out.d_score[e], "score", e);
    for (size_t k = 0; k < COLUMNS * WIDTH; k++) expect_slope(&w, score, x, &x[k], out.d_x[k], "x", k);
  }
}

Test(attend, any_crew_has_the_same_bits) {
  world_t w;
  make(&w, 9);
  outcome_t one = run(&w, NULL);
  for (size_t threads = 1; threads < 5; threads++) {
    plt_crew_t *crew = plt_crew_create(threads);
    outcome_t other = run(&w, crew);
    cr_assert_eq(memcmp(one.y, other.y, sizeof one.y) | memcmp(one.d_score, other.d_score, sizeof one.d_score) |
                     memcmp(one.d_x, other.d_x, sizeof one.d_x),
                 0, "%zu threads", threads);
    plt_crew_destroy(&crew);
  }
}
