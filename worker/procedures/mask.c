/* mask.c - a stage that learns which columns of features serve in all environments alike: gates over them, and a
 * projection of its own on the frozen pre-trained tables (docs/methods/invrl.md 3).
 *
 *   a step:   environments over the workers ─▶ g_e ─▶ all have all ─▶ second sweep ─▶ all have all ─▶ gradient
 *   the end:  mask = clamp(mu + 1/2, 0, 1)
 *
 * A step is one leaf, whoever works on it: every worker holds the whole gradient, so strategies ask for it as they
 * like, and worker 0 pushes. What workers tell each other goes through two temporary tables, which take turns: who
 * writes into one knows that all have read it, for they have since met at the other. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "worker/models/invrl.h"
#include "worker/procedures/mask_batch.h"
#include "worker/procedures/stage.h"
#include "worker/session/procedure.h"
#include "worker/train/epochs.h"

extern const plt_stage_ops_t plt_stage_mask;

typedef struct settings {
  double alpha, lambda, growth, sigma;
} settings_t;

#define NOT_NEGATIVE .type = PLT_OPT_REAL, .min = 0, .max = INFINITY

static const plt_option_t rows[] = {
    {.key = "alpha",
     NOT_NEGATIVE,
     .fallback = "1",
     .help = "Weight of the penalty on gradients that differ between environments."},
    {.key = "lambda",
     NOT_NEGATIVE,
     .fallback = "0.1",
     .help = "Weight of the gates' squared distance from one half, where they start."},
    {.key = "growth", NOT_NEGATIVE, .fallback = "1.05", .help = "Both grow by this in each round of a loop."},
    {.key = "sigma", NOT_NEGATIVE, .fallback = "0.01", .help = "Standard deviation of the noise of gates."},
};

static plt_status_t init(void *self, const plt_config_t *config) {
  *(settings_t *)self = (settings_t){.alpha = plt_config_real(config, "alpha"),
                                     .lambda = plt_config_real(config, "lambda"),
                                     .growth = plt_config_real(config, "growth"),
                                     .sigma = plt_config_real(config, "sigma")};
  return PLT_OK;
}

/* What an environment adds to each of the two sums, as rows of f floats: a matrix [F, f], then F numbers and a loss. */
typedef struct share {
  float *matrix, *vector, *loss;
} share_t;

typedef struct work {
  plt_trainer_t *t;
  plt_mask_source_t *source;
  plt_invariance_t *invariance;
  uint32_t environments;
  size_t features, f, share_rows;    /* rows of f floats of a share */
  float *shares[2];                  /* [environments, share_rows, f] of the first sweep and of the second */
  plt_invariance_batch_t *batch;     /* [environments]: of this worker's, in the step under way */
  uint32_t *present, n_present;      /* environments with samples in it */
  uint64_t *all_keys;                /* 0, 1, 2 ... */
  uint32_t epoch, number, exchanges; /* the step; how often shares were told in it */
  plt_status_t status;               /* of what went wrong while a strategy asked */
  plt_arena_t *arena;
} work_t;

static share_t share_of(const work_t *work, size_t sweep, uint32_t e) {
  float *at = work->shares[sweep] + e * work->share_rows * work->f;
  size_t floats = work->features * work->f;
  return (share_t){at, at + floats, at + floats + work->features};
}

static bool is_mine(const work_t *work, uint32_t k) { return k % work->t->plan->workers == work->t->session->worker; }

/* ---- what workers tell each other ---- */

static uint32_t table_of(const work_t *work, size_t sweep) { return (uint32_t)(work->t->session->n_tables + sweep); }

static plt_status_t declare_tables(const work_t *work) {
  if (work->t->plan->workers == 1) return PLT_OK;
  plt_table_spec_t specs[2];
  for (size_t sweep = 0; sweep < 2; sweep++) {
    specs[sweep] = (plt_table_spec_t){.rows = (uint64_t)work->environments * work->share_rows,
                                      .cols = (uint32_t)work->f,
                                      .frozen = true,
                                      .temporary = true};
    snprintf(specs[sweep].name, sizeof specs[sweep].name, "mask_sweep%zu", sweep);
  }
  return plt_client_declare(work->t->session->client, table_of(work, 0), specs, 2);
}

static plt_status_t drop_tables(const work_t *work) {
  if (work->t->plan->workers == 1) return PLT_OK;
  PLT_TRY(plt_trainer_barrier(work->t, "masks are done"));
  for (size_t sweep = 2; sweep-- > 0 && plt_trainer_is_first(work->t);)
    PLT_TRY(plt_client_drop(work->t->session->client, table_of(work, sweep)));
  return plt_trainer_barrier(work->t, "sweeps dropped");
}

static const uint64_t *keys_of(const work_t *work, uint32_t e) { return work->all_keys + e * work->share_rows; }

/* All workers have the shares of all environments then. */
static plt_status_t tell(work_t *work, size_t sweep) {
  plt_client_t *client = work->t->session->client;
  uint32_t table = table_of(work, sweep), cols = (uint32_t)work->f;
  char what[64];
  if (work->t->plan->workers == 1) return PLT_OK;
  for (uint32_t k = 0; k < work->n_present; k++) {
    uint32_t e = work->present[k];
    if (is_mine(work, k))
      PLT_TRY(
          plt_client_assign(client, table, cols, keys_of(work, e), work->share_rows, share_of(work, sweep, e).matrix));
  }
  snprintf(what, sizeof what, "sweep %" PRIu32, work->exchanges++);
  PLT_TRY(plt_trainer_barrier(work->t, what));
  for (uint32_t k = 0; k < work->n_present; k++) {
    uint32_t e = work->present[k];
    plt_pull_t pull = {table, cols, keys_of(work, e), work->share_rows, share_of(work, sweep, e).matrix};
    if (!is_mine(work, k)) PLT_TRY(plt_client_read(client, &pull, 1));
  }
  return PLT_OK;
}

/* ---- a step ---- */

static plt_status_t evaluate(work_t *work, const float *w, float *gradient, double *value) {
  const float *mu = w + work->features * work->f;
  const float **gradients = plt_arena_alloc(work->arena, work->n_present * sizeof *gradients);
  for (uint32_t k = 0; k < work->n_present; k++) {
    uint32_t e = work->present[k];
    share_t share = share_of(work, 0, e);
    gradients[k] = share.matrix;
    if (is_mine(work, k)) *share.loss = plt_invariance_first(work->invariance, e, &work->batch[e], w, mu, share.matrix);
  }
  PLT_TRY(tell(work, 0));
  double loss = 0;
  for (uint32_t k = 0; k < work->n_present; k++) loss += (double)*share_of(work, 0, work->present[k]).loss;
  memset(gradient, 0, work->features * work->f * sizeof *gradient);
  float *by_mu = gradient + work->features * work->f;
  *value = loss / work->n_present + plt_invariance_meet(work->invariance, work->n_present, gradients, mu, by_mu);
  for (uint32_t k = 0; k < work->n_present; k++) {
    uint32_t e = work->present[k];
    share_t share = share_of(work, 1, e);
    if (is_mine(work, k))
      plt_invariance_second(work->invariance, e, &work->batch[e], w, mu, gradients[k], share.matrix, share.vector);
  }
  PLT_TRY(tell(work, 1));
  for (uint32_t k = 0; k < work->n_present; k++) { /* matrix and vector lie one behind the other in both */
    const float *share = share_of(work, 1, work->present[k]).matrix;
    for (size_t i = 0; i < work->features * work->f + work->features; i++) gradient[i] += share[i];
  }
  return PLT_OK;
}

/* plt_gradient_fn. */
static double gradient_at(void *context, const float *w, float *gradient) {
  work_t *work = context;
  double value = NAN;
  if (work->status == PLT_OK) work->status = evaluate(work, w, gradient, &value);
  if (work->status != PLT_OK) memset(gradient, 0, (work->features * work->f + work->features) * sizeof *gradient);
  return value;
}

/* A plt_steps_t's. Every worker pulls what is trained; the first one pushes. */
static void make(void *context, uint32_t epoch, uint32_t number, plt_batch_t *batch) {
  const work_t *work = context;
  plt_arena_t *arena = batch->arena;
  const plt_model_t *model = work->t->plan->model;
  bool pushes = plt_trainer_is_first(work->t);
  plt_arena_reset(arena);
  *batch = (plt_batch_t){.epoch = epoch, .batch = number, .turn = number, .leaves_total = 1, .arena = arena};
  for (uint32_t e = 0; e < work->environments; e++) batch->samples += plt_mask_source_samples(work->source, number, e);
  batch->rows = plt_arena_zalloc(arena, model->n_tables * sizeof *batch->rows);
  batch->rows[PLT_MASK_W] = (plt_rows_view_t){.keys = work->all_keys, .n = work->features};
  batch->rows[PLT_MASK_MU] = (plt_rows_view_t){.keys = work->all_keys, .n = 1, .offset = work->features * work->f};
  batch->floats = work->features * work->f + work->features;
  batch->blocks[0] = (plt_leaf_span_t){0, 1};
  batch->n_blocks = pushes ? 1 : 0;
}

static plt_status_t make_batches(work_t *work, uint32_t epoch, uint32_t number) {
  if (work->epoch == epoch && work->number == number && work->n_present > 0) return PLT_OK; /* its second push */
  work->epoch = epoch;
  work->number = number;
  work->exchanges = 0;
  work->n_present = 0;
  plt_mask_source_reset(work->source);
  for (uint32_t e = 0; e < work->environments; e++)
    if (plt_mask_source_samples(work->source, number, e) > 0) work->present[work->n_present++] = e;
  for (uint32_t k = 0; k < work->n_present; k++)
    if (is_mine(work, k))
      PLT_TRY(plt_mask_source_make(work->source, epoch, number, work->present[k], &work->batch[work->present[k]]));
  return PLT_OK;
}

static plt_status_t not_finite(const work_t *work, const plt_batch_t *batch) {
  return plt_fail(PLT_ERR_NAN,
                  "loss or gradient of a mask is not finite at epoch %" PRIu32 ", step %" PRIu32
                  ", strategy %s, lr %g: stopped before the push; lower optimizer.lr, alpha, or set "
                  "optimizer.clip_norm",
                  batch->epoch, batch->batch, work->t->plan->strategy->ops->name, work->t->plan->lr);
}

/* A plt_steps_t's. */
static plt_status_t gradients(void *context, const plt_batch_t *batch, const float *values, uint32_t phase, double eta,
                              plt_gradients_t *out) {
  work_t *work = context;
  const plt_plan_t *plan = work->t->plan;
  float *g;
  double loss;
  plt_arena_reset(work->arena);
  PLT_TRY(make_batches(work, batch->epoch, batch->batch));
  plt_objective_t objective = {.gradient_at = gradient_at,
                               .context = work,
                               .n = batch->floats,
                               .w = values,
                               .batch = batch->turn,
                               .phase = phase,
                               .eta = eta};
  bool is_finite = plt_strategy_descend(plan, batch->rows, &objective, work->arena, &g, &loss);
  PLT_TRY(work->status);
  if (!is_finite) return not_finite(work, batch);
  *out = (plt_gradients_t){0};
  if (batch->n_blocks == 0) return PLT_OK;
  out->push = plt_arena_alloc(work->arena, 2 * sizeof *out->push);
  out->losses = plt_arena_alloc(work->arena, sizeof *out->losses);
  for (uint32_t k = 0; k < 2; k++) {
    const plt_rows_view_t *rows_of = &batch->rows[k];
    out->push[out->n_push++] = (plt_push_t){.table = k,
                                            .cols = plan->model->tables[k].cols,
                                            .span = batch->blocks[0],
                                            .keys = rows_of->keys,
                                            .values = g + rows_of->offset,
                                            .n = rows_of->n};
  }
  out->losses[out->n_losses++] = (plt_block_loss_t){batch->blocks[0], loss};
  return PLT_OK;
}

/* ---- the stage ---- */

/* Tells people what the mask is like: per modality, or per code. */
static plt_status_t tell_mask(const work_t *work, const float *mask) {
  const plt_dataset_t *data = work->t->plan->data;
  const plt_codes_t *codes = ((const plt_ultra_t *)work->t->plan->model)->codes;
  plt_mask_block_t blocks[1 + PLT_MODALITIES_MAX];
  size_t n = 0;
  if (work->t->journal == NULL) return PLT_OK;
  if (codes != NULL) blocks[n++] = (plt_mask_block_t){"common", codes->width};
  for (size_t m = 0; m < data->n_features; m++)
    blocks[n++] =
        (plt_mask_block_t){data->features[m].name, codes != NULL ? codes->width : data->features[m].array.cols};
  return plt_journal_mask(work->t->journal, mask, blocks, n);
}

/* Worker 0: the mask that the gates have come to. */
static plt_status_t write_mask(const work_t *work) {
  static const uint64_t row = 0;
  plt_trainer_t *t = work->t;
  uint32_t cols = (uint32_t)work->features;
  float *mask = plt_mem_alloc(cols * sizeof *mask);
  plt_status_t status = plt_client_read_table(t->session->client, PLT_MASK_MU, 1, cols, mask);
  for (uint32_t k = 0; k < cols; k++) mask[k] = fminf(fmaxf(mask[k] + 0.5f, 0), 1);
  if (status == PLT_OK) status = plt_client_assign(t->session->client, PLT_MASK_MASK, cols, &row, 1, mask);
  if (status == PLT_OK) status = tell_mask(work, mask);
  free(mask);
  return status;
}

static plt_status_t run_steps(work_t *work) {
  plt_trainer_t *t = work->t;
  plt_steps_t steps = {work, plt_mask_source_steps(work->source), make, gradients};
  PLT_TRY(declare_tables(work));
  PLT_TRY(plt_trainer_run_epochs_of(t, &steps));
  PLT_TRY(drop_tables(work));
  if (plt_trainer_is_used_up(t) && t->p.epoch < t->plan->epochs) return PLT_OK;
  if (plt_trainer_is_first(t)) PLT_TRY(write_mask(work));
  plt_trainer_touch(t);
  return plt_trainer_barrier(t, "mask");
}

static void make_room(work_t *work) {
  const plt_plan_t *plan = work->t->plan;
  const plt_leg_t *leg = plan->leg;
  const settings_t *settings = leg->stage->settings;
  const plt_ultra_t *model = (const plt_ultra_t *)plan->model;
  double grown = pow(settings->growth, leg->outer);
  work->environments = plt_mask_source_environments(work->source);
  work->features = model->features;
  work->f = model->feat_dim;
  work->share_rows = work->features + (work->features + 1 + work->f - 1) / work->f;
  size_t all = work->environments * work->share_rows;
  for (size_t sweep = 0; sweep < 2; sweep++) work->shares[sweep] = plt_mem_zalloc(all * work->f, sizeof(float));
  work->batch = plt_mem_zalloc(work->environments, sizeof *work->batch);
  work->present = plt_mem_alloc(work->environments * sizeof *work->present);
  work->all_keys = plt_mem_alloc(all * sizeof *work->all_keys);
  for (size_t k = 0; k < all; k++) work->all_keys[k] = k;
  work->arena = plt_arena_create();
  plt_invariance_shape_t shape = {.features = work->features,
                                  .f = work->f,
                                  .d = model->dim,
                                  .alpha = (float)(settings->alpha * grown),
                                  .lambda = (float)(settings->lambda * grown)};
  work->invariance = plt_invariance_create(&shape, work->environments, work->t->session->crew);
}

static plt_status_t run(plt_trainer_t *t) {
  const settings_t *settings = t->plan->leg->stage->settings;
  work_t work = {.t = t};
  PLT_TRY(plt_mask_source_create(t, settings->sigma, &work.source));
  make_room(&work);
  plt_status_t status = run_steps(&work);
  plt_invariance_destroy(&work.invariance);
  plt_mask_source_destroy(&work.source);
  plt_arena_destroy(&work.arena);
  free(work.shares[0]);
  free(work.shares[1]);
  free(work.batch);
  free(work.present);
  free(work.all_keys);
  return status;
}

static double passes(const void *self, uint32_t epochs) {
  (void)self;
  return 2.0 * epochs; /* two sweeps over each batch */
}

const plt_stage_ops_t plt_stage_mask = {
    .name = "mask",
    .summary = "learn which columns of features serve in all environments alike",
    .options = {"stage mask", rows, sizeof rows / sizeof *rows},
    .of_models = true,
    .in_step = true,
    .is_unranked = true,
    .own_draws = true,
    .size = sizeof(settings_t),
    .init = init,
    .passes = passes,
    .run = run,
};
