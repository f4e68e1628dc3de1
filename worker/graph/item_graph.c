/* item_graph.c - see item_graph.h. */
#include "worker/graph/item_graph.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "common/mem.h"
#include "worker/data/features.h"

/* What S is made of, per modality with a share. */
typedef struct parts {
  const plt_item_graph_plan_t *plan;
  size_t n;
  uint32_t items, k;
  uint32_t *near[PLT_MODALITIES_MAX]; /* [items, k] */
  float *weight[PLT_MODALITIES_MAX];  /* [items, k] of S_m; NULL: all are 1 / k */
} parts_t;

/* Row i of S: the modalities' rows, merged by ascending id. Returns its entries. */
static size_t merge_row(const parts_t *parts, uint32_t i, uint32_t *index, float *weight) {
  uint32_t at[PLT_MODALITIES_MAX] = {0}, k = parts->k;
  size_t n = 0, row = (size_t)i * k;
  for (;; n++) {
    uint32_t next = UINT32_MAX;
    for (size_t m = 0; m < parts->n; m++)
      if (parts->near[m] != NULL && at[m] < k && parts->near[m][row + at[m]] < next) next = parts->near[m][row + at[m]];
    if (next == UINT32_MAX) return n;
    index[n] = next;
    weight[n] = 0;
    for (size_t m = 0; m < parts->n; m++) {
      if (parts->near[m] == NULL || at[m] == k || parts->near[m][row + at[m]] != next) continue;
      float share = parts->plan->share[m];
      weight[n] += parts->weight[m] == NULL ? share / (float)k : share * parts->weight[m][row + at[m]];
      at[m]++;
    }
  }
}

/* What is the matter with an item whose cosines do not add up to more than nothing, and what helps. */
static const char *why(const plt_feature_t *feature, uint32_t item) {
  float *row = plt_mem_alloc(feature->array.cols * sizeof *row);
  bool is_zero = true;
  plt_feature_row(feature, item, row);
  for (size_t c = 0; c < feature->array.cols; c++) is_zero = is_zero && row[c] == 0;
  free(row);
  if (!is_zero) return "; a smaller model.knn leaves those out that are unlike it";
  if (feature->scale == PLT_SCALE_STANDARD)
    return ": data.scale: standard makes its row 0, as any that is the mean, which items without the modality get; "
           "take unit or none for this modality";
  return ": its row is 0; give it features, or a row of NaN, and it gets the mean of the others";
}

/* Cosines become those divided by the roots of both ends' sums. */
static plt_status_t normalise(const parts_t *parts, const plt_feature_t *feature, const uint32_t *near, float *weight) {
  plt_status_t status = PLT_OK;
  double *root = plt_mem_alloc(parts->items * sizeof *root);
  for (uint32_t i = 0; i < parts->items && status == PLT_OK; i++) {
    double sum = 0;
    for (uint32_t e = 0; e < parts->k; e++) sum += (double)weight[(size_t)i * parts->k + e];
    root[i] = 1 / sqrt(sum);
    if (!(sum > 0))
      status =
          plt_fail(PLT_ERR_DATA,
                   "%s: the cosines of item %u and its %u nearest items add up to %g, so its edges have no weight%s",
                   feature->name, i, parts->k, sum, why(feature, i));
  }
  for (size_t e = 0; e < (size_t)parts->items * parts->k && status == PLT_OK; e++)
    weight[e] = (float)(root[e / parts->k] * root[near[e]] * (double)weight[e]);
  free(root);
  return status;
}

static plt_status_t open_parts(const plt_dataset_t *data, uint32_t threads, const char *cache, parts_t *parts) {
  size_t edges = (size_t)parts->items * parts->k;
  for (size_t m = 0; m < parts->n; m++) {
    const plt_feature_t *feature = &data->features[m];
    if (parts->plan->share[m] == 0) continue;
    parts->near[m] = plt_mem_alloc(edges * sizeof *parts->near[m]);
    plt_item_neighbours_open(feature, parts->items, parts->k, threads, cache, parts->near[m]);
    if (!parts->plan->by_cosine) continue;
    parts->weight[m] = plt_mem_alloc(edges * sizeof *parts->weight[m]);
    plt_item_cosines(feature, parts->items, parts->k, parts->near[m], threads, parts->weight[m]);
    PLT_TRY(normalise(parts, feature, parts->near[m], parts->weight[m]));
  }
  return PLT_OK;
}

static plt_item_graph_t *merge(const parts_t *parts) {
  size_t most = (size_t)parts->items * parts->k * parts->n, n = 0;
  uint64_t *offset = plt_mem_zalloc((size_t)parts->items + 1, sizeof *offset);
  uint32_t *index = plt_mem_alloc(most * sizeof *index);
  float *weight = plt_mem_alloc(most * sizeof *weight);
  for (uint32_t i = 0; i < parts->items; i++) offset[i + 1] = n += merge_row(parts, i, index + n, weight + n);
  plt_item_graph_t *graph = plt_mem_alloc(sizeof *graph);
  graph->matrix =
      (plt_csr_t){.rows = parts->items, .cols = parts->items, .offset = offset, .index = index, .weight = weight};
  return graph;
}

plt_status_t plt_item_graph_open(const plt_dataset_t *data, const plt_item_graph_plan_t *plan, uint32_t threads,
                                 const char *cache, plt_item_graph_t **out) {
  parts_t parts = {
      .plan = plan, .n = data->n_features, .items = data->items, .k = plan->k < data->items ? plan->k : data->items};
  assert(data->n_features <= PLT_MODALITIES_MAX);
  plt_status_t status = open_parts(data, threads, cache, &parts);
  if (status == PLT_OK) *out = merge(&parts);
  for (size_t m = 0; m < parts.n; m++) {
    free(parts.near[m]);
    free(parts.weight[m]);
  }
  return status;
}

void plt_item_graph_destroy(plt_item_graph_t **graph) {
  if (*graph == NULL) return;
  free((void *)(uintptr_t)(*graph)->matrix.offset);
  free((void *)(uintptr_t)(*graph)->matrix.index);
  free((void *)(uintptr_t)(*graph)->matrix.weight);
  free(*graph);
  *graph = NULL;
}
