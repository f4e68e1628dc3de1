/* naive_relations.h - relations as dense matrices in double over users and items side by side, and the same as the
 * closure and inference have them: the oracle for whatever multiplies by relations.
 *
 * Those of users and items are made of the data's training pairs by plain loops; graphs of likes are invented: rows of
 * any length, empty ones among them, not symmetric. */
#ifndef PLT_TESTS_UNIT_WORKER_NAIVE_RELATIONS_H
#define PLT_TESTS_UNIT_WORKER_NAIVE_RELATIONS_H

#include <criterion/criterion.h>

#include "tests/unit/worker/naive.h"
#include "worker/graph/relation.h"

typedef struct naive_relations {
  uint32_t users, items, nodes; /* item i is node users + i */
  size_t n;
  double *weight[PLT_RELATIONS_MAX]; /* [nodes, nodes]: rows are what a hop makes; 0: no edge */
  plt_relations_t *real;
} naive_relations_t;

/* The side of what a relation's rows of `side` lead to; PLT_SIDES: it has none. */
static inline plt_side_t naive_across(plt_relation_kind_t kind, plt_side_t side) {
  switch (kind) {
    case PLT_RELATION_USER_ITEM: return side == PLT_SIDE_USER ? PLT_SIDE_ITEM : PLT_SIDE_USER;
    case PLT_RELATION_ITEM_ITEM: return side == PLT_SIDE_ITEM ? PLT_SIDE_ITEM : PLT_SIDES;
    default: return side == PLT_SIDE_USER ? PLT_SIDE_USER : PLT_SIDES;
  }
}

static inline uint32_t naive_first(const naive_relations_t *r, plt_side_t side) {
  return side == PLT_SIDE_USER ? 0 : r->users;
}

static inline uint32_t naive_count(const naive_relations_t *r, plt_side_t side) {
  return side == PLT_SIDE_USER ? r->users : r->items;
}

/* D^-1/2 Adj D^-1/2 of the training pairs, or D^-1 Adj, or Adj. */
static inline void naive_fill_pairs(const naive_relations_t *r, const plt_dataset_t *data, plt_edges_weight_t how,
                                    double *weight) {
  const plt_user_items_t *train = &data->part[PLT_PART_TRAIN];
  size_t cells = (size_t)r->nodes * r->nodes;
  double *degree = calloc(r->nodes, sizeof *degree);
  for (uint32_t u = 0; u < r->users; u++)
    for (uint64_t p = train->offset[u]; p < train->offset[u + 1]; p++) {
      uint32_t i = r->users + train->item[p];
      weight[(size_t)u * r->nodes + i] = weight[(size_t)i * r->nodes + u] = 1;
    }
  for (size_t c = 0; c < cells; c++) degree[c / r->nodes] += weight[c];
  for (size_t c = 0; c < cells; c++)
    if (weight[c] != 0 && how != PLT_EDGES_SUM)
      weight[c] =
          how == PLT_EDGES_MEAN ? 1 / degree[c / r->nodes] : 1 / sqrt(degree[c / r->nodes] * degree[c % r->nodes]);
  free(degree);
}

/* Rows of likes, none in every fourth; k: entries of the longest. */
static inline plt_csr_t naive_invent(const naive_relations_t *r, plt_side_t side, naive_rng_t *rng, double *weight,
                                     uint32_t *k) {
  uint32_t n = naive_count(r, side), first = naive_first(r, side);
  uint64_t *offset = calloc(n + 1, sizeof *offset);
  uint32_t *index = malloc(((size_t)n * n + 1) * sizeof *index);
  float *values = malloc(((size_t)n * n + 1) * sizeof *values);
  *k = 1;
  for (uint32_t a = 0; a < n; a++) {
    uint32_t chance = naive_below(rng, 4) == 0 ? 0 : naive_below(rng, 3) == 0 ? 40 : 8;
    offset[a + 1] = offset[a];
    for (uint32_t b = 0; b < n; b++) {
      if (naive_below(rng, 100) >= chance) continue;
      index[offset[a + 1]] = b;
      values[offset[a + 1]] = naive_between(rng, 0.05, 0.5);
      weight[(size_t)(first + a) * r->nodes + first + b] = values[offset[a + 1]++];
    }
    if (offset[a + 1] - offset[a] > *k) *k = (uint32_t)(offset[a + 1] - offset[a]);
  }
  return (plt_csr_t){n, n, offset, index, values};
}

/* The plans of real->of are those of programmes over them. */
static inline naive_relations_t naive_relations_make(const plt_dataset_t *data, const plt_relation_plan_t *plans,
                                                     size_t n, uint32_t seed) {
  naive_relations_t r = {.users = data->users, .items = data->items, .nodes = data->users + data->items, .n = n};
  plt_relation_plan_t opened[PLT_RELATIONS_MAX] = {{0}};
  naive_rng_t rng = {seed};
  for (size_t k = 0; k < n; k++)
    opened[k] =
        plans[k].kind == PLT_RELATION_USER_ITEM ? plans[k] : (plt_relation_plan_t){.kind = PLT_RELATION_USER_ITEM};
  cr_assert_eq(plt_relations_open(data, opened, n, 2, NULL, &r.real), PLT_OK);
  for (size_t k = 0; k < n; k++) {
    plt_relation_t *relation = &r.real->of[k];
    r.weight[k] = calloc((size_t)r.nodes * r.nodes, sizeof *r.weight[k]);
    if (plans[k].kind == PLT_RELATION_USER_ITEM) {
      naive_fill_pairs(&r, data, plans[k].weight, r.weight[k]);
      continue;
    }
    *relation = (plt_relation_t){.plan = plans[k]}; /* a relation without `mean` owns nothing */
    if (plans[k].kind == PLT_RELATION_ITEM_ITEM) {
      relation->items = calloc(1, sizeof *relation->items);
      relation->items->matrix = naive_invent(&r, PLT_SIDE_ITEM, &rng, r.weight[k], &relation->plan.items.k);
      relation->plan.items.share[0] = 1;
    } else {
      relation->users = calloc(1, sizeof *relation->users);
      relation->users->matrix = naive_invent(&r, PLT_SIDE_USER, &rng, r.weight[k], &relation->plan.users.k);
    }
  }
  return r;
}

static inline void naive_relations_free(naive_relations_t *r) {
  for (size_t k = 0; k < r->n; k++) free(r->weight[k]);
  plt_relations_destroy(&r->real);
}

#endif
