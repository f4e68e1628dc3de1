/* gather.c - rows by position: copies of them, and products of pairs of them without the copies. */
#include <assert.h>

#include "common/vector.h"
#include "worker/math/kernels.h"
#include "worker/tape/node.h"

/* ---- gather ---- */

static void gather_forward(plt_tape_t *t, plt_node_t *node) {
  const plt_node_t *x = plt_tape_node(t, node->operands[0]);
  plt_kernel_gather(t->crew, x->value, node->cols, node->index, node->rows, node->value);
}

static void gather_backward(plt_tape_t *t, const plt_node_t *node) {
  float *dx = plt_tape_gradient(t, node->operands[0]);
  if (dx) plt_kernel_scatter_add(t->crew, node->gradient, node->cols, node->index, node->rows, dx);
}

/* ---- gather_dot: y[k] = <a[index[k]], b[other[k]]> ---- */

typedef struct dot_job {
  const float *a, *b, *dy;
  const uint32_t *index, *other;
  float *y, *da, *db; /* da, db: NULL where nobody needs them */
  size_t n, cols;
} dot_job_t;

static dot_job_t job_of(const plt_tape_t *t, const plt_node_t *node) {
  const plt_node_t *a = plt_tape_node(t, node->operands[0]), *b = plt_tape_node(t, node->operands[1]);
  return (dot_job_t){.a = a->value,
                     .b = b->value,
                     .dy = node->gradient,
                     .index = node->index,
                     .other = node->other,
                     .y = node->value,
                     .n = node->rows,
                     .cols = a->cols};
}

static void dot_range(void *context, size_t first, size_t last) {
  const dot_job_t *job = context;
  for (size_t k = first; k < last; k++)
    job->y[k] =
        (float)plt_kernel_dot(job->a + job->index[k] * job->cols, job->b + job->other[k] * job->cols, job->cols);
}

PLT_VECTOR_CLONES static void dot_slopes(void *context, size_t block, size_t lane) {
  (void)lane;
  const dot_job_t *job = context;
  size_t col = block * PLT_BLOCK_COLS, width = plt_block_width(job->cols, col);
  for (size_t k = 0; k < job->n; k++) {
    size_t a = job->index[k] * job->cols + col, b = job->other[k] * job->cols + col;
    if (job->da) plt_block_add(job->dy[k], job->b + b, width, job->da + a);
    if (job->db) plt_block_add(job->dy[k], job->a + a, width, job->db + b);
  }
}

static void gather_dot_forward(plt_tape_t *t, plt_node_t *node) {
  dot_job_t job = job_of(t, node);
  plt_kernel_ranges(t->crew, job.n, 2 * job.cols, dot_range, &job);
}

static void gather_dot_backward(plt_tape_t *t, const plt_node_t *node) {
  dot_job_t job = job_of(t, node);
  job.da = plt_tape_gradient(t, node->operands[0]);
  job.db = plt_tape_gradient(t, node->operands[1]);
  plt_crew_run(t->crew, plt_block_count(job.cols), dot_slopes, &job);
}

/* ---- the table and the constructors ---- */

enum { GATHER, GATHER_DOT };

static const plt_tape_op_t ops[] = {
    [GATHER] = {.name = "gather", .forward = gather_forward, .backward = gather_backward},
    [GATHER_DOT] = {.name = "gather_dot", .forward = gather_dot_forward, .backward = gather_dot_backward}};

static void check_index(const plt_tape_t *t, plt_var_t x, const uint32_t *index, size_t n) {
  for (size_t k = 0; k < n; k++) assert(index[k] < plt_tape_rows(t, x));
  (void)t, (void)x, (void)index;
}

plt_var_t plt_op_gather(plt_tape_t *t, plt_var_t x, const uint32_t *index, size_t n) {
  check_index(t, x, index, n);
  return plt_tape_record(t, &ops[GATHER], n, plt_tape_cols(t, x), &x, 1, &(plt_node_t){.index = index});
}

plt_var_t plt_op_gather_dot(plt_tape_t *t, plt_var_t a, const uint32_t *index, plt_var_t b, const uint32_t *other,
                            size_t n) {
  assert(plt_tape_cols(t, a) == plt_tape_cols(t, b) && a.index != b.index);
  check_index(t, a, index, n);
  check_index(t, b, other, n);
  return plt_tape_record(t, &ops[GATHER_DOT], n, 1, (plt_var_t[]){a, b}, 2,
                         &(plt_node_t){.index = index, .other = other});
}
