/* labels.c - see labels.h. */
#include "worker/procedures/labels.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "worker/session/procedure.h"

enum { READ_PAIRS = 1 << 18 }; /* of one request */

bool plt_labels_next(const plt_trainer_t *t, plt_label_block_t *block) {
  uint64_t pairs = t->plan->data->n_train;
  uint64_t number = block->at++ * t->plan->workers + t->session->worker;
  block->first = number * PLT_LABELS_BLOCK;
  if (block->first >= pairs) return false;
  block->n = pairs - block->first < PLT_LABELS_BLOCK ? (size_t)(pairs - block->first) : PLT_LABELS_BLOCK;
  for (size_t k = 0; k < block->n; k++) block->keys[k] = block->first + k;
  return true;
}

plt_status_t plt_leg_replay(const plt_trainer_t *t, const char *of, char path[PLT_PATH_MAX]) {
  const plt_leg_t *leg = t->plan->leg;
  char suffix[96];
  snprintf(suffix, sizeof suffix, ".%" PRIu32 "%s%s.npy", leg->outer, of == NULL ? "" : ".", of == NULL ? "" : of);
  return plt_path_file(t->plan->replay, leg->stage->name, suffix, path);
}

/* The label of each pair, as bytes. */
static plt_status_t read_all(plt_trainer_t *t, uint32_t table, uint8_t *label) {
  uint64_t pairs = t->plan->data->n_train, block = pairs < READ_PAIRS ? pairs : READ_PAIRS;
  uint64_t *keys = plt_mem_alloc(block * sizeof *keys);
  float *values = plt_mem_alloc(block * sizeof *values);
  plt_status_t status = PLT_OK;
  for (uint64_t first = 0; first < pairs && status == PLT_OK; first += block) {
    size_t n = pairs - first < block ? (size_t)(pairs - first) : (size_t)block;
    for (size_t k = 0; k < n; k++) keys[k] = first + k;
    status = plt_client_read(t->session->client, &(plt_pull_t){table, 1, keys, n, values}, 1);
    for (size_t k = 0; k < n && status == PLT_OK; k++) {
      const bool is_label = values[k] >= 0 && values[k] < PLT_LABELS_MAX && floorf(values[k]) == values[k];
      label[first + k] = is_label ? (uint8_t)values[k] : 0;
      if (!is_label)
        status = plt_fail(PLT_ERR_DATA, "table %s: pair %" PRIu64 ": %g is no number of an environment, 0 to %d",
                          t->plan->specs[table].name, first + k, (double)values[k], PLT_LABELS_MAX - 1);
    }
  }
  free(keys);
  free(values);
  return status;
}

/* Counting sort. */
static void sort(plt_labels_t *labels, const uint8_t *label, uint64_t pairs) {
  labels->offset = plt_mem_zalloc((size_t)labels->environments + 1, sizeof *labels->offset);
  labels->pair = plt_mem_alloc(pairs * sizeof *labels->pair);
  for (uint64_t p = 0; p < pairs; p++) labels->offset[label[p] + 1]++;
  for (uint32_t e = 0; e < labels->environments; e++) labels->offset[e + 1] += labels->offset[e];
  uint64_t at[PLT_LABELS_MAX];
  memcpy(at, labels->offset, labels->environments * sizeof *at);
  for (uint64_t p = 0; p < pairs; p++) labels->pair[at[label[p]]++] = (uint32_t)p;
}

plt_status_t plt_labels_read(plt_trainer_t *t, uint32_t table, uint32_t environments, plt_labels_t **out) {
  uint64_t pairs = t->plan->data->n_train;
  uint8_t *label = plt_mem_alloc(pairs);
  plt_status_t status = pairs <= UINT32_MAX ? read_all(t, table, label)
                                            : plt_fail(PLT_ERR_USAGE, "more than 2^32 training pairs in environments");
  uint32_t used = 0;
  for (uint64_t p = 0; p < pairs && status == PLT_OK; p++)
    if (label[p] >= used) used = label[p] + 1u;
  if (status == PLT_OK && environments != 0 && used > environments)
    status = plt_fail(PLT_ERR_DATA, "table %s has environments up to %" PRIu32 ", but there are %" PRIu32,
                      t->plan->specs[table].name, used - 1, environments);
  if (status == PLT_OK) {
    plt_labels_t *labels = plt_mem_zalloc(1, sizeof *labels);
    labels->environments = environments == 0 ? used : environments;
    sort(labels, label, pairs);
    *out = labels;
  }
  free(label);
  return status;
}

void plt_labels_destroy(plt_labels_t **labels) {
  if (*labels == NULL) return;
  free((*labels)->offset);
  free((*labels)->pair);
  free(*labels);
  *labels = NULL;
}

const uint32_t *plt_labels_of(const plt_labels_t *labels, uint32_t environment, size_t *n) {
  *n = (size_t)(labels->offset[environment + 1] - labels->offset[environment]);
  return labels->pair + labels->offset[environment];
}
