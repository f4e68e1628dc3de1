/* matrix.c - operations on whole matrices: products, and cutting and joining columns. */
#include <assert.h>
#include <string.h>

#include "worker/math/kernels.h"
#include "worker/math/narrow.h"
#include "worker/tape/node.h"

/* ---- products ---- */

static void matmul_forward(plt_tape_t *t, plt_node_t *node) {
  plt_node_t *a = plt_tape_node(t, node->operands[0]);
  const plt_node_t *b = plt_tape_node(t, node->operands[1]);
  if (a->lazy != NULL && a->lazy->narrow) {
    bool made = plt_tape_narrow_room(t, a);
    plt_narrow_matmul(t->crew, a->lazy, made, b->cols, b->value, a->narrow, node->value);
    return;
  }
  if (a->value == NULL && !plt_tape_lazy_room(t, a)) {
    plt_lazy_matmul(t->crew, a->lazy, b->cols, b->value, a->value, node->value);
    return;
  }
  plt_kernel_matmul(t->crew, a->rows, a->cols, b->cols, a->value, b->value, false, node->value);
}

static void matmul_backward(plt_tape_t *t, const plt_node_t *node) {
  const plt_node_t *a = plt_tape_node(t, node->operands[0]), *b = plt_tape_node(t, node->operands[1]);
  bool add;
  float *da = plt_tape_gradient_or_new(t, node->operands[0], &add);
  if (da) plt_kernel_matmul_bt(t->crew, a->rows, b->cols, a->cols, node->gradient, b->value, add, da);
  float *db = plt_tape_gradient_or_new(t, node->operands[1], &add);
  if (db && a->narrow)
    plt_narrow_matmul_at(t->crew, a->rows, a->cols, b->cols, a->narrow, node->gradient, add, db);
  else if (db)
    plt_kernel_matmul_at(t->crew, b->rows, a->rows, b->cols, a->value, node->gradient, add, db);
}

static void matmul_bt_forward(plt_tape_t *t, plt_node_t *node) {
  const plt_node_t *a = plt_tape_node(t, node->operands[0]), *b = plt_tape_node(t, node->operands[1]);
  plt_kernel_matmul_bt(t->crew, a->rows, a->cols, b->rows, a->value, b->value, false, node->value);
}

static void matmul_bt_backward(plt_tape_t *t, const plt_node_t *node) {
  const plt_node_t *a = plt_tape_node(t, node->operands[0]), *b = plt_tape_node(t, node->operands[1]);
  bool add;
  float *da = plt_tape_gradient_or_new(t, node->operands[0], &add);
  if (da) plt_kernel_matmul(t->crew, a->rows, b->rows, a->cols, node->gradient, b->value, add, da);
  float *db = plt_tape_gradient_or_new(t, node->operands[1], &add);
  if (db) plt_kernel_matmul_at(t->crew, b->rows, a->rows, b->cols, node->gradient, a->value, add, db);
}

static void matmul_at_forward(plt_tape_t *t, plt_node_t *node) {
  const plt_node_t *a = plt_tape_node(t, node->operands[0]), *b = plt_tape_node(t, node->operands[1]);
  plt_kernel_matmul_at(t->crew, a->cols, a->rows, b->cols, a->value, b->value, false, node->value);
}

static void matmul_at_backward(plt_tape_t *t, const plt_node_t *node) {
  const plt_node_t *a = plt_tape_node(t, node->operands[0]), *b = plt_tape_node(t, node->operands[1]);
  bool add;
  float *da = plt_tape_gradient_or_new(t, node->operands[0], &add);
  if (da) plt_kernel_matmul_bt(t->crew, a->rows, b->cols, a->cols, b->value, node->gradient, add, da);
  float *db = plt_tape_gradient_or_new(t, node->operands[1], &add);
  if (db) plt_kernel_matmul(t->crew, b->rows, a->cols, b->cols, a->value, node->gradient, add, db);
}

/* ---- columns: a window [first, first + width) of a wide matrix, copied out of it or added back into it ---- */

typedef struct window_job {
  const float *from;
  float *to;
  size_t from_stride, to_stride, width;
} window_job_t;

static void copy_window(void *context, size_t first, size_t last) {
  const window_job_t *job = context;
  for (size_t i = first; i < last; i++) {
    memcpy(job->to + i * job->to_stride, job->from + i * job->from_stride, job->width * sizeof *job->to);
  }
}

static void add_window(void *context, size_t first, size_t last) {
  const window_job_t *job = context;
  for (size_t i = first; i < last; i++) {
    const float *restrict from = job->from + i * job->from_stride;
    float *restrict to = job->to + i * job->to_stride;
    for (size_t j = 0; j < job->width; j++) to[j] += from[j];
  }
}

static void concat_forward(plt_tape_t *t, plt_node_t *node) {
  size_t first = 0;
  for (size_t k = 0; k < node->n_operands; k++) {
    const plt_node_t *part = plt_tape_node(t, node->operands[k]);
    window_job_t job = {part->value, node->value + first, part->cols, node->cols, part->cols};
    plt_kernel_ranges(t->crew, node->rows, part->cols, copy_window, &job);
    first += part->cols;
  }
}

static void concat_backward(plt_tape_t *t, const plt_node_t *node) {
  size_t first = 0;
  for (size_t k = 0; k < node->n_operands; k++) {
    bool add;
    size_t cols = plt_tape_cols(t, node->operands[k]);
    float *dx = plt_tape_gradient_or_new(t, node->operands[k], &add);
    window_job_t job = {node->gradient + first, dx, node->cols, cols, cols};
    if (dx) plt_kernel_ranges(t->crew, node->rows, cols, add ? add_window : copy_window, &job);
    first += cols;
  }
}

static void columns_forward(plt_tape_t *t, plt_node_t *node) {
  const plt_node_t *x = plt_tape_node(t, node->operands[0]);
  window_job_t job = {x->value + node->first, node->value, x->cols, node->cols, node->cols};
  plt_kernel_ranges(t->crew, node->rows, node->cols, copy_window, &job);
}

static void columns_backward(plt_tape_t *t, const plt_node_t *node) {
  float *dx = plt_tape_gradient(t, node->operands[0]);
  if (dx == NULL) return;
  window_job_t job = {node->gradient, dx + node->first, node->cols, plt_tape_cols(t, node->operands[0]), node->cols};
  plt_kernel_ranges(t->crew, node->rows, node->cols, add_window, &job);
}

/* ---- the table and the constructors ---- */

enum { MATMUL, MATMUL_BT, MATMUL_AT, CONCAT, COLUMNS };

static const plt_tape_op_t ops[] = {
    [MATMUL] = {.name = "matmul", .forward = matmul_forward, .backward = matmul_backward, .takes_lazy = true},
    [MATMUL_BT] = {.name = "matmul_bt", .forward = matmul_bt_forward, .backward = matmul_bt_backward},
    [MATMUL_AT] = {.name = "matmul_at", .forward = matmul_at_forward, .backward = matmul_at_backward},
    [CONCAT] = {.name = "concat", .forward = concat_forward, .backward = concat_backward},
    [COLUMNS] = {.name = "columns", .forward = columns_forward, .backward = columns_backward},
};

plt_var_t plt_op_matmul(plt_tape_t *t, plt_var_t a, plt_var_t b) {
  assert(plt_tape_cols(t, a) == plt_tape_rows(t, b));
  return plt_tape_record(t, &ops[MATMUL], plt_tape_rows(t, a), plt_tape_cols(t, b), (plt_var_t[]){a, b}, 2, NULL);
}

plt_var_t plt_op_matmul_bt(plt_tape_t *t, plt_var_t a, plt_var_t b) {
  assert(plt_tape_cols(t, a) == plt_tape_cols(t, b));
  return plt_tape_record(t, &ops[MATMUL_BT], plt_tape_rows(t, a), plt_tape_rows(t, b), (plt_var_t[]){a, b}, 2, NULL);
}

plt_var_t plt_op_matmul_at(plt_tape_t *t, plt_var_t a, plt_var_t b) {
  assert(plt_tape_rows(t, a) == plt_tape_rows(t, b));
  return plt_tape_record(t, &ops[MATMUL_AT], plt_tape_cols(t, a), plt_tape_cols(t, b), (plt_var_t[]){a, b}, 2, NULL);
}

plt_var_t plt_op_concat(plt_tape_t *t, const plt_var_t *parts, size_t n) {
  assert(n > 0);
  size_t rows = plt_tape_rows(t, parts[0]), cols = 0;
  for (size_t k = 0; k < n; k++) {
    assert(plt_tape_rows(t, parts[k]) == rows);
    cols += plt_tape_cols(t, parts[k]);
  }
  return plt_tape_record(t, &ops[CONCAT], rows, cols, parts, n, NULL);
}

plt_var_t plt_op_columns(plt_tape_t *t, plt_var_t x, size_t first, size_t n) {
  assert(first + n <= plt_tape_cols(t, x));
  return plt_tape_record(t, &ops[COLUMNS], plt_tape_rows(t, x), n, &x, 1, &(plt_node_t){.first = first});
}
