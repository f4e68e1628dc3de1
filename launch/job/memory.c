/* memory.c - what a job will need, said before anything is allocated: see job.h. */
#include <inttypes.h>

#include "common/log.h"
#include "launch/job/job.h"
#include "ps/optimizers/registry.h"
#include "worker/rank/scorer.h"

uint64_t plt_job_table_bytes(const plt_job_t *job) {
  uint64_t bytes = 0;
  for (size_t t = 0; t < job->model->n_tables; t++) {
    const plt_table_spec_t *spec = &job->plan.specs[t];
    plt_optimizer_t *optimizer;                                     /* knows how much state a row has */
    if (plt_optimizer_create(spec, &optimizer) != PLT_OK) continue; /* cannot be: it was tried when specs were made */
    size_t state = plt_optimizer_state_floats(optimizer);
    plt_optimizer_destroy(&optimizer);
    bytes += spec->rows * ((spec->cols + state) * sizeof(float) + sizeof(uint64_t));
  }
  return bytes;
}

/* Graph models: what a worker holds of the graph and of one leaf's subgraph, and the layers that inference keeps on the
 * servers. A leaf's nodes are those that its samples and fan-outs can reach, at most all. */
static void graph_bytes(const plt_job_t *job, uint64_t *worker, uint64_t *layers) {
  const plt_subgraph_plan_t *plan = &job->model->graph;
  uint64_t all = (uint64_t)job->data->users + job->data->items, pairs = job->data->n_train,
           cols = job->model->base_cols;
  uint64_t nodes = (uint64_t)job->plan.micro_batch * (2 + job->model->negatives), edges = 0;
  for (size_t l = 0; l < plan->layers; l++) {
    uint64_t here = plan->n_fanout == 0 ? 2 * pairs : nodes * plan->fanout[l];
    edges += here < 2 * pairs ? here : 2 * pairs;
    nodes = nodes + here < all ? nodes + here : all;
  }
  /* rows as pulled, perturbed, and three gradients; every layer with its gradient; entries and their transposes */
  *worker = nodes * cols * (5 + 2 * plan->layers) * sizeof(float) + edges * 24 + pairs * 8 + all * 16;
  uint64_t items = nodes < job->data->items ? nodes : job->data->items;
  *worker += items * job->model->base_floats * sizeof(float);
  uint64_t kept = plan->layers + (job->model->ops->base != NULL); /* layer 0, too, where it is no table */
  *layers = all * (cols * sizeof(float) + sizeof(uint64_t)) * kept;
  if (plan->edge_dropout > 0) *worker += pairs * 8 + all * 12; /* the graph of an epoch */
  if (job->model->items.k == 0) return;
  *layers += (uint64_t)job->data->items * (cols * sizeof(float) + sizeof(uint64_t)) * plan->item_hops;
  *worker += (uint64_t)job->data->items * job->model->items.k * job->data->n_features * 8;
}

plt_status_t plt_job_check_memory(const plt_job_t *job) {
  const plt_plan_t *plan = &job->plan;
  uint64_t tables = plt_job_table_bytes(job);
  uint64_t graph = 0, layers = 0;
  if (job->model->graph.layers > 0) graph_bytes(job, &graph, &layers);
  uint64_t vectors = (uint64_t)job->data->items * job->model->score_cols * sizeof(float);
  uint64_t evaluation = (vectors < PLT_SCORER_ROOM ? vectors : PLT_SCORER_ROOM) + PLT_SCORER_SCORES;
  uint64_t samples = (uint64_t)plan->micro_batch * (2 + job->model->negatives), rows = samples;
  if (rows > (uint64_t)job->data->users + job->data->items) rows = (uint64_t)job->data->users + job->data->items;
  uint64_t batch = (rows * (plt_dataset_feature_cols(job->data) + 8 * job->model->score_cols) +
                    samples * 8 * job->model->score_cols) *
                   sizeof(float);
  uint64_t worker = evaluation + batch + graph, there = job->memory_bytes;
  tables += layers;
  uint64_t total = tables + plan->workers * worker;
  plt_log(PLT_LOG_INFO, "expected memory: %.0f MB per server, %.0f MB per worker, %.0f MB in all",
          (double)tables / plan->servers / 1e6, (double)worker / 1e6, (double)total / 1e6);
  if (total > there)
    return plt_fail(PLT_ERR_USAGE,
                    "this job needs about %.1f GB of memory (%.1f GB of tables), %.1f GB are available; "
                    "lower model.dim or use more machines",
                    (double)total / 1e9, (double)tables / 1e9, (double)there / 1e9);
  return PLT_OK;
}
