/* test_relation.c - relations of all kinds as they are opened: their rows against dense matrices and against the graphs
 * that have tests of their own; one graph of the pairs for all; versions of epochs. */
#include "tests/unit/worker/naive_graph.h"
#include "tests/unit/worker/naive_relations.h"

/* Data with features of one modality. */
typedef struct world {
  naive_graph_t graph;
  plt_feature_t feature;
} world_t;

static void world_open(world_t *world) {
  naive_rng_t rng = {3};
  *world = (world_t){.graph = naive_graph_make(40, 30, 150, 5)};
  plt_dataset_t *data = &world->graph.data;
  world->feature.array = (plt_npy_t){.type = PLT_NPY_F4, .rows = data->items, .cols = 4, .dims = 2};
  world->feature.array.data = naive_matrix(&rng, (size_t)data->items * 4, -1, 1);
  data->features = &world->feature;
  data->n_features = 1;
}

static void world_close(world_t *world) {
  free((void *)(uintptr_t)world->feature.array.data);
  naive_graph_free(&world->graph);
}

static const plt_relation_plan_t plans[] = {
    {.kind = PLT_RELATION_ITEM_ITEM, .items = {.k = 5, .share = {1}}},
    {.kind = PLT_RELATION_USER_ITEM},
    {.kind = PLT_RELATION_USER_USER, .users = {.k = 6, .pads = true}},
    {.kind = PLT_RELATION_USER_ITEM, .weight = PLT_EDGES_MEAN, .edge_dropout = 0.5},
    {.kind = PLT_RELATION_USER_USER, .users = {.k = 3, .mean = true}},
    {.kind = PLT_RELATION_USER_ITEM, .weight = PLT_EDGES_SUM}};
enum { PLANS = sizeof plans / sizeof *plans };

Test(relation, sides) {
  for (size_t r = 0; r < PLANS; r++)
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
      plt_side_t across = naive_across(plans[r].kind, s);
      cr_assert_eq(plt_relation_has(plans[r].kind, s), across != PLT_SIDES);
      if (across != PLT_SIDES) cr_assert_eq(plt_relation_across(plans[r].kind, s), across);
      cr_assert_eq(plt_relation_varies(&plans[r]), r == 2 || r == 3);
    }
}

/* Rows of a matrix that has its own test. */
static void check_likes(const plt_adjacency_t *rows, const plt_csr_t *want) {
  cr_assert(rows->nodes == want->rows && rows->weight != NULL);
  cr_assert_eq(memcmp(rows->offset, want->offset, (want->rows + 1) * sizeof *want->offset), 0);
  for (uint64_t e = 0; e < want->offset[want->rows]; e++) {
    cr_assert_eq(rows->id[e], want->index[e]);
    cr_assert_eq(plt_adjacency_weight(rows, 0, e), want->weight[e]);
  }
}

static void check_pairs(const world_t *world, const plt_adjacency_t *rows, plt_side_t side, plt_edges_weight_t how) {
  naive_relations_t naive = {.users = 40, .items = 30, .nodes = 70};
  double *weight = calloc(70 * 70, sizeof *weight);
  naive_fill_pairs(&naive, &world->graph.data, how, weight);
  cr_assert_eq(rows->nodes, naive_count(&naive, side));
  for (uint32_t n = 0; n < rows->nodes; n++) {
    double *want = weight + (naive_first(&naive, side) + n) * 70;
    uint64_t edges = 0;
    for (size_t b = 0; b < 70; b++) edges += want[b] != 0;
    cr_assert_eq(plt_adjacency_degree(rows, n), edges);
    for (uint64_t e = rows->offset[n]; e < rows->offset[n + 1]; e++) {
      double *of = &want[naive_first(&naive, rows->across) + rows->id[e]];
      cr_assert(*of != 0 && naive_near(plt_adjacency_weight(rows, n, e), *of, 1e-7));
      *of = 0; /* each once */
    }
  }
  free(weight);
}

Test(relation, rows_are_those_of_the_plan) {
  world_t world;
  world_open(&world);
  plt_relations_t *relations;
  cr_assert_eq(plt_relations_open(&world.graph.data, plans, PLANS, 2, NULL, &relations), PLT_OK);
  plt_graph_t *graph = plt_graph_create(&world.graph.data, 1);
  cr_assert(relations->n == PLANS && relations->nodes[PLT_SIDE_USER] == 40 && relations->nodes[PLT_SIDE_ITEM] == 30);
  cr_assert(relations->of[1].graph == relations->graph && relations->of[3].graph == relations->graph);
  for (size_t r = 0; r < PLANS; r++)
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
      plt_adjacency_t rows = plt_relation_rows(&relations->of[r], s);
      plt_side_t across = naive_across(plans[r].kind, s);
      if (across == PLT_SIDES) {
        cr_assert_eq(rows.nodes, 0);
        continue;
      }
      cr_assert_eq(rows.across, across);
      if (plans[r].kind == PLT_RELATION_USER_ITEM) {
        check_pairs(&world, &rows, s, plans[r].weight);
      } else if (plans[r].kind == PLT_RELATION_ITEM_ITEM) {
        plt_item_graph_t *want;
        cr_assert_eq(plt_item_graph_open(&world.graph.data, &plans[r].items, 1, NULL, &want), PLT_OK);
        check_likes(&rows, &want->matrix);
        plt_item_graph_destroy(&want);
      } else {
        plt_user_graph_t *want = plt_user_graph_create(graph, &plans[r].users, 1);
        check_likes(&rows, &want->matrix);
        plt_user_graph_destroy(&want);
      }
    }
  plt_graph_destroy(&graph);
  plt_relations_destroy(&relations);
  plt_relations_destroy(&relations); /* takes NULL */
  world_close(&world);
}

Test(relation, items_alone_need_no_graph_of_pairs) {
  world_t world;
  world_open(&world);
  plt_relations_t *relations;
  cr_assert_eq(plt_relations_open(&world.graph.data, plans, 1, 1, NULL, &relations), PLT_OK);
  cr_assert(relations->graph == NULL && relations->nodes[PLT_SIDE_USER] == 40);
  plt_relations_destroy(&relations);
  world_close(&world);
}

/* The means of an epoch are over the edges that are left. */
Test(relation, versions_of_epochs) {
  world_t world;
  world_open(&world);
  plt_relations_t *relations;
  cr_assert_eq(plt_relations_open(&world.graph.data, plans, PLANS, 1, NULL, &relations), PLT_OK);
  plt_relation_t *version = plt_relation_of_epoch(&relations->of[3], 7, 2, NULL);
  plt_graph_t *left = plt_graph_prune(relations->graph, 0.5, false, 7, 2, NULL);
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    plt_adjacency_t rows = plt_relation_rows(version, s);
    for (uint32_t n = 0; n < rows.nodes; n++) {
      cr_assert_eq(plt_adjacency_degree(&rows, n), plt_graph_degree(left, s, n));
      for (uint64_t e = rows.offset[n]; e < rows.offset[n + 1]; e++) {
        cr_assert_eq(rows.id[e], left->of[s].id[e]);
        cr_assert(naive_near(plt_adjacency_weight(&rows, n, e), 1 / (double)plt_adjacency_degree(&rows, n), 1e-7));
      }
    }
  }
  plt_graph_destroy(&left);
  plt_relation_destroy_version(&version);
  cr_assert_null(version);
  version = plt_relation_of_epoch(&relations->of[2], 7, 2, NULL);
  plt_user_graph_t *padded = plt_user_graph_pad(relations->of[2].users, &plans[2].users, 7, 2);
  plt_adjacency_t rows = plt_relation_rows(version, PLT_SIDE_USER);
  check_likes(&rows, &padded->matrix);
  plt_user_graph_destroy(&padded);
  plt_relation_destroy_version(&version);
  plt_relation_destroy_version(&version); /* takes NULL */
  plt_relations_destroy(&relations);
  world_close(&world);
}
