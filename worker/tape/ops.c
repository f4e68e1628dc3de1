/* ops.c - elementwise operations: maps of one operand, and sums, differences and products of two. */
#include <assert.h>
#include <math.h>

#include "common/elementary.h"
#include "common/vector.h"
#include "worker/math/kernels.h"
#include "worker/tape/node.h"

/* ---- maps y = f(x) ---- */

typedef struct map_job {
  const float *x;
  float *dx;
  bool add; /* to dx */
  const plt_node_t *node;
} map_job_t;

static void map_forward(plt_tape_t *t, plt_node_t *node, size_t cost, plt_range_fn values) {
  map_job_t job = {.x = plt_tape_value(t, node->operands[0]), .node = node};
  plt_kernel_ranges(t->crew, plt_node_size(node), cost, values, &job);
}

static void map_backward(plt_tape_t *t, const plt_node_t *node, size_t cost, plt_range_fn slopes) {
  map_job_t job = {.x = plt_tape_value(t, node->operands[0]), .node = node};
  job.dx = plt_tape_gradient_or_new(t, node->operands[0], &job.add);
  if (job.dx) plt_kernel_ranges(t->crew, plt_node_size(node), cost, slopes, &job);
}

/* Defines name_forward and name_backward. `value` is f in terms of x and the node's p and q; `slope` is its
 * derivative, which may also use y = f(x); both are single terms. `cost` in additions. */
#define MAP(name, cost, value_expression, slope_expression)                                                  \
  PLT_VECTOR_CLONES static void name##_values(void *context, size_t first, size_t last) {                    \
    const map_job_t *job = context;                                                                          \
    const float *restrict from = job->x;                                                                     \
    float *restrict to = job->node->value;                                                                   \
    const float p = job->node->p, q = job->node->q;                                                          \
    (void)p, (void)q;                                                                                        \
    for (size_t i = first; i < last; i++) {                                                                  \
      const float x = from[i];                                                                               \
      to[i] = value_expression;                                                                              \
    }                                                                                                        \
  }                                                                                                          \
  PLT_VECTOR_CLONES static void name##_slopes(void *context, size_t first, size_t last) {                    \
    const map_job_t *job = context;                                                                          \
    const float *restrict from = job->x, *restrict to = job->node->value;                                    \
    const float *restrict dy = job->node->gradient;                                                          \
    float *restrict dx = job->dx;                                                                            \
    const float p = job->node->p, q = job->node->q;                                                          \
    (void)p, (void)q;                                                                                        \
    for (size_t i = first; i < last && job->add; i++) {                                                      \
      const float x = from[i], y = to[i];                                                                    \
      (void)x, (void)y;                                                                                      \
      dx[i] += dy[i] * slope_expression;                                                                     \
    }                                                                                                        \
    for (size_t i = first; i < last && !job->add; i++) {                                                     \
      const float x = from[i], y = to[i];                                                                    \
      (void)x, (void)y;                                                                                      \
      dx[i] = dy[i] * slope_expression;                                                                      \
    }                                                                                                        \
  }                                                                                                          \
  static void name##_forward(plt_tape_t *t, plt_node_t *node) { map_forward(t, node, cost, name##_values); } \
  static void name##_backward(plt_tape_t *t, const plt_node_t *node) { map_backward(t, node, cost, name##_slopes); }

MAP(scale, 1, (p * x), p)
MAP(shift, 1, (x + p), 1.0f)
MAP(sigmoid, 4, plt_sigmoid(x), (y * (1.0f - y)))
MAP(tanh, 4, plt_tanh(x), (1.0f - y * y))
MAP(softplus, 8, plt_softplus(x), plt_sigmoid(x))
MAP(leaky_relu, 1, (x > 0.0f ? x : p * x), (x > 0.0f ? 1.0f : p))
MAP(exp, 4, plt_exp(x), y)
MAP(log, 4, plt_log(x), (1.0f / x))
/* Comparisons with NaN are false: NaN stays NaN, for the trainer to see. */
MAP(clamp, 1, (x < p ? p : (x > q ? q : x)), (x < p || x > q ? 0.0f : 1.0f))

/* ---- two operands ---- */

/* How the second operand meets the first. */
typedef enum { SAME, ROW, COLUMN } shape_t;

static shape_t shape_of(const plt_node_t *a, const plt_node_t *b) {
  if (b->rows == a->rows && b->cols == a->cols) return SAME;
  if (b->rows == 1 && b->cols == a->cols) return ROW;
  assert(b->rows == a->rows && b->cols == 1);
  return COLUMN;
}

typedef struct pair_job {
  const float *a, *b;
  float *out;
  size_t cols;
  shape_t shape;
} pair_job_t;

/* Defines a range of rows of out `assign` a `sign` b. */
#define PAIR(name, assign, sign)                                                                                  \
  PLT_VECTOR_CLONES static void name(void *context, size_t first, size_t last) {                                  \
    const pair_job_t *job = context;                                                                              \
    for (size_t i = first; i < last; i++) {                                                                       \
      const float *restrict a = job->a + i * job->cols;                                                           \
      const float *restrict b = job->shape == ROW ? job->b : job->b + i * (job->shape == COLUMN ? 1 : job->cols); \
      float *restrict out = job->out + i * job->cols;                                                             \
      if (job->shape == COLUMN) {                                                                                 \
        const float scalar = b[0];                                                                                \
        for (size_t j = 0; j < job->cols; j++) out[j] assign a[j] sign scalar;                                    \
      } else {                                                                                                    \
        for (size_t j = 0; j < job->cols; j++) out[j] assign a[j] sign b[j];                                      \
      }                                                                                                           \
    }                                                                                                             \
  }

PAIR(sum_rows, =, +)
PAIR(difference_rows, =, -)
PAIR(product_rows, =, *)
PAIR(add_product_rows, +=, *)

static void pair_forward(plt_tape_t *t, plt_node_t *node, plt_range_fn rows) {
  const plt_node_t *a = plt_tape_node(t, node->operands[0]), *b = plt_tape_node(t, node->operands[1]);
  pair_job_t job = {a->value, b->value, node->value, node->cols, shape_of(a, b)};
  plt_kernel_ranges(t->crew, node->rows, node->cols, rows, &job);
}

/* Adds dy, or dy * a when a is given, to the gradient of the second operand, summed over what it was spread to. */
static void add_to_second(plt_tape_t *t, const plt_node_t *node, const float *a, float *db) {
  const plt_node_t *b = plt_tape_node(t, node->operands[1]);
  const float *dy = node->gradient;
  pair_job_t job = {dy, a, db, node->cols, SAME};
  switch (shape_of(node, b)) {
    case SAME:
      if (a)
        plt_kernel_ranges(t->crew, node->rows, node->cols, add_product_rows, &job);
      else
        plt_kernel_add_scaled(t->crew, plt_node_size(node), 1.0f, dy, db);
      break;
    case ROW: plt_kernel_column_dots(t->crew, dy, a, node->rows, node->cols, db); break;
    case COLUMN: plt_kernel_row_dots(t->crew, dy, a, node->rows, node->cols, db); break;
  }
}

static void add_forward(plt_tape_t *t, plt_node_t *node) { pair_forward(t, node, sum_rows); }

static void add_backward(plt_tape_t *t, const plt_node_t *node) {
  float *db = plt_tape_gradient(t, node->operands[1]);
  if (db) add_to_second(t, node, NULL, db);
  plt_tape_pass_gradient(t, node, node->operands[0]);
}

static void sub_forward(plt_tape_t *t, plt_node_t *node) { pair_forward(t, node, difference_rows); }

static void sub_backward(plt_tape_t *t, const plt_node_t *node) {
  float *db = plt_tape_gradient(t, node->operands[1]);
  if (db) plt_kernel_add_scaled(t->crew, plt_node_size(node), -1.0f, node->gradient, db);
  plt_tape_pass_gradient(t, node, node->operands[0]);
}

static void mul_forward(plt_tape_t *t, plt_node_t *node) { pair_forward(t, node, product_rows); }

static void mul_backward(plt_tape_t *t, const plt_node_t *node) {
  const plt_node_t *a = plt_tape_node(t, node->operands[0]), *b = plt_tape_node(t, node->operands[1]);
  float *da = plt_tape_gradient(t, node->operands[0]), *db = plt_tape_gradient(t, node->operands[1]);
  pair_job_t job = {node->gradient, b->value, da, node->cols, shape_of(a, b)};
  if (da) plt_kernel_ranges(t->crew, node->rows, node->cols, add_product_rows, &job);
  if (db) add_to_second(t, node, a->value, db);
}

/* ---- the table and the constructors ---- */

enum { ADD, SUB, MUL, SCALE, SHIFT, SIGMOID, TANH, SOFTPLUS, LEAKY_RELU, EXP, LOG, CLAMP, STOP };

static const plt_tape_op_t ops[] = {
    [ADD] = {.name = "add", .forward = add_forward, .backward = add_backward},
    [SUB] = {.name = "sub", .forward = sub_forward, .backward = sub_backward},
    [MUL] = {.name = "mul", .forward = mul_forward, .backward = mul_backward},
    [SCALE] = {.name = "scale", .forward = scale_forward, .backward = scale_backward},
    [SHIFT] = {.name = "shift", .forward = shift_forward, .backward = shift_backward},
    [SIGMOID] = {.name = "sigmoid", .forward = sigmoid_forward, .backward = sigmoid_backward},
    [TANH] = {.name = "tanh", .forward = tanh_forward, .backward = tanh_backward},
    [SOFTPLUS] = {.name = "softplus", .forward = softplus_forward, .backward = softplus_backward},
    [LEAKY_RELU] = {.name = "leaky_relu", .forward = leaky_relu_forward, .backward = leaky_relu_backward},
    [EXP] = {.name = "exp", .forward = exp_forward, .backward = exp_backward},
    [LOG] = {.name = "log", .forward = log_forward, .backward = log_backward},
    [CLAMP] = {.name = "clamp", .forward = clamp_forward, .backward = clamp_backward},
    [STOP] = {.name = "stop"}, /* shares its operand's value */
};

static plt_var_t pair(plt_tape_t *t, int op, plt_var_t a, plt_var_t b) {
  (void)shape_of(plt_tape_node(t, a), plt_tape_node(t, b));
  return plt_tape_record(t, &ops[op], plt_tape_rows(t, a), plt_tape_cols(t, a), (plt_var_t[]){a, b}, 2, NULL);
}

static plt_var_t map(plt_tape_t *t, int op, plt_var_t x, float p, float q) {
  return plt_tape_record(t, &ops[op], plt_tape_rows(t, x), plt_tape_cols(t, x), &x, 1, &(plt_node_t){.p = p, .q = q});
}

plt_var_t plt_op_add(plt_tape_t *t, plt_var_t a, plt_var_t b) { return pair(t, ADD, a, b); }
plt_var_t plt_op_mul(plt_tape_t *t, plt_var_t a, plt_var_t b) { return pair(t, MUL, a, b); }

plt_var_t plt_op_sub(plt_tape_t *t, plt_var_t a, plt_var_t b) {
  assert(shape_of(plt_tape_node(t, a), plt_tape_node(t, b)) == SAME);
  return pair(t, SUB, a, b);
}

plt_var_t plt_op_scale(plt_tape_t *t, plt_var_t x, float factor) { return map(t, SCALE, x, factor, 0); }
plt_var_t plt_op_shift(plt_tape_t *t, plt_var_t x, float addend) { return map(t, SHIFT, x, addend, 0); }
plt_var_t plt_op_sigmoid(plt_tape_t *t, plt_var_t x) { return map(t, SIGMOID, x, 0, 0); }
plt_var_t plt_op_tanh(plt_tape_t *t, plt_var_t x) { return map(t, TANH, x, 0, 0); }
plt_var_t plt_op_softplus(plt_tape_t *t, plt_var_t x) { return map(t, SOFTPLUS, x, 0, 0); }
plt_var_t plt_op_leaky_relu(plt_tape_t *t, plt_var_t x, float slope) { return map(t, LEAKY_RELU, x, slope, 0); }
plt_var_t plt_op_exp(plt_tape_t *t, plt_var_t x) { return map(t, EXP, x, 0, 0); }
plt_var_t plt_op_log(plt_tape_t *t, plt_var_t x) { return map(t, LOG, x, 0, 0); }
plt_var_t plt_op_clamp(plt_tape_t *t, plt_var_t x, float low, float high) { return map(t, CLAMP, x, low, high); }
plt_var_t plt_op_stop(plt_tape_t *t, plt_var_t x) { return map(t, STOP, x, 0, 0); }
