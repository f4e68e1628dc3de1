/* disturb.h - a data set whose features are disturbed, as they might be where a model is used: what it recommends then
 * says how much it hangs on them.
 *
 *   noise     x + amount d z: z normal for each element, d the deviation of all values of the modality
 *             (plt_feature_deviation(), after data.scale)
 *   replace   `amount` of all items, rounded, have the features of another one each, of all chosen modalities together
 *
 * Rows are disturbed when they are copied, as they are scaled (scaling.h): nothing is written, and a draw depends on
 * seed, modality, item and column alone. Item ids and interactions are the same.
 * Ownership  the view owns its features' figures and borrows the rest of `data`, which must stay.
 * Threads    read-only once made.
 * Source     docs/flatness.md; the risks of features in Zhong et al., "Mirror Gradient", WWW 2024. */
#ifndef PLT_WORKER_DATA_DISTURB_H
#define PLT_WORKER_DATA_DISTURB_H

#include "worker/data/dataset.h"

typedef enum { PLT_DISTURB_NOISE, PLT_DISTURB_REPLACE, PLT_DISTURB_KINDS } plt_disturb_kind_t;
extern const char *const plt_disturb_names[PLT_DISTURB_KINDS]; /* "noise", "replace" */

typedef struct plt_disturbance {
  plt_disturb_kind_t kind;
  double amount; /* noise: in deviations, >= 0; replace: a share, in [0, 1] */
  uint64_t seed;
  const bool *of; /* [n_features]: which modalities; NULL: all */
} plt_disturbance_t;

/* A view of `data`; free with plt_disturb_destroy(). */
plt_dataset_t *plt_disturb_create(const plt_dataset_t *data, const plt_disturbance_t *disturbance);
void plt_disturb_destroy(plt_dataset_t **view);

/* What a disturbed feature has (plt_feature_t.disturbed). The item whose row an item gets: */
uint64_t plt_disturbed_item(const struct plt_disturbed *disturbed, uint64_t item);
/* and what becomes of the row [cols] then. */
void plt_disturbed_row(const struct plt_disturbed *disturbed, uint64_t item, size_t cols, float *row);

#endif
