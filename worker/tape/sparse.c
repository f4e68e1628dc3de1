/* sparse.c - the product of a constant sparse matrix with a variable: one layer of a graph. */
#include <assert.h>

#include "worker/tape/node.h"

static void propagate_forward(plt_tape_t *t, plt_node_t *node) {
  plt_csr_multiply(t->crew, &node->sparse->matrix, plt_tape_value(t, node->operands[0]), node->cols, false,
                   node->value);
}

static void propagate_backward(plt_tape_t *t, const plt_node_t *node) {
  bool add;
  float *dx = plt_tape_gradient_or_new(t, node->operands[0], &add);
  if (dx) plt_csr_multiply(t->crew, &node->sparse->transpose, node->gradient, node->cols, add, dx);
}

static const plt_tape_op_t op = {.name = "propagate", .forward = propagate_forward, .backward = propagate_backward};

plt_var_t plt_op_propagate(plt_tape_t *t, const plt_sparse_t *s, plt_var_t x) {
  assert(s->matrix.cols == plt_tape_rows(t, x));
  return plt_tape_record(t, &op, s->matrix.rows, plt_tape_cols(t, x), &x, 1, &(plt_node_t){.sparse = s});
}
