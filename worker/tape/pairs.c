/* pairs.c - the uniformity of a set of unit rows: log mean over pairs a < b of exp(4 (<x_a, x_b> - y_ab)).
 *
 *   ROWS x COLS tiles:  X_I X_J^T (and the same of `alike`) ─▶ exponentials E ─▶ sum
 *                                                            └▶ E X_J, which is the derivative but for a factor
 *
 * The loss is one number, so its derivative is made with it: backward only scales what forward kept, and no matrix of
 * all pairs is ever there. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "common/elementary.h"
#include "common/vector.h"
#include "worker/math/gemm.h"
#include "worker/math/kernels.h"
#include "worker/tape/node.h"

enum { ROWS = 128, COLS = 512 }; /* two tiles fit the second-level cache */

typedef struct matrix {
  const float *x;
  size_t cols;
  float *along; /* [n, cols]: row a is sum_b E_ab x_b; NULL: nobody needs it */
} matrix_t;

typedef struct pairs {
  size_t n;
  matrix_t rows, alike; /* alike.x NULL: y is 1 */
  float low, high;      /* of y */
  float *tiles;         /* two per lane */
  double *sum;          /* per piece of rows */
} pairs_t;

/* tile [rows, COLS] = X_I X_J^T */
static void dots(const matrix_t *m, size_t row, size_t rows, size_t col, size_t cols, float *tile) {
  plt_gemm(&(plt_gemm_t){.n = rows,
                         .k = m->cols,
                         .m = cols,
                         .a = m->x + row * m->cols,
                         .a_stride = m->cols,
                         .b = m->x + col * m->cols,
                         .b_stride = m->cols,
                         .b_transposed = true,
                         .out = tile,
                         .out_stride = COLS});
}

/* along_I += tile X_J */
static void gather_along(const matrix_t *m, size_t row, size_t rows, size_t col, size_t cols, const float *tile) {
  if (m->along == NULL) return;
  plt_gemm(&(plt_gemm_t){.n = rows,
                         .k = cols,
                         .m = m->cols,
                         .a = tile,
                         .a_stride = COLS,
                         .b = m->x + col * m->cols,
                         .b_stride = m->cols,
                         .add = col > 0,
                         .out = m->along + row * m->cols,
                         .out_stride = m->cols});
}

/* A row of dots becomes one of exponentials. */
PLT_VECTOR_CLONES static void exponentials(size_t n, float *dots) {
  for (size_t j = 0; j < n; j++) dots[j] = plt_exp(4 * (dots[j] - 1));
}

/* The same with y from `alike`, which becomes the exponentials where y has a derivative, 0 elsewhere. */
PLT_VECTOR_CLONES static void calibrated(size_t n, float low, float high, float *restrict dots, float *restrict alike) {
  for (size_t j = 0; j < n; j++) {
    float y = alike[j], kept = y < low ? low : y > high ? high : y, e = plt_exp(4 * (dots[j] - kept));
    dots[j] = e;
    alike[j] = y < low || y > high ? 0.0f : e;
  }
}

static void piece_of_rows(void *context, size_t piece, size_t lane) {
  const pairs_t *job = context;
  size_t row = piece * ROWS, rows = plt_min_size(ROWS, job->n - row);
  const size_t floats = (size_t)ROWS * COLS;
  float *tile = job->tiles + lane * 2 * floats, *alike = tile + floats;
  double sum = 0;
  for (size_t col = 0; col < job->n; col += COLS) {
    size_t cols = plt_min_size(COLS, job->n - col);
    dots(&job->rows, row, rows, col, cols, tile);
    if (job->alike.x != NULL) dots(&job->alike, row, rows, col, cols, alike);
    for (size_t a = 0; a < rows; a++) {
      float *e = tile + a * COLS, *y = alike + a * COLS;
      if (job->alike.x != NULL)
        calibrated(cols, job->low, job->high, e, y);
      else
        exponentials(cols, e);
      if (row + a >= col && row + a < col + cols) e[row + a - col] = y[row + a - col] = 0; /* with itself: no pair */
      sum += plt_kernel_total(e, cols);
    }
    gather_along(&job->rows, row, rows, col, cols, tile);
    if (job->alike.x != NULL) gather_along(&job->alike, row, rows, col, cols, alike);
  }
  job->sum[piece] = sum;
}

static matrix_t matrix_of(const plt_node_t *x, float *along) {
  return (matrix_t){.x = x->value, .cols = x->cols, .along = x->needed ? along : NULL};
}

/* saved: `along` of each operand, and the factor that makes it the derivative. */
static void forward(plt_tape_t *t, plt_node_t *node) {
  const plt_node_t *x = plt_tape_node(t, node->operands[0]);
  const plt_node_t *alike = node->n_operands > 1 ? plt_tape_node(t, node->operands[1]) : NULL;
  size_t n = x->rows, pieces = (n + ROWS - 1) / ROWS, size = plt_node_size(x) + (alike ? plt_node_size(alike) : 0);
  node->saved = plt_tape_scratch(t, size + 1, 1);
  pairs_t job = {.n = n, .rows = matrix_of(x, node->saved), .low = node->p, .high = node->q};
  if (alike != NULL) job.alike = matrix_of(alike, node->saved + plt_node_size(x));
  job.tiles = plt_tape_scratch(t, 2 * plt_crew_size(t->crew) * ROWS, COLS);
  job.sum = plt_arena_alloc(t->arena, pieces * sizeof *job.sum);
  plt_crew_run(t->crew, pieces, piece_of_rows, &job);
  double sum = 0;
  for (size_t piece = 0; piece < pieces; piece++) sum += job.sum[piece]; /* every pair twice */
  node->value[0] = (float)log(sum / ((double)n * (double)(n - 1)));
  node->saved[size] = (float)(8 / sum);
}

static void backward(plt_tape_t *t, const plt_node_t *node) {
  size_t n = node->n_operands, size[2] = {plt_node_size(plt_tape_node(t, node->operands[0]))};
  if (n > 1) size[1] = plt_node_size(plt_tape_node(t, node->operands[1]));
  float *dx = plt_tape_gradient(t, node->operands[0]), *dy = n > 1 ? plt_tape_gradient(t, node->operands[1]) : NULL;
  float factor = node->gradient[0] * node->saved[size[0] + size[1]];
  if (dx) plt_kernel_add_scaled(t->crew, size[0], factor, node->saved, dx);
  if (dy) plt_kernel_add_scaled(t->crew, size[1], -factor, node->saved + size[0], dy);
}

static const plt_tape_op_t op = {.name = "uniformity", .forward = forward, .backward = backward};

plt_var_t plt_op_uniformity(plt_tape_t *t, plt_var_t x) {
  assert(plt_tape_rows(t, x) > 1);
  return plt_tape_record(t, &op, 1, 1, &x, 1, NULL);
}

plt_var_t plt_op_calibrated_uniformity(plt_tape_t *t, plt_var_t x, plt_var_t alike, float low, float high) {
  assert(plt_tape_rows(t, x) > 1 && plt_tape_rows(t, alike) == plt_tape_rows(t, x));
  return plt_tape_record(t, &op, 1, 1, (plt_var_t[]){x, alike}, 2, &(plt_node_t){.p = low, .q = high});
}
