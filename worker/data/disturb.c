/* disturb.c - see disturb.h. */
#include "worker/data/disturb.h"

#include <math.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/normal.h"
#include "worker/data/derived.h"
#include "worker/data/features.h"

const char *const plt_disturb_names[PLT_DISTURB_KINDS] = {"noise", "replace"};

typedef struct plt_disturbed {
  uint32_t *item; /* [items] whose row each has; NULL: its own */
  float width;    /* of the noise; 0: none */
  uint32_t modality;
  plt_rng_key_t key;
} plt_disturbed_t;

uint64_t plt_disturbed_item(const plt_disturbed_t *disturbed, uint64_t item) {
  return disturbed->item == NULL ? item : disturbed->item[item];
}

void plt_disturbed_row(const plt_disturbed_t *disturbed, uint64_t item, size_t cols, float *row) {
  if (!(disturbed->width > 0)) return;
  float *noise = plt_mem_alloc(cols * sizeof *noise);
  plt_normal_row(disturbed->key, (uint32_t)item, disturbed->modality, cols, noise);
  for (size_t c = 0; c < cols; c++) row[c] += disturbed->width * noise[c];
  free(noise);
}

/* Whose features each item gets: those that a permutation puts first have another one's. */
static uint32_t *draw_items(const plt_dataset_t *data, const plt_disturbance_t *disturbance) {
  const uint32_t items = data->items;
  const double replaced = round(disturbance->amount * items);
  plt_rng_key_t who = plt_rng_key(disturbance->seed, "replaced items", 0);
  plt_rng_key_t by = plt_rng_key(disturbance->seed, "replaced by", 0);
  uint32_t *item = plt_mem_alloc(items * sizeof *item);
  for (uint32_t i = 0; i < items; i++) {
    item[i] = i;
    if (items == 1 || (double)plt_rng_permute(who, items, i) >= replaced) continue;
    plt_rng_block_t draw = plt_rng_draw(by, i, 0, 0, 0);
    uint32_t further = 1 + plt_rng_below((uint64_t)draw.word[0] << 32 | draw.word[1], items - 1);
    item[i] = (uint32_t)(((uint64_t)i + further) % items);
  }
  return item;
}

static plt_disturbed_t *disturb(const plt_dataset_t *data, const plt_disturbance_t *disturbance, size_t m) {
  plt_disturbed_t *disturbed = plt_mem_zalloc(1, sizeof *disturbed);
  disturbed->modality = (uint32_t)m;
  disturbed->key = plt_rng_key(disturbance->seed, "noise of features", 0);
  if (disturbance->kind == PLT_DISTURB_NOISE)
    disturbed->width = (float)(disturbance->amount * plt_feature_deviation(&data->features[m], data->items));
  else
    disturbed->item = draw_items(data, disturbance);
  return disturbed;
}

plt_dataset_t *plt_disturb_create(const plt_dataset_t *data, const plt_disturbance_t *disturbance) {
  plt_dataset_t *view = plt_mem_alloc(sizeof *view);
  *view = *data;
  view->features = plt_mem_alloc(data->n_features * sizeof *view->features);
  view->derived = plt_derived_create();
  for (size_t m = 0; m < data->n_features; m++) {
    view->features[m] = data->features[m];
    if (disturbance->of == NULL || disturbance->of[m]) view->features[m].disturbed = disturb(data, disturbance, m);
  }
  return view;
}

void plt_disturb_destroy(plt_dataset_t **view) {
  if (*view == NULL) return;
  for (size_t m = 0; m < (*view)->n_features; m++) {
    plt_disturbed_t *disturbed = (*view)->features[m].disturbed;
    if (disturbed != NULL) free(disturbed->item);
    free(disturbed);
  }
  plt_derived_destroy(&(*view)->derived);
  free((*view)->features);
  free(*view);
  *view = NULL;
}
