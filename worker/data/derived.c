/* derived.c - see derived.h. */
#include "worker/data/derived.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/mem.h"
#include "worker/data/features.h"

struct plt_derived {
  pthread_mutex_t of_units, of_matrix; /* who makes a matrix may ask for units */
  float **unit;                        /* NULL: not asked for yet */
  size_t n_units;
  float *matrix; /* NULL: none yet */
  uint64_t key;
  size_t cols;
};

plt_derived_t *plt_derived_create(void) {
  plt_derived_t *derived = plt_mem_zalloc(1, sizeof *derived);
  pthread_mutex_init(&derived->of_units, NULL);
  pthread_mutex_init(&derived->of_matrix, NULL);
  return derived;
}

void plt_derived_destroy(plt_derived_t **derived) {
  if (*derived == NULL) return;
  for (size_t m = 0; m < (*derived)->n_units; m++) free((*derived)->unit[m]);
  free((*derived)->unit);
  free((*derived)->matrix);
  pthread_mutex_destroy(&(*derived)->of_units);
  pthread_mutex_destroy(&(*derived)->of_matrix);
  free(*derived);
  *derived = NULL;
}

static void measure(const plt_dataset_t *data, plt_derived_t *derived) {
  derived->n_units = data->n_features;
  derived->unit = plt_mem_alloc(data->n_features * sizeof *derived->unit);
  for (size_t m = 0; m < data->n_features; m++) {
    float *unit = derived->unit[m] = plt_mem_alloc(data->items * sizeof *unit);
    plt_feature_lengths(&data->features[m], data->items, unit);
    for (uint32_t i = 0; i < data->items; i++) unit[i] = 1.0f / fmaxf(unit[i], 1e-12f);
  }
}

const float *const *plt_derived_units(const plt_dataset_t *data) {
  plt_derived_t *derived = data->derived;
  pthread_mutex_lock(&derived->of_units);
  if (derived->unit == NULL) measure(data, derived);
  pthread_mutex_unlock(&derived->of_units);
  return (const float *const *)derived->unit;
}

const float *plt_derived_matrix(const plt_dataset_t *data, uint64_t key, size_t cols, plt_derived_make_fn make,
                                const void *context) {
  plt_derived_t *derived = data->derived;
  pthread_mutex_lock(&derived->of_matrix);
  if (derived->matrix == NULL || derived->key != key || derived->cols != cols) {
    if (derived->cols != cols) {
      free(derived->matrix);
      derived->matrix = plt_mem_alloc((size_t)data->items * cols * sizeof *derived->matrix);
    }
    derived->key = key;
    derived->cols = cols;
    make(context, derived->matrix);
  }
  pthread_mutex_unlock(&derived->of_matrix);
  return derived->matrix;
}
