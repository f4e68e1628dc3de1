/* augment.c - see augment.h. A row is made when it is copied: its own features, then those of the item that is mixed
 * in, then noise, then what is left out. */
#include "worker/kit/augment.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/rng.h"
#include "worker/data/features.h"

static const plt_option_t rows[] = {
    {.key = "augment.feature_dropout",
     .type = PLT_OPT_REAL,
     .fallback = "0",
     .min = 0,
     .max = 0.999,
     .help = "Training: chance of each element of an item's features to be left out in a batch; the others grow by as "
             "much."},
    {.key = "augment.feature_noise",
     .type = PLT_OPT_REAL,
     .fallback = "0",
     .min = 0,
     .max = INFINITY,
     .help = "Training: deviation of the noise that a batch adds to each element, in root mean squares of the item's "
             "features of that modality. Uniform, of mean 0."},
    {.key = "augment.feature_mix",
     .type = PLT_OPT_REAL,
     .fallback = "0",
     .min = 0,
     .max = 1,
     .help = "Training: an item's features become a mean with those of another one, drawn for each batch, of whom they "
             "take up to this share."},
    {.key = "augment.edge_dropout",
     .type = PLT_OPT_REAL,
     .fallback = "0",
     .min = 0,
     .max = 0.999,
     .help = "Training: share of the edges between users and items that an epoch leaves out, all alike."},
};

const plt_option_table_t plt_augment_options = {"augment", rows, sizeof rows / sizeof *rows};

/* ---- options ---- */

static plt_status_t drop_edges(const plt_config_t *config, plt_model_t *model, double share) {
  static const char key[] = "augment.edge_dropout";
  size_t found = 0;
  for (size_t r = 0; r < model->programme.n_relations; r++) {
    plt_relation_plan_t *plan = &model->programme.relation[r];
    if (plan->kind != PLT_RELATION_USER_ITEM) continue;
    if (plan->edge_dropout > 0)
      return plt_fail(PLT_ERR_USAGE, "%s: %s: model %s leaves out edges by model.edge_dropout: set that to 0",
                      plt_config_origin(config, key), key, model->ops->name);
    plan->edge_dropout = share;
    plan->evenly = true;
    found++;
  }
  if (found > 0) return PLT_OK;
  return plt_fail(PLT_ERR_USAGE, "%s: %s: model %s has no graph of users and items", plt_config_origin(config, key),
                  key, model->ops->name);
}

plt_status_t plt_augment_read(const plt_config_t *config, plt_model_t *model) {
  static const char *const keys[] = {"augment.feature_dropout", "augment.feature_noise", "augment.feature_mix"};
  plt_augment_t *augment = &model->augment;
  double *const values[] = {&augment->dropout, &augment->noise, &augment->mix};
  for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
    *values[k] = plt_config_real(config, keys[k]);
    if (*values[k] == 0) continue;
    PLT_TRY(plt_model_check_given_features(config, model, keys[k], "changes", ""));
    augment->features = !model->reads_codes;
  }
  double share = plt_config_real(config, "augment.edge_dropout");
  return share > 0 ? drop_edges(config, model, share) : PLT_OK;
}

/* ---- rows ---- */

typedef struct changed {
  const plt_augment_t *augment;
  const plt_feature_t *feature; /* [n_features] */
  size_t first, n_features;
  plt_lazy_t own, other; /* other: of who is mixed in */
  const float *share;    /* [rows] of the other */
  const uint32_t *id;    /* [rows] */
  plt_rng_key_t noise, dropout;
} changed_t;

static void mix_in(const changed_t *changed, size_t row, float *other, float *out) {
  const float share = changed->share[row];
  changed->other.make(changed->other.context, row, 1, other);
  for (size_t j = 0; j < changed->own.cols; j++) out[j] += share * (other[j] - out[j]);
}

/* Uniform within sqrt(3) deviations. */
static void add_noise(const changed_t *changed, uint32_t id, uint32_t modality, size_t cols, float *out) {
  double squares = 0;
  for (size_t j = 0; j < cols; j++) squares += (double)out[j] * (double)out[j];
  double width = 2 * sqrt(3.0) * changed->augment->noise * sqrt(squares / (double)cols);
  for (size_t j = 0; j < cols; j += 4) {
    plt_rng_block_t block = plt_rng_draw(changed->noise, id, (uint32_t)(j / 4), modality, 0);
    for (size_t k = j; k < j + 4 && k < cols; k++) out[k] += (float)(width * (plt_rng_open01(block.word[k - j]) - 0.5));
  }
}

static void leave_out(const changed_t *changed, uint32_t id, uint32_t modality, size_t cols, float *out) {
  const double rate = changed->augment->dropout;
  const float kept = (float)(1 / (1 - rate));
  for (size_t j = 0; j < cols; j += 4) {
    plt_rng_block_t block = plt_rng_draw(changed->dropout, id, (uint32_t)(j / 4), modality, 0);
    for (size_t k = j; k < j + 4 && k < cols; k++) out[k] *= plt_rng_unit(block.word[k - j]) < rate ? 0 : kept;
  }
}

static void make_rows(const void *context, size_t first, size_t n, float *out) {
  const changed_t *changed = context;
  const plt_augment_t *augment = changed->augment;
  float *other = augment->mix > 0 ? plt_mem_alloc(changed->own.cols * sizeof *other) : NULL;
  changed->own.make(changed->own.context, first, n, out);
  for (size_t i = first; i < first + n; i++, out += changed->own.cols) {
    float *part = out;
    if (other != NULL) mix_in(changed, i, other, out);
    for (size_t m = 0; m < changed->n_features; m++) {
      size_t cols = changed->feature[m].array.cols;
      uint32_t modality = (uint32_t)(changed->first + m);
      if (augment->noise > 0) add_noise(changed, changed->id[i], modality, cols, part);
      if (augment->dropout > 0) leave_out(changed, changed->id[i], modality, cols, part);
      part += cols;
    }
  }
  free(other);
}

/* Who is mixed into whom, and how much. */
static void choose_others(const plt_nodes_t *nodes, const float *const *scale, changed_t *changed) {
  plt_rng_key_t key = plt_draws_key(nodes->draws, "augment mix");
  uint32_t *other = plt_tape_index(nodes->tape, nodes->n);
  float *share = plt_tape_scratch(nodes->tape, nodes->n, 1);
  for (size_t i = 0; i < nodes->n; i++) {
    plt_rng_block_t block = plt_rng_draw(key, nodes->id[i], 0, 0, 0);
    other[i] = plt_rng_below((uint64_t)block.word[0] << 32 | block.word[1], nodes->data->items);
    share[i] = (float)(changed->augment->mix * plt_rng_open01(block.word[2]));
  }
  plt_feature_rows_t of_others = {
      .feature = changed->feature, .n_features = changed->n_features, .items = other, .scale = scale};
  changed->other = plt_feature_rows(plt_tape_keep(nodes->tape, &of_others, sizeof of_others), nodes->n);
  changed->share = share;
}

plt_lazy_t plt_augment_features(const plt_nodes_t *nodes, size_t first, size_t n, const float *const *scale,
                                const plt_lazy_t *x) {
  const plt_draws_t *draws = nodes->draws;
  changed_t changed = {.augment = draws->augment,
                       .feature = nodes->data->features + first,
                       .first = first,
                       .n_features = n,
                       .own = *x,
                       .id = nodes->id,
                       .noise = plt_draws_key(draws, "augment noise"),
                       .dropout = plt_draws_key(draws, "augment dropout")};
  if (draws->augment->mix > 0) choose_others(nodes, scale, &changed);
  return (plt_lazy_t){.rows = x->rows,
                      .cols = x->cols,
                      .make = make_rows,
                      .context = plt_tape_keep(nodes->tape, &changed, sizeof changed)};
}
