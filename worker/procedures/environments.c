/* environments.c - a stage that splits the training pairs into environments: a model for each, trained on the pairs
 * that are its own; each pair then belongs to whichever scores it highest; again, until few change
 * (docs/methods/invrl.md 2).
 *
 *   slots of a leg:   labels | round 0: environment 0, 1 ... E-1 | round 1: ... | ...
 *   one of them:      tables born ─▶ epochs ─▶ scores of all pairs ─▶ environment_best, environment_next
 *   a round's end:    environment_next ─▶ environment
 *
 * A checkpoint is made while a slot's epochs run, or when the leg ends. What lies between (births, scores, labels) is a
 * function of the tables at either, and done again by whoever starts from there. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/io/npy.h"
#include "common/mem.h"
#include "common/rng.h"
#include "worker/math/distinct.h"
#include "worker/math/kernels.h"
#include "worker/models/invrl.h"
#include "worker/procedures/labels.h"
#include "worker/procedures/stage.h"
#include "worker/rank/vectors.h"
#include "worker/session/import.h"
#include "worker/session/procedure.h"
#include "worker/train/epochs.h"

extern const plt_stage_ops_t plt_stage_environments;

typedef enum { RANDOM, KEEP, GIVEN } start_t;

typedef struct settings {
  uint32_t environments, rounds;
  double stop_share;
  start_t start;
  bool born_anew;
} settings_t;

static const plt_option_t rows[] = {
    {.key = "environments",
     .type = PLT_OPT_INT,
     .fallback = "10",
     .min = 1,
     .max = PLT_LABELS_MAX,
     .help = "How many there are."},
    {.key = "rounds",
     .type = PLT_OPT_INT,
     .fallback = "10",
     .min = 1,
     .max = 1000,
     .help = "How often each has its model trained, at most."},
    {.key = "stop_share",
     .type = PLT_OPT_REAL,
     .fallback = "0.01",
     .min = 0,
     .max = 1,
     .help = "A round in which no more than this share of the pairs change their environment is the last one."},
    {.key = "labels",
     .type = PLT_OPT_CHOICE,
     .fallback = "random",
     .choices = "random|keep|given",
     .help =
         "Where pairs are at first: drawn; drawn in the first round of a loop and then as they were left; or as the "
         "column environment of the interactions says, which is all that is done then."},
    {.key = "fresh",
     .type = PLT_OPT_CHOICE,
     .fallback = "same",
     .choices = "same|round",
     .help = "What models begin with: the same initial values in every round, or others."},
};

static plt_status_t init(void *self, const plt_config_t *config) {
  settings_t *settings = self;
  const char *labels = plt_config_text(config, "labels");
  settings->start = strcmp(labels, "given") == 0 ? GIVEN : strcmp(labels, "keep") == 0 ? KEEP : RANDOM;
  settings->environments = (uint32_t)plt_config_int(config, "environments");
  settings->rounds = settings->start == GIVEN ? 1 : (uint32_t)plt_config_int(config, "rounds");
  settings->stop_share = plt_config_real(config, "stop_share");
  settings->born_anew = strcmp(plt_config_text(config, "fresh"), "round") == 0;
  return PLT_OK;
}

/* A number that no pair has is a slip of whoever numbered them. */
static plt_status_t check_given(const plt_dataset_t *data) {
  bool has_pairs[PLT_LABELS_MAX] = {false};
  for (uint64_t p = 0; p < data->n_train; p++) has_pairs[data->environment[p]] = true;
  for (uint32_t e = 0; e < data->environments; e++)
    if (!has_pairs[e])
      return plt_fail(PLT_ERR_DATA,
                      "%s: column environment: environment %" PRIu32 " of 0 to %" PRIu32
                      " has no training pairs: they are numbered from 0, without gaps",
                      data->source, e, data->environments - 1);
  return PLT_OK;
}

static plt_status_t check(const void *self, const plt_dataset_t *data) {
  if (((const settings_t *)self)->start != GIVEN) return PLT_OK;
  if (data->environment == NULL)
    return plt_fail(PLT_ERR_DATA, "%s: a stage takes environments as given, but there is no column environment",
                    data->source);
  if (data->environments > PLT_LABELS_MAX)
    return plt_fail(PLT_ERR_DATA, "%s: %" PRIu32 " environments, at most %d are possible", data->source,
                    data->environments, PLT_LABELS_MAX);
  return check_given(data);
}

static uint32_t slots(const void *self) {
  const settings_t *settings = self;
  return 1 + settings->rounds * settings->environments;
}

/* A stage under way. */
typedef struct work {
  plt_trainer_t *t;
  const settings_t *settings;
  const plt_leg_t *leg;
  plt_labels_t *labels; /* of the round's beginning; NULL: not read yet */
} work_t;

/* ---- where pairs are at first ---- */

typedef struct start {
  plt_rng_key_t draws;
  plt_npy_t file; /* data NULL: none */
} start_from_t;

static float label_at(const work_t *work, const start_from_t *from, uint64_t pair) {
  if (work->settings->start == GIVEN) return (float)work->t->plan->data->environment[pair];
  if (from->file.map != NULL) return (float)plt_npy_int(&from->file, pair, 0);
  plt_rng_block_t block = plt_rng_draw(from->draws, (uint32_t)pair, (uint32_t)(pair >> 32), 0, 0);
  return floorf((float)(plt_rng_unit(block.word[0]) * work->settings->environments));
}

static plt_status_t write_labels(work_t *work, const start_from_t *from) {
  plt_label_block_t *block = plt_mem_zalloc(1, sizeof *block);
  plt_status_t status = PLT_OK;
  while (status == PLT_OK && plt_labels_next(work->t, block)) {
    float values[PLT_LABELS_BLOCK];
    for (size_t k = 0; k < block->n; k++) values[k] = label_at(work, from, block->first + k);
    status = plt_client_assign(work->t->session->client, PLT_ENVIRONMENTS_LABEL, 1, block->keys, block->n, values);
  }
  free(block);
  return status;
}

/* A file of the replays of this leg, into path; whether there is one. */
static bool has_replay(const work_t *work, const char *of, char path[PLT_PATH_MAX]) {
  const plt_trainer_t *t = work->t;
  return t->plan->replay != NULL && plt_leg_replay(t, of, path) == PLT_OK && plt_path_exists(path);
}

static plt_status_t open_labels(const char *path, uint64_t pairs, plt_npy_t *file) {
  PLT_TRY(plt_npy_open(path, file));
  if ((file->type == PLT_NPY_I8 || file->type == PLT_NPY_I4) && file->rows == pairs && file->cols == 1) return PLT_OK;
  plt_npy_close(file);
  return plt_fail(PLT_ERR_DATA, "%s: the labels of %" PRIu64 " training pairs are an integer array of as many", path,
                  pairs);
}

static plt_status_t start_labels(work_t *work) {
  plt_trainer_t *t = work->t;
  char path[PLT_PATH_MAX];
  start_from_t from = {.draws = plt_rng_key(work->leg->stage->plan.seed, "environments", work->leg->slot)};
  if (work->settings->start == KEEP && work->leg->outer > 0) return PLT_OK;
  if (work->settings->start != GIVEN && has_replay(work, "labels", path))
    PLT_TRY(open_labels(path, t->plan->data->n_train, &from.file));
  plt_status_t status = write_labels(work, &from);
  if (from.file.map != NULL) plt_npy_close(&from.file);
  return status == PLT_OK ? plt_trainer_barrier(t, "first labels") : status;
}

/* ---- the model of an environment ---- */

static plt_status_t give_birth(work_t *work, uint32_t round) {
  plt_trainer_t *t = work->t;
  uint64_t salt = work->settings->born_anew ? 1 + (uint64_t)work->leg->outer * work->settings->rounds + round : 0;
  for (uint32_t k = 0; k < PLT_ULTRA_TABLES && plt_trainer_is_first(t); k++)
    PLT_TRY(plt_import_birth(t->session->client, t->plan, k, salt));
  return plt_trainer_barrier(t, "model of an environment");
}

/* The samples of an environment, *n pairs. */
static plt_status_t choose_samples(work_t *work, const plt_within_t *within, size_t *n) {
  plt_trainer_t *t = work->t;
  char path[PLT_PATH_MAX], of[48];
  plt_sampler_t *sampler;
  const uint32_t *pairs = plt_labels_of(work->labels, within->environment, n);
  snprintf(of, sizeof of, "%" PRIu32 ".%" PRIu32, within->round, within->environment);
  if (*n > 0 && has_replay(work, of, path))
    PLT_TRY(plt_sampler_replay(work->leg->stage->plan.sampler, t->p.stage, path, &sampler));
  else
    sampler = plt_sampler_over(work->leg->stage->plan.sampler, t->p.stage, pairs, *n);
  plt_session_place(t->session, &sampler, *within);
  return PLT_OK;
}

/* Scores of n pairs from `first` on by the model; zeros for one that has seen none. */
static plt_status_t score(work_t *work, plt_vectors_t *vectors, const plt_label_block_t *block, plt_arena_t *arena,
                          float *scores) {
  const plt_plan_t *plan = work->t->plan;
  const plt_pair_t *pair = plan->data->train + block->first;
  size_t n = block->n, cols = plan->model->score_cols;
  const float *of[PLT_SIDES];
  uint32_t *at[PLT_SIDES];
  if (vectors == NULL) {
    memset(scores, 0, n * sizeof *scores);
    return PLT_OK;
  }
  plt_arena_reset(arena);
  for (plt_side_t side = PLT_SIDE_USER; side < PLT_SIDES; side++) {
    uint32_t *all = plt_arena_alloc(arena, n * sizeof *all), *ids = plt_arena_alloc(arena, n * sizeof *ids);
    at[side] = plt_arena_alloc(arena, n * sizeof *at[side]);
    for (size_t k = 0; k < n; k++) all[k] = side == PLT_SIDE_USER ? pair[k].user : pair[k].item;
    size_t distinct = plt_distinct(all, n, ids, at[side], arena);
    const float *read;
    PLT_TRY(plt_vectors_read(vectors, side, ids, distinct, &read));
    float *copy = plt_arena_alloc(arena, distinct * cols * sizeof *copy);
    of[side] = memcpy(copy, read, distinct * cols * sizeof *copy);
  }
  for (size_t k = 0; k < n; k++)
    scores[k] = (float)plt_kernel_dot(of[PLT_SIDE_USER] + at[PLT_SIDE_USER][k] * cols,
                                      of[PLT_SIDE_ITEM] + at[PLT_SIDE_ITEM][k] * cols, cols);
  return PLT_OK;
}

/* Environment 0 takes all pairs of a block, a later one those that it scores higher: of equals the first keeps them. */
static plt_status_t claim(work_t *work, uint32_t environment, const plt_label_block_t *block, const float *scores) {
  plt_client_t *client = work->t->session->client;
  float best[PLT_LABELS_BLOCK], next[PLT_LABELS_BLOCK];
  plt_pull_t pulls[2] = {{PLT_ENVIRONMENTS_BEST, 1, block->keys, block->n, best},
                         {PLT_ENVIRONMENTS_NEXT, 1, block->keys, block->n, next}};
  if (environment > 0) PLT_TRY(plt_client_read(client, pulls, 2));
  for (size_t k = 0; k < block->n; k++) {
    if (environment > 0 && !(scores[k] > best[k])) continue;
    best[k] = scores[k];
    next[k] = (float)environment;
  }
  PLT_TRY(plt_client_assign(client, PLT_ENVIRONMENTS_BEST, 1, block->keys, block->n, best));
  return plt_client_assign(client, PLT_ENVIRONMENTS_NEXT, 1, block->keys, block->n, next);
}

static plt_status_t score_pairs(work_t *work, uint32_t environment, bool is_trained) {
  plt_trainer_t *t = work->t;
  plt_arena_t *arena = plt_arena_create();
  plt_label_block_t *block = plt_mem_zalloc(1, sizeof *block);
  plt_vectors_t *vectors = is_trained ? plt_vectors_create(t->session, NULL) : NULL;
  plt_status_t status = PLT_OK;
  while (status == PLT_OK && plt_labels_next(t, block)) {
    float scores[PLT_LABELS_BLOCK];
    status = score(work, vectors, block, arena, scores);
    if (status == PLT_OK) status = claim(work, environment, block, scores);
  }
  plt_vectors_destroy(&vectors);
  plt_arena_destroy(&arena);
  free(block);
  return status == PLT_OK ? plt_trainer_barrier(t, "scores of pairs") : status;
}

static plt_status_t run_environment(work_t *work, const plt_within_t *within) {
  plt_trainer_t *t = work->t;
  size_t pairs;
  if (work->labels == NULL)
    PLT_TRY(plt_labels_read(t, PLT_ENVIRONMENTS_LABEL, work->settings->environments, &work->labels));
  PLT_TRY(choose_samples(work, within, &pairs));
  if (t->journal != NULL) plt_journal_enter(t->journal, t->plan);
  if (t->clock == t->p.begin_clock) PLT_TRY(give_birth(work, within->round));
  if (pairs > 0) PLT_TRY(plt_trainer_run_epochs(t));
  return plt_trainer_is_used_up(t) ? PLT_OK : score_pairs(work, within->environment, pairs > 0);
}

/* ---- a round's end ---- */

/* environment_next becomes environment; counts[0]: pairs that changed, [1 + e]: pairs of environment e. */
static plt_status_t take_over(work_t *work, double *counts) {
  plt_trainer_t *t = work->t;
  plt_client_t *client = t->session->client;
  plt_label_block_t *block = plt_mem_zalloc(1, sizeof *block);
  plt_status_t status = PLT_OK;
  while (status == PLT_OK && plt_labels_next(t, block)) {
    float now[PLT_LABELS_BLOCK], next[PLT_LABELS_BLOCK];
    plt_pull_t pulls[2] = {{PLT_ENVIRONMENTS_LABEL, 1, block->keys, block->n, now},
                           {PLT_ENVIRONMENTS_NEXT, 1, block->keys, block->n, next}};
    status = plt_client_read(client, pulls, 2);
    if (status != PLT_OK) break;
    for (size_t k = 0; k < block->n; k++) {
      counts[0] += now[k] != next[k];
      counts[1 + (size_t)next[k]]++;
    }
    status = plt_client_assign(client, PLT_ENVIRONMENTS_LABEL, 1, block->keys, block->n, next);
  }
  free(block);
  return status;
}

static plt_status_t end_round(work_t *work, bool *is_settled) {
  plt_trainer_t *t = work->t;
  uint32_t environments = work->settings->environments;
  double counts[1 + PLT_LABELS_MAX] = {0};
  uint64_t sizes[PLT_LABELS_MAX];
  char at[72], name[96];
  PLT_TRY(take_over(work, counts));
  snprintf(at, sizeof at, "labels at clock %" PRIu64, t->clock);
  plt_trainer_name(t, at, name);
  PLT_TRY(plt_client_sum(t->session->client, name, counts, 1 + environments));
  plt_labels_destroy(&work->labels);
  plt_trainer_touch(t);
  *is_settled = counts[0] <= floor(work->settings->stop_share * (double)t->plan->data->n_train);
  for (uint32_t e = 0; e < environments; e++) sizes[e] = (uint64_t)counts[1 + e];
  return t->journal == NULL ? PLT_OK : plt_journal_labels(t->journal, (uint64_t)counts[0], sizes, environments);
}

/* ---- the stage ---- */

static plt_status_t run_slots(work_t *work) {
  plt_trainer_t *t = work->t;
  const settings_t *settings = work->settings;
  uint32_t slot = t->p.stage - work->leg->slot; /* within the leg */
  if (slot == 0) {
    PLT_TRY(start_labels(work));
    if (settings->start == GIVEN) return PLT_OK;
    plt_trainer_begin_slot(t, work->leg->slot + ++slot);
  }
  while (!t->p.finished) {
    plt_within_t within = {.round = (slot - 1) / settings->environments,
                           .rounds = settings->rounds,
                           .environment = (slot - 1) % settings->environments,
                           .environments = settings->environments};
    bool is_settled = false;
    PLT_TRY(run_environment(work, &within));
    if (plt_trainer_is_used_up(t)) return PLT_OK;
    if (within.environment + 1 == settings->environments) PLT_TRY(end_round(work, &is_settled));
    if (is_settled || slot + 1 == work->leg->stage->slots)
      t->p.finished = true;
    else
      plt_trainer_begin_slot(t, work->leg->slot + ++slot);
  }
  return PLT_OK;
}

static plt_status_t run(plt_trainer_t *t) {
  const plt_leg_t *leg = t->plan->leg;
  work_t work = {.t = t, .settings = leg->stage->settings, .leg = leg};
  plt_status_t status = run_slots(&work);
  plt_labels_destroy(&work.labels);
  return status;
}

static double passes(const void *self, uint32_t epochs) {
  const settings_t *settings = self;
  return settings->start == GIVEN ? 0 : (double)settings->rounds * epochs;
}

const plt_stage_ops_t plt_stage_environments = {
    .name = "environments",
    .summary = "split the training pairs into environments by models that compete for them",
    .options = {"stage environments", rows, sizeof rows / sizeof *rows},
    .of_models = true,
    .in_step = true,
    .is_unranked = true,
    .own_draws = true,
    .size = sizeof(settings_t),
    .init = init,
    .check = check,
    .slots = slots,
    .passes = passes,
    .run = run,
};
