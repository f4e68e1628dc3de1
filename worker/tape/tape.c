/* tape.c - see tape.h. The tape itself: nodes in order of recording, so an operand always stands before the
 * operations on it and one walk from the loss down to the first node is the whole backward pass. */
#include "worker/tape/tape.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "worker/math/gemm.h"
#include "worker/math/kernels.h"
#include "worker/math/narrow.h"
#include "worker/tape/node.h"

plt_tape_t *plt_tape_create(plt_crew_t *crew) {
  plt_gemm_init();
  plt_tape_t *tape = plt_mem_zalloc(1, sizeof *tape);
  tape->crew = crew;
  tape->arena = plt_arena_create();
  tape->copies = plt_lazy_cache_create();
  return tape;
}

plt_crew_t *plt_tape_crew(const plt_tape_t *tape) { return tape->crew; }

void plt_tape_destroy(plt_tape_t **tape) {
  if (*tape == NULL) return;
  free((*tape)->nodes);
  plt_arena_destroy(&(*tape)->arena);
  plt_lazy_cache_destroy(&(*tape)->copies);
  free(*tape);
  *tape = NULL;
}

void plt_tape_reset(plt_tape_t *tape) {
  plt_arena_reset(tape->arena);
  plt_lazy_cache_reset(tape->copies);
  tape->n_nodes = 0;
}

size_t plt_tape_allocations(const plt_tape_t *tape) {
  return plt_arena_allocations(tape->arena) + plt_lazy_cache_allocations(tape->copies) + tape->growths;
}

/* ---- nodes ---- */

plt_node_t *plt_tape_node(const plt_tape_t *tape, plt_var_t x) {
  assert(x.index < tape->n_nodes);
  return &tape->nodes[x.index];
}

static plt_node_t *append(plt_tape_t *tape, plt_node_t node) {
  if (tape->n_nodes == tape->capacity) tape->growths++;
  PLT_MEM_GROW(tape->nodes, tape->n_nodes, tape->capacity);
  tape->nodes[tape->n_nodes] = node;
  return &tape->nodes[tape->n_nodes++];
}

static plt_var_t newest(const plt_tape_t *tape) { return (plt_var_t){(uint32_t)(tape->n_nodes - 1)}; }

plt_var_t plt_tape_parameter(plt_tape_t *tape, size_t rows, size_t cols, const float *value, float *gradient) {
  append(tape, (plt_node_t){.rows = rows,
                            .cols = cols,
                            .value = (float *)value, /* nodes without an operation are never written */
                            .gradient = gradient,
                            .needed = gradient != NULL});
  return newest(tape);
}

plt_var_t plt_tape_constant(plt_tape_t *tape, size_t rows, size_t cols, const float *value) {
  return plt_tape_parameter(tape, rows, cols, value, NULL);
}

plt_var_t plt_tape_lazy(plt_tape_t *tape, const plt_lazy_t *x) {
  append(tape, (plt_node_t){.rows = x->rows, .cols = x->cols, .lazy = plt_tape_keep(tape, x, sizeof *x)});
  return newest(tape);
}

static void *lazy_room(const plt_tape_t *tape, const plt_lazy_t *x, size_t element_bytes, size_t elements, bool *made) {
  void *room = plt_lazy_cache_room(tape->copies, x, element_bytes, elements * element_bytes, made);
  return room != NULL ? room : plt_arena_alloc(tape->arena, elements * element_bytes);
}

bool plt_tape_lazy_room(const plt_tape_t *tape, plt_node_t *node) {
  bool made;
  node->value = lazy_room(tape, node->lazy, sizeof *node->value, plt_node_size(node), &made);
  return made;
}

bool plt_tape_narrow_room(const plt_tape_t *tape, plt_node_t *node) {
  bool made = true;
  if (node->narrow == NULL)
    node->narrow = lazy_room(tape, node->lazy, sizeof *node->narrow, plt_narrow_size(node->rows, node->cols), &made);
  return made;
}

/* A node's value, made now where it is lazy. */
static const float *value_of(const plt_tape_t *tape, plt_node_t *node) {
  if (node->value == NULL && node->lazy != NULL && !plt_tape_lazy_room(tape, node))
    plt_lazy_make(tape->crew, node->lazy, node->value);
  return node->value;
}

float *plt_tape_scratch(plt_tape_t *tape, size_t rows, size_t cols) {
  return plt_arena_alloc(tape->arena, rows * cols * sizeof(float));
}

void *plt_tape_keep(plt_tape_t *tape, const void *what, size_t bytes) {
  return memcpy(plt_arena_alloc(tape->arena, bytes), what, bytes);
}

uint32_t *plt_tape_index(plt_tape_t *tape, size_t n) { return plt_arena_alloc(tape->arena, n * sizeof(uint32_t)); }

plt_var_t plt_tape_record(plt_tape_t *tape, const plt_tape_op_t *op, size_t rows, size_t cols,
                          const plt_var_t *operands, size_t n_operands, const plt_node_t *extra) {
  plt_node_t node = {0};
  if (extra != NULL) node = *extra;
  plt_var_t *kept = plt_arena_alloc(tape->arena, n_operands * sizeof *kept);
  memcpy(kept, operands, n_operands * sizeof *kept);
  node.op = op;
  node.rows = rows;
  node.cols = cols;
  node.operands = kept;
  node.n_operands = n_operands;
  for (size_t i = op->takes_lazy ? 1 : 0; i < n_operands; i++) (void)value_of(tape, plt_tape_node(tape, operands[i]));
  if (op->backward != NULL) {
    for (size_t i = 0; i < n_operands; i++) node.needed |= plt_tape_node(tape, operands[i])->needed;
  }
  if (op->forward != NULL) {
    node.value = plt_tape_scratch(tape, rows, cols);
    op->forward(tape, append(tape, node));
  } else { /* the operand under another name */
    node.value = plt_tape_node(tape, operands[0])->value;
    append(tape, node);
  }
  return newest(tape);
}

/* ---- reading ---- */

size_t plt_tape_rows(const plt_tape_t *tape, plt_var_t x) { return plt_tape_node(tape, x)->rows; }
size_t plt_tape_cols(const plt_tape_t *tape, plt_var_t x) { return plt_tape_node(tape, x)->cols; }
const float *plt_tape_value(const plt_tape_t *tape, plt_var_t x) { return value_of(tape, plt_tape_node(tape, x)); }

double plt_tape_scalar(const plt_tape_t *tape, plt_var_t x) {
  assert(plt_node_size(plt_tape_node(tape, x)) == 1);
  return plt_tape_value(tape, x)[0];
}

/* ---- backward ---- */

float *plt_tape_gradient(plt_tape_t *tape, plt_var_t x) {
  plt_node_t *node = plt_tape_node(tape, x);
  if (!node->needed) return NULL;
  if (node->gradient == NULL) node->gradient = plt_arena_zalloc(tape->arena, plt_node_size(node) * sizeof(float));
  return node->gradient;
}

float *plt_tape_gradient_or_new(plt_tape_t *tape, plt_var_t x, bool *add) {
  plt_node_t *node = plt_tape_node(tape, x);
  *add = node->gradient != NULL;
  if (!node->needed) return NULL;
  if (!*add) node->gradient = plt_tape_scratch(tape, node->rows, node->cols);
  return node->gradient;
}

void plt_tape_pass_gradient(plt_tape_t *tape, const plt_node_t *node, plt_var_t x) {
  plt_node_t *to = plt_tape_node(tape, x);
  if (!to->needed) return;
  if (to->gradient == NULL)
    to->gradient = node->gradient;
  else
    plt_kernel_add_scaled(tape->crew, plt_node_size(to), 1.0f, node->gradient, to->gradient);
}

void plt_tape_backward(plt_tape_t *tape, plt_var_t loss) {
  assert(plt_node_size(plt_tape_node(tape, loss)) == 1);
  float *seed = plt_tape_gradient(tape, loss);
  if (seed == NULL) return; /* depends on no parameter */
  seed[0] += 1.0f;
  for (size_t i = (size_t)loss.index + 1; i-- > 0;) {
    const plt_node_t *node = &tape->nodes[i];
    if (node->op != NULL && node->gradient != NULL) node->op->backward(tape, node);
  }
}
