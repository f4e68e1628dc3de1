/* reduce.c - operations that sum: over all elements, over each row, and the losses made of them.
 * All sums have double accumulators. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "common/elementary.h"
#include "common/vector.h"
#include "worker/math/kernels.h"
#include "worker/tape/node.h"

/* ---- over all elements ---- */

typedef struct spread_job {
  float *dx;
  float value;
} spread_job_t;

PLT_VECTOR_CLONES static void spread_range(void *context, size_t first, size_t last) {
  const spread_job_t *job = context;
  float *restrict dx = job->dx;
  float value = job->value;
  for (size_t i = first; i < last; i++) dx[i] += value;
}

/* Adds dy * node->p to every element of the operand's gradient. */
static void spread(plt_tape_t *t, const plt_node_t *node) {
  spread_job_t job = {plt_tape_gradient(t, node->operands[0]), node->gradient[0] * node->p};
  if (job.dx) plt_kernel_ranges(t->crew, plt_node_size(plt_tape_node(t, node->operands[0])), 1, spread_range, &job);
}

/* sum and mean: p is 1 or 1 / n. */
static void sum_forward(plt_tape_t *t, plt_node_t *node) {
  const plt_node_t *x = plt_tape_node(t, node->operands[0]);
  node->value[0] = (float)(plt_kernel_sum(t->crew, x->value, plt_node_size(x)));
}

static void mean_forward(plt_tape_t *t, plt_node_t *node) {
  const plt_node_t *x = plt_tape_node(t, node->operands[0]);
  node->value[0] = (float)(plt_kernel_sum(t->crew, x->value, plt_node_size(x)) / (double)plt_node_size(x));
}

static void norm_forward(plt_tape_t *t, plt_node_t *node) {
  const plt_node_t *x = plt_tape_node(t, node->operands[0]);
  node->value[0] = (float)sqrt(plt_kernel_sum_squares(t->crew, x->value, plt_node_size(x)));
}

static void norm_backward(plt_tape_t *t, const plt_node_t *node) {
  const plt_node_t *x = plt_tape_node(t, node->operands[0]);
  float *dx = plt_tape_gradient(t, node->operands[0]);
  if (dx == NULL || node->value[0] == 0) return; /* derivative 0 at 0: docs/methods/models.md 1 */
  plt_kernel_add_scaled(t->crew, plt_node_size(x), node->gradient[0] / node->value[0], x->value, dx);
}

/* ---- over each row ---- */

static void row_dot_forward(plt_tape_t *t, plt_node_t *node) {
  const plt_node_t *a = plt_tape_node(t, node->operands[0]);
  const float *b = node->n_operands == 2 ? plt_tape_value(t, node->operands[1]) : NULL; /* row_sum: ones */
  memset(node->value, 0, node->rows * sizeof *node->value);
  plt_kernel_row_dots(t->crew, a->value, b, a->rows, a->cols, node->value);
}

static void row_dot_backward(plt_tape_t *t, const plt_node_t *node) {
  const plt_node_t *a = plt_tape_node(t, node->operands[0]), *b = plt_tape_node(t, node->operands[1]);
  float *da = plt_tape_gradient(t, node->operands[0]), *db = plt_tape_gradient(t, node->operands[1]);
  if (da) plt_kernel_add_scaled_rows(t->crew, b->value, node->gradient, a->rows, a->cols, da);
  if (db) plt_kernel_add_scaled_rows(t->crew, a->value, node->gradient, a->rows, a->cols, db);
}

/* Ranges of rows of one matrix: what the operations below need of a node and its operand. */
typedef struct rows_job {
  const plt_node_t *node;
  const float *x;
  float *dx;
  size_t cols;
} rows_job_t;

static void rows_forward(plt_tape_t *t, plt_node_t *node, size_t cost, plt_range_fn fn) {
  const plt_node_t *x = plt_tape_node(t, node->operands[0]);
  rows_job_t job = {.node = node, .x = x->value, .cols = x->cols};
  plt_kernel_ranges(t->crew, x->rows, cost * x->cols, fn, &job);
}

static void rows_backward(plt_tape_t *t, const plt_node_t *node, plt_range_fn fn) {
  const plt_node_t *x = plt_tape_node(t, node->operands[0]);
  rows_job_t job = {node, x->value, plt_tape_gradient(t, node->operands[0]), x->cols};
  if (job.dx) plt_kernel_ranges(t->crew, x->rows, x->cols, fn, &job);
}

PLT_VECTOR_CLONES static void row_sum_slopes(void *context, size_t first, size_t last) {
  const rows_job_t *job = context;
  for (size_t i = first; i < last; i++) {
    float *dx = job->dx + i * job->cols, dy = job->node->gradient[i];
    for (size_t j = 0; j < job->cols; j++) dx[j] += dy;
  }
}

static void row_sum_backward(plt_tape_t *t, const plt_node_t *node) { rows_backward(t, node, row_sum_slopes); }

PLT_VECTOR_CLONES static void normalise_values(void *context, size_t first, size_t last) {
  const rows_job_t *job = context;
  for (size_t i = first; i < last; i++) {
    const float *restrict x = job->x + i * job->cols;
    float *restrict y = job->node->value + i * job->cols;
    float norm = (float)sqrt(plt_kernel_dot(x, x, job->cols)), scale = 1.0f / fmaxf(norm, job->node->p);
    job->node->saved[i] = norm;
    for (size_t j = 0; j < job->cols; j++) y[j] = x[j] * scale;
  }
}

/* dx = (dy - y <y, dy>) / norm; where the floor p was taken instead, y is linear in x. */
PLT_VECTOR_CLONES static void normalise_slopes(void *context, size_t first, size_t last) {
  const rows_job_t *job = context;
  for (size_t i = first; i < last; i++) {
    const float *restrict y = job->node->value + i * job->cols, *restrict dy = job->node->gradient + i * job->cols;
    float *restrict dx = job->dx + i * job->cols;
    float norm = job->node->saved[i], scale = 1.0f / fmaxf(norm, job->node->p);
    float along = norm > job->node->p ? (float)plt_kernel_dot(y, dy, job->cols) : 0.0f;
    for (size_t j = 0; j < job->cols; j++) dx[j] += scale * (dy[j] - along * y[j]);
  }
}

static void normalise_forward(plt_tape_t *t, plt_node_t *node) {
  node->saved = plt_tape_scratch(t, node->rows, 1);
  rows_forward(t, node, 2, normalise_values);
}

static void normalise_backward(plt_tape_t *t, const plt_node_t *node) { rows_backward(t, node, normalise_slopes); }

PLT_VECTOR_CLONES static void softmax_values(void *context, size_t first, size_t last) {
  const rows_job_t *job = context;
  for (size_t i = first; i < last; i++) {
    const float *restrict x = job->x + i * job->cols;
    float *restrict y = job->node->value + i * job->cols;
    float high = plt_kernel_largest(x, job->cols);
    for (size_t j = 0; j < job->cols; j++) y[j] = plt_exp(x[j] - high);
    float scale = (float)(1 / plt_kernel_total(y, job->cols));
    for (size_t j = 0; j < job->cols; j++) y[j] *= scale;
  }
}

PLT_VECTOR_CLONES static void softmax_slopes(void *context, size_t first, size_t last) {
  const rows_job_t *job = context;
  for (size_t i = first; i < last; i++) {
    const float *restrict y = job->node->value + i * job->cols, *restrict dy = job->node->gradient + i * job->cols;
    float *restrict dx = job->dx + i * job->cols;
    float mean = (float)plt_kernel_dot(y, dy, job->cols);
    for (size_t j = 0; j < job->cols; j++) dx[j] += y[j] * (dy[j] - mean);
  }
}

static void softmax_forward(plt_tape_t *t, plt_node_t *node) { rows_forward(t, node, 8, softmax_values); }
static void softmax_backward(plt_tape_t *t, const plt_node_t *node) { rows_backward(t, node, softmax_slopes); }

/* ---- BPR ---- */

static const float bpr_floor = 1e-10f;
enum { BPR_BLOCK = 64 }; /* values between the loops below */

typedef struct bpr_job {
  const float *positive, *negative;
  float *d_positive, *d_negative;
  float slope; /* -dy / n */
} bpr_job_t;

/* -log(floor + s), s = sigmoid(x). Where s is near 1 the sum loses what s lacks: there log(1 + floor / s) is taken as
 * floor / s, and -log(s) is a softplus. */
static inline float bpr_loss(float x) {
  float s = plt_sigmoid(x), near_one = plt_softplus(-x) - bpr_floor / s, other = -plt_log(bpr_floor + s);
  return x > 0 ? near_one : other;
}

PLT_VECTOR_CLONES static double bpr_partial(void *context, size_t first, size_t last) {
  const bpr_job_t *job = context;
  float loss[BPR_BLOCK];
  double sum = 0;
  for (; first < last; first += BPR_BLOCK) {
    const float *restrict positive = job->positive + first, *restrict negative = job->negative + first;
    size_t n = plt_min_size(BPR_BLOCK, last - first);
    for (size_t i = 0; i < n; i++) loss[i] = bpr_loss(positive[i] - negative[i]);
    sum += plt_kernel_total(loss, n);
  }
  return sum;
}

PLT_VECTOR_CLONES static void bpr_slopes(void *context, size_t first, size_t last) {
  const bpr_job_t *job = context;
  float slope[BPR_BLOCK];
  for (; first < last; first += BPR_BLOCK) {
    const float *restrict positive = job->positive + first, *restrict negative = job->negative + first;
    size_t n = plt_min_size(BPR_BLOCK, last - first);
    for (size_t i = 0; i < n; i++) {
      float x = positive[i] - negative[i], s = plt_sigmoid(x);
      /* 1 - s as sigmoid(-x): no cancellation where the pair is ranked well */
      slope[i] = job->slope * s * plt_sigmoid(-x) / (bpr_floor + s);
    }
    for (size_t i = 0; job->d_positive && i < n; i++) job->d_positive[first + i] += slope[i];
    for (size_t i = 0; job->d_negative && i < n; i++) job->d_negative[first + i] -= slope[i];
  }
}

static void bpr_forward(plt_tape_t *t, plt_node_t *node) {
  const plt_node_t *p = plt_tape_node(t, node->operands[0]);
  bpr_job_t job = {.positive = p->value, .negative = plt_tape_value(t, node->operands[1])};
  node->value[0] = (float)(plt_kernel_reduce(t->crew, p->rows, 16, bpr_partial, &job) / (double)p->rows);
}

static void bpr_backward(plt_tape_t *t, const plt_node_t *node) {
  const plt_node_t *p = plt_tape_node(t, node->operands[0]);
  bpr_job_t job = {p->value, plt_tape_value(t, node->operands[1]), plt_tape_gradient(t, node->operands[0]),
                   plt_tape_gradient(t, node->operands[1]), -node->gradient[0] / (float)p->rows};
  plt_kernel_ranges(t->crew, p->rows, 16, bpr_slopes, &job);
}

/* ---- the table and the constructors ---- */

enum { SUM, MEAN, NORM, ROW_DOT, ROW_SUM, NORMALISE, SOFTMAX, BPR };

static const plt_tape_op_t ops[] = {
    [SUM] = {.name = "sum", .forward = sum_forward, .backward = spread},
    [MEAN] = {.name = "mean", .forward = mean_forward, .backward = spread},
    [NORM] = {.name = "norm", .forward = norm_forward, .backward = norm_backward},
    [ROW_DOT] = {.name = "row_dot", .forward = row_dot_forward, .backward = row_dot_backward},
    [ROW_SUM] = {.name = "row_sum", .forward = row_dot_forward, .backward = row_sum_backward},
    [NORMALISE] = {.name = "normalise", .forward = normalise_forward, .backward = normalise_backward},
    [SOFTMAX] = {.name = "softmax", .forward = softmax_forward, .backward = softmax_backward},
    [BPR] = {.name = "bpr", .forward = bpr_forward, .backward = bpr_backward},
};

plt_var_t plt_op_sum(plt_tape_t *t, plt_var_t x) {
  return plt_tape_record(t, &ops[SUM], 1, 1, &x, 1, &(plt_node_t){.p = 1});
}

plt_var_t plt_op_mean(plt_tape_t *t, plt_var_t x) {
  float share = 1.0f / (float)plt_node_size(plt_tape_node(t, x));
  return plt_tape_record(t, &ops[MEAN], 1, 1, &x, 1, &(plt_node_t){.p = share});
}

plt_var_t plt_op_norm(plt_tape_t *t, plt_var_t x) { return plt_tape_record(t, &ops[NORM], 1, 1, &x, 1, NULL); }

plt_var_t plt_op_row_dot(plt_tape_t *t, plt_var_t a, plt_var_t b) {
  assert(plt_tape_rows(t, a) == plt_tape_rows(t, b) && plt_tape_cols(t, a) == plt_tape_cols(t, b));
  return plt_tape_record(t, &ops[ROW_DOT], plt_tape_rows(t, a), 1, (plt_var_t[]){a, b}, 2, NULL);
}

plt_var_t plt_op_row_sum(plt_tape_t *t, plt_var_t x) {
  return plt_tape_record(t, &ops[ROW_SUM], plt_tape_rows(t, x), 1, &x, 1, NULL);
}

plt_var_t plt_op_normalise(plt_tape_t *t, plt_var_t x) {
  return plt_tape_record(t, &ops[NORMALISE], plt_tape_rows(t, x), plt_tape_cols(t, x), &x, 1,
                         &(plt_node_t){.p = 1e-12f});
}

plt_var_t plt_op_softmax(plt_tape_t *t, plt_var_t x) {
  return plt_tape_record(t, &ops[SOFTMAX], plt_tape_rows(t, x), plt_tape_cols(t, x), &x, 1, NULL);
}

plt_var_t plt_op_bpr(plt_tape_t *t, plt_var_t positive, plt_var_t negative) {
  assert(plt_tape_cols(t, positive) == 1 && plt_tape_cols(t, negative) == 1);
  assert(plt_tape_rows(t, positive) == plt_tape_rows(t, negative));
  return plt_tape_record(t, &ops[BPR], 1, 1, (plt_var_t[]){positive, negative}, 2, NULL);
}
