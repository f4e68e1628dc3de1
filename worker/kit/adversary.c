/* adversary.c - see adversary.h. */
#include "worker/kit/adversary.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/vector.h"
#include "worker/math/distinct.h"
#include "worker/math/kernels.h"

enum { USES_MAX = 64 }; /* places where a model reads features */

/* One place where a model reads features. */
typedef struct use {
  size_t n, first, cols; /* rows; modality and number of columns */
  uint32_t *id;          /* [n] */
  const float *gradient; /* [n, cols], the tape's */
  const uint32_t *place; /* [n]: rows of delta */
} use_t;

struct plt_adversary {
  plt_arena_t *arena;
  bool measures;
  size_t n, at; /* uses; which one is next in a pass that disturbs */
  use_t use[USES_MAX];
  float *delta; /* [distinct items, cols] */
  size_t cols, *first_col;
};

plt_adversary_t *plt_adversary_create(void) {
  plt_adversary_t *adversary = plt_mem_zalloc(1, sizeof *adversary);
  adversary->arena = plt_arena_create();
  return adversary;
}

void plt_adversary_destroy(plt_adversary_t **adversary) {
  if (*adversary == NULL) return;
  plt_arena_destroy(&(*adversary)->arena);
  free(*adversary);
  *adversary = NULL;
}

void plt_adversary_measure(plt_adversary_t *adversary) {
  plt_arena_reset(adversary->arena);
  adversary->measures = true;
  adversary->n = 0;
}

/* ---- delta ---- */

/* Where each use's items stand among all distinct ones; returns how many there are. */
static size_t place_items(plt_adversary_t *adversary) {
  size_t n = 0;
  for (size_t k = 0; k < adversary->n; k++) n += adversary->use[k].n;
  uint32_t *all = plt_arena_alloc(adversary->arena, n * sizeof *all);
  uint32_t *distinct = plt_arena_alloc(adversary->arena, n * sizeof *distinct);
  uint32_t *place = plt_arena_alloc(adversary->arena, n * sizeof *place);
  n = 0;
  for (size_t k = 0; k < adversary->n; k++) {
    use_t *use = &adversary->use[k];
    memcpy(all + n, use->id, use->n * sizeof *all);
    use->place = place + n;
    n += use->n;
  }
  return plt_distinct(all, n, distinct, place, adversary->arena);
}

PLT_VECTOR_CLONES static void add_row(size_t n, const float *restrict x, float *restrict out) {
  for (size_t j = 0; j < n; j++) out[j] += x[j];
}

static void scale_row(size_t n, float eps, float *row) {
  float scale = (float)((double)eps / fmax(sqrt(plt_kernel_dot(row, row, n)), 1e-12));
  for (size_t j = 0; j < n; j++) row[j] *= scale;
}

bool plt_adversary_settle(plt_adversary_t *adversary, const plt_dataset_t *data, float eps) {
  size_t rows = place_items(adversary), cols = 0;
  adversary->first_col = plt_arena_alloc(adversary->arena, data->n_features * sizeof *adversary->first_col);
  for (size_t m = 0; m < data->n_features; m++) {
    adversary->first_col[m] = cols;
    cols += data->features[m].array.cols;
  }
  adversary->cols = cols;
  adversary->delta = plt_arena_zalloc(adversary->arena, rows * cols * sizeof *adversary->delta);
  for (size_t k = 0; k < adversary->n; k++) {
    const use_t *use = &adversary->use[k];
    for (size_t i = 0; i < use->n; i++)
      add_row(use->cols, use->gradient + i * use->cols,
              adversary->delta + use->place[i] * cols + adversary->first_col[use->first]);
  }
  for (size_t i = 0; i < rows; i++) scale_row(cols, eps, adversary->delta + i * cols);
  adversary->measures = false;
  adversary->at = 0;
  return adversary->n > 0;
}

/* ---- features ---- */

static plt_var_t measured(plt_adversary_t *adversary, const plt_nodes_t *nodes, size_t first, size_t cols,
                          const float *value) {
  assert(adversary->n < USES_MAX);
  float *gradient = plt_tape_scratch(nodes->tape, nodes->n, cols);
  memset(gradient, 0, nodes->n * cols * sizeof *gradient);
  use_t *use = &adversary->use[adversary->n++];
  *use = (use_t){.n = nodes->n, .first = first, .cols = cols, .gradient = gradient};
  use->id = plt_arena_alloc(adversary->arena, nodes->n * sizeof *use->id);
  memcpy(use->id, nodes->id, nodes->n * sizeof *use->id);
  return plt_tape_parameter(nodes->tape, nodes->n, cols, value, gradient);
}

static plt_var_t disturbed(plt_adversary_t *adversary, const plt_nodes_t *nodes, size_t first, size_t cols,
                           float *value) {
  const use_t *use = &adversary->use[adversary->at++];
  assert(adversary->at <= adversary->n && use->n == nodes->n && use->first == first && use->cols == cols);
  (void)first;
  for (size_t i = 0; i < use->n; i++)
    add_row(cols, adversary->delta + use->place[i] * adversary->cols + adversary->first_col[use->first],
            value + i * cols);
  return plt_tape_constant(nodes->tape, nodes->n, cols, value);
}

plt_var_t plt_adversary_features(plt_adversary_t *adversary, const plt_nodes_t *nodes, size_t first,
                                 const plt_lazy_t *x) {
  float *value = plt_tape_scratch(nodes->tape, x->rows, x->cols);
  plt_lazy_make(NULL, x, value);
  return adversary->measures ? measured(adversary, nodes, first, x->cols, value)
                             : disturbed(adversary, nodes, first, x->cols, value);
}
