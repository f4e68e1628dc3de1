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

/* Floats of the rows that a leaf touches. */
static uint64_t leaf_floats(const plt_model_t *model, const plt_programme_cost_t *cost) {
  uint64_t floats = 0;
  for (size_t t = 0; t < model->n_tables; t++) {
    const plt_model_table_t *table = &model->tables[t];
    plt_side_t side = plt_entity_side(table->entity);
    floats += (side == PLT_SIDES ? table->rows : cost->nodes[plt_model_set(model, table->at)][side]) * table->cols;
  }
  return floats;
}

/* Models with a programme: what a worker holds of relations and of one leaf's closure, and the states that inference
 * keeps on the servers. */
static void programme_bytes(const plt_job_t *job, uint64_t *worker, uint64_t *states) {
  const plt_model_t *model = job->model;
  const plt_programme_t *programme = &model->programme;
  plt_programme_size_t size = {.nodes = {job->data->users, job->data->items}, .pairs = job->data->n_train};
  uint64_t micro = job->plan.micro_batch, own[PLT_SIDES] = {micro, micro * (1 + model->negatives)};
  plt_programme_cost_t cost;
  plt_programme_estimate(programme, &size, own, &cost);
  /* rows as pulled, perturbed, and three gradients; entries and their transposes; places */
  *worker = (5 * leaf_floats(model, &cost) + cost.states) * sizeof(float) + cost.edges * 24 + cost.relations +
            (size.nodes[PLT_SIDE_USER] + size.nodes[PLT_SIDE_ITEM]) * 4;
  *states = 0;
  for (size_t k = 0; k < programme->n_states; k++)
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++)
      if ((programme->state[k].sides >> s & 1) && !plt_state_is_table(&programme->state[k]))
        *states += size.nodes[s] * (programme->state[k].cols * sizeof(float) + sizeof(uint64_t));
}

plt_status_t plt_job_check_memory(const plt_job_t *job) {
  const plt_plan_t *plan = &job->plan;
  uint64_t tables = plt_job_table_bytes(job);
  uint64_t graph = 0, states = 0;
  if (job->model->programme.n_states > 0) programme_bytes(job, &graph, &states);
  uint64_t vectors = (uint64_t)job->data->items * job->model->score_cols * sizeof(float);
  uint64_t evaluation = (vectors < PLT_SCORER_ROOM ? vectors : PLT_SCORER_ROOM) + PLT_SCORER_SCORES;
  uint64_t samples = (uint64_t)plan->micro_batch * (2 + job->model->negatives), rows = samples;
  if (rows > (uint64_t)job->data->users + job->data->items) rows = (uint64_t)job->data->users + job->data->items;
  uint64_t batch = (rows * (plt_dataset_feature_cols(job->data) + 8 * job->model->score_cols) +
                    samples * 8 * job->model->score_cols) *
                   sizeof(float);
  uint64_t worker = evaluation + batch + graph, there = job->memory_bytes;
  tables += states;
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
