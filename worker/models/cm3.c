/* cm3.c - several modalities and their spherical mix side by side over one graph, drawn together by alignment and
 * apart by a uniformity that spares items which are like each other (METHODS 4; Zhou et al. 2025).
 *
 *   layer 0   users  [user_m1 ; user_m2 ; .. ; user_id]     each segment of length 1
 *             items  [h_m1    ; h_m2    ; .. ; mix    ]     h = MLP of the features; mix of the unit rows x W + b */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/rng.h"
#include "worker/models/model.h"

extern const plt_model_ops_t plt_model_cm3;

typedef struct cm3 {
  plt_model_t base;
  size_t modalities;
  size_t order[PLT_MODALITIES_MAX]; /* of the segments: modality */
  uint32_t d;
  float gamma, min_similarity, max_similarity;
  double alpha; /* 0: fixed mix */
  bool nested, detaches;
} cm3_t;

enum { USER, MLP1_W, MLP1_B, MLP2_W, MIX_W, MIX_B, PER_MODALITY }; /* tables of a modality; */
enum { USER_ID, USER_WEIGHT };                                     /* and after those */

static const float leak = 0.01f;

static const plt_option_t rows[] = {
    PLT_MODEL_GRAPH_OPTIONS("3"),
    {.key = "model.gamma",
     .type = PLT_OPT_REAL,
     .fallback = "0.5",
     .min = 0,
     .max = INFINITY,
     .help = "Weight of the uniformity of users and negative items in the loss."},
    {.key = "model.min_sim",
     .type = PLT_OPT_REAL,
     .fallback = "0",
     .min = -1,
     .max = 1,
     .help = "Similarities of items below are taken as this."},
    {.key = "model.max_sim",
     .type = PLT_OPT_REAL,
     .fallback = "0.8",
     .min = -1,
     .max = 1,
     .help = "Similarities of items above are taken as this."},
    {.key = "model.detach_similarity",
     .type = PLT_OPT_BOOL,
     .fallback = "false",
     .help = "The similarity of items has no derivative."},
    {.key = "model.mix",
     .type = PLT_OPT_CHOICE,
     .fallback = "beta",
     .choices = "beta|fixed",
     .help =
         "Place of the mix between the modalities: drawn from Beta(alpha, alpha) for each item and batch, or always "
         "in the middle. Evaluation takes the middle."},
    {.key = "model.alpha",
     .type = PLT_OPT_REAL,
     .fallback = "0.5",
     .min = 0.01,
     .max = 1,
     .help = "Of the Beta distribution of the mix: near 0 one modality at a time, 1 any mix alike."},
    {.key = "model.fusion",
     .type = PLT_OPT_CHOICE,
     .fallback = "de_casteljau",
     .choices = "de_casteljau|nested",
     .help = "How more than two modalities are mixed: along their spherical Bezier curve, or one after the other."},
    {.key = "model.segments",
     .type = PLT_OPT_TEXTS,
     .help = "Order of the modalities in the representation, each once. Not given: as in data.features."},
    {.key = "model.item_layers",
     .type = PLT_OPT_INT,
     .fallback = "1",
     .min = 1,
     .max = PLT_ITEM_HOPS_MAX,
     .help = "Hops over the graph of items."},
    PLT_MODEL_ITEM_GRAPH_OPTIONS,
};

/* ---- create ---- */

static plt_status_t read_segments(const plt_config_t *config, const plt_dataset_t *data, cm3_t *cm3) {
  size_t n = plt_config_list_size(config, "model.segments"), found = 0;
  for (size_t s = 0; s < data->n_features; s++) cm3->order[s] = s;
  if (n == 0) return PLT_OK;
  for (size_t s = 0; s < n; s++) {
    for (size_t m = 0; m < data->n_features; m++) {
      if (strcmp(plt_config_list_text(config, "model.segments", s), data->features[m].name) != 0) continue;
      cm3->order[s < data->n_features ? s : 0] = m;
      found |= (size_t)1 << m;
    }
  }
  if (n == data->n_features && found == ((size_t)1 << n) - 1) return PLT_OK;
  return plt_fail(PLT_ERR_USAGE, "%s: model.segments names each of the %zu modalities of data.features once",
                  plt_config_origin(config, "model.segments"), data->n_features);
}

static plt_status_t read_options(const plt_config_t *config, const plt_dataset_t *data, cm3_t *cm3) {
  cm3->gamma = (float)plt_config_real(config, "model.gamma");
  cm3->min_similarity = (float)plt_config_real(config, "model.min_sim");
  cm3->max_similarity = (float)plt_config_real(config, "model.max_sim");
  cm3->detaches = plt_config_bool(config, "model.detach_similarity");
  cm3->nested = strcmp(plt_config_text(config, "model.fusion"), "nested") == 0;
  if (strcmp(plt_config_text(config, "model.mix"), "beta") == 0) cm3->alpha = plt_config_real(config, "model.alpha");
  PLT_TRY(plt_model_read_graph(config, &cm3->base));
  PLT_TRY(plt_model_read_item_graph(config, data, (size_t)plt_config_int(config, "model.item_layers"), &cm3->base));
  if (cm3->min_similarity > cm3->max_similarity)
    return plt_fail(PLT_ERR_USAGE, "%s: model.min_sim is larger than model.max_sim",
                    plt_config_origin(config, "model.min_sim"));
  if (PER_MODALITY * data->n_features + 2 > PLT_MODEL_TABLES_MAX)
    return plt_fail(PLT_ERR_USAGE, "model cm3 takes at most %d modalities; data.features names %zu",
                    (PLT_MODEL_TABLES_MAX - 2) / PER_MODALITY, data->n_features);
  return read_segments(config, data, cm3);
}

static plt_status_t create(const plt_config_t *config, const plt_dataset_t *data, plt_model_t **out) {
  cm3_t *cm3 = plt_mem_zalloc(1, sizeof *cm3);
  plt_model_t *model = &cm3->base;
  uint32_t d = cm3->d = (uint32_t)plt_config_int(config, "model.dim"), users = data->users;
  size_t segments = data->n_features + 1;
  model->ops = &plt_model_cm3;
  cm3->modalities = data->n_features;
  plt_status_t status = read_options(config, data, cm3);
  if (status != PLT_OK) {
    free(cm3);
    return status;
  }
  model->graph.spreads_sum = true;
  model->negatives = 1;
  model->score_cols = model->base_cols = (uint32_t)segments * d;
  for (size_t m = 0; m < data->n_features; m++) {
    const plt_feature_t *feature = &data->features[m];
    uint32_t f = (uint32_t)feature->array.cols;
    model->base_floats += f + 2 * (12 * d + (5 + m) * d); /* values and slopes: hidden rows, others with m mixes */
    plt_init_t linear = plt_init_linear(f, d);
    plt_model_add_modality_table(model, "user", feature, PLT_ENTITY_USER, users, d, plt_init_xavier_normal(users, d));
    plt_model_add_modality_table(model, "mlp1_w", feature, PLT_ENTITY_DENSE, f, 4 * d, linear);
    plt_model_add_modality_table(model, "mlp1_b", feature, PLT_ENTITY_DENSE, 1, 4 * d, linear);
    plt_model_add_modality_table(model, "mlp2_w", feature, PLT_ENTITY_DENSE, 4 * d, d, plt_init_linear(4 * d, d));
    plt_model_add_modality_table(model, "mix_w", feature, PLT_ENTITY_DENSE, f, d, linear);
    plt_model_add_modality_table(model, "mix_b", feature, PLT_ENTITY_DENSE, 1, d, linear);
  }
  plt_model_add_table(model, "user_id", PLT_ENTITY_USER, users, d, plt_init_xavier_normal(users, d));
  plt_model_add_table(model, "user_weight", PLT_ENTITY_OWN_USER, users, (uint32_t)segments,
                      plt_init_xavier_normal(users, segments));
  *out = model;
  return PLT_OK;
}

/* ---- layer 0 ---- */

/* The place of every item's mix, [n_items, 1]. */
static plt_var_t shares(const cm3_t *cm3, const plt_pass_t *pass) {
  float *share = plt_tape_scratch(pass->tape, pass->n_items, 1);
  plt_rng_key_t key = plt_rng_key(pass->seed, "mix", (uint64_t)pass->epoch << 32 | pass->batch);
  bool draws = pass->graph != NULL && cm3->alpha > 0;
  for (size_t i = 0; i < pass->n_items; i++)
    share[i] = draws ? (float)plt_rng_beta(key, pass->items[i], cm3->alpha) : 0.5f;
  return plt_tape_constant(pass->tape, pass->n_items, 1, share);
}

static plt_var_t linear(plt_tape_t *t, plt_var_t x, plt_var_t w, plt_var_t b) {
  return plt_op_add(t, plt_op_matmul(t, x, w), b);
}

static plt_var_t base_of_items(const cm3_t *cm3, const plt_pass_t *pass) {
  plt_tape_t *t = pass->tape;
  plt_var_t projected[PLT_MODALITIES_MAX], mixed[PLT_MODALITIES_MAX], segment[PLT_MODALITIES_MAX + 1];
  for (size_t m = 0; m < cm3->modalities; m++) {
    const plt_var_t *table = &pass->table[m * PER_MODALITY];
    plt_var_t x = plt_pass_modality(pass, m);
    plt_var_t hidden = plt_op_leaky_relu(t, linear(t, x, table[MLP1_W], table[MLP1_B]), leak);
    projected[m] = plt_op_normalise(t, plt_op_matmul(t, hidden, table[MLP2_W]));
    mixed[m] = plt_op_normalise(t, linear(t, x, table[MIX_W], table[MIX_B]));
  }
  for (size_t s = 0; s < cm3->modalities; s++) segment[s] = projected[cm3->order[s]];
  plt_var_t share = shares(cm3, pass), mix;
  mix = cm3->nested ? plt_op_nested_slerp(t, mixed, cm3->modalities, share)
                    : plt_op_bezier(t, mixed, cm3->modalities, share);
  segment[cm3->modalities] = plt_op_normalise(t, mix);
  return plt_op_concat(t, segment, cm3->modalities + 1);
}

static plt_var_t base(const plt_model_t *self, const plt_pass_t *pass, plt_side_t side) {
  const cm3_t *cm3 = (const cm3_t *)self;
  plt_var_t segment[PLT_MODALITIES_MAX + 1];
  if (side == PLT_SIDE_ITEM) return base_of_items(cm3, pass);
  for (size_t s = 0; s < cm3->modalities; s++)
    segment[s] = plt_op_normalise(pass->tape, pass->table[cm3->order[s] * PER_MODALITY + USER]);
  segment[cm3->modalities] = plt_op_normalise(pass->tape, pass->table[cm3->modalities * PER_MODALITY + USER_ID]);
  return plt_op_concat(pass->tape, segment, cm3->modalities + 1);
}

/* ---- representations ---- */

static plt_var_t users(const plt_model_t *self, const plt_pass_t *pass) {
  const cm3_t *cm3 = (const cm3_t *)self;
  plt_tape_t *t = pass->tape;
  plt_var_t weights = plt_op_softmax(t, pass->table[cm3->modalities * PER_MODALITY + USER_WEIGHT]);
  plt_var_t segment[PLT_MODALITIES_MAX + 1];
  for (size_t s = 0; s <= cm3->modalities; s++)
    segment[s] = plt_op_mul(t, plt_op_columns(t, pass->sum[PLT_SIDE_USER], s * cm3->d, cm3->d),
                            plt_op_columns(t, weights, s, 1));
  return plt_op_concat(t, segment, cm3->modalities + 1);
}

static plt_var_t items(const plt_model_t *self, const plt_pass_t *pass) {
  (void)self;
  return plt_op_add(pass->tape, pass->sum[PLT_SIDE_ITEM], pass->spread);
}

/* ---- loss ---- */

static plt_var_t loss(const plt_model_t *self, const plt_pass_t *pass) {
  const cm3_t *cm3 = (const cm3_t *)self;
  plt_tape_t *t = pass->tape;
  plt_var_t all_items = items(self, pass);
  plt_var_t u = plt_op_normalise(t, plt_op_gather(t, users(self, pass), pass->user, pass->n));
  plt_var_t p = plt_op_normalise(t, plt_op_gather(t, all_items, pass->positive, pass->n));
  plt_var_t n = plt_op_normalise(t, plt_op_gather(t, all_items, pass->negative, pass->n));
  plt_var_t apart = plt_op_sub(t, u, p);
  plt_var_t alignment = plt_op_mean(t, plt_op_row_dot(t, apart, apart));
  if (pass->n < 2) return alignment; /* no pairs */
  plt_var_t mix = plt_op_columns(t, pass->base[PLT_SIDE_ITEM], cm3->modalities * cm3->d, cm3->d);
  mix = plt_op_gather(t, plt_pass_own(pass, PLT_SIDE_ITEM, mix), pass->negative, pass->n);
  if (cm3->detaches) mix = plt_op_stop(t, mix);
  plt_var_t uniform = plt_op_calibrated_uniformity(t, n, mix, cm3->min_similarity, cm3->max_similarity);
  uniform = plt_op_add(t, plt_op_uniformity(t, u), uniform);
  return plt_op_add(t, alignment, plt_op_scale(t, uniform, cm3->gamma / 2));
}

const plt_model_ops_t plt_model_cm3 = {
    .name = "cm3",
    .summary = "modalities and their spherical mix over one graph, with alignment and calibrated uniformity",
    .options = {"model cm3", rows, sizeof rows / sizeof *rows},
    .loss_is_mean = true,
    .uses_features = true,
    .create = create,
    .base = base,
    .users = users,
    .items = items,
    .loss = loss,
};
