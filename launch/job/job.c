/* job.c - see job.h. */
#include "launch/job/job.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mem.h"
#include "launch/host/host_port.h"
#include "launch/host/limits.h"
#include "ps/optimizers/registry.h"
#include "worker/models/registry.h"
#include "worker/strategies/registry.h"

/* ---- the plan ---- */

static int ascending(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static plt_status_t read_topk(const plt_config_t *config, plt_plan_t *plan) {
  size_t n = plt_config_list_size(config, "eval.topk");
  if (n == 0 || n > PLT_TOPK_MAX)
    return plt_fail(PLT_ERR_USAGE, "%s: eval.topk takes 1 to %d cut-offs", plt_config_origin(config, "eval.topk"),
                    PLT_TOPK_MAX);
  for (size_t i = 0; i < n; i++) plan->topk.k[i] = (uint32_t)plt_config_list_int(config, "eval.topk", i);
  qsort(plan->topk.k, n, sizeof *plan->topk.k, ascending);
  plan->topk.n = n;
  for (size_t i = 1; i < n; i++)
    if (plan->topk.k[i] == plan->topk.k[i - 1])
      return plt_fail(PLT_ERR_USAGE, "%s: eval.topk has %" PRIu32 " twice", plt_config_origin(config, "eval.topk"),
                      plan->topk.k[i]);
  plan->metric = plt_config_text(config, "eval.metric");
  if (plt_metric_index(&plan->topk, plan->metric) < 0)
    return plt_fail(PLT_ERR_USAGE,
                    "%s: eval.metric: \"%s\" is none of recall, ndcg, precision, map at a cut-off of eval.topk, like "
                    "recall@%" PRIu32,
                    plt_config_origin(config, "eval.metric"), plan->metric, plan->topk.k[0]);
  return PLT_OK;
}

/* batch_size / 2^ceil(log2 workers), rounded up (docs/methods/determinism.md 3). */
static uint32_t default_micro_batch(uint32_t batch_size, uint32_t workers) {
  uint32_t leaves = 1;
  while (leaves < workers) leaves *= 2;
  return batch_size / leaves + (batch_size % leaves != 0);
}

static plt_status_t read_batches(plt_config_t *config, plt_plan_t *plan) {
  plan->batch_size = (uint32_t)plt_config_int(config, "train.batch_size");
  if (plt_config_given(config, "train.micro_batch")) {
    plan->micro_batch = (uint32_t)plt_config_int(config, "train.micro_batch");
    if (plan->micro_batch > plan->batch_size)
      return plt_fail(PLT_ERR_USAGE,
                      "%s: train.micro_batch (%" PRIu32 ") is larger than train.batch_size (%" PRIu32 ")",
                      plt_config_origin(config, "train.micro_batch"), plan->micro_batch, plan->batch_size);
  } else {
    char text[16];
    plan->micro_batch = default_micro_batch(plan->batch_size, plan->alone ? 1 : plan->workers);
    snprintf(text, sizeof text, "%" PRIu32, plan->micro_batch);
    plt_config_put(config, "train.micro_batch", text);
    if (!plan->alone && plan->workers > 1)
      plt_log(PLT_LOG_NOTE,
              "train.micro_batch is %" PRIu32
              ": each worker perturbs and clips its own part of a batch "
              "(m-sharpness); results depend on it, not on the number of workers",
              plan->micro_batch);
  }
  uint32_t leaves = plan->batch_size / plan->micro_batch + (plan->batch_size % plan->micro_batch != 0);
  if (!plan->alone && leaves < plan->workers)
    plt_log(PLT_LOG_WARN,
            "a batch has %" PRIu32 " leaves for %" PRIu32
            " workers: some have nothing to do; lower "
            "train.micro_batch",
            leaves, plan->workers);
  return PLT_OK;
}

/* PLT_ERR_USAGE naming an option that means nothing under this consistency. */
static plt_status_t only_with(const plt_config_t *config, const char *key, const char *modes) {
  if (!plt_config_given(config, key)) return PLT_OK;
  return plt_fail(PLT_ERR_USAGE, "%s: %s goes with cluster.consistency %s, not %s", plt_config_origin(config, key), key,
                  modes, plt_config_text(config, "cluster.consistency"));
}

/* The value of `key`, or `fallback`, which is then written to the effective configuration. */
static uint32_t value_or(plt_config_t *config, const char *key, uint32_t fallback) {
  if (!plt_config_given(config, key)) {
    char text[16];
    snprintf(text, sizeof text, "%" PRIu32, fallback);
    plt_config_put(config, key, text);
  }
  return (uint32_t)plt_config_int(config, key);
}

static plt_status_t read_consistency(plt_config_t *config, plt_plan_t *plan) {
  const char *mode = plt_config_text(config, "cluster.consistency");
  plan->alone = strcmp(mode, "bsp") != 0;
  if (strcmp(mode, "ssp") != 0) PLT_TRY(only_with(config, "cluster.staleness", "ssp"));
  if (!plan->alone) return only_with(config, "cluster.prefetch", "ssp or asp");
  bool asp = strcmp(mode, "asp") == 0;
  plan->staleness = asp ? UINT64_MAX : value_or(config, "cluster.staleness", 3);
  uint64_t most = asp ? 1 : plan->staleness;
  plan->prefetch = value_or(config, "cluster.prefetch", 0);
  if (plan->prefetch > most)
    return plt_fail(PLT_ERR_USAGE, "%s: cluster.prefetch is %" PRIu32 ", with %s it is at most %" PRIu64,
                    plt_config_origin(config, "cluster.prefetch"), plan->prefetch,
                    asp ? "asp" : "this cluster.staleness", most);
  if (plan->workers == 1) plan->prefetch = 0; /* its own steps are all there are: rows pulled ahead would miss them */
  return PLT_OK;
}

/* A batch of two pushes is one step of all workers after another: nothing that they could do alone. */
static plt_status_t check_phases(const plt_config_t *config, const plt_plan_t *plan, const plt_strategy_t *strategy) {
  if (!plan->alone || plt_strategy_phases(strategy, 0) == 1) return PLT_OK;
  return plt_fail(PLT_ERR_USAGE,
                  "%s: strategy %s in mode sequential needs cluster.consistency bsp, not %s; or set strategy.mode "
                  "combined",
                  plt_config_origin(config, "cluster.consistency"), strategy->ops->name,
                  plt_config_text(config, "cluster.consistency"));
}

static plt_status_t read_plan(plt_config_t *config, plt_plan_t *plan) {
  plan->workers = (uint32_t)plt_config_int(config, "cluster.workers");
  plan->servers = (uint32_t)plt_config_int(config, "cluster.servers");
  PLT_TRY(read_consistency(config, plan));
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
  if (plt_config_given(config, "cluster.threads")) {
    plan->threads = (uint32_t)plt_config_int(config, "cluster.threads");
  } else {
    plan->threads = cores > plan->workers ? (uint32_t)cores / plan->workers : 1;
    if (plan->threads > 128) plan->threads = 128;
  }
  plan->epochs = (uint32_t)plt_config_int(config, "train.epochs");
  plan->max_steps = (uint64_t)plt_config_int(config, "train.max_steps");
  plan->log_every = (uint32_t)plt_config_int(config, "train.log_every");
  plan->lr = plt_config_real(config, "optimizer.lr");
  plan->clip_norm = plt_config_real(config, "optimizer.clip_norm");
  if (plt_config_list_size(config, "optimizer.schedule") != 2)
    return plt_fail(PLT_ERR_USAGE, "%s: optimizer.schedule takes two numbers, [s0, s1]",
                    plt_config_origin(config, "optimizer.schedule"));
  for (size_t i = 0; i < 2; i++) plan->schedule[i] = plt_config_list_real(config, "optimizer.schedule", i);
  plan->eval_every = (uint32_t)plt_config_int(config, "eval.every");
  plan->patience = (uint32_t)plt_config_int(config, "eval.patience");
  plan->init_from = plt_config_text(config, "init.from");
  plan->init_missing_is_fresh = strcmp(plt_config_text(config, "init.missing"), "fresh") == 0;
  plan->run_dir = plt_config_text(config, "run.dir");
  plan->checkpoint_every_s = plt_config_real(config, "checkpoint.every_s");
  plan->checkpoint_every_epochs = (uint32_t)plt_config_int(config, "checkpoint.every_epochs");
  plan->checkpoint_keep = (uint32_t)plt_config_int(config, "checkpoint.keep");
  PLT_TRY(read_topk(config, plan));
  return read_batches(config, plan);
}

static plt_status_t make_specs(const plt_config_t *config, const plt_model_t *model, plt_plan_t *plan) {
  for (size_t t = 0; t < model->n_tables; t++) {
    plt_table_spec_t *spec = &plan->specs[t];
    *spec = (plt_table_spec_t){.rows = model->tables[t].rows,
                               .cols = model->tables[t].cols,
                               .init = model->tables[t].init,
                               .frozen = model->tables[t].frozen,
                               .seed = (uint64_t)plt_config_int(config, "run.seed")};
    snprintf(spec->name, sizeof spec->name, "%s", model->tables[t].name);
    PLT_TRY(plt_optimizer_specify(config, spec));
  }
  return PLT_OK;
}

static plt_status_t read_transport(plt_job_t *job) {
  const plt_config_t *config = job->config;
  const char *transport = plt_config_text(config, "cluster.transport");
  plt_host_port_t place;
  job->transport = strcmp(transport, "tcp") == 0   ? PLT_TRANSPORT_TCP
                   : strcmp(transport, "ipc") == 0 ? PLT_TRANSPORT_IPC
                                                   : PLT_TRANSPORT_INPROC;
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

/* What a graph model's leaves cost when each brings all nodes within its hops. */
static void say_closures(const plt_plan_t *plan) {
  const plt_model_layers_t *layers = &plan->model->layers;
  uint32_t leaves = plan->batch_size / plan->micro_batch + (plan->batch_size % plan->micro_batch != 0);
  if (layers->n == 0 || layers->n_fanout != 0 || (plan->alone ? plan->workers == 1 : leaves == 1)) return;
  plt_log(PLT_LOG_NOTE,
          "model.fanout is exact: each %s brings all nodes within %zu hops, on small data most of the graph; "
          "more workers help with a fan-out only (docs/graph-models.md)",
          plan->alone ? "worker" : "leaf of a batch", layers->n);
}

static plt_status_t fill(plt_job_t *job) {
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
  PLT_TRY(read_plan(config, &job->plan));
  PLT_TRY(plt_strategy_create(config, &job->strategy));
  PLT_TRY(check_phases(config, &job->plan, job->strategy));
  PLT_TRY(plt_dataset_from_config(config, &job->data));
  PLT_TRY(plt_model_create(config, job->data, &job->model));
  PLT_TRY(make_specs(config, job->model, &job->plan));
  plt_sampler_config_t sampler = {.seed = (uint64_t)plt_config_int(config, "run.seed"),
                                  .batch_size = job->plan.batch_size,
                                  .negatives = job->model->negatives,
                                  .of_all = job->model->negatives_of_all,
                                  .replay = plt_config_text(config, "train.replay")};
  PLT_TRY(plt_sampler_create(job->data, &sampler, &job->sampler));
  job->plan.data = job->data;
  job->plan.model = job->model;
  job->plan.strategy = job->strategy;
  job->plan.sampler = job->sampler;
  job->plan.seed = sampler.seed;
  say_closures(&job->plan);
  return PLT_OK;
}

plt_status_t plt_job_create(plt_config_t **config, plt_job_t **out) {
  plt_job_t *job = plt_mem_zalloc(1, sizeof *job);
  job->config = *config;
  *config = NULL;
  plt_status_t status = fill(job);
  if (status != PLT_OK) {
    plt_job_destroy(&job);
    return status;
  }
  *out = job;
  return PLT_OK;
}

void plt_job_open_relations(plt_job_t *job, const char *shared) {
  const plt_programme_t *programme = &job->model->programme;
  if (programme->n_relations == 0) return;
  char *cache = shared == NULL ? NULL : plt_mem_print("%s/cache", shared);
  job->plan.relations = job->relations =
      plt_relations_open(job->data, programme->relation, programme->n_relations, job->plan.threads, cache);
  free(cache);
}

void plt_job_destroy(plt_job_t **job) {
  if (*job == NULL) return;
  plt_sampler_destroy(&(*job)->sampler);
  plt_relations_destroy(&(*job)->relations);
  plt_model_destroy(&(*job)->model);
  plt_dataset_destroy(&(*job)->data);
  plt_strategy_destroy(&(*job)->strategy);
  plt_config_destroy(&(*job)->config);
  free(*job);
  *job = NULL;
}
