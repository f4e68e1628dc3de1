/* test_inference.c - layers computed by the workers through the servers: the whole graph's propagation in double, the
 * same bits for every number of servers, workers and threads, tables gone afterwards. */
#include "tests/unit/worker/naive_graph.h"
#include "tests/unit/worker/tiny.h"
#include "worker/models/registry.h"
#include "worker/rank/inference.h"

enum { DIM = 6, NODES = TINY_USERS + TINY_ITEMS };

typedef struct look {
  float *base, *sum, *spread; /* [NODES, DIM], spread [TINY_ITEMS, DIM]: filled by worker 0 */
} look_t;

static look_t look_make(void) {
  return (look_t){calloc(NODES * DIM, sizeof(float)), calloc(NODES * DIM, sizeof(float)),
                  calloc(TINY_ITEMS * DIM, sizeof(float))};
}

static void look_free(look_t *look) { free(look->base), free(look->sum), free(look->spread); }

/* A task: twice, so that tables are declared again after they were dropped. */
static plt_status_t infer(plt_session_t *session, void *context) {
  look_t *look = context;
  uint32_t ids[NODES];
  for (uint32_t k = 0; k < NODES; k++) ids[k] = k;
  for (int turn = 0; turn < 2; turn++) {
    plt_inference_t *inference;
    plt_status_t status = PLT_OK;
    PLT_TRY(plt_inference_begin(session, turn == 0 ? "first" : "second", &inference));
    if (session->worker == 0) {
      status = plt_inference_read(inference, PLT_SIDE_USER, ids, TINY_USERS,
                                  (plt_rows_of_layers_t){look->base, look->sum, NULL});
      size_t shift = (size_t)TINY_USERS * DIM;
      if (status == PLT_OK)
        status = plt_inference_read(inference, PLT_SIDE_ITEM, ids, TINY_ITEMS,
                                    (plt_rows_of_layers_t){look->base + shift, look->sum + shift, look->spread});
    }
    PLT_TRY(plt_inference_end(&inference, status));
    cr_assert_null(inference);
  }
  /* The temporary tables are gone: the first of their numbers cannot be read. */
  float row[DIM];
  plt_pull_t pull = {(uint32_t)session->plan->model->n_tables, DIM, (uint64_t[]){0}, 1, row};
  if (session->worker != 0) return PLT_OK;
  cr_assert_eq(plt_client_read(session->client, &pull, 1), PLT_ERR_PROTOCOL);
  return PLT_OK;
}

static look_t run_with(const tiny_t *tiny, uint32_t servers, uint32_t workers, uint32_t threads) {
  look_t looks[TINY_ROLES];
  void *contexts[TINY_ROLES];
  plt_plan_t plan = tiny->plan;
  plan.servers = servers;
  plan.workers = workers;
  plan.threads = threads;
  for (uint32_t w = 0; w < workers; w++) {
    looks[w] = look_make();
    contexts[w] = &looks[w];
  }
  cr_assert_eq(tiny_run(&plan, infer, contexts), PLT_OK, "%s", plt_fail_text());
  for (uint32_t w = 1; w < workers; w++) look_free(&looks[w]);
  return looks[0];
}

/* The data's graph as a matrix, with an invented graph of items. */
static naive_graph_t naive_of(const plt_dataset_t *data) {
  naive_graph_t naive = {.users = TINY_USERS, .items = TINY_ITEMS, .nodes = NODES};
  naive_rng_t rng = {4};
  naive.edge = calloc(NODES * NODES, sizeof *naive.edge);
  naive.weight = calloc(NODES * NODES, sizeof *naive.weight);
  naive.spread = calloc(TINY_ITEMS * TINY_ITEMS, sizeof *naive.spread);
  double degree[NODES] = {0};
  for (uint64_t p = 0; p < data->n_train; p++) {
    uint32_t u = data->train[p].user, i = TINY_USERS + data->train[p].item;
    naive.edge[u * NODES + i] = naive.edge[i * NODES + u] = 1;
  }
  for (size_t c = 0; c < NODES * NODES; c++) degree[c / NODES] += naive.edge[c];
  for (size_t c = 0; c < NODES * NODES; c++)
    if (naive.edge[c] != 0) naive.weight[c] = 1 / sqrt(degree[c / NODES] * degree[c % NODES]);
  for (size_t c = 0; c < TINY_ITEMS * TINY_ITEMS; c++)
    if (naive_below(&rng, 10) == 0) naive.spread[c] = naive_between(&rng, 0, 0.5);
  return naive;
}

/* Rows as they are born, [NODES, DIM]. */
static void check_base(const tiny_t *tiny, const look_t *look, double *x) {
  for (uint32_t k = 0; k < NODES; k++) {
    float row[DIM];
    bool is_user = k < TINY_USERS;
    plt_table_spec_birth(&tiny->plan.specs[is_user ? 0 : 1], 0, is_user ? k : k - TINY_USERS, row);
    cr_assert_eq(memcmp(row, look->base + (size_t)k * DIM, sizeof row), 0);
    for (int c = 0; c < DIM; c++) x[k * DIM + c] = row[c];
  }
}

/* hops 0: without the graph of items. */
static void check_layers(const char *layers, size_t hops, bool spreads_sum) {
  tiny_t tiny;
  double x[NODES * DIM];
  plt_arena_t *arena = plt_arena_create();
  TINY_OPEN(&tiny, "model.name=lightgcn", "model.dim=6", layers, "strategy.name=plain");
  plt_graph_t *graph = plt_graph_create(tiny.data, 1);
  naive_graph_t naive = naive_of(tiny.data);
  plt_csr_t items = naive_graph_items(&naive, arena);
  if (hops > 0) {
    tiny.model->graph.item_graph = &items;
    tiny.model->graph.item_hops = hops;
    tiny.model->graph.spreads_sum = spreads_sum;
  }
  tiny.plan.graph = graph;
  tiny_settle(&tiny);
  look_t reference = run_with(&tiny, 1, 1, 1);
  check_base(&tiny, &reference, x);
  double *want = naive_graph_sum(&naive, x, DIM, tiny.model->graph.layers);
  for (size_t k = 0; k < NODES * DIM; k++)
    cr_assert(naive_near(reference.sum[k], want[k], 1e-6), "%zu: %g, not %g", k, (double)reference.sum[k], want[k]);
  if (!spreads_sum) memcpy(want, x, sizeof x);
  naive_graph_spread(&naive, want, DIM, hops, false);
  for (size_t k = 0; k < TINY_ITEMS * DIM && hops > 0; k++)
    cr_assert(naive_near(reference.spread[k], want[TINY_USERS * DIM + k], 1e-6), "spread %zu: %g, not %g", k,
              (double)reference.spread[k], want[TINY_USERS * DIM + k]);
  free(want);
  for (uint32_t servers = 1; servers <= 3; servers++)
    for (uint32_t workers = 1; workers <= 4; workers++) {
      look_t look = run_with(&tiny, servers, workers, 1 + workers % 2);
      cr_assert_eq(memcmp(look.sum, reference.sum, NODES * DIM * sizeof(float)), 0, "%u servers, %u workers", servers,
                   workers);
      cr_assert_eq(memcmp(look.spread, reference.spread, TINY_ITEMS * DIM * sizeof(float)), 0);
      look_free(&look);
    }
  look_free(&reference);
  naive_graph_free(&naive);
  plt_arena_destroy(&arena);
  plt_graph_destroy(&graph);
  tiny_close(&tiny);
}

Test(inference, one_layer) { check_layers("model.layers=1", 0, false); }
Test(inference, three_layers) { check_layers("model.layers=3", 0, false); }
Test(inference, spread_layer_0) { check_layers("model.layers=1", 1, false); }
Test(inference, spread_the_sum_twice) { check_layers("model.layers=2", 2, true); }

/* ---- a node with more edges than a block holds ---- */

enum { HUB_ITEMS = PLT_INFERENCE_EDGES + 4000, HUB_DIM = 2 };

static plt_status_t infer_hub(plt_session_t *session, void *out) {
  plt_inference_t *inference;
  float base[HUB_DIM];
  plt_status_t status = PLT_OK;
  PLT_TRY(plt_inference_begin(session, "hub", &inference));
  if (session->worker == 0)
    status = plt_inference_read(inference, PLT_SIDE_USER, (uint32_t[]){0}, 1,
                                (plt_rows_of_layers_t){.base = base, .sum = out});
  return plt_inference_end(&inference, status);
}

Test(inference, a_hub_is_taken_in_several_goes) {
  tiny_t tiny = {.folder = folder_make()};
  FILE *file = folder_create(&tiny.folder, "train.txt");
  fprintf(file, "0");
  for (uint32_t i = 0; i < HUB_ITEMS; i++) fprintf(file, " %u", i);
  fprintf(file, "\n1 %u\n", HUB_ITEMS);
  fclose(file);
  folder_text(&tiny.folder, "test.txt", "1 0\n");
  cr_assert_eq(plt_dataset_open(tiny.folder.path, NULL, NULL, 0, &tiny.data), PLT_OK, "%s", plt_fail_text());
  plt_config_t *config = plt_config_create();
  for (size_t i = 0; i < 3; i++)
    cr_assert_eq(
        plt_config_set(config, (const char *const[]){"model.name=lightgcn", "model.dim=2", "model.layers=1"}[i]),
        PLT_OK);
  tiny_apply(config, &plt_model_options);
  tiny_apply(config, &plt_model_find("lightgcn")->options);
  cr_assert_eq(plt_model_create(config, tiny.data, &tiny.model), PLT_OK, "%s", plt_fail_text());
  plt_config_destroy(&config);
  plt_graph_t *graph = plt_graph_create(tiny.data, 2);
  tiny.plan = (plt_plan_t){.data = tiny.data, .model = tiny.model, .graph = graph, .batch_size = 1, .threads = 2};
  tiny.plan.servers = 2;
  tiny_settle(&tiny);

  float row[HUB_DIM], first[HUB_DIM];
  double want[HUB_DIM];
  plt_table_spec_birth(&tiny.plan.specs[0], 0, 0, row);
  for (size_t c = 0; c < HUB_DIM; c++) want[c] = row[c];
  for (uint32_t i = 0; i < HUB_ITEMS; i++) {
    plt_table_spec_birth(&tiny.plan.specs[1], 0, i, row);
    for (size_t c = 0; c < HUB_DIM; c++) want[c] += row[c] / sqrt(HUB_ITEMS);
  }
  for (tiny.plan.workers = 1; tiny.plan.workers <= 3; tiny.plan.workers++) {
    float sums[3][HUB_DIM];
    void *contexts[] = {sums[0], sums[1], sums[2]};
    cr_assert_eq(tiny_run(&tiny.plan, infer_hub, contexts), PLT_OK, "%s", plt_fail_text());
    if (tiny.plan.workers == 1) memcpy(first, sums[0], sizeof first);
    cr_assert_eq(memcmp(sums[0], first, sizeof first), 0);
    for (size_t c = 0; c < HUB_DIM; c++) cr_assert(naive_near(sums[0][c], want[c], 1e-6));
  }
  plt_graph_destroy(&graph);
  tiny_close(&tiny);
}
