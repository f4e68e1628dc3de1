/* disturbance.c - see disturbance.h. */
#include "worker/data/disturbance.h"

#include <math.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/normal.h"

const char *const plt_disturb_names[PLT_DISTURB_KINDS] = {"noise", "replace"};

struct plt_disturbed {
  uint32_t *item; /* [items] whose row each has; NULL: its own */
  float width;    /* of the noise; 0: none */
  uint32_t modality;
  plt_rng_key_t key;
};

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
static uint32_t *draw_items(const plt_disturbance_t *disturbance, uint32_t items) {
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

plt_disturbed_t *plt_disturbed_create(const plt_disturbance_t *disturbance, size_t m, uint32_t items,
                                      double deviation) {
  plt_disturbed_t *disturbed = plt_mem_zalloc(1, sizeof *disturbed);
  disturbed->modality = (uint32_t)m;
  disturbed->key = plt_rng_key(disturbance->seed, "noise of features", 0);
  if (disturbance->kind == PLT_DISTURB_NOISE)
    disturbed->width = (float)(disturbance->amount * deviation);
  else
    disturbed->item = draw_items(disturbance, items);
  return disturbed;
}

void plt_disturbed_destroy(plt_disturbed_t **disturbed) {
  if (*disturbed == NULL) return;
  free((*disturbed)->item);
  free(*disturbed);
  *disturbed = NULL;
}
