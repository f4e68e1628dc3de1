/* disturb.c - see disturb.h. */
#include "worker/data/disturb.h"

#include <stdlib.h>

#include "common/mem.h"
#include "worker/data/derived.h"
#include "worker/data/features.h"

plt_dataset_t *plt_disturb_create(const plt_dataset_t *data, const plt_disturbance_t *disturbance) {
  plt_dataset_t *view = plt_mem_alloc(sizeof *view);
  *view = *data;
  view->features = plt_mem_alloc(data->n_features * sizeof *view->features);
  view->derived = plt_derived_create();
  for (size_t m = 0; m < data->n_features; m++) {
    const plt_feature_t *feature = &data->features[m];
    view->features[m] = *feature;
    if (disturbance->of == NULL || disturbance->of[m])
      view->features[m].disturbed =
          plt_disturbed_create(disturbance, m, data->items, plt_feature_deviation(feature, data->items));
  }
  return view;
}

void plt_disturb_destroy(plt_dataset_t **view) {
  if (*view == NULL) return;
  for (size_t m = 0; m < (*view)->n_features; m++) plt_disturbed_destroy(&(*view)->features[m].disturbed);
  plt_derived_destroy(&(*view)->derived);
  free((*view)->features);
  free(*view);
  *view = NULL;
}
