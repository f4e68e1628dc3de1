/* attend.c - edges whose weights are variables: the softmax over each row's edges, and the product of such a matrix. */
#include <assert.h>
#include <math.h>

#include "common/elementary.h"
#include "common/vector.h"
#include "worker/math/kernels.h"
#include "worker/tape/node.h"

static size_t edges_per_row(const plt_csr_t *m) {
  return m->rows == 0 ? 1 : (size_t)(m->offset[m->rows] / m->rows) + 1;
}

/* ---- softmax over each row's edges: [edges, 1] -> [edges, 1] ---- */

typedef struct softmax_job {
  const plt_csr_t *matrix;
  const float *x, *y, *dy;
  float *out;
} softmax_job_t;

PLT_VECTOR_CLONES static void softmax_range(void *context, size_t first, size_t last) {
  const softmax_job_t *job = context;
  const float *restrict x = job->x;
  float *restrict out = job->out;
  for (size_t r = first; r < last; r++) {
    uint64_t from = job->matrix->offset[r], to = job->matrix->offset[r + 1];
    float largest = plt_kernel_largest(x + from, to - from);
    for (uint64_t e = from; e < to; e++) out[e] = plt_exp(x[e] - largest);
    double sum = plt_kernel_total(out + from, to - from);
    for (uint64_t e = from; e < to; e++) out[e] = (float)(out[e] / sum);
  }
}

/* dx = y (dy - <y, dy>), by row */
static void softmax_slopes(void *context, size_t first, size_t last) {
  const softmax_job_t *job = context;
  for (size_t r = first; r < last; r++) {
    uint64_t from = job->matrix->offset[r], to = job->matrix->offset[r + 1];
    double dot = 0;
    for (uint64_t e = from; e < to; e++) dot += (double)job->y[e] * (double)job->dy[e];
    for (uint64_t e = from; e < to; e++) job->out[e] += job->y[e] * (job->dy[e] - (float)dot);
  }
}

static void softmax_forward(plt_tape_t *t, plt_node_t *node) {
  const plt_csr_t *m = &node->sparse->matrix;
  softmax_job_t job = {.matrix = m, .x = plt_tape_value(t, node->operands[0]), .out = node->value};
  plt_kernel_ranges(t->crew, m->rows, 20 * edges_per_row(m), softmax_range, &job);
}

static void softmax_backward(plt_tape_t *t, const plt_node_t *node) {
  const plt_csr_t *m = &node->sparse->matrix;
  softmax_job_t job = {
      .matrix = m, .y = node->value, .dy = node->gradient, .out = plt_tape_gradient(t, node->operands[0])};
  if (job.out != NULL) plt_kernel_ranges(t->crew, m->rows, 4 * edges_per_row(m), softmax_slopes, &job);
}

/* ---- y_r = sum over r's edges of w_e x[column of e] ---- */

typedef struct attend_job {
  const plt_csr_t *matrix;
  const float *w, *x, *dy;
  float *y, *dw, *dx;
  size_t cols;
} attend_job_t;

static attend_job_t job_of(const plt_tape_t *t, const plt_node_t *node) {
  return (attend_job_t){.matrix = &node->sparse->matrix,
                        .w = plt_tape_value(t, node->operands[0]),
                        .x = plt_tape_value(t, node->operands[1]),
                        .dy = node->gradient,
                        .y = node->value,
                        .cols = node->cols};
}

static void attend_forward(plt_tape_t *t, plt_node_t *node) {
  attend_job_t job = job_of(t, node);
  plt_csr_t weighted = *job.matrix;
  weighted.weight = job.w;
  plt_csr_multiply(t->crew, &weighted, job.x, job.cols, false, job.y);
}

static void weight_slopes(void *context, size_t first, size_t last) {
  const attend_job_t *job = context;
  for (size_t r = first; r < last; r++)
    for (uint64_t e = job->matrix->offset[r]; e < job->matrix->offset[r + 1]; e++)
      job->dw[e] +=
          (float)plt_kernel_dot(job->dy + r * job->cols, job->x + job->matrix->index[e] * job->cols, job->cols);
}

PLT_VECTOR_CLONES static void row_slopes(void *context, size_t block, size_t lane) {
  (void)lane;
  const attend_job_t *job = context;
  size_t col = block * PLT_BLOCK_COLS, width = plt_block_width(job->cols, col);
  for (size_t r = 0; r < job->matrix->rows; r++) {
    const float *dy = job->dy + r * job->cols + col;
    for (uint64_t e = job->matrix->offset[r]; e < job->matrix->offset[r + 1]; e++)
      plt_block_add(job->w[e], dy, width, job->dx + job->matrix->index[e] * job->cols + col);
  }
}

static void attend_backward(plt_tape_t *t, const plt_node_t *node) {
  attend_job_t job = job_of(t, node);
  job.dw = plt_tape_gradient(t, node->operands[0]);
  job.dx = plt_tape_gradient(t, node->operands[1]);
  if (job.dw != NULL)
    plt_kernel_ranges(t->crew, job.matrix->rows, 2 * job.cols * edges_per_row(job.matrix), weight_slopes, &job);
  if (job.dx != NULL) plt_crew_run(t->crew, plt_block_count(job.cols), row_slopes, &job);
}

/* ---- the table and the constructors ---- */

enum { SOFTMAX, ATTEND };

static const plt_tape_op_t ops[] = {
    [SOFTMAX] = {.name = "edge softmax", .forward = softmax_forward, .backward = softmax_backward},
    [ATTEND] = {.name = "attend", .forward = attend_forward, .backward = attend_backward}};

plt_var_t plt_op_edge_softmax(plt_tape_t *t, const plt_sparse_t *s, plt_var_t x) {
  assert(plt_tape_rows(t, x) == s->matrix.offset[s->matrix.rows] && plt_tape_cols(t, x) == 1);
  return plt_tape_record(t, &ops[SOFTMAX], plt_tape_rows(t, x), 1, &x, 1, &(plt_node_t){.sparse = s});
}

plt_var_t plt_op_attend(plt_tape_t *t, const plt_sparse_t *s, plt_var_t weight, plt_var_t x) {
  assert(plt_tape_rows(t, weight) == s->matrix.offset[s->matrix.rows] && s->matrix.cols == plt_tape_rows(t, x));
  return plt_tape_record(t, &ops[ATTEND], s->matrix.rows, plt_tape_cols(t, x), (plt_var_t[]){weight, x}, 2,
                         &(plt_node_t){.sparse = s});
}
