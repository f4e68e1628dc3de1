/* derived.h - what is worked out of the features of items, once in a process: by whoever asks first, while others wait.
 *
 *   units    1 / the length of each item's row of a feature
 *   matrix   rows made of features and learned numbers; made anew when `key`, a digest of those numbers, is another
 *
 * Memory     units: a float per item and feature; the matrix: one for all who share the data.
 * Ownership  the data set owns it; what is handed out stays until the matrix is asked for with another key.
 * Threads    any number; who asks with another key must know that nobody reads the matrix that goes. */
#ifndef PLT_WORKER_DATA_DERIVED_H
#define PLT_WORKER_DATA_DERIVED_H

#include "worker/data/dataset.h"

typedef struct plt_derived plt_derived_t;

plt_derived_t *plt_derived_create(void);
void plt_derived_destroy(plt_derived_t **derived);

/* [n_features][items]: 1 / max(length, 1e-12). */
const float *const *plt_derived_units(const plt_dataset_t *data);
/* [items, cols]; make fills it. */
typedef void (*plt_derived_make_fn)(const void *context, float *out);
const float *plt_derived_matrix(const plt_dataset_t *data, uint64_t key, size_t cols, plt_derived_make_fn make,
                                const void *context);

#endif
