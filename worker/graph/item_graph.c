/* item_graph.c - see item_graph.h. */
#include "worker/graph/item_graph.h"

#include <assert.h>
#include <stdlib.h>

#include "common/mem.h"

/* Row i of S: the modalities' rows, merged by ascending id. Returns its entries. */
static size_t merge_row(const plt_dataset_t *data, const plt_item_graph_plan_t *plan, uint32_t *const *near, uint32_t k,
                        uint32_t i, uint32_t *index, float *weight) {
  uint32_t at[PLT_MODALITIES_MAX] = {0};
  size_t n = 0;
  for (;; n++) {
    uint32_t next = UINT32_MAX;
    for (size_t m = 0; m < data->n_features; m++)
      if (near[m] != NULL && at[m] < k && near[m][(size_t)i * k + at[m]] < next) next = near[m][(size_t)i * k + at[m]];
    if (next == UINT32_MAX) return n;
    index[n] = next;
    weight[n] = 0;
    for (size_t m = 0; m < data->n_features; m++) {
      if (near[m] == NULL || at[m] == k || near[m][(size_t)i * k + at[m]] != next) continue;
      weight[n] += plan->share[m] / (float)k;
      at[m]++;
    }
  }
}

plt_item_graph_t *plt_item_graph_open(const plt_dataset_t *data, const plt_item_graph_plan_t *plan, uint32_t threads,
                                      const char *cache) {
  uint32_t items = data->items, k = plan->k < items ? plan->k : items;
  uint32_t *near[PLT_MODALITIES_MAX] = {NULL};
  size_t most = (size_t)items * k, n = 0;
  assert(data->n_features <= PLT_MODALITIES_MAX);
  for (size_t m = 0; m < data->n_features; m++) {
    if (plan->share[m] == 0) continue;
    near[m] = plt_mem_alloc(most * sizeof *near[m]);
    plt_item_neighbours_open(&data->features[m], items, k, threads, cache, near[m]);
  }
  uint64_t *offset = plt_mem_zalloc((size_t)items + 1, sizeof *offset);
  uint32_t *index = plt_mem_alloc(most * data->n_features * sizeof *index);
  float *weight = plt_mem_alloc(most * data->n_features * sizeof *weight);
  for (uint32_t i = 0; i < items; i++) offset[i + 1] = n += merge_row(data, plan, near, k, i, index + n, weight + n);
  for (size_t m = 0; m < data->n_features; m++) free(near[m]);
  plt_item_graph_t *graph = plt_mem_alloc(sizeof *graph);
  graph->matrix = (plt_csr_t){.rows = items, .cols = items, .offset = offset, .index = index, .weight = weight};
  return graph;
}

void plt_item_graph_destroy(plt_item_graph_t **graph) {
  if (*graph == NULL) return;
  free((void *)(uintptr_t)(*graph)->matrix.offset);
  free((void *)(uintptr_t)(*graph)->matrix.index);
  free((void *)(uintptr_t)(*graph)->matrix.weight);
  free(*graph);
  *graph = NULL;
}
