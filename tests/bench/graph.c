/* graph.c - what a step of LightGCN costs a worker: the closure of its batch, exact or by fan-out, beside the dense
 * propagation over all nodes that a single process makes in every step.
 *
 *   bench_graph DIR [LAYERS [BATCH [FANOUT,FANOUT,...]]]      DIR: a data folder; default 2 layers, batches of 2048
 *
 * Both compute the same loss and gradients with the same kernels, on one thread, from rows that lie in memory; what a
 * whole run adds (exchange, server) is in its metrics. Steps are measured in turn; medians. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launch/bench/measure.h"
#include "worker/kit/augment.h"
#include "worker/models/registry.h"
#include "worker/strategies/registry.h"
#include "worker/train/compute.h"

enum { DIM = 64, RUNS = 7 };

typedef struct work {
  plt_plan_t plan;
  plt_batch_maker_t *maker;
  plt_batch_t *batch;
  plt_compute_t *compute;
  float *values; /* rows of all nodes, more than a batch pulls */
  uint32_t number;
  size_t rows, entries; /* of the last closure */
  /* the dense step */
  plt_tape_t *tape;
  plt_closure_t *all;
  uint32_t *ids;
  uint32_t *user, *item; /* samples */
  float *gradient;
} work_t;

static void require(plt_status_t status) { plt_bench_require(status == PLT_OK, 70, "%s", plt_fail_text()); }

static void make_next(work_t *work) {
  plt_batch_make(work->maker, work->number / plt_sampler_batches(work->plan.sampler),
                 work->number % plt_sampler_batches(work->plan.sampler), work->batch);
  work->number++;
}

static void closure_step(void *context) {
  work_t *work = context;
  make_next(work);
  const plt_closure_t *closure = work->batch->leaves[0].pass.closure;
  const plt_programme_t *programme = closure->programme;
  const plt_frontier_t *outer = &closure->set[programme->n_sets - 1];
  work->rows = outer->n[PLT_SIDE_USER] + outer->n[PLT_SIDE_ITEM];
  work->entries = 0;
  for (size_t k = 1; k < programme->n_states; k++)
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
      const plt_csr_t *matrix = &plt_closure_hop(closure, k, s)->matrix;
      work->entries += (size_t)matrix->offset[matrix->rows];
    }
  plt_gradients_t gradients;
  require(plt_compute_gradients(work->compute, work->batch, work->values, 0, 0.001, &gradients));
}

static void only_closure(void *context) { make_next(context); }

static void dense_step(void *context) {
  work_t *work = context;
  const plt_dataset_t *data = work->plan.data;
  const plt_model_t *model = work->plan.model;
  uint32_t batch = work->number++ % plt_sampler_batches(work->plan.sampler);
  uint32_t n = plt_sampler_samples(work->plan.sampler, batch);
  plt_var_t table[2];
  plt_sampler_draw(work->plan.sampler, 0, batch, 0, n, work->user, work->item, work->item + n);
  plt_tape_reset(work->tape);
  size_t users = (size_t)data->users * DIM, items = (size_t)data->items * DIM;
  memset(work->gradient, 0, (users + items) * sizeof *work->gradient);
  table[0] = plt_tape_parameter(work->tape, data->users, DIM, work->values, work->gradient);
  table[1] = plt_tape_parameter(work->tape, data->items, DIM, work->values + users, work->gradient + users);
  plt_leaf_pass_t pass = {
      .data = data,
      .closure = work->all,
      .samples = {.n = n, .negatives = 1, .user = work->user, .positive = work->item, .negative = work->item + n}};
  plt_tape_backward(work->tape, plt_model_loss(model, work->tape, &pass, table));
}

static void set(plt_config_t *config, const char *key, const char *value) {
  char text[256];
  snprintf(text, sizeof text, "%s=%s", key, value);
  require(plt_config_set(config, text));
}

static void open_work(work_t *work, int argc, char **argv) {
  plt_config_t *config = plt_config_create();
  plt_dataset_t *data;
  plt_model_t *model;
  plt_strategy_t *strategy;
  plt_sampler_t *sampler;
  char fanout[128] = "exact";
  if (argc > 4) snprintf(fanout, sizeof fanout, "[%s]", argv[4]);
  set(config, "model.name", "lightgcn");
  set(config, "model.layers", argc > 2 ? argv[2] : "2");
  set(config, "model.fanout", fanout);
  require(plt_config_apply(config, &plt_model_options));
  require(plt_config_apply(config, &plt_augment_options));
  require(plt_config_apply(config, &plt_model_find("lightgcn")->options));
  require(plt_config_apply(config, &plt_strategy_options));
  require(plt_config_apply(config, &plt_strategy_find("plain")->options));
  require(plt_dataset_open(argv[1], NULL, NULL, 0, &data));
  require(plt_model_create(config, data, &model));
  require(plt_strategy_create(config, &strategy));
  plt_config_destroy(&config);
  uint32_t size = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 2048;
  require(plt_sampler_create(data, &(plt_sampler_config_t){.seed = 1, .batch_size = size, .negatives = 1}, &sampler));
  plt_relations_t *relations;
  require(plt_relations_open(data, model->programme.relation, model->programme.n_relations, 1, NULL, &relations));
  work->plan = (plt_plan_t){.data = data,
                            .model = model,
                            .strategy = strategy,
                            .sampler = sampler,
                            .relations = relations,
                            .seed = 1,
                            .batch_size = size,
                            .micro_batch = size,
                            .workers = 1,
                            .threads = 1};
  work->tape = plt_tape_create(NULL);
  size_t nodes = (size_t)data->users + data->items;
  work->values = plt_mem_alloc(nodes * DIM * sizeof *work->values);
  for (size_t i = 0; i < nodes * DIM; i++) work->values[i] = (float)(i * 2654435761U % 1000) / 1e4f - 0.05f;
  work->gradient = plt_mem_alloc(nodes * DIM * sizeof *work->gradient);
  work->user = plt_mem_alloc(size * sizeof *work->user);
  work->item = plt_mem_alloc(2 * (size_t)size * sizeof *work->item);
  work->ids = plt_mem_alloc(nodes * sizeof *work->ids);
  for (uint32_t i = 0; i < nodes; i++) work->ids[i] = i;
  static plt_programme_t exact;
  exact = model->programme;
  for (size_t k = 0; k < exact.n_states; k++) exact.state[k].fanout = 0;
  require(plt_programme_settle(&exact));
  plt_closure_maker_t *maker = plt_closure_maker_create(&exact, relations, 1, NULL);
  plt_frontier_t all = {{work->ids, work->ids}, {data->users, data->items}};
  work->all = plt_closure_make(maker, 0, 0, 0, &all, plt_arena_create());
}

/* Memory that batches take, closures and the tape included, once it has stopped to grow. */
static double batch_megabytes(work_t *work) {
  size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  work->maker = plt_batch_maker_create(&work->plan, 0, 1, NULL);
  work->batch = plt_batch_create();
  work->compute = plt_compute_create(&work->plan, NULL);
  for (int i = 0; i < 20; i++) closure_step(work);
  return (double)(mallinfo2().uordblks + mallinfo2().hblkhd - before) / 1e6;
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    plt_bench_step_fn step;
  } contestants[] = {{"batch's closure: make it", only_closure},
                     {"batch's closure: make it, forward, backward", closure_step},
                     {"all nodes: forward, backward", dense_step}};
  enum { N = sizeof contestants / sizeof *contestants };
  static work_t work;
  static plt_bench_rate_t rates[N][RUNS];
  plt_bench_require(argc >= 2, 64, "usage: bench_graph DIR [LAYERS [BATCH [FANOUT,FANOUT,...]]]");
  open_work(&work, argc, argv);
  double megabytes = batch_megabytes(&work);
  uint32_t batches = plt_sampler_batches(work.plan.sampler);
  printf("%u users, %u items, %llu edges, %u batches; a batch's layer 0: %zu nodes, its hops: %zu entries\n",
         work.plan.data->users, work.plan.data->items, (unsigned long long)work.plan.relations->graph->edges, batches,
         work.rows, work.entries);
  printf("memory of batches, closures and tape: %.0f MB\n", megabytes);
  fflush(stdout);
  for (size_t c = 0; c < N; c++) contestants[c].step(&work); /* warm */
  for (size_t r = 0; r < RUNS; r++)
    for (size_t c = 0; c < N; c++) rates[c][r] = plt_bench_measure(contestants[c].step, &work, 0.3);
  printf("%-46s %12s %14s\n", "", "ms per step", "s per epoch");
  for (size_t c = 0; c < N; c++) {
    double cpu = plt_bench_median(rates[c], RUNS).cpu_s;
    printf("%-46s %12.2f %14.2f\n", contestants[c].name, cpu * 1e3, cpu * batches);
  }
  return 0;
}
