/* lazy.h - a matrix whose rows lie apart, or are made of others: copied into one place when a product first needs them.
 *
 *   features of a batch's items:   n scattered rows of mapped files ─▶ 256 rows of the copy ─▶ tile of the product
 *
 * Each tile of the first product is multiplied when it has just been made and is in the caches; whoever multiplies
 * again has the copy.
 * Determinism  the bits are those of the same product over a copy: the tiles are the same (kernels.h).
 * Ownership    the caller's context stays as long as the matrix is in use.
 * Threads      make() is called by several at once, for different rows. */
#ifndef PLT_WORKER_MATH_LAZY_H
#define PLT_WORKER_MATH_LAZY_H

#include <stddef.h>

#include "common/threads.h"

typedef struct plt_lazy {
  size_t rows, cols;
  /* out [rows, cols] = rows from `first` on. */
  void (*make)(const void *context, size_t first, size_t rows, float *out);
  const void *context;
} plt_lazy_t;

/* The whole, [rows, cols]. */
void plt_lazy_make(plt_crew_t *crew, const plt_lazy_t *x, float *out);
/* The same into `copy`, and out [rows,m] = x b, b [cols,m]. */
void plt_lazy_matmul(plt_crew_t *crew, const plt_lazy_t *x, size_t m, const float *b, float *copy, float *out);

#endif
