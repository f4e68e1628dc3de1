/* slerp.c - spherical interpolation of rows, and the mix of several of them: see tape.h. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "worker/math/kernels.h"
#include "worker/tape/node.h"

/* y = A a + B b with A = sin(l t) / sin t, B = sin((1 - l) t) / sin t, t = acos(clamp(<a, b>)); l = share. */
typedef struct slerp_job {
  const float *a, *b, *share;
  float *da, *db;
  const plt_node_t *node;
} slerp_job_t;

static const double edge = 1 - 1e-6; /* of the cosine */

typedef struct factors {
  double a, b;   /* A, B */
  double da, db; /* by the cosine; 0 where that is clamped */
} factors_t;

static factors_t factors_of(const slerp_job_t *job, size_t row) {
  size_t cols = job->node->cols;
  double cosine = plt_kernel_dot(job->a + row * cols, job->b + row * cols, cols);
  double kept = fmin(fmax(cosine, -edge), edge), angle = acos(kept), sine = sin(angle);
  double l = job->share[row], r = 1 - l;
  factors_t f = {.a = sin(l * angle) / sine, .b = sin(r * angle) / sine};
  if (kept == cosine) { /* d angle / d cosine = -1 / sine */
    f.da = -(l * cos(l * angle) - f.a * kept) / (sine * sine);
    f.db = -(r * cos(r * angle) - f.b * kept) / (sine * sine);
  }
  return f;
}

static void slerp_values(void *context, size_t first, size_t last) {
  const slerp_job_t *job = context;
  size_t cols = job->node->cols;
  for (size_t i = first; i < last; i++) {
    const float *restrict a = job->a + i * cols, *restrict b = job->b + i * cols;
    float *restrict y = job->node->value + i * cols;
    factors_t f = factors_of(job, i);
    for (size_t j = 0; j < cols; j++) y[j] = (float)(f.a * (double)a[j] + f.b * (double)b[j]);
  }
}

static void slerp_slopes(void *context, size_t first, size_t last) {
  const slerp_job_t *job = context;
  size_t cols = job->node->cols;
  for (size_t i = first; i < last; i++) {
    const float *a = job->a + i * cols, *b = job->b + i * cols, *dy = job->node->gradient + i * cols;
    factors_t f = factors_of(job, i);
    double along = f.da * plt_kernel_dot(a, dy, cols) + f.db * plt_kernel_dot(b, dy, cols); /* d / d cosine */
    for (size_t j = 0; job->da != NULL && j < cols; j++)
      job->da[i * cols + j] += (float)(f.a * (double)dy[j] + along * (double)b[j]);
    for (size_t j = 0; job->db != NULL && j < cols; j++)
      job->db[i * cols + j] += (float)(f.b * (double)dy[j] + along * (double)a[j]);
  }
}

static slerp_job_t job_of(const plt_tape_t *t, const plt_node_t *node) {
  return (slerp_job_t){.a = plt_tape_value(t, node->operands[0]),
                       .b = plt_tape_value(t, node->operands[1]),
                       .share = plt_tape_value(t, node->operands[2]),
                       .node = node};
}

static void slerp_forward(plt_tape_t *t, plt_node_t *node) {
  slerp_job_t job = job_of(t, node);
  plt_kernel_ranges(t->crew, node->rows, 4 * node->cols + 128, slerp_values, &job);
}

static void slerp_backward(plt_tape_t *t, const plt_node_t *node) {
  slerp_job_t job = job_of(t, node);
  job.da = plt_tape_gradient(t, node->operands[0]);
  job.db = plt_tape_gradient(t, node->operands[1]);
  if (job.da || job.db) plt_kernel_ranges(t->crew, node->rows, 8 * node->cols + 256, slerp_slopes, &job);
}

static const plt_tape_op_t op = {.name = "slerp", .forward = slerp_forward, .backward = slerp_backward};

plt_var_t plt_op_slerp(plt_tape_t *t, plt_var_t a, plt_var_t b, plt_var_t share) {
  size_t rows = plt_tape_rows(t, a), cols = plt_tape_cols(t, a);
  assert(plt_tape_rows(t, b) == rows && plt_tape_cols(t, b) == cols);
  assert(plt_tape_rows(t, share) == rows && plt_tape_cols(t, share) == 1 && !plt_tape_node(t, share)->needed);
  return plt_tape_record(t, &op, rows, cols, (plt_var_t[]){a, b, share}, 3, NULL);
}

plt_var_t plt_op_bezier(plt_tape_t *t, const plt_var_t *points, size_t n, plt_var_t share) {
  plt_var_t *left = plt_arena_alloc(t->arena, n * sizeof *left);
  assert(n > 0);
  memcpy(left, points, n * sizeof *left);
  for (; n > 1; n--)
    for (size_t k = 0; k + 1 < n; k++) left[k] = plt_op_slerp(t, left[k], left[k + 1], share);
  return left[0];
}

plt_var_t plt_op_nested_slerp(plt_tape_t *t, const plt_var_t *points, size_t n, plt_var_t share) {
  plt_var_t mix = points[0];
  for (size_t k = 1; k < n; k++) mix = plt_op_slerp(t, points[k], mix, share);
  return mix;
}
