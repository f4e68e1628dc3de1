/* user_graph.h - which users are like each other: those with the most training items in common.
 *
 *   c_uv = distinct training items that u and v share;   N(u) = the k users v != u with the largest c_uv > 0
 *   w_uv = softmax over N(u) of c_uv, or 1 / |N(u)|
 *
 * Of equal counts the smaller id is nearer. A user without neighbours has an empty row.
 *
 * Cost       per user the degrees of her items: each thread counts into one array of all users.
 * Ownership  one per process, read-only once made; the processes of a machine can share one file.
 * Threads    as many as asked for; the graph does not depend on them.
 * Source     docs/methods/graphs.md 5; Zhou et al., "DRAGON", ECAI 2023. */
#ifndef PLT_WORKER_GRAPH_USER_GRAPH_H
#define PLT_WORKER_GRAPH_USER_GRAPH_H

#include "worker/graph/graph.h"
#include "worker/math/sparse.h"

typedef struct plt_user_graph_plan {
  uint32_t k;
  bool mean; /* weights; false: softmax of the counts */
  bool pads; /* epochs have versions: plt_user_graph_pad() */
} plt_user_graph_plan_t;

typedef struct plt_user_graph {
  plt_csr_t matrix;      /* [users, users] */
  const uint32_t *count; /* of each entry: c_uv */
  void *map;             /* the file that the arrays lie in; NULL: they are the process's own */
  size_t map_bytes;
} plt_user_graph_t;

plt_user_graph_t *plt_user_graph_create(const plt_graph_t *graph, const plt_user_graph_plan_t *plan, uint32_t threads);
/* The same out of a file in the directory `cache`, which the first process to ask leaves there for the others to map;
 * cache NULL: in memory. `graph` is that of the data. Never fails, as plt_graph_open(). */
plt_user_graph_t *plt_user_graph_open(const plt_dataset_t *data, const plt_graph_t *graph,
                                      const plt_user_graph_plan_t *plan, uint32_t threads, const char *cache);
/* The same neighbours with other weights: lists that are shorter than k, but not empty, are filled to k entries, each
 * time by one of the entries that are there then, drawn uniformly; the weights are over the k entries. A function of
 * (seed, epoch). */
plt_user_graph_t *plt_user_graph_pad(const plt_user_graph_t *graph, const plt_user_graph_plan_t *plan, uint64_t seed,
                                     uint32_t epoch);
void plt_user_graph_destroy(plt_user_graph_t **graph);

#endif
