/* job.c - see job.h. */
#include "launch/job/job.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/io/fileio.h"
#include "common/log.h"
#include "common/mem.h"
#include "launch/host/host_port.h"
#include "launch/host/limits.h"
#include "launch/job/features.h"
#include "launch/job/outline.h"
#include "launch/job/plan.h"
#include "launch/job/specs.h"
#include "worker/models/registry.h"
#include "worker/procedures/registry.h"
#include "worker/session/import.h"
#include "worker/strategies/registry.h"

const char *const plt_transport_names[] = {
    [PLT_TRANSPORT_INPROC] = "inproc", [PLT_TRANSPORT_IPC] = "ipc", [PLT_TRANSPORT_TCP] = "tcp"};

/* A batch of two pushes is one step of all workers after another: nothing that they could do alone. */
static plt_status_t check_phases(const plt_config_t *config, const plt_plan_t *plan, const plt_strategy_t *strategy) {
  if (!plan->alone || plt_strategy_phases(strategy, 0) == 1) return PLT_OK;
  return plt_fail(PLT_ERR_USAGE,
                  "%s: strategy %s in mode sequential needs cluster.consistency bsp, not %s; or set strategy.mode "
                  "combined",
                  plt_config_origin(config, "cluster.consistency"), strategy->ops->name,
                  plt_config_text(config, "cluster.consistency"));
}

static plt_status_t read_transport(plt_job_t *job) {
  const plt_config_t *config = job->config;
  const char *transport = plt_config_text(config, "cluster.transport");
  plt_host_port_t place;
  job->transport = strcmp(transport, "tcp") == 0   ? PLT_TRANSPORT_TCP
                   : strcmp(transport, "ipc") == 0 ? PLT_TRANSPORT_IPC
                                                   : PLT_TRANSPORT_INPROC;
  job->lends = strcmp(plt_config_text(config, "cluster.shared_memory"), "auto") == 0;
  job->proxy = plt_config_text(config, "cluster.proxy");
  if (job->proxy == NULL) return PLT_OK;
  const char *origin = plt_config_origin(config, "cluster.proxy");
  if (plt_host_port_parse(job->proxy, "cluster.proxy", &place) != PLT_OK)
    return plt_fail_within(PLT_ERR_USAGE, "%s", origin);
  if (job->transport == PLT_TRANSPORT_IPC)
    return plt_fail(PLT_ERR_USAGE, "%s: cluster.proxy goes with cluster.transport tcp, not ipc", origin);
  job->transport = PLT_TRANSPORT_TCP;
  return PLT_OK;
}

/* What the kind of a stage has to say of it. */
static plt_status_t read_kind(const plt_config_t *config, plt_stage_t *stage) {
  const plt_stage_ops_t *kind = stage->kind;
  stage->settings = kind->size == 0 ? NULL : plt_mem_zalloc(1, kind->size);
  if (kind->init != NULL) PLT_TRY(kind->init(stage->settings, config));
  stage->slots = kind->slots == NULL ? 1 : kind->slots(stage->settings);
  return PLT_OK;
}

/* Whether run and model are such as the kind of a stage needs them. */
static plt_status_t check_kind(const plt_config_t *run, const plt_config_t *config, plt_stage_t *stage) {
  const plt_stage_ops_t *kind = stage->kind;
  const char *model = plt_config_text(config, "model.name");
  if (kind->is_unranked) {
    stage->plan.eval_every = 0;
    memset(stage->plan.final_parts, 0, sizeof stage->plan.final_parts);
  }
  if (kind->of_models && plt_model_find(model)->of_stage == NULL)
    return plt_fail(PLT_ERR_USAGE, "%s: stages of the kind %s are for models that are procedures, and %s is none: %s",
                    stage->place, kind->name, model, plt_config_origin(config, "model.name"));
  if (!kind->in_step || !stage->plan.alone) return PLT_OK;
  return plt_fail(PLT_ERR_USAGE, "%s: stage %s needs cluster.consistency bsp, not %s",
                  plt_config_origin(run, "cluster.consistency"), stage->name,
                  plt_config_text(run, "cluster.consistency"));
}

/* Everything but data: so that a wrong configuration is told before data are read. */
static plt_status_t read_stages(plt_job_t *job, const plt_outline_t *outline, const plt_plan_t *run) {
  job->procedure = plt_procedure_create(outline->is_given);
  plt_procedure_make_room(job->procedure, outline->n_stages);
  job->stages = plt_mem_zalloc(outline->n_stages, sizeof *job->stages);
  job->n_stages = outline->n_stages;
  for (size_t i = 0; i < outline->n_stages; i++) {
    plt_config_t *config = outline->stages[i].config;
    plt_stage_t *stage = &job->procedure->stages[i];
    const plt_stage_ops_t *kind = plt_stage_find(outline->is_given ? plt_config_text(config, "stage") : "train");
    snprintf(stage->name, sizeof stage->name, "%s", outline->is_given ? plt_config_text(config, "name") : kind->name);
    snprintf(stage->place, sizeof stage->place, "%s", outline->stages[i].place);
    stage->kind = kind;
    stage->part = outline->stages[i].part;
    stage->parts = outline->stages[i].parts;
    PLT_TRY(read_kind(config, stage));
    stage->plan = *run;
    PLT_TRY(plt_plan_read_stage(config, i == 0 ? NULL : &stage[-1].plan, &stage->plan));
    PLT_TRY(plt_strategy_create(config, &job->stages[i].strategy));
    PLT_TRY(check_phases(job->config, &stage->plan, job->stages[i].strategy));
    PLT_TRY(check_kind(job->config, config, stage));
  }
  for (size_t i = 0; i < outline->n_entries; i++) {
    const plt_outline_entry_t *entry = &outline->entries[i];
    plt_procedure_add_legs(job->procedure, entry->first, entry->n, entry->repeat, entry->is_loop);
  }
  return PLT_OK;
}

static bool has_initial(const char *folder, const char *table) {
  char path[PLT_PATH_MAX];
  return folder != NULL && plt_import_path(folder, table, path) == PLT_OK && plt_path_exists(path);
}

static plt_status_t make_model(plt_job_t *job, const plt_config_t *config, size_t i) {
  const plt_stage_t *stages = job->procedure->stages;
  const char **before = plt_mem_alloc(i * sizeof *before);
  for (size_t b = 0; b < i; b++) before[b] = stages[b].kind->name;
  plt_model_place_t place = {.modality = stages[i].part,
                             .before = before,
                             .n_before = i,
                             .init_from = stages[i].plan.init_from,
                             .has_initial = has_initial};
  plt_status_t status = plt_model_create_at(config, job->data, &place, &job->stages[i].model);
  free(before);
  return status;
}

/* The files of a replay that are a stage's; NULL: it has none. */
static plt_status_t find_replays(const plt_stage_t *stage, const char *folder, char replay[PLT_PATH_MAX],
                                 char numbers[PLT_PATH_MAX], plt_sampler_config_t *sampler) {
  const plt_stage_ops_t *kind = stage->kind;
  bool is_named = strcmp(stage->name, kind->name) != 0;
  char *name = plt_mem_print("%s%s%s", kind->replay == NULL || is_named ? stage->name : kind->replay,
                             stage->modality == NULL ? "" : ".", stage->modality == NULL ? "" : stage->modality);
  plt_status_t status = plt_path_file(folder, name, ".npy", replay);
  sampler->replay = replay;
  if (kind->numbers != NULL && status == PLT_OK) {
    char *suffix = plt_mem_print(".%s.npy", kind->numbers);
    status = plt_path_file(folder, name, suffix, numbers);
    if (status == PLT_OK && plt_path_exists(numbers)) sampler->numbers = numbers;
    free(suffix);
  }
  free(name);
  return status;
}

/* What is made of a stage's configuration once there are data. */
static plt_status_t make_stage(plt_job_t *job, const plt_config_t *config, bool is_given, size_t i) {
  plt_job_stage_t *made = &job->stages[i];
  plt_stage_t *stage = &job->procedure->stages[i];
  plt_plan_t *plan = &stage->plan;
  char replay[PLT_PATH_MAX], numbers[PLT_PATH_MAX];
  plan->data = job->data;
  plan->strategy = made->strategy;
  if (stage->parts > 1) stage->modality = job->data->features[stage->part].name;
  if (stage->kind->check != NULL) PLT_TRY(stage->kind->check(stage->settings, job->data));
  PLT_TRY(make_model(job, config, i));
  plan->model = made->model;
  PLT_TRY(plt_specs_make(config, stage));
  plt_sampler_config_t sampler = {.seed = plan->seed,
                                  .batch_size = plan->batch_size,
                                  .negatives = made->model->negatives,
                                  .of_all = made->model->negatives_of_all,
                                  .refuses_full = strcmp(plt_config_text(job->config, "data.full_users"), "error") == 0,
                                  .replay = plt_config_text(config, "train.replay")};
  plan->replay = is_given ? sampler.replay : NULL;
  if (stage->kind->draws != NULL ? stage->kind->draws(stage->settings) : stage->kind->own_draws) sampler.replay = NULL;
  if (is_given && sampler.replay != NULL) PLT_TRY(find_replays(stage, sampler.replay, replay, numbers, &sampler));
  PLT_TRY(plt_sampler_create(job->data, &sampler, &made->sampler));
  plan->sampler = made->sampler;
  return PLT_OK;
}

/* That each table named in optimizer.tables is one of some stage's: on top it may be meant for any of them. */
static plt_status_t check_table_names(const plt_job_t *job, const plt_outline_t *outline) {
  for (size_t i = 0; i < outline->n_stages; i++)
    PLT_TRY(plt_specs_check_names(outline->stages[i].config, job->procedure->stages, job->procedure->n_stages));
  return PLT_OK;
}

/* Where the run is to stop. */
static plt_status_t read_until(const plt_job_t *job, plt_plan_t *run) {
  const char *until = plt_config_given(job->config, "train.until") ? plt_config_text(job->config, "train.until") : NULL;
  run->last_leg = SIZE_MAX;
  if (until == NULL) return PLT_OK;
  run->last_leg = job->procedure->is_given ? plt_procedure_find(job->procedure, until) : SIZE_MAX;
  if (run->last_leg != SIZE_MAX) return PLT_OK;
  if (!job->procedure->is_given)
    return plt_fail(PLT_ERR_USAGE, "%s: train.until is for runs with a procedure",
                    plt_config_origin(job->config, "train.until"));
  char *names = plt_mem_strdup("");
  for (size_t i = 0; i < job->n_stages; i++) {
    if (job->procedure->stages[i].part > 0) continue;
    names = plt_mem_append(names, i == 0 ? "" : ", ", job->procedure->stages[i].name);
  }
  plt_fail(PLT_ERR_USAGE, "%s: train.until: there is no %s; stages are %s, and NAME:ROUND in a loop",
           plt_config_origin(job->config, "train.until"), until, names);
  free(names);
  return PLT_ERR_USAGE;
}

/* Tables of another run are for a training of one stage. */
static plt_status_t find_warm_start(plt_job_t *job, const plt_outline_t *outline, bool begins) {
  plt_plan_t *plan = &job->procedure->stages[0].plan;
  for (size_t i = 0; i < outline->n_stages; i++) {
    plt_config_t *config = outline->stages[i].config;
    PLT_TRY(plt_warm_start_find(config, begins, &job->warm));
    if (job->warm.restore.given && outline->is_given)
      return plt_fail(PLT_ERR_USAGE,
                      "%s: %s is a run: a training in stages starts from files, which `plateau export` writes",
                      plt_config_origin(config, "init.from"), plt_config_text(config, "init.from"));
  }
  if (!job->warm.restore.given) return PLT_OK;
  plan->init_from = NULL;
  plan->warm = &job->warm.tables;
  return PLT_OK;
}

static plt_status_t make_procedure(plt_job_t *job, const plt_outline_t *outline, bool begins) {
  plt_plan_t *run = &job->plan;
  PLT_TRY(plt_plan_read_run(job->config, run));
  PLT_TRY(read_stages(job, outline, run));
  PLT_TRY(find_warm_start(job, outline, begins));
  PLT_TRY(plt_job_open_data(job, begins));
  for (size_t i = 0; i < outline->n_stages; i++) {
    plt_status_t status = make_stage(job, outline->stages[i].config, outline->is_given, i);
    if (status != PLT_OK && outline->is_given) plt_fail_within(status, "%s", outline->stages[i].place);
    PLT_TRY(status);
  }
  PLT_TRY(check_table_names(job, outline));
  PLT_TRY(plt_procedure_link(job->procedure));
  PLT_TRY(read_until(job, run));
  const plt_leg_t *first = &job->procedure->legs[0];
  plt_plan_t of_run = *run;
  plt_leg_plan(job->procedure, first, first->slot, &of_run, run);
  return begins ? plt_warm_start_check(job) : PLT_OK;
}

static plt_status_t fill(plt_job_t *job, bool begins) {
  plt_config_t *config = job->config;
  PLT_TRY(read_transport(job));
  const char *security = plt_config_text(config, "cluster.security");
  job->security = strcmp(security, "none") == 0    ? PLT_SECURITY_NONE
                  : strcmp(security, "curve") == 0 ? PLT_SECURITY_CURVE
                                                   : PLT_SECURITY_TOKEN;
  job->wire = strcmp(plt_config_text(config, "cluster.wire"), "bf16") == 0 ? PLT_WIRE_BF16 : PLT_WIRE_F32;
  job->deadline_s = plt_config_real(config, "cluster.deadline_s");
  if (getrandom(&job->id, sizeof job->id, 0) != sizeof job->id)
    return plt_fail_errno(PLT_ERR_IO, "cannot get a random job number");
  job->memory_bytes = plt_limits_memory();
  plt_outline_t outline = plt_outline_of(config);
  plt_status_t status = make_procedure(job, &outline, begins);
  plt_outline_clear(&outline);
  return status;
}

plt_status_t plt_job_create(plt_config_t **config, bool begins, plt_job_t **out) {
  plt_job_t *job = plt_mem_zalloc(1, sizeof *job);
  job->config = *config;
  *config = NULL;
  plt_status_t status = fill(job, begins);
  if (status != PLT_OK) {
    plt_job_destroy(&job);
    return status;
  }
  *out = job;
  return PLT_OK;
}

/* The stage before that uses the same relations, or NULL. */
static const plt_job_stage_t *find_relations(const plt_job_t *job, const plt_job_stage_t *stage) {
  const plt_programme_t *programme = &stage->model->programme;
  for (const plt_job_stage_t *other = job->stages; other < stage; other++)
    if (other->model->programme.n_relations == programme->n_relations &&
        memcmp(other->model->programme.relation, programme->relation,
               programme->n_relations * sizeof *programme->relation) == 0)
      return other;
  return NULL;
}

plt_status_t plt_job_open_relations(plt_job_t *job, const char *shared) {
  char *cache = shared == NULL ? NULL : plt_mem_print("%s/cache", shared);
  plt_status_t status = PLT_OK;
  for (size_t i = 0; i < job->n_stages && status == PLT_OK; i++) {
    plt_job_stage_t *stage = &job->stages[i];
    const plt_programme_t *programme = &stage->model->programme;
    const plt_job_stage_t *other = find_relations(job, stage);
    if (programme->n_relations == 0) continue;
    if (other == NULL)
      status = plt_relations_open(job->data, programme->relation, programme->n_relations, job->plan.threads, cache,
                                  &stage->relations);
    job->procedure->stages[i].plan.relations =
        other == NULL ? stage->relations : job->procedure->stages[other - job->stages].plan.relations;
  }
  job->plan.relations = job->procedure->stages[0].plan.relations;
  free(cache);
  return status;
}

void plt_job_destroy(plt_job_t **job) {
  if (*job == NULL) return;
  plt_procedure_destroy(&(*job)->procedure);
  for (size_t i = 0; i < (*job)->n_stages; i++) {
    plt_job_stage_t *stage = &(*job)->stages[i];
    plt_sampler_destroy(&stage->sampler);
    plt_relations_destroy(&stage->relations);
    plt_model_destroy(&stage->model);
    plt_strategy_destroy(&stage->strategy);
  }
  free((*job)->stages);
  plt_warm_start_clear(&(*job)->warm);
  plt_dataset_destroy(&(*job)->data);
  plt_config_destroy(&(*job)->config);
  free(*job);
  *job = NULL;
}
