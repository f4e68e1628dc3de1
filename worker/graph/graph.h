/* graph.h - the bipartite graph of the training pairs: neighbours of users and of items, and their weights.
 *
 * A pair that occurs several times is one edge, as in MMRec's adjacency matrix. The edge (u, i) weighs
 * norm(u) * norm(i) with norm = 1 / sqrt(degree): A = D^-1/2 Adj D^-1/2.
 *
 * Ownership  one graph per process, read-only once made, shared by its threads; the processes of a machine can share
 *            one file (graph_file.c).
 * Memory     8 bytes per edge and 12 per node; nothing else is as large as the graph.
 * Threads    one makes it; read-only then, any number of them.
 * Source     docs/methods/graphs.md 1; He et al., "LightGCN", SIGIR 2020. */
#ifndef PLT_WORKER_GRAPH_GRAPH_H
#define PLT_WORKER_GRAPH_GRAPH_H

#include "common/threads.h"
#include "worker/data/dataset.h"

/* The two kinds of nodes; the neighbours of one are of the other kind. */
typedef enum { PLT_SIDE_USER, PLT_SIDE_ITEM, PLT_SIDES } plt_side_t;

static inline plt_side_t plt_side_other(plt_side_t side) {
  return side == PLT_SIDE_USER ? PLT_SIDE_ITEM : PLT_SIDE_USER;
}

typedef struct plt_neighbours {
  uint32_t nodes;
  const uint64_t *offset; /* nodes + 1 */
  const uint32_t *id;     /* of the other side, ascending, distinct */
  const float *norm;      /* 1 / sqrt(degree); 0 for a node without edges */
} plt_neighbours_t;

typedef struct plt_graph {
  plt_neighbours_t of[PLT_SIDES];
  uint64_t edges;
  void *map; /* the file that the arrays lie in; NULL: they are the process's own, or borrowed */
  size_t map_bytes;
  bool is_borrowed; /* the arrays are those of a packed data set */
} plt_graph_t;

/* From the training pairs, with `threads` threads. */
plt_graph_t *plt_graph_create(const plt_dataset_t *data, uint32_t threads);
/* From the users' items, `users` rows; crew may be NULL. */
plt_graph_t *plt_graph_from_rows(const plt_user_items_t *rows, uint32_t users, uint32_t items, plt_crew_t *crew);
/* A hash of all that the graph is a function of. */
uint64_t plt_graph_key(const plt_dataset_t *data);
/* That of a packed data set, which must outlive it; else the same out of a file in the directory `cache`, which the
 * first process to ask leaves there for the others to map; cache NULL: in memory. Never fails: where there can be no
 * file the graph is in memory. */
plt_graph_t *plt_graph_open(const plt_dataset_t *data, uint32_t threads, const char *cache);
/* A graph of the same nodes with only `1 - share` of the edges (rounded down), its norms by the degrees that are left.
 * Which stay is drawn without replacement, an edge's chance in proportion to its weight, or `evenly` the same for
 * all; a function of (seed, epoch). */
plt_graph_t *plt_graph_prune(const plt_graph_t *graph, double share, bool evenly, uint64_t seed, uint32_t epoch,
                             plt_crew_t *crew);
void plt_graph_destroy(plt_graph_t **graph);

static inline uint64_t plt_graph_degree(const plt_graph_t *graph, plt_side_t side, uint32_t node) {
  return graph->of[side].offset[node + 1] - graph->of[side].offset[node];
}

#endif
