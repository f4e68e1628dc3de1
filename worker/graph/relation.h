/* relation.h - which nodes are neighbours of which, and what an edge weighs: the matrices that models multiply by.
 *
 *   USER_ITEM   training pairs: D^-1/2 Adj D^-1/2, or means or sums over a row's neighbours
 *   ITEM_ITEM   nearest neighbours by features (item_graph.h)
 *   USER_USER   users with the most items in common (user_graph.h)
 *
 * A model declares plans; a process opens them once. An epoch may have a version of its own (edge_dropout, pads):
 * workers make it from the one that is open here.
 *
 * Ownership  relations own their matrices; adjacencies are views.
 * Errors     plt_relations_open(): PLT_ERR_DATA.
 * Threads    read-only once open, shared by the workers of a process.
 * Source     docs/methods/graphs.md; docs/decisions/relations-and-hops.md. */
#ifndef PLT_WORKER_GRAPH_RELATION_H
#define PLT_WORKER_GRAPH_RELATION_H

#include "worker/graph/graph.h"
#include "worker/graph/item_graph.h"
#include "worker/graph/user_graph.h"

enum { PLT_RELATIONS_MAX = 10 };

typedef enum { PLT_RELATION_USER_ITEM, PLT_RELATION_ITEM_ITEM, PLT_RELATION_USER_USER } plt_relation_kind_t;

/* What an edge of a row with D edges weighs: 1 / sqrt(D D'), D' of the other end, or 1 / D, or 1. */
typedef enum { PLT_EDGES_SYMMETRIC, PLT_EDGES_MEAN, PLT_EDGES_SUM } plt_edges_weight_t;

typedef struct plt_relation_plan {
  plt_relation_kind_t kind;
  /* USER_ITEM */
  plt_edges_weight_t weight;
  double edge_dropout; /* share of the edges that an epoch's leaves do not have (plt_graph_prune) */
  bool evenly;         /* these are drawn all alike, not by their weights */
  /* the others */
  plt_item_graph_plan_t items;
  plt_user_graph_plan_t users;
} plt_relation_plan_t;

/* The rows of one side: node r's neighbours and its edges' weights. */
typedef struct plt_adjacency {
  uint32_t nodes;
  plt_side_t across;         /* the side of the neighbours */
  const uint64_t *offset;    /* nodes + 1 */
  const uint32_t *id;        /* ascending, distinct */
  const float *weight;       /* per edge; NULL: left[row] * right[neighbour] */
  const float *left, *right; /* right NULL: ones */
} plt_adjacency_t;

typedef struct plt_relation {
  plt_relation_plan_t plan;
  const plt_graph_t *graph; /* USER_ITEM: not its own */
  float *of_row[PLT_SIDES]; /* USER_ITEM, not symmetric: what a row's edges weigh, 0 for a node without edges */
  plt_item_graph_t *items;  /* ITEM_ITEM */
  plt_user_graph_t *users;  /* USER_USER */
} plt_relation_t;

typedef struct plt_relations {
  uint32_t nodes[PLT_SIDES]; /* of the data: those of a side that no relation has rows of, too */
  plt_graph_t *graph;        /* of the training pairs; NULL: no relation needs it */
  size_t n;
  plt_relation_t of[PLT_RELATIONS_MAX];
} plt_relations_t;

/* Opens what `plans` [n] say, with `threads` threads; files in the directory `cache` are shared by the processes of a
 * machine, NULL: in memory. Fails as graphs of items do (item_graph.h). */
plt_status_t plt_relations_open(const plt_dataset_t *data, const plt_relation_plan_t *plans, size_t n, uint32_t threads,
                                const char *cache, plt_relations_t **out);
void plt_relations_destroy(plt_relations_t **relations);

/* The rows of `side`; nodes 0 where the relation has none. */
plt_adjacency_t plt_relation_rows(const plt_relation_t *relation, plt_side_t side);
/* Whether it has rows of `side`: a hop over it can make a state there. */
bool plt_relation_has(plt_relation_kind_t kind, plt_side_t side);
plt_side_t plt_relation_across(plt_relation_kind_t kind, plt_side_t side);

/* Epoch `epoch`'s version of a relation that varies: dropped edges, padded lists. Free with
 * plt_relation_destroy_version(). */
plt_relation_t *plt_relation_of_epoch(const plt_relation_t *whole, uint64_t seed, uint32_t epoch, plt_crew_t *crew);
void plt_relation_destroy_version(plt_relation_t **version);
/* Whether epochs have versions. */
bool plt_relation_varies(const plt_relation_plan_t *plan);

static inline float plt_adjacency_weight(const plt_adjacency_t *a, uint32_t row, uint64_t edge) {
  if (a->weight != NULL) return a->weight[edge];
  return a->right == NULL ? a->left[row] : a->left[row] * a->right[a->id[edge]];
}

static inline uint64_t plt_adjacency_degree(const plt_adjacency_t *a, uint32_t row) {
  return a->offset[row + 1] - a->offset[row];
}

#endif
