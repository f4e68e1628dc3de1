/* disturbance.h - what is done to the features of items, and how the rows of one modality are disturbed.
 *
 *   noise     x + amount d z: z normal for each element, d the deviation of the modality's values, after data.scale
 *   replace   `amount` of all items, rounded, have the features of another one each, of all chosen modalities together
 *
 * Rows are disturbed when they are copied, as they are scaled (scaling.h): nothing is written, and a draw depends on
 * seed, modality, item and column alone.
 * Ownership  the caller destroys what it made.
 * Threads    read-only once made.
 * Source     docs/flatness.md; the risks of features in Zhong et al., "Mirror Gradient", WWW 2024. */
#ifndef PLT_WORKER_DATA_DISTURBANCE_H
#define PLT_WORKER_DATA_DISTURBANCE_H

#include "worker/data/dataset.h"

typedef enum { PLT_DISTURB_NOISE, PLT_DISTURB_REPLACE, PLT_DISTURB_KINDS } plt_disturb_kind_t;
extern const char *const plt_disturb_names[PLT_DISTURB_KINDS]; /* "noise", "replace" */

typedef struct plt_disturbance {
  plt_disturb_kind_t kind;
  double amount; /* noise: in deviations, >= 0; replace: a share, in [0, 1] */
  uint64_t seed;
  const bool *of; /* [n_features]: which modalities; NULL: all */
} plt_disturbance_t;

/* Of modality m, whose values have this deviation. */
typedef struct plt_disturbed plt_disturbed_t;
plt_disturbed_t *plt_disturbed_create(const plt_disturbance_t *disturbance, size_t m, uint32_t items, double deviation);
void plt_disturbed_destroy(plt_disturbed_t **disturbed);
/* The item whose row an item gets, */
uint64_t plt_disturbed_item(const plt_disturbed_t *disturbed, uint64_t item);
/* and what becomes of the row [cols] then. */
void plt_disturbed_row(const plt_disturbed_t *disturbed, uint64_t item, size_t cols, float *row);

#endif
