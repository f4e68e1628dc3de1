/* relation.c - see relation.h. */
#include "worker/graph/relation.h"

#include <assert.h>
#include <stdlib.h>

#include "common/mem.h"

bool plt_relation_has(plt_relation_kind_t kind, plt_side_t side) {
  return kind == PLT_RELATION_USER_ITEM || (side == PLT_SIDE_ITEM) == (kind == PLT_RELATION_ITEM_ITEM);
}

plt_side_t plt_relation_across(plt_relation_kind_t kind, plt_side_t side) {
  return kind == PLT_RELATION_USER_ITEM ? plt_side_other(side) : side;
}

bool plt_relation_varies(const plt_relation_plan_t *plan) {
  return plan->kind == PLT_RELATION_USER_ITEM ? plan->edge_dropout > 0
                                              : plan->kind == PLT_RELATION_USER_USER && plan->users.pads;
}

/* ---- opening ---- */

static float *weigh_rows(const plt_neighbours_t *of, plt_edges_weight_t how) {
  float *weight = plt_mem_alloc(of->nodes * sizeof *weight);
  for (uint32_t n = 0; n < of->nodes; n++) {
    uint64_t degree = of->offset[n + 1] - of->offset[n];
    weight[n] = degree == 0 ? 0 : how == PLT_EDGES_SUM ? 1 : 1 / (float)degree;
  }
  return weight;
}

static void take_graph(plt_relation_t *relation, const plt_graph_t *graph) {
  relation->graph = graph;
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES && relation->plan.weight != PLT_EDGES_SYMMETRIC; s++)
    relation->of_row[s] = weigh_rows(&graph->of[s], relation->plan.weight);
}

static plt_status_t open_users(const plt_dataset_t *data, const plt_graph_t *graph, uint32_t threads, const char *cache,
                               plt_relation_t *relation) {
  relation->users = plt_user_graph_open(data, graph, &relation->plan.users, threads, cache);
  if (relation->users->matrix.offset[data->users] > 0) return PLT_OK;
  return plt_fail(PLT_ERR_DATA,
                  "%s: no two users have a training item in common, so the graph of users has no edge; a model without "
                  "such a graph would fit: freedom or mgcn",
                  data->source);
}

plt_status_t plt_relations_open(const plt_dataset_t *data, const plt_relation_plan_t *plans, size_t n, uint32_t threads,
                                const char *cache, plt_relations_t **out) {
  plt_relations_t *relations = plt_mem_zalloc(1, sizeof *relations);
  assert(n <= PLT_RELATIONS_MAX);
  relations->n = n;
  relations->nodes[PLT_SIDE_USER] = data->users;
  relations->nodes[PLT_SIDE_ITEM] = data->items;
  plt_status_t status = PLT_OK;
  for (size_t r = 0; r < n && status == PLT_OK; r++) {
    plt_relation_t *relation = &relations->of[r];
    relation->plan = plans[r];
    if (plans[r].kind == PLT_RELATION_ITEM_ITEM) {
      status = plt_item_graph_open(data, &plans[r].items, threads, cache, &relation->items);
      continue;
    }
    if (relations->graph == NULL) relations->graph = plt_graph_open(data, threads, cache);
    if (plans[r].kind == PLT_RELATION_USER_ITEM)
      take_graph(relation, relations->graph);
    else
      status = open_users(data, relations->graph, threads, cache, relation);
  }
  if (status == PLT_OK)
    *out = relations;
  else
    plt_relations_destroy(&relations);
  return status;
}

static void forget(plt_relation_t *relation) {
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) free(relation->of_row[s]);
  plt_item_graph_destroy(&relation->items);
  plt_user_graph_destroy(&relation->users);
}

void plt_relations_destroy(plt_relations_t **relations) {
  if (*relations == NULL) return;
  for (size_t r = 0; r < (*relations)->n; r++) forget(&(*relations)->of[r]);
  plt_graph_destroy(&(*relations)->graph);
  free(*relations);
  *relations = NULL;
}

/* ---- rows ---- */

static plt_adjacency_t rows_of_matrix(const plt_csr_t *matrix, plt_side_t side) {
  return (plt_adjacency_t){.nodes = (uint32_t)matrix->rows,
                           .across = side,
                           .offset = matrix->offset,
                           .id = matrix->index,
                           .weight = matrix->weight};
}

plt_adjacency_t plt_relation_rows(const plt_relation_t *relation, plt_side_t side) {
  if (!plt_relation_has(relation->plan.kind, side)) return (plt_adjacency_t){0};
  if (relation->items != NULL) return rows_of_matrix(&relation->items->matrix, side);
  if (relation->users != NULL) return rows_of_matrix(&relation->users->matrix, side);
  const plt_neighbours_t *of = &relation->graph->of[side], *other = &relation->graph->of[plt_side_other(side)];
  bool symmetric = relation->plan.weight == PLT_EDGES_SYMMETRIC;
  return (plt_adjacency_t){.nodes = of->nodes,
                           .across = plt_side_other(side),
                           .offset = of->offset,
                           .id = of->id,
                           .left = symmetric ? of->norm : relation->of_row[side],
                           .right = symmetric ? other->norm : NULL};
}

/* ---- versions ---- */

plt_relation_t *plt_relation_of_epoch(const plt_relation_t *whole, uint64_t seed, uint32_t epoch, plt_crew_t *crew) {
  plt_relation_t *version = plt_mem_zalloc(1, sizeof *version);
  version->plan = whole->plan;
  if (whole->users != NULL)
    version->users = plt_user_graph_pad(whole->users, &whole->plan.users, seed, epoch);
  else
    take_graph(version, plt_graph_prune(whole->graph, whole->plan.edge_dropout, whole->plan.evenly, seed, epoch, crew));
  return version;
}

void plt_relation_destroy_version(plt_relation_t **version) {
  if (*version == NULL) return;
  plt_graph_t *graph = (plt_graph_t *)(uintptr_t)(*version)->graph; /* a version's own */
  plt_graph_destroy(&graph);
  forget(*version);
  free(*version);
  *version = NULL;
}
