/* lazy.h - a matrix whose rows lie apart, or are made of others: copied into one place when a product first needs them.
 *
 *   features of a batch's items:   n scattered rows of mapped files ─▶ 256 rows of the copy ─▶ tile of the product
 *
 * Each tile of the first product is multiplied when it has just been made and is in the caches; whoever multiplies
 * again has the copy.
 * Cache        matrices of one source whose rows are the same as last time keep their copy: features of all items, or
 *              of the same batch at perturbed weights. A source has room for one copy of each type of elements,
 *              as large as its largest.
 * Determinism  the bits are those of the same product over a copy: the tiles are the same (kernels.h).
 * Ownership    the caller's context stays as long as the matrix is in use; sources stay, unchanged, as long as the
 *              cache.
 * Threads      make() is called by several at once, for different rows. A cache has one owner. */
#ifndef PLT_WORKER_MATH_LAZY_H
#define PLT_WORKER_MATH_LAZY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/threads.h"

typedef struct plt_lazy {
  size_t rows, cols;
  /* out [rows, cols] = rows from `first` on. */
  void (*make)(const void *context, size_t first, size_t rows, float *out);
  const void *context;
  /* What a row is a function of: these and its number. sources[0] NULL: nobody can tell. */
  const void *sources[2];
  const uint32_t *numbers; /* [rows] */
  bool narrow;             /* products with it are those of narrow.h */
} plt_lazy_t;

/* The whole, [rows, cols]. */
void plt_lazy_make(plt_crew_t *crew, const plt_lazy_t *x, float *out);
/* The same into `copy`, and out [rows,m] = x b, b [cols,m]. */
void plt_lazy_matmul(plt_crew_t *crew, const plt_lazy_t *x, size_t m, const float *b, float *copy, float *out);

typedef struct plt_lazy_cache plt_lazy_cache_t;
plt_lazy_cache_t *plt_lazy_cache_create(void);
void plt_lazy_cache_destroy(plt_lazy_cache_t **cache);
/* What was handed out is in use no longer. */
void plt_lazy_cache_reset(plt_lazy_cache_t *cache);
/* Room for the copy of x, of so many bytes, until the reset; *made if it is there already, else the caller makes it
 * now. NULL: its source is not known, or has its room in use for other rows. Copies of unlike size do not meet. */
void *plt_lazy_cache_room(plt_lazy_cache_t *cache, const plt_lazy_t *x, size_t element_bytes, size_t bytes, bool *made);
/* Times that memory was taken from the system since creation; constant once warm. */
size_t plt_lazy_cache_allocations(const plt_lazy_cache_t *cache);

#endif
