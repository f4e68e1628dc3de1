/* disturb.h - a data set whose features are disturbed, as they might be where a model is used: what it recommends then
 * says how much it hangs on them.
 *
 * Ids and interactions are the same; what is derived of features (derived.h) is the view's own.
 * Ownership  the view owns its features' figures and borrows the rest of `data`, which must stay.
 * Threads    read-only once made.
 * Source     disturbance.h. */
#ifndef PLT_WORKER_DATA_DISTURB_H
#define PLT_WORKER_DATA_DISTURB_H

#include "worker/data/disturbance.h"

/* A view of `data`; free with plt_disturb_destroy(). */
plt_dataset_t *plt_disturb_create(const plt_dataset_t *data, const plt_disturbance_t *disturbance);
void plt_disturb_destroy(plt_dataset_t **view);

#endif
