/* graph_prune.c - a graph with some of its edges: plt_graph_prune() in graph.h.
 *
 * Every edge waits an exponential time at its weight's rate, or all at the same, and those that come first stay: that
 * is a draw without replacement in proportion to the weights (Efraimidis & Spirakis 2006). The time is a function of
 * (seed, epoch, user, item), so neither threads nor workers change it. */
#include <math.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/rng.h"
#include "worker/graph/graph.h"
#include "worker/math/kernels.h"

typedef struct edge {
  double time;
  uint64_t place; /* among the users' edges */
} edge_t;

typedef struct draw {
  const plt_graph_t *graph;
  bool evenly;
  plt_rng_key_t rng;
  edge_t *edge;
} draw_t;

static void draw_range(void *context, size_t first, size_t last) {
  const draw_t *draw = context;
  const plt_neighbours_t *of = &draw->graph->of[PLT_SIDE_USER], *other = &draw->graph->of[PLT_SIDE_ITEM];
  for (uint32_t u = (uint32_t)first; u < last; u++) {
    for (uint64_t e = of->offset[u]; e < of->offset[u + 1]; e++) {
      plt_rng_block_t block = plt_rng_draw(draw->rng, u, of->id[e], 0, 0);
      double weight = draw->evenly ? 1 : (double)of->norm[u] * (double)other->norm[of->id[e]];
      draw->edge[e] = (edge_t){-log(plt_rng_open01(block.word[0])) / weight, e};
    }
  }
}

static int by_time(const void *a, const void *b) {
  const edge_t *x = a, *y = b;
  if (x->time != y->time) return x->time < y->time ? -1 : 1;
  return x->place < y->place ? -1 : x->place > y->place;
}

plt_graph_t *plt_graph_prune(const plt_graph_t *graph, double share, bool evenly, uint64_t seed, uint32_t epoch,
                             plt_crew_t *crew) {
  const plt_neighbours_t *of = &graph->of[PLT_SIDE_USER];
  uint64_t n = (uint64_t)((double)graph->edges * (1 - share));
  draw_t draw = {graph, evenly, plt_rng_key(seed, "edges", epoch), plt_mem_alloc(graph->edges * sizeof *draw.edge)};
  size_t per_user = of->nodes == 0 ? 1 : (size_t)(graph->edges / of->nodes) + 1;
  plt_kernel_ranges(crew, of->nodes, 64 * per_user, draw_range, &draw);
  qsort(draw.edge, graph->edges, sizeof *draw.edge, by_time);
  bool *stays = plt_mem_zalloc(graph->edges, sizeof *stays);
  for (uint64_t k = 0; k < n; k++) stays[draw.edge[k].place] = true;
  free(draw.edge);
  plt_user_items_t rows = {.offset = plt_mem_zalloc((size_t)of->nodes + 1, sizeof *rows.offset),
                           .item = plt_mem_alloc(n * sizeof *rows.item)};
  for (uint32_t u = 0; u < of->nodes; u++) {
    for (uint64_t e = of->offset[u]; e < of->offset[u + 1]; e++)
      if (stays[e]) rows.item[rows.n++] = of->id[e];
    rows.offset[u + 1] = rows.n;
  }
  free(stays);
  plt_graph_t *pruned = plt_graph_from_rows(&rows, of->nodes, graph->of[PLT_SIDE_ITEM].nodes, crew);
  free(rows.offset);
  free(rows.item);
  return pruned;
}
