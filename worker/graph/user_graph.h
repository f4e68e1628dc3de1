/* user_graph.h - which users are like each other: those with the most training items in common.
 *
 *   c_uv = distinct training items that u and v share;   N(u) = the k users v != u with the largest c_uv > 0
 *   w_uv = softmax over N(u) of c_uv, or 1 / |N(u)|
 *
 * Of equal counts the smaller id is nearer. A user without neighbours has an empty row.
 *
 * Cost       per user the degrees of her items: each thread counts into one array of all users.
 * Ownership  one per process, read-only once made.
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
  plt_csr_t matrix; /* [users, users] */
  uint32_t *count;  /* of each entry: c_uv */
} plt_user_graph_t;

plt_user_graph_t *plt_user_graph_create(const plt_graph_t *graph, const plt_user_graph_plan_t *plan, uint32_t threads);
/* The same neighbours with other weights: lists that are shorter than k, but not empty, are filled to k entries, each
 * time by one of the entries that are there then, drawn uniformly; the weights are over the k entries. A function of
 * (seed, epoch). */
plt_user_graph_t *plt_user_graph_pad(const plt_user_graph_t *graph, const plt_user_graph_plan_t *plan, uint64_t seed,
                                     uint32_t epoch);
void plt_user_graph_destroy(plt_user_graph_t **graph);

#endif
