/* node.h - what the files that implement operations (tape_*.c) know of a tape. Not for others.
 *
 * An operation is a pair of functions in a row of its file's table and a constructor plt_op_<name>() that checks
 * shapes and records a node:
 *   forward   fills node->value from the operands' values;
 *   backward  adds to the operands' gradients: plt_tape_gradient() hands out the buffer, zeroed at the first
 *             request, or NULL when nobody needs it - then nothing is computed. Who fills the whole buffer can save
 *             the zeros (plt_tape_gradient_or_new) or, where it is dy itself, the copy (plt_tape_pass_gradient).
 * Node pointers are valid until the next node is recorded.
 * Threads    as of tape.h: one owner, whose crew takes part within a call. */
#ifndef PLT_WORKER_TAPE_NODE_H
#define PLT_WORKER_TAPE_NODE_H

#include "common/mem.h"
#include "worker/tape/tape.h"

typedef struct plt_node plt_node_t;

typedef struct plt_tape_op {
  const char *name;
  void (*forward)(plt_tape_t *tape, plt_node_t *node);
  void (*backward)(plt_tape_t *tape, const plt_node_t *node);
  bool takes_lazy; /* its first operand may be lazy and not made; all others have values */
} plt_tape_op_t;

struct plt_node {
  const plt_tape_op_t *op; /* NULL: a parameter or a constant */
  size_t rows, cols;
  float *value;    /* in the arena, unless given by the caller or shared with the operand */
  float *gradient; /* NULL until something is added */
  bool needed;     /* leads to a parameter */
  const plt_var_t *operands;
  size_t n_operands;
  /* What else an operation must remember. */
  const uint32_t *index, *other;
  float p, q;
  size_t first;
  float *saved;
  const plt_sparse_t *sparse;
  const plt_lazy_t *lazy; /* of a constant; value NULL: not made yet */
  uint16_t *narrow;       /* the same of its copy as bfloat16 (narrow.h) */
};

struct plt_tape {
  plt_crew_t *crew;
  plt_arena_t *arena;
  plt_lazy_cache_t *copies;
  plt_node_t *nodes;
  size_t n_nodes, capacity;
  size_t growths; /* of the node array */
};

/* Records node [rows, cols] of `op`, a copy of `extra`'s p, q, first, index, other, sparse (NULL: none), and runs it
 * forward. */
plt_var_t plt_tape_record(plt_tape_t *tape, const plt_tape_op_t *op, size_t rows, size_t cols,
                          const plt_var_t *operands, size_t n_operands, const plt_node_t *extra);
plt_node_t *plt_tape_node(const plt_tape_t *tape, plt_var_t x);
/* Gives a lazy node room for its value, or its narrow copy; whether that is there already. */
bool plt_tape_lazy_room(const plt_tape_t *tape, plt_node_t *node);
bool plt_tape_narrow_room(const plt_tape_t *tape, plt_node_t *node);
/* The gradient buffer of x to add to, NULL when none is needed. */
float *plt_tape_gradient(plt_tape_t *tape, plt_var_t x);
/* The same for who writes every element: where it was not there before, *add is false and nothing is in it. */
float *plt_tape_gradient_or_new(plt_tape_t *tape, plt_var_t x, bool *add);
/* Adds the gradient of `node`, which has x's shape, to that of x. The last thing its backward does: x may get the
 * buffer. */
void plt_tape_pass_gradient(plt_tape_t *tape, const plt_node_t *node, plt_var_t x);

/* Columns of a block: each meets what is added to it in its order, so threads change no bits. */
enum { PLT_BLOCK_COLS = 32 };
static inline size_t plt_block_count(size_t cols) { return (cols + PLT_BLOCK_COLS - 1) / PLT_BLOCK_COLS; }
static inline size_t plt_block_width(size_t cols, size_t first) {
  return cols - first < PLT_BLOCK_COLS ? cols - first : PLT_BLOCK_COLS;
}
/* out += factor x, for the columns of a block; those of a whole one stay in registers. */
static inline void plt_block_add(float factor, const float *restrict x, size_t width, float *restrict out) {
  if (width == PLT_BLOCK_COLS)
    for (size_t j = 0; j < PLT_BLOCK_COLS; j++) out[j] += factor * x[j];
  else
    for (size_t j = 0; j < width; j++) out[j] += factor * x[j];
}

static inline size_t plt_node_size(const plt_node_t *node) { return node->rows * node->cols; }

#endif
