/* closure.h - what a leaf needs of the relations: the sets of nodes of its model's programme, and the matrices that
 * lead from one to the next.
 *
 *   set k ⊇ ... ⊇ set 0 = the leaf's own nodes (programme.h)
 *     └─ a matrix per term and side: rows are the inner set's nodes, columns set k's nodes across
 *
 * A term has all neighbours of its rows (exact), or at most `fanout` of each, drawn without replacement; an edge that
 * was drawn weighs degree / drawn times as much, so the expectation of a product is the exact one. Draws are a function
 * of (seed, epoch, batch, leaf, the state's draw, node): every pass over a batch and every number of workers sees the
 * same ones.
 *
 * Memory     the arena's, but for 4 bytes per node of the data in the maker, and matrices that lead from all nodes to
 *            all nodes by all edges, whatever the leaf: the maker has those, 8 bytes per edge and side, made once.
 *            Work is bounded by the closure.
 * Threads    one owner; rows are filled by its crew; the result does not depend on it.
 * Source     docs/methods/graphs.md 2; Hamilton et al., "GraphSAGE", NeurIPS 2017 (sampling by fan-out). */
#ifndef PLT_WORKER_GRAPH_CLOSURE_H
#define PLT_WORKER_GRAPH_CLOSURE_H

#include "worker/graph/programme.h"
#include "worker/math/sparse.h"

/* Distinct ids, ascending, users and items apart. */
typedef struct plt_frontier {
  const uint32_t *id[PLT_SIDES];
  size_t n[PLT_SIDES];
} plt_frontier_t;

typedef struct plt_closure {
  const plt_programme_t *programme;
  plt_frontier_t set[PLT_SETS_MAX];
  const plt_sparse_t *hop[PLT_SETS_MAX][PLT_TERMS_MAX];          /* [PLT_SIDES] each, by the side of the rows */
  const uint32_t *places[PLT_SETS_MAX][PLT_SETS_MAX][PLT_SIDES]; /* see plt_closure_places() */
  plt_arena_t *arena;
} plt_closure_t;

typedef struct plt_closure_maker plt_closure_maker_t;

/* relations NULL: of a programme without states. All stay. */
plt_closure_maker_t *plt_closure_maker_create(const plt_programme_t *programme, const plt_relations_t *relations,
                                              uint64_t seed, plt_crew_t *crew);
void plt_closure_maker_destroy(plt_closure_maker_t **maker);

/* The closure of a leaf whose own nodes are `own`, which stay. It lives as long as the maker does and the arena is
 * not reset. */
plt_closure_t *plt_closure_make(plt_closure_maker_t *maker, uint32_t epoch, uint32_t batch, uint32_t leaf,
                                const plt_frontier_t *own, plt_arena_t *arena);

/* Where the nodes of the set `inner` stand in `outer`, which holds it. */
const uint32_t *plt_closure_places(plt_closure_t *closure, size_t outer, size_t inner, plt_side_t side);
/* The matrix of a state that is a hop, rows of `side`. */
const plt_sparse_t *plt_closure_hop(const plt_closure_t *closure, size_t state, plt_side_t side);

#endif
