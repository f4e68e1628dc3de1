/* scaling.h - how the features of a modality are made of the rows of its file (docs/data.md, "Missing items",
 * "Scale"). An item that has none, a row of NaN, gets the mean of those that have some; then every row is scaled:
 *
 *   standard   (x - mean of the column) / deviation of the column; columns of deviation 0 become 0
 *   l2         x / length of the row; rows of zeros stay
 *   unit       x / deviation of all values of the modality
 *
 * Means and deviations are over the items that have the modality (population, division by n), in double, one row after
 * the other; elements are scaled in double and rounded once. Rows are scaled when they are copied out of the mapped
 * file: nothing is kept of them but these figures.
 * Memory       16 bytes a column.
 * Ownership    the feature's; hand-made ones are the caller's.
 * Threads      read-only once made: any number of them.
 * Determinism  a function of the file: one thread measures, and elements do not depend on vector width. */
#ifndef PLT_WORKER_DATA_SCALING_H
#define PLT_WORKER_DATA_SCALING_H

#include "worker/data/dataset.h"

#define PLT_SCALE_CHOICES "none|standard|l2|unit"
extern const char *const plt_scale_names[]; /* by plt_scale_t */

typedef struct plt_scaling {
  plt_scale_t scale;
  size_t cols;
  double *mean;      /* [cols] */
  double *factor;    /* standard: [cols]; unit: [1]; else NULL */
  uint64_t measured; /* items whose mean that is */
} plt_scaling_t;

/* Of the feature's first `items` rows, one of which is there at least. */
plt_scaling_t *plt_scaling_measure(const plt_feature_t *feature, uint32_t items);
/* Room for figures, which are zero. */
plt_scaling_t *plt_scaling_create(plt_scale_t scale, size_t cols);
void plt_scaling_destroy(plt_scaling_t **scaling);
/* How many factors a scale has. */
size_t plt_scaling_factors(plt_scale_t scale, size_t cols);
/* A row [cols] of the file becomes one of features. */
void plt_scaling_row(const plt_scaling_t *scaling, float *row);
/* What distinguishes the rows that it makes, hashed onto `seed`. */
uint64_t plt_scaling_hash(const plt_scaling_t *scaling, uint64_t seed);

#endif
