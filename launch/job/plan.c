/* plan.c - see plan.h. */
#include "launch/job/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/log.h"
#include "launch/host/limits.h"

static int ascending(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

/* A metric that is none, and what may have been meant. */
static plt_status_t no_such_metric(const plt_config_t *config, const plt_plan_t *plan, const char *name) {
  char names[256] = "", hint[96] = "";
  for (size_t kind = 0; kind < PLT_METRIC_KINDS; kind++) {
    size_t at = strlen(names);
    snprintf(names + at, sizeof names - at, "%s%s", kind == 0 ? "" : ", ", plt_metric_names[kind]);
  }
  const char *meant = plt_metric_meant(name), *cut = strchr(name, '@');
  if (meant != NULL && cut != NULL && strlen(cut) < 8) {
    char ours[32];
    snprintf(ours, sizeof ours, "%s%s", meant, cut);
    if (plt_metric_index(&plan->topk, ours) >= 0)
      snprintf(hint, sizeof hint, "; did you mean %s?", ours);
    else
      snprintf(hint, sizeof hint, "; eval.topk has no %s", cut + 1);
  } else if (meant != NULL) {
    snprintf(hint, sizeof hint, "; did you mean %s@%" PRIu32 "?", meant, plan->topk.k[0]);
  }
  return plt_fail(PLT_ERR_USAGE,
                  "%s: eval.metric: \"%s\" is none of %s at a cut-off of eval.topk, like %s@%" PRIu32 "%s",
                  plt_config_origin(config, "eval.metric"), name, names, plt_metric_names[0], plan->topk.k[0], hint);
}

/* eval.metric as we spell it. */
static plt_status_t read_metric(const plt_config_t *config, plt_plan_t *plan) {
  const char *name = plt_config_text(config, "eval.metric");
  int at = plt_metric_index(&plan->topk, name);
  if (at < 0) return no_such_metric(config, plan, name);
  size_t kind = (size_t)at / plan->topk.n;
  snprintf(plan->metric, sizeof plan->metric, "%s@%" PRIu32, plt_metric_names[kind],
           plan->topk.k[(size_t)at % plan->topk.n]);
  for (size_t k = 0; k < PLT_METRIC_KINDS; k++) plan->shown[k] = k < PLT_METRIC_USUAL || k == kind;
  return PLT_OK;
}

/* The kinds of metrics that tables show, where they are named. */
static plt_status_t read_shown(const plt_config_t *config, plt_plan_t *plan) {
  size_t n = plt_config_list_size(config, "eval.metrics");
  for (size_t k = 0; k < PLT_METRIC_KINDS && n > 0; k++) plan->shown[k] = false;
  for (size_t i = 0; i < n; i++) {
    const char *name = plt_config_list_text(config, "eval.metrics", i), *meant = plt_metric_meant(name);
    size_t kind = 0;
    while (kind < PLT_METRIC_KINDS && strcasecmp(name, plt_metric_names[kind]) != 0) kind++;
    if (kind == PLT_METRIC_KINDS)
      return plt_fail(PLT_ERR_USAGE, "%s: eval.metrics: \"%s\" is none of recall, ndcg, precision, map, hit, mrr%s%s%s",
                      plt_config_origin(config, "eval.metrics"), name, meant == NULL ? "" : "; did you mean ",
                      meant == NULL ? "" : meant, meant == NULL ? "" : "?");
    plan->shown[kind] = true;
  }
  return PLT_OK;
}

static plt_status_t read_topk(plt_config_t *config, plt_plan_t *plan) {
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
  PLT_TRY(read_metric(config, plan));
  return read_shown(config, plan);
}

static plt_status_t read_sharpness(const plt_config_t *config, plt_plan_t *plan) {
  static const char key[] = "eval.sharpness_rho";
  plan->looks_around = plt_config_bool(config, "eval.sharpness");
  plan->rho_batches = (uint32_t)plt_config_int(config, "eval.sharpness_batches");
  plan->n_rho = plt_config_list_size(config, key);
  if (plan->n_rho == 0 || plan->n_rho > PLT_RHO_MAX)
    return plt_fail(PLT_ERR_USAGE, "%s: %s: 1 to %d distances", plt_config_origin(config, key), key, PLT_RHO_MAX);
  for (size_t i = 0; i < plan->n_rho; i++) plan->rho[i] = plt_config_list_real(config, key, i);
  return PLT_OK;
}

/* batch_size / 2^ceil(log2 workers), rounded up (docs/methods/determinism.md 3). */
static uint32_t default_micro_batch(uint32_t batch_size, uint32_t workers) {
  uint32_t leaves = 1;
  while (leaves < workers) leaves *= 2;
  return batch_size / leaves + (batch_size % leaves != 0);
}

static plt_status_t read_batches(plt_config_t *config, const plt_plan_t *before, plt_plan_t *plan) {
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
    if (!plan->alone && plan->workers > 1 && !(before != NULL && before->micro_batch == plan->micro_batch))
      plt_log(PLT_LOG_NOTE,
              "train.micro_batch is %" PRIu32
              ": each worker perturbs and clips its own part of a batch (m-sharpness), and norms (model.reg), "
              "uniformity and contrasts in losses are of that part; results depend on it, not on the number of workers",
              plan->micro_batch);
  }
  uint32_t leaves = plan->batch_size / plan->micro_batch + (plan->batch_size % plan->micro_batch != 0);
  bool is_said = before != NULL && before->batch_size == plan->batch_size && before->micro_batch == plan->micro_batch;
  if (!plan->alone && leaves < plan->workers && !is_said)
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

plt_status_t plt_plan_read_run(plt_config_t *config, plt_plan_t *plan) {
  plan->workers = (uint32_t)plt_config_int(config, "cluster.workers");
  plan->servers = (uint32_t)plt_config_int(config, "cluster.servers");
  PLT_TRY(read_consistency(config, plan));
  if (plt_config_given(config, "cluster.threads")) {
    plan->threads = (uint32_t)plt_config_int(config, "cluster.threads");
  } else {
    plan->threads = plt_limits_cores_each(plan->workers);
    if (plan->threads > PLT_THREADS_MAX) plan->threads = PLT_THREADS_MAX;
  }
  plan->seed = (uint64_t)plt_config_int(config, "run.seed");
  plan->max_steps = (uint64_t)plt_config_int(config, "train.max_steps");
  plan->run_dir = plt_config_text(config, "run.dir");
  plan->log_view = plt_config_bool(config, "run.log_view");
  plan->trace = plt_config_given(config, "run.trace") ? plt_config_text(config, "run.trace") : NULL;
  plan->checkpoint_every_s = plt_config_real(config, "checkpoint.every_s");
  plan->checkpoint_every_epochs = (uint32_t)plt_config_int(config, "checkpoint.every_epochs");
  plan->checkpoint_keep = (uint32_t)plt_config_int(config, "checkpoint.keep");
  return PLT_OK;
}

plt_status_t plt_plan_read_stage(plt_config_t *config, const plt_plan_t *before, plt_plan_t *plan) {
  plan->epochs = (uint32_t)plt_config_int(config, "train.epochs");
  plan->log_every = (uint32_t)plt_config_int(config, "train.log_every");
  plan->optimizer = plt_config_text(config, "optimizer.name");
  plan->lr = plt_config_real(config, "optimizer.lr");
  plan->clip_norm = plt_config_real(config, "optimizer.clip_norm");
  if (plt_config_list_size(config, "optimizer.schedule") != 2)
    return plt_fail(PLT_ERR_USAGE, "%s: optimizer.schedule takes two numbers, [s0, s1]",
                    plt_config_origin(config, "optimizer.schedule"));
  for (size_t i = 0; i < 2; i++) plan->schedule[i] = plt_config_list_real(config, "optimizer.schedule", i);
  plan->eval_every = (uint32_t)plt_config_int(config, "eval.every");
  PLT_TRY(read_sharpness(config, plan));
  plan->eval_users = (uint32_t)plt_config_int(config, "eval.users");
  plan->masks_valid = strcmp(plt_config_text(config, "eval.mask"), "train+valid") == 0;
  plan->cold = (uint32_t)plt_config_int(config, "eval.cold");
  plt_part_choose(plt_config_text(config, "eval.final"), plan->final_parts);
  plan->patience = (uint32_t)plt_config_int(config, "eval.patience");
  plan->init_from = plt_config_text(config, "init.from");
  plan->init_missing_is_fresh = strcmp(plt_config_text(config, "init.missing"), "fresh") == 0;
  PLT_TRY(read_topk(config, plan));
  return read_batches(config, before, plan);
}
