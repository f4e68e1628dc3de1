/* memory.c - what a job will need, said before anything is allocated: see job.h. */
#include <inttypes.h>
#include <stdio.h>

#include "common/log.h"
#include "launch/job/job.h"
#include "launch/job/specs.h"
#include "worker/rank/scorer.h"
#include "worker/tape/tape.h"

static uint64_t leg_bytes(const plt_leg_t *leg) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < leg->n_tables; i++) {
    plt_table_spec_t spec;
    plt_leg_spec(leg, i, &spec);
    bytes += plt_specs_bytes(&spec);
  }
  return bytes;
}

uint64_t plt_job_table_bytes(const plt_job_t *job) {
  uint64_t most = 0;
  for (size_t l = 0; l < job->procedure->n_legs; l++) {
    uint64_t bytes = leg_bytes(&job->procedure->legs[l]);
    if (bytes > most) most = bytes;
  }
  return most;
}

/* Where stages follow each other a table is there twice while the next one takes its values. */
static uint64_t handover_bytes(const plt_job_t *job) {
  uint64_t most = 0;
  for (size_t l = 1; l < job->procedure->n_legs; l++) {
    const plt_leg_t *leg = &job->procedure->legs[l];
    for (size_t i = 0; i < leg->n_tables; i++) {
      uint64_t bytes = leg->tables[i].is_handed ? plt_specs_bytes(leg->tables[i].spec) : 0;
      if (bytes > most) most = bytes;
    }
  }
  return most;
}

/* Floats of the rows that a leaf touches. */
static uint64_t leaf_floats(const plt_model_t *model, const plt_programme_cost_t *cost) {
  uint64_t floats = 0;
  for (size_t t = 0; t < model->n_tables; t++) {
    const plt_model_table_t *table = &model->tables[t];
    plt_side_t side = plt_entity_side(table->entity);
    if (table->entity == PLT_ENTITY_ASIDE) continue;
    floats += (side == PLT_SIDES ? table->rows : cost->nodes[plt_model_set(model, table->at)][side]) * table->cols;
  }
  return floats;
}

/* Models with a programme: what a worker holds of relations and of one leaf's closure, and the states that inference
 * keeps on the servers. */
static void programme_bytes(const plt_plan_t *plan, uint64_t micro, uint64_t *worker, uint64_t *states) {
  const plt_dataset_t *data = plan->data;
  const plt_model_t *model = plan->model;
  const plt_programme_t *programme = &model->programme;
  plt_programme_size_t size = {.nodes = {data->users, data->items}, .pairs = data->n_train};
  uint64_t own[PLT_SIDES] = {micro, micro * (1 + model->negatives)};
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

/* Of the contrasts in one leaf's loss. */
static uint64_t contrast_bytes(const plt_plan_t *plan, uint64_t micro) {
  const plt_contrasts_t *contrasts = &plan->model->contrasts;
  const size_t times[] = {contrasts->leaf, contrasts->all[PLT_SIDE_USER], contrasts->all[PLT_SIDE_ITEM]};
  const uint64_t others[] = {micro, plan->data->users, plan->data->items};
  uint64_t floats = 0;
  for (size_t k = 0; k < sizeof times / sizeof *times; k++)
    floats += times[k] * plt_contrast_floats(micro, others[k], plan->model->score_cols, plan->threads);
  return floats * sizeof(float);
}

/* Features that are disturbed, as values, slopes and delta; of all items where a leaf may reach them. */
static uint64_t adversary_bytes(const plt_plan_t *plan, uint64_t micro) {
  uint64_t items = micro * (1 + plan->model->negatives);
  if (plan->model->amr_weight == 0) return 0;
  if (items > plan->data->items || plan->model->programme.n_states > 0) items = plan->data->items;
  return 3 * sizeof(float) * items * plt_dataset_feature_cols(plan->data);
}

/* What a worker holds in a stage with leaves of at most `most` samples, and what inference adds to its tables. */
static uint64_t worker_bytes(const plt_plan_t *plan, uint64_t most, uint64_t *states) {
  const plt_dataset_t *data = plan->data;
  const plt_model_t *model = plan->model;
  uint64_t graph = 0, micro = plan->micro_batch < most ? plan->micro_batch : most;
  *states = 0;
  if (model->programme.n_states > 0) programme_bytes(plan, micro, &graph, states);
  uint64_t vectors = (uint64_t)data->items * model->score_cols * sizeof(float);
  uint64_t evaluation = (vectors < PLT_SCORER_ROOM ? vectors : PLT_SCORER_ROOM) + PLT_SCORER_SCORES;
  uint64_t samples = micro * (2 + model->negatives), rows = samples;
  if (rows > (uint64_t)data->users + data->items) rows = (uint64_t)data->users + data->items;
  uint64_t row = plt_dataset_feature_cols(data) + 8 * model->score_cols + model->own_floats;
  uint64_t batch = (rows * row + samples * 8 * model->score_cols) * sizeof(float);
  return evaluation + batch + graph + contrast_bytes(plan, micro) + adversary_bytes(plan, micro);
}

static plt_job_memory_t memory_with(const plt_job_t *job, uint64_t most) {
  plt_job_memory_t memory = {0};
  for (size_t l = 0; l < job->procedure->n_legs; l++) {
    const plt_leg_t *leg = &job->procedure->legs[l];
    uint64_t states, here = worker_bytes(&leg->stage->plan, most, &states);
    if (here > memory.worker) memory.worker = here;
    uint64_t held = leg_bytes(leg) + states;
    if (held > memory.tables) memory.tables = held;
  }
  memory.tables += handover_bytes(job);
  return memory;
}

plt_job_memory_t plt_job_memory(const plt_job_t *job) { return memory_with(job, UINT64_MAX); }

static uint64_t total_of(const plt_job_memory_t *memory, uint32_t workers) {
  return memory->tables + workers * memory->worker;
}

/* What would fit, or helps. */
static void advise(const plt_job_t *job, const plt_job_memory_t *memory, uint32_t workers, char *out, size_t bytes) {
  uint64_t there = job->memory_bytes, micro = 1;
  if (workers > 1 && total_of(memory, 1) <= there) {
    uint64_t most = (there - memory->tables) / memory->worker;
    snprintf(out, bytes, "cluster.workers: %" PRIu64 " would fit, with more cluster.threads each, or use more machines",
             most);
    return;
  }
  while (micro < job->plan.micro_batch) micro *= 2;
  while (micro > 1) {
    plt_job_memory_t less = memory_with(job, micro /= 2);
    if (total_of(&less, workers) > there) continue;
    snprintf(out, bytes, "train.micro_batch: %" PRIu64 " would fit; or lower model.dim", micro);
    return;
  }
  const plt_model_t *model = job->plan.model;
  bool is_exact = model->layers.n > 0 && model->layers.n_fanout == 0 && !model->exact_only;
  snprintf(out, bytes, "lower model.dim%s%s", memory->worker > there && is_exact ? ", or set model.fanout" : "",
           memory->worker > there ? "; more machines do not help, each worker needs as much" : " or use more machines");
}

plt_status_t plt_job_fits(const plt_job_t *job, uint32_t workers) {
  plt_job_memory_t memory = plt_job_memory(job);
  uint64_t total = total_of(&memory, workers), there = job->memory_bytes;
  char advice[160];
  if (total <= there) return PLT_OK;
  advise(job, &memory, workers, advice, sizeof advice);
  return plt_fail(PLT_ERR_USAGE,
                  "%u worker%s of %s need%s about %.1f GB of memory (%.1f GB of tables, %.1f GB in each worker), and "
                  "%.1f GB are available; %s",
                  workers, workers == 1 ? "" : "s", job->plan.model->ops->name, workers == 1 ? "s" : "",
                  (double)total / 1e9, (double)memory.tables / 1e9, (double)memory.worker / 1e9, (double)there / 1e9,
                  advice);
}

plt_status_t plt_job_check_memory(const plt_job_t *job) {
  const plt_plan_t *plan = &job->plan;
  plt_job_memory_t memory = plt_job_memory(job);
  plt_log(job->procedure->is_given ? PLT_LOG_NOTE : PLT_LOG_INFO,
          "expected memory: %.0f MB per server, %.0f MB per worker, %.0f MB in all",
          (double)memory.tables / plan->servers / 1e6, (double)memory.worker / 1e6,
          (double)total_of(&memory, plan->workers) / 1e6);
  return plt_job_fits(job, plan->workers);
}
