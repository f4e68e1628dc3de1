/* subgraph.h - what a leaf needs of the graph: nested sets of nodes, and the matrices that lead from one to the next.
 *
 *   layer 0        F_0 ⊇ F_1 ⊇ ... ⊇ F_L   the leaf's own users and items
 *                   └─ hop 0 ─▶└─ hop 1 ... ─▶   layer l+1 at the nodes of F_{l+1} from layer l at those of F_l
 *
 * F_l holds F_{l+1} and its neighbours: all of them (exact), or at most fanout[L-1-l] of each node, drawn without
 * replacement; an edge that was drawn weighs degree / drawn times as much, so the expectation of a layer is the
 * exact one. Draws are a function of (seed, epoch, batch, leaf, layer, node): every pass over a batch and every
 * number of workers sees the same ones.
 *
 * A model may have a graph of items too (nearest neighbours of features, say), over which layer 0 or the sum of the
 * layers is spread in `item_hops` products at the end: then the items that these reach, G_0 ⊇ ... ⊇ G_K = the leaf's
 * own, are nodes of layer 0, or of F_L. All neighbours there, never drawn.
 *
 * Memory     the arena's, but for 4 bytes per node of the graph in the maker. Work is bounded by the subgraph.
 * Threads    one owner; rows are filled by its crew; the result does not depend on it.
 * Source     METHODS 4 (LightGCN); Hamilton et al., "GraphSAGE", NeurIPS 2017 (sampling by fan-out). */
#ifndef PLT_WORKER_GRAPH_SUBGRAPH_H
#define PLT_WORKER_GRAPH_SUBGRAPH_H

#include "worker/graph/graph.h"
#include "worker/math/sparse.h"

enum { PLT_LAYERS_MAX = 8, PLT_ITEM_HOPS_MAX = 4, PLT_FANOUT_MAX = 4096 };

/* Distinct ids, ascending, users and items apart. */
typedef struct plt_frontier {
  const uint32_t *id[PLT_SIDES];
  size_t n[PLT_SIDES];
} plt_frontier_t;

typedef struct plt_subgraph {
  size_t layers;                               /* L */
  plt_frontier_t frontier[PLT_LAYERS_MAX + 1]; /* F_0 .. F_L */
  /* hop[l][side]: rows are F_{l+1}'s nodes of that side, columns F_l's of the other. */
  plt_sparse_t hop[PLT_LAYERS_MAX][PLT_SIDES];
  /* own[l][side]: where F_L's nodes stand in F_l. */
  const uint32_t *own[PLT_LAYERS_MAX + 1][PLT_SIDES];
  /* With a graph of items only. */
  size_t item_hops;                       /* K */
  plt_sparse_t spread[PLT_ITEM_HOPS_MAX]; /* [k]: rows are G_{k+1}'s items, columns G_k's */
  const uint32_t *source;                 /* where G_0's items stand in F_0's; NULL: they are F_L's */
  size_t n_source;                        /* of G_0 */
  const uint32_t *own_item;               /* where the leaf's own items stand in F_L's; NULL: they are F_L's */
  size_t n_own_item;
} plt_subgraph_t;

typedef struct plt_subgraph_plan {
  size_t layers;                   /* 1 .. PLT_LAYERS_MAX */
  size_t n_fanout;                 /* 0: exact; else `layers` of them */
  uint32_t fanout[PLT_LAYERS_MAX]; /* neighbours of the leaf's own nodes first */
  const plt_csr_t *item_graph;     /* [items, items], the model's; NULL: none */
  size_t item_hops;                /* 1 .. PLT_ITEM_HOPS_MAX */
  bool spreads_sum;                /* the sum of the layers; false: layer 0 */
  double edge_dropout;             /* share of the edges that an epoch's subgraphs do not have (plt_graph_prune) */
} plt_subgraph_plan_t;

typedef struct plt_subgraph_maker plt_subgraph_maker_t;
plt_subgraph_maker_t *plt_subgraph_maker_create(const plt_graph_t *graph, const plt_subgraph_plan_t *plan,
                                                uint64_t seed, plt_crew_t *crew);
void plt_subgraph_maker_destroy(plt_subgraph_maker_t **maker);

/* The subgraph of a leaf whose own nodes are `own`, which stay. Without a graph of items they are F_L. It lives as long as the arena is not reset. */
const plt_subgraph_t *plt_subgraph_make(plt_subgraph_maker_t *maker, uint32_t epoch, uint32_t batch, uint32_t leaf,
                                        const plt_frontier_t *own, plt_arena_t *arena);

#endif
