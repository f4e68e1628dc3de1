/* sparse.h - constant sparse matrices in compressed rows, and their product with dense ones.
 *
 *   row r holds columns index[offset[r] .. offset[r + 1]) with the weights beside them
 *
 * Determinism  a row of a product is summed in the order of its entries, in runs of 32 that are added up: its bits
 *              depend on the row alone, not on threads, and its error hardly grows with the row's length.
 * Ownership    views: whoever makes a matrix owns its arrays.
 * Threads      crew may be NULL. */
#ifndef PLT_WORKER_MATH_SPARSE_H
#define PLT_WORKER_MATH_SPARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/mem.h"
#include "common/threads.h"

typedef struct plt_csr {
  size_t rows, cols;
  const uint64_t *offset; /* rows + 1 */
  const uint32_t *index;  /* below cols, ascending within a row */
  const float *weight;
} plt_csr_t;

/* A matrix and its transpose: what a forward and a backward pass multiply by. */
typedef struct plt_sparse {
  plt_csr_t matrix, transpose;
} plt_sparse_t;

/* out [rows, cols] = s x, or += with `add`; x [s.cols, cols]. */
void plt_csr_multiply(plt_crew_t *crew, const plt_csr_t *s, const float *x, size_t cols, bool add, float *out);
/* Fills the transposes of n matrices, each by one thread; arrays are the arena's. */
void plt_sparse_transpose(plt_crew_t *crew, plt_sparse_t *sparse, size_t n, plt_arena_t *arena);

#endif
