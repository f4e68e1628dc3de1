/* naive_graph.h - invented training pairs, and which users and items they join. */
#ifndef PLT_TESTS_UNIT_WORKER_NAIVE_GRAPH_H
#define PLT_TESTS_UNIT_WORKER_NAIVE_GRAPH_H

#include <criterion/criterion.h>

#include "tests/unit/worker/naive.h"
#include "worker/graph/graph.h"

typedef struct naive_graph {
  uint32_t users, items, nodes;
  double *edge; /* [nodes, nodes]: 1 for an edge; item i is node users + i */
  plt_dataset_t data;
} naive_graph_t;

/* Some `pairs` pairs in the order of users and items, each of them twice now and then; the last user and the last item
 * have none; user 0 has many. */
static inline naive_graph_t naive_graph_make(uint32_t users, uint32_t items, uint32_t pairs, uint32_t seed) {
  naive_rng_t rng = {seed};
  naive_graph_t g = {.users = users, .items = items, .nodes = users + items};
  size_t n = 0;
  g.edge = calloc((size_t)g.nodes * g.nodes, sizeof *g.edge);
  uint32_t *count = calloc((size_t)users * items, sizeof *count);
  for (uint32_t p = 0; p < pairs; p++) {
    uint32_t u = p % 5 == 0 ? 0 : naive_below(&rng, users - 1), i = naive_below(&rng, items - 1);
    count[u * items + i]++;
  }
  plt_user_items_t *train = &g.data.part[PLT_PART_TRAIN];
  g.data.users = users;
  g.data.items = items;
  train->n = g.data.n_train = pairs;
  train->offset = calloc(users + 1, sizeof *train->offset);
  train->item = calloc(pairs + 1, sizeof *train->item);
  for (uint32_t u = 0; u < users; u++) {
    for (uint32_t i = 0; i < items; i++)
      for (uint32_t k = 0; k < count[u * items + i]; k++) {
        train->item[n++] = i;
        g.edge[u * g.nodes + users + i] = g.edge[(users + i) * g.nodes + u] = 1;
      }
    train->offset[u + 1] = n;
  }
  free(count);
  return g;
}

static inline void naive_graph_free(naive_graph_t *g) {
  free(g->edge);
  free(g->data.part[PLT_PART_TRAIN].offset), free(g->data.part[PLT_PART_TRAIN].item);
}

#endif
