/* naive_graph.h - invented training pairs and their graph as a dense matrix in double: the oracle for whatever
 * propagates. */
#ifndef PLT_TESTS_UNIT_WORKER_NAIVE_GRAPH_H
#define PLT_TESTS_UNIT_WORKER_NAIVE_GRAPH_H

#include <criterion/criterion.h>

#include "tests/unit/worker/naive.h"
#include "worker/graph/graph.h"
#include "worker/math/sparse.h"

typedef struct naive_graph {
  uint32_t users, items, nodes;
  double *edge;   /* [nodes, nodes]: 1 for an edge; item i is node users + i */
  double *weight; /* [nodes, nodes] */
  double *spread; /* [items, items]: a graph of items */
  plt_dataset_t data;
} naive_graph_t;

/* Some `pairs` pairs in the order of users and items, each of them twice now and then; the last user and the last item
 * have none; user 0 has many. */
static inline naive_graph_t naive_graph_make(uint32_t users, uint32_t items, uint32_t pairs, uint32_t seed) {
  naive_rng_t rng = {seed};
  naive_graph_t g = {.users = users, .items = items, .nodes = users + items};
  size_t cells = (size_t)g.nodes * g.nodes, n = 0;
  g.edge = calloc(cells, sizeof *g.edge);
  g.weight = calloc(cells, sizeof *g.weight);
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
  double *degree = calloc(g.nodes, sizeof *degree);
  for (size_t c = 0; c < cells; c++) degree[c / g.nodes] += g.edge[c];
  for (size_t c = 0; c < cells; c++)
    if (g.edge[c] != 0) g.weight[c] = 1 / sqrt(degree[c / g.nodes] * degree[c % g.nodes]);
  g.spread = calloc((size_t)items * items, sizeof *g.spread);
  for (size_t c = 0; c < (size_t)items * items; c++)
    if (naive_below(&rng, 12) == 0) g.spread[c] = naive_between(&rng, 0, 0.5);
  free(count), free(degree);
  return g;
}

static inline void naive_graph_free(naive_graph_t *g) {
  free(g->edge), free(g->weight), free(g->spread);
  free(g->data.part[PLT_PART_TRAIN].offset), free(g->data.part[PLT_PART_TRAIN].item);
}

/* x + A x + ... + A^layers x of x [nodes, cols]: the sum of all layers; free it. A is symmetric, so it is also the
 * gradient of such a sum. */
static inline double *naive_graph_sum(const naive_graph_t *g, const double *x, size_t cols, size_t layers) {
  size_t n = g->nodes * cols;
  double *layer = malloc(n * sizeof *layer), *next = malloc(n * sizeof *next), *sum = malloc(n * sizeof *sum);
  memcpy(layer, x, n * sizeof *x);
  memcpy(sum, x, n * sizeof *x);
  for (size_t l = 0; l < layers; l++) {
    memset(next, 0, n * sizeof *next);
    for (size_t a = 0; a < g->nodes; a++)
      for (size_t b = 0; b < g->nodes; b++)
        for (size_t c = 0; c < cols; c++) next[a * cols + c] += g->weight[a * g->nodes + b] * layer[b * cols + c];
    for (size_t k = 0; k < n; k++) sum[k] += layer[k] = next[k];
  }
  free(layer), free(next);
  return sum;
}

/* x of the items becomes S x, or S^T x: [nodes, cols], users' rows become 0. */
static inline void naive_graph_spread(const naive_graph_t *g, double *x, size_t cols, size_t hops, bool transposed) {
  double *next = malloc((size_t)g->nodes * cols * sizeof *next);
  for (size_t k = 0; k < hops; k++) {
    memset(next, 0, (size_t)g->nodes * cols * sizeof *next);
    for (size_t a = 0; a < g->items; a++)
      for (size_t b = 0; b < g->items; b++)
        for (size_t c = 0; c < cols; c++)
          next[(g->users + a) * cols + c] +=
              g->spread[transposed ? b * g->items + a : a * g->items + b] * x[(g->users + b) * cols + c];
    memcpy(x, next, (size_t)g->nodes * cols * sizeof *next);
  }
  free(next);
}

/* The graph of items in compressed rows; arrays are the arena's. */
static inline plt_csr_t naive_graph_items(const naive_graph_t *g, plt_arena_t *arena) {
  uint64_t *offset = plt_arena_zalloc(arena, (g->items + 1) * sizeof *offset);
  uint32_t *index = plt_arena_alloc(arena, (size_t)g->items * g->items * sizeof *index);
  float *weight = plt_arena_alloc(arena, (size_t)g->items * g->items * sizeof *weight);
  for (size_t a = 0; a < g->items; a++) {
    offset[a + 1] = offset[a];
    for (size_t b = 0; b < g->items; b++) {
      if (g->spread[a * g->items + b] == 0) continue;
      index[offset[a + 1]] = (uint32_t)b;
      weight[offset[a + 1]++] = (float)g->spread[a * g->items + b];
    }
  }
  return (plt_csr_t){g->items, g->items, offset, index, weight};
}

#endif
