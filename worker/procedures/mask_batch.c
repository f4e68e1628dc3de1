/* mask_batch.c - see mask_batch.h. */
#include "worker/procedures/mask_batch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/io/npy.h"
#include "common/mem.h"
#include "common/normal.h"
#include "common/rng.h"
#include "worker/data/derived.h"
#include "worker/data/features.h"
#include "worker/math/distinct.h"
#include "worker/models/invrl.h"
#include "worker/session/procedure.h"
#include "worker/session/row_cache.h"

struct plt_mask_source {
  plt_trainer_t *t;
  const plt_ultra_t *model;
  plt_labels_t *labels;
  uint32_t environments, steps;
  float sigma;
  plt_npy_t batches, noise; /* of a replay; map NULL: none */
  plt_row_cache_t *users, *items;
  float *encoders[PLT_MODALITIES_MAX * PLT_CODES_TABLES]; /* of the model's codes, all rows; NULL: it has none */
  plt_arena_t *arena;
};

/* ---- replays ---- */

static plt_status_t open_file(const plt_mask_source_t *source, const char *of, plt_npy_t *out) {
  char path[PLT_PATH_MAX];
  PLT_TRY(plt_leg_replay(source->t, of, path));
  return plt_npy_open(path, out);
}

static size_t sample_width(const plt_mask_source_t *source) { return 2 + source->t->plan->model->negatives; }

/* Batches [steps, E, batch, 2 + negatives] and noise [epochs, steps, E, F]. */
static plt_status_t open_replay(plt_mask_source_t *source) {
  const plt_plan_t *plan = source->t->plan;
  size_t of_environment = plan->batch_size * sample_width(source), features = source->model->features;
  if (plan->replay == NULL) return PLT_OK;
  PLT_TRY(open_file(source, NULL, &source->batches));
  PLT_TRY(open_file(source, "noise", &source->noise));
  const plt_npy_t *batches = &source->batches, *noise = &source->noise;
  if ((batches->type != PLT_NPY_I8 && batches->type != PLT_NPY_I4) || batches->dims != 4 || batches->rows == 0 ||
      batches->rows > UINT32_MAX || batches->cols % of_environment != 0)
    return plt_fail(PLT_ERR_DATA,
                    "the replay of stage %s is an integer array [steps, environments, %" PRIu32
                    ", %zu]: train.batch_size samples of user, positive item, negative items",
                    plan->leg->stage->name, plan->batch_size, sample_width(source));
  source->environments = (uint32_t)(batches->cols / of_environment);
  source->steps = (uint32_t)batches->rows;
  if (noise->type <= PLT_NPY_F8 && noise->dims == 4 && noise->rows >= plan->epochs &&
      noise->cols == (uint64_t)source->steps * source->environments * features)
    return PLT_OK;
  return plt_fail(PLT_ERR_DATA,
                  "the noise of the replay of stage %s is a floating-point array [%" PRIu32 ", %" PRIu32 ", %" PRIu32
                  ", %zu]: epochs, steps, environments, columns of features",
                  plan->leg->stage->name, plan->epochs, source->steps, source->environments, features);
}

static int64_t replayed(const plt_mask_source_t *source, uint32_t step, uint32_t e, size_t sample, size_t col) {
  size_t batch = source->t->plan->batch_size, width = sample_width(source);
  return plt_npy_int(&source->batches, step, (e * batch + sample) * width + col);
}

/* ---- draws ---- */

static uint32_t divide_up(uint64_t a, uint32_t b) { return (uint32_t)(a / b + (a % b != 0)); }

static uint32_t batches_of(const plt_mask_source_t *source, uint32_t e, size_t *pairs) {
  (void)plt_labels_of(source->labels, e, pairs);
  return divide_up(*pairs, source->t->plan->batch_size);
}

static plt_rng_key_t key_of(const plt_mask_source_t *source, const char *purpose, uint32_t epoch) {
  const plt_trainer_t *t = source->t;
  return plt_rng_key(t->plan->leg->stage->plan.seed, purpose, (uint64_t)t->p.stage << 32 | epoch);
}

/* Samples [n] of a user, its positive and its negatives: the environment's pairs in the order of the pass that the step
 * falls into. */
static void draw_samples(const plt_mask_source_t *source, uint32_t epoch, uint32_t step, uint32_t e, size_t n,
                         uint32_t *user, uint32_t *item) {
  const plt_plan_t *plan = source->t->plan;
  size_t of_environment, each = 1 + plan->model->negatives;
  const uint32_t *pairs = plt_labels_of(source->labels, e, &of_environment);
  uint32_t batches = divide_up(of_environment, plan->batch_size);
  uint64_t first = (uint64_t)(step % batches) * plan->batch_size;
  plt_rng_block_t pass = plt_rng_draw(key_of(source, "mask order", epoch), step / batches, e, 0, 0);
  plt_rng_key_t order = {{pass.word[0], pass.word[1]}}, negatives = key_of(source, "mask negatives", epoch);
  for (uint32_t s = 0; s < n; s++, item += each) {
    plt_pair_t pair = plan->data->train[pairs[plt_rng_permute(order, of_environment, first + s)]];
    user[s] = pair.user;
    item[0] = pair.item;
    for (uint32_t k = 1; k < each; k++) {
      plt_rng_block_t block = plt_rng_draw(negatives, step, e, s, k - 1);
      item[k] = plt_rng_below((uint64_t)block.word[0] << 32 | block.word[1], plan->data->items);
    }
  }
}

static plt_status_t replay_sample(const plt_mask_source_t *source, uint32_t step, uint32_t e, size_t sample,
                                  uint32_t *user, uint32_t *item) {
  const plt_dataset_t *data = source->t->plan->data;
  for (size_t col = 0; col < sample_width(source); col++) {
    int64_t id = replayed(source, step, e, sample, col);
    if (id < 0 || id >= (int64_t)(col == 0 ? data->users : data->items))
      return plt_fail(PLT_ERR_DATA,
                      "the replay of stage %s: step %" PRIu32 ", environment %" PRIu32
                      ", sample %zu: there is no %s %" PRId64,
                      source->t->plan->leg->stage->name, step, e, sample, col == 0 ? "user" : "item", id);
    *(col == 0 ? user : &item[col - 1]) = (uint32_t)id;
  }
  return PLT_OK;
}

static float *draw_noise(const plt_mask_source_t *source, uint32_t epoch, uint32_t step, uint32_t e) {
  size_t features = source->model->features;
  float *noise = plt_arena_alloc(source->arena, features * sizeof *noise);
  if (source->noise.map != NULL) {
    plt_npy_part_f32(&source->noise, epoch, ((uint64_t)step * source->environments + e) * features, features, noise);
    return noise;
  }
  plt_normal_row(key_of(source, "mask noise", epoch), step, e, features, noise);
  for (size_t k = 0; k < features; k++) noise[k] *= source->sigma;
  return noise;
}

/* ---- a batch ---- */

uint32_t plt_mask_source_samples(const plt_mask_source_t *source, uint32_t step, uint32_t e) {
  uint32_t batch = source->t->plan->batch_size, n = 0;
  size_t pairs;
  if (source->batches.map != NULL) {
    while (n < batch && replayed(source, step, e, n, 0) >= 0) n++;
    return n;
  }
  uint32_t batches = batches_of(source, e, &pairs);
  if (batches == 0) return 0;
  uint64_t before = (uint64_t)(step % batches) * batch;
  return pairs - before < batch ? (uint32_t)(pairs - before) : batch;
}

/* Weights of the pairs in the loss, by the nodes' degrees. */
static const float *weigh(const plt_mask_source_t *source, size_t n, size_t each, const uint32_t *user,
                          const uint32_t *item) {
  const plt_ultra_t *model = source->model;
  float *weight = plt_arena_alloc(source->arena, n * each * sizeof *weight);
  for (size_t p = 0; p < n * each; p++) {
    float beta = model->of_user[user[p / each]] * model->of_item[item[p]];
    weight[p] = p % each == 0 ? model->w1 + model->w2 * beta : (model->w3 + model->w4 * beta) / (float)(each - 1);
  }
  return weight;
}

static float *alloc_rows(const plt_mask_source_t *source, size_t n, size_t cols) {
  return plt_arena_alloc(source->arena, n * cols * sizeof(float));
}

static plt_lazy_t bring_x(plt_mask_source_t *source, const uint32_t *items, size_t n) {
  const plt_dataset_t *data = source->t->plan->data;
  const plt_ultra_t *model = source->model;
  if (model->codes != NULL) {
    plt_codes_rows_t *room = plt_arena_alloc(source->arena, sizeof *room);
    return plt_codes_rows(model->codes, data, source->t->session->crew, (const float *const *)source->encoders, items,
                          n, room);
  }
  plt_feature_rows_t *features = plt_arena_alloc(source->arena, sizeof *features);
  *features = (plt_feature_rows_t){
      .feature = data->features, .n_features = data->n_features, .items = items, .scale = plt_derived_units(data)};
  return plt_feature_rows(features, n);
}

/* The rows and features of the distinct users and items. */
static plt_status_t bring_rows(plt_mask_source_t *source, const uint32_t *users, const uint32_t *items,
                               plt_invariance_batch_t *batch) {
  plt_client_t *client = source->t->session->client;
  const plt_ultra_t *model = source->model;
  float *of_users = alloc_rows(source, batch->n_users, model->dim + model->feat_dim);
  float *of_items = alloc_rows(source, batch->n_items, model->dim);
  batch->users = of_users;
  batch->items = of_items;
  batch->x = bring_x(source, items, batch->n_items);
  PLT_TRY(plt_row_cache_read(source->users, client, users, batch->n_users, of_users));
  return plt_row_cache_read(source->items, client, items, batch->n_items, of_items);
}

plt_status_t plt_mask_source_make(plt_mask_source_t *source, uint32_t epoch, uint32_t step, uint32_t e,
                                  plt_invariance_batch_t *out) {
  plt_arena_t *arena = source->arena;
  size_t n = plt_mask_source_samples(source, step, e), each = 1 + source->t->plan->model->negatives, pairs = n * each;
  uint32_t *user = plt_arena_alloc(arena, n * sizeof *user), *item = plt_arena_alloc(arena, pairs * sizeof *item);
  uint32_t *users = plt_arena_alloc(arena, n * sizeof *users), *items = plt_arena_alloc(arena, pairs * sizeof *items);
  uint32_t *user_at = plt_arena_alloc(arena, n * sizeof *user_at);
  uint32_t *item_at = plt_arena_alloc(arena, pairs * sizeof *item_at);
  if (source->batches.map == NULL) draw_samples(source, epoch, step, e, n, user, item);
  for (size_t s = 0; s < n && source->batches.map != NULL; s++)
    PLT_TRY(replay_sample(source, step, e, s, &user[s], item + s * each));
  *out = (plt_invariance_batch_t){.n = n,
                                  .items_each = each,
                                  .user = user_at,
                                  .item = item_at,
                                  .weight = weigh(source, n, each, user, item),
                                  .n_users = plt_distinct(user, n, users, user_at, arena),
                                  .n_items = plt_distinct(item, pairs, items, item_at, arena),
                                  .noise = draw_noise(source, epoch, step, e)};
  return bring_rows(source, users, items, out);
}

void plt_mask_source_reset(plt_mask_source_t *source) { plt_arena_reset(source->arena); }

/* ---- the source ---- */

/* The frozen encoders of which x is made. */
static plt_status_t read_encoders(plt_mask_source_t *source) {
  const plt_codes_t *codes = source->model->codes;
  for (size_t i = 0; codes != NULL && i < codes->modalities * PLT_CODES_TABLES; i++) {
    uint32_t table = (uint32_t)(codes->first + i);
    const plt_model_table_t *of = &source->model->base.tables[table];
    source->encoders[i] = plt_mem_alloc(of->rows * of->cols * sizeof(float));
    PLT_TRY(plt_client_read_table(source->t->session->client, table, of->rows, of->cols, source->encoders[i]));
  }
  return PLT_OK;
}

static plt_status_t fill(plt_mask_source_t *source) {
  PLT_TRY(read_encoders(source));
  PLT_TRY(plt_labels_read(source->t, PLT_MASK_LABEL, 0, &source->labels));
  source->environments = source->labels->environments;
  for (uint32_t e = 0; e < source->environments; e++) {
    size_t pairs;
    uint32_t batches = batches_of(source, e, &pairs);
    if (batches > source->steps) source->steps = batches;
  }
  return open_replay(source);
}

plt_status_t plt_mask_source_create(plt_trainer_t *t, double sigma, plt_mask_source_t **out) {
  plt_mask_source_t *source = plt_mem_zalloc(1, sizeof *source);
  const plt_ultra_t *model = (const plt_ultra_t *)t->plan->model;
  const plt_model_table_t *users = &model->base.tables[PLT_MASK_USER], *items = &model->base.tables[PLT_MASK_ITEM];
  *source = (plt_mask_source_t){.t = t,
                                .model = model,
                                .sigma = (float)sigma,
                                .users = plt_row_cache_create(PLT_MASK_USER, users->rows, users->cols),
                                .items = plt_row_cache_create(PLT_MASK_ITEM, items->rows, items->cols),
                                .arena = plt_arena_create()};
  plt_status_t status = fill(source);
  if (status == PLT_OK)
    *out = source;
  else
    plt_mask_source_destroy(&source);
  return status;
}

void plt_mask_source_destroy(plt_mask_source_t **source_at) {
  plt_mask_source_t *source = *source_at;
  if (source == NULL) return;
  if (source->batches.map != NULL) plt_npy_close(&source->batches);
  if (source->noise.map != NULL) plt_npy_close(&source->noise);
  plt_labels_destroy(&source->labels);
  plt_row_cache_destroy(&source->users);
  plt_row_cache_destroy(&source->items);
  for (size_t i = 0; i < sizeof source->encoders / sizeof *source->encoders; i++) free(source->encoders[i]);
  plt_arena_destroy(&source->arena);
  free(source);
  *source_at = NULL;
}

uint32_t plt_mask_source_environments(const plt_mask_source_t *source) { return source->environments; }
uint32_t plt_mask_source_steps(const plt_mask_source_t *source) { return source->steps; }
