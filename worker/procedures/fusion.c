/* fusion.c - the last stage of M3-InvRL: the scores of the modalities' models, weighted, become one
 * (docs/methods/m3invrl.md 5). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "worker/models/m3invrl.h"
#include "worker/procedures/stage.h"
#include "worker/rank/evaluate.h"
#include "worker/session/procedure.h"
#include "worker/train/epochs.h"

extern const plt_stage_ops_t plt_stage_fusion;

typedef enum { UNIFORM, LEARNED, VALIDATION } how_t;

typedef struct settings {
  how_t how;
} settings_t;

static const plt_option_t rows[] = {
    {.key = "fusion",
     .type = PLT_OPT_CHOICE,
     .fallback = "uniform",
     .choices = "uniform|learned|validation",
     .help = "Weights of the models' scores: all the same; learned on the training pairs, which favours the model that "
             "fitted them best; or by each one's Recall@20 on the validation part."},
};

static plt_status_t init(void *self, const plt_config_t *config) {
  const char *how = plt_config_text(config, "fusion");
  ((settings_t *)self)->how = strcmp(how, "learned") == 0      ? LEARNED
                              : strcmp(how, "validation") == 0 ? VALIDATION
                                                               : UNIFORM;
  return PLT_OK;
}

static plt_status_t check(const void *self, const plt_dataset_t *data) {
  if (((const settings_t *)self)->how != VALIDATION || data->part[PLT_PART_VALID].n > 0) return PLT_OK;
  return plt_fail(PLT_ERR_USAGE,
                  "fusion: validation weighs models by the validation part, and %s has none; take uniform",
                  data->source);
}

static double passes(const void *self, uint32_t epochs) {
  return ((const settings_t *)self)->how == LEARNED ? epochs : 0;
}

static bool draws(const void *self) { return ((const settings_t *)self)->how != LEARNED; }

/* Worker 0 writes the weights; all go on when they are there. */
static plt_status_t put_weights(plt_trainer_t *t, const float *weights, const char *what) {
  static const uint64_t row = 0;
  const plt_m3_t *model = (const plt_m3_t *)t->plan->model;
  uint32_t cols = (uint32_t)model->codes.modalities;
  if (plt_trainer_is_first(t))
    PLT_TRY(plt_client_assign(t->session->client, (uint32_t)model->weights, cols, &row, 1, weights));
  return plt_trainer_barrier(t, what);
}

/* Recall@20 of each model alone on the validation part: its weight is 1, that of the others 0. */
static plt_status_t weigh_by_validation(plt_trainer_t *t, size_t n, float *weights) {
  plt_plan_t plan = *t->plan;
  const plt_plan_t *before = t->session->plan;
  bool wanted[PLT_PARTS] = {[PLT_PART_VALID] = true};
  double recall[PLT_MODALITIES_MAX], sum = 0;
  plan.topk = (plt_topk_t){.k = {20}, .n = 1};
  for (size_t m = 0; m < n; m++) {
    plt_metrics_t metrics[PLT_PARTS];
    char what[32], at[72], name[96];
    for (size_t k = 0; k < n; k++) weights[k] = k == m ? 1.0f : 0.0f;
    snprintf(what, sizeof what, "model %zu alone", m);
    PLT_TRY(put_weights(t, weights, what));
    t->session->plan = &plan;
    snprintf(at, sizeof at, "%s at clock %" PRIu64, what, t->clock);
    plt_trainer_name(t, at, name);
    plt_status_t status = plt_evaluate(t->session, name, wanted, plt_journal_watch(t->journal), metrics);
    t->session->plan = before;
    PLT_TRY(status);
    recall[m] = metrics[PLT_PART_VALID].value[plt_metric_index(&plan.topk, "recall@20")];
    sum += recall[m];
    snprintf(what, sizeof what, "model %zu ranked", m);
    PLT_TRY(plt_trainer_barrier(t, what)); /* nobody reads these weights any more */
  }
  for (size_t m = 0; m < n; m++) weights[m] = sum > 0 ? (float)(recall[m] / sum) : 1 / (float)n;
  return PLT_OK;
}

/* The softmax of what was learned, to be told: the model has it from its table. */
static plt_status_t read_learned(plt_trainer_t *t, size_t n, float *weights) {
  const plt_m3_t *model = (const plt_m3_t *)t->plan->model;
  float learned[PLT_MODALITIES_MAX] = {0};
  PLT_TRY(plt_client_read_table(t->session->client, (uint32_t)model->weights, 1, (uint32_t)n, learned));
  plt_tape_t *tape = plt_tape_create(NULL);
  plt_var_t softmax = plt_op_softmax(tape, plt_tape_constant(tape, 1, n, learned));
  memcpy(weights, plt_tape_value(tape, softmax), n * sizeof *weights);
  plt_tape_destroy(&tape);
  return PLT_OK;
}

static plt_status_t run(plt_trainer_t *t) {
  const plt_m3_t *model = (const plt_m3_t *)t->plan->model;
  const settings_t *settings = t->plan->leg->stage->settings;
  size_t n = model->codes.modalities;
  float weights[PLT_MODALITIES_MAX];
  for (size_t m = 0; m < n; m++) weights[m] = 1 / (float)n;
  if (settings->how == LEARNED) {
    PLT_TRY(plt_trainer_run_epochs(t));
    if (plt_trainer_is_used_up(t) && t->p.epoch < t->plan->epochs) return PLT_OK;
    PLT_TRY(read_learned(t, n, weights));
  } else {
    if (settings->how == VALIDATION) PLT_TRY(weigh_by_validation(t, n, weights));
    PLT_TRY(put_weights(t, weights, "fused"));
    plt_trainer_touch(t);
  }
  return t->journal == NULL ? PLT_OK : plt_journal_fusion(t->journal, weights);
}

const plt_stage_ops_t plt_stage_fusion = {
    .name = "fusion",
    .summary = "make one score of those of the modalities' models",
    .options = {"stage fusion", rows, sizeof rows / sizeof *rows},
    .of_models = true,
    .in_step = true,
    .size = sizeof(settings_t),
    .init = init,
    .check = check,
    .draws = draws,
    .passes = passes,
    .run = run,
};
