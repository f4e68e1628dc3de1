/* cm3.c - several modalities and their spherical mix side by side over one graph, drawn together by alignment and
 * apart by a uniformity that spares items which are like each other (docs/methods/models.md 8; Zhou et al. 2025).
 *
 *   layer 0   users  [user_m1 ; user_m2 ; .. ; user_id]     each segment of length 1
 *             items  [h_m1    ; h_m2    ; .. ; mix    ]     h = MLP of the features; mix of the unit rows x W + b */
#include <string.h>

#include "common/rng.h"
#include "worker/kit/kit.h"

typedef struct cm3 {
  plt_model_t base;
  size_t modalities;
  size_t order[PLT_MODALITIES_MAX]; /* of the segments: modality */
  uint32_t d;
  float gamma, min_similarity, max_similarity;
  double alpha; /* 0: fixed mix */
  bool nested, detaches;
  size_t sum, spread; /* states: of all layers; S^K of that */
} cm3_t;

enum { USER, MLP1_W, MLP1_B, MLP2_W, MIX_W, MIX_B, PER_MODALITY }; /* tables of a modality; */
enum { USER_ID, USER_WEIGHT };                                     /* and after those */

static const float leak = 0.01f;

static const plt_option_t rows[] = {
    PLT_MODEL_LAYERS_OPTIONS("3"),
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
    PLT_MODEL_SEGMENTS_OPTION,
    {.key = "model.item_layers",
     .type = PLT_OPT_INT,
     .fallback = "1",
     .min = 1,
     .max = 4,
     .help = "Hops over the graph of items."},
    PLT_MODEL_ITEM_GRAPH_OPTIONS,
};

/* ---- init ---- */

static plt_status_t read_options(const plt_config_t *config, cm3_t *cm3) {
  cm3->gamma = (float)plt_config_real(config, "model.gamma");
  cm3->min_similarity = (float)plt_config_real(config, "model.min_sim");
  cm3->max_similarity = (float)plt_config_real(config, "model.max_sim");
  cm3->detaches = plt_config_bool(config, "model.detach_similarity");
  cm3->nested = strcmp(plt_config_text(config, "model.fusion"), "nested") == 0;
  if (strcmp(plt_config_text(config, "model.mix"), "beta") == 0) cm3->alpha = plt_config_real(config, "model.alpha");
  if (cm3->min_similarity > cm3->max_similarity)
    return plt_fail(PLT_ERR_USAGE, "%s: model.min_sim is larger than model.max_sim",
                    plt_config_origin(config, "model.min_sim"));
  return PLT_OK;
}

static plt_status_t add_programme(const plt_config_t *config, const plt_dataset_t *data, cm3_t *cm3, uint32_t cols) {
  plt_model_t *model = &cm3->base;
  uint32_t d = cm3->d;
  plt_state_t layer_0 = {.cols = cols, .computes = true}; /* items: hidden rows; both: others with m mixes */
  size_t alike, last;
  for (uint32_t m = 0; m < data->n_features; m++) {
    layer_0.floats += 2 * (5 + m) * d;
    layer_0.item_floats += (uint32_t)data->features[m].array.cols + 2 * 12 * d;
  }
  PLT_TRY(plt_model_read_layers(config, model));
  last = plt_model_add_propagation(model, &layer_0, 0);
  cm3->sum = plt_model_add_state(model, (plt_state_t){.relation = PLT_ALONE,
                                                      .sides = PLT_BOTH,
                                                      .computes = true,
                                                      .inputs = ((uint64_t)2 << last) - 1,
                                                      .cols = cols});
  model->programme.outputs = (uint64_t)1 << cm3->sum; /* and not each layer */
  PLT_TRY(plt_model_read_item_graph(config, data, model, &alike));
  cm3->spread = plt_model_add_item_hops(model, alike, cm3->sum, (size_t)plt_config_int(config, "model.item_layers"));
  return PLT_OK;
}

static plt_status_t init(plt_model_t *model, const plt_config_t *config, const plt_dataset_t *data) {
  cm3_t *cm3 = (cm3_t *)model;
  uint32_t d = cm3->d = (uint32_t)plt_config_int(config, "model.dim"), users = data->users;
  size_t segments = data->n_features + 1;
  cm3->modalities = data->n_features;
  model->negatives = 1;
  model->score_cols = segments * d;
  PLT_TRY(read_options(config, cm3));
  PLT_TRY(add_programme(config, data, cm3, (uint32_t)segments * d));
  PLT_TRY(plt_model_read_segments(config, data, cm3->order));
  for (size_t m = 0; m < data->n_features; m++) {
    const plt_feature_t *feature = &data->features[m];
    uint32_t f = (uint32_t)feature->array.cols, hidden = 4 * d;
    plt_init_t linear = plt_init_linear(f, d);
    plt_model_add_modality_table(model, "user", feature, PLT_ENTITY_USER, users, d, plt_init_xavier_normal(users, d));
    plt_model_add_modality_table(model, "mlp1_w", feature, PLT_ENTITY_DENSE, f, hidden, linear);
    plt_model_add_modality_table(model, "mlp1_b", feature, PLT_ENTITY_DENSE, 1, hidden, linear);
    plt_model_add_modality_table(model, "mlp2_w", feature, PLT_ENTITY_DENSE, hidden, d, plt_init_linear(hidden, d));
    plt_model_add_modality_table(model, "mix_w", feature, PLT_ENTITY_DENSE, f, d, plt_init_xavier_normal(f, d));
    plt_model_add_modality_table(model, "mix_b", feature, PLT_ENTITY_DENSE, 1, d, linear);
  }
  plt_model_add_table(model, "user_id", PLT_ENTITY_USER, users, d, plt_init_xavier_normal(users, d));
  plt_model_add_table(model, "user_weight", PLT_ENTITY_USER, users, (uint32_t)segments,
                      plt_init_xavier_normal(users, segments))
      ->at = PLT_AT_OWN;
  return PLT_OK;
}

/* ---- layer 0 ---- */

/* The place of every item's mix, [n_items, 1]. */
static plt_var_t shares(const cm3_t *cm3, const plt_nodes_t *nodes) {
  float *share = plt_tape_scratch(nodes->tape, nodes->n, 1);
  const plt_draws_t *draws = cm3->alpha > 0 ? nodes->draws : NULL;
  plt_rng_key_t key = {{0}};
  if (draws != NULL) key = plt_draws_key(draws, "mix");
  for (size_t i = 0; i < nodes->n; i++)
    share[i] = draws != NULL ? (float)plt_rng_beta(key, nodes->id[i], cm3->alpha) : 0.5f;
  return plt_tape_constant(nodes->tape, nodes->n, 1, share);
}

static plt_var_t base_of_items(const cm3_t *cm3, const plt_nodes_t *nodes) {
  plt_tape_t *t = nodes->tape;
  plt_var_t projected[PLT_MODALITIES_MAX], mixed[PLT_MODALITIES_MAX], segment[PLT_MODALITIES_MAX + 1];
  for (size_t m = 0; m < cm3->modalities; m++) {
    size_t first = m * PER_MODALITY;
    plt_var_t x = plt_nodes_modality(nodes, m);
    plt_var_t hidden =
        plt_op_linear(t, x, plt_nodes_table(nodes, first + MLP1_W), plt_nodes_table(nodes, first + MLP1_B));
    projected[m] = plt_op_normalise(
        t, plt_op_matmul(t, plt_op_leaky_relu(t, hidden, leak), plt_nodes_table(nodes, first + MLP2_W)));
    mixed[m] = plt_op_normalise(
        t, plt_op_linear(t, x, plt_nodes_table(nodes, first + MIX_W), plt_nodes_table(nodes, first + MIX_B)));
  }
  for (size_t s = 0; s < cm3->modalities; s++) segment[s] = projected[cm3->order[s]];
  plt_var_t share = shares(cm3, nodes), mix;
  mix = cm3->nested ? plt_op_nested_slerp(t, mixed, cm3->modalities, share)
                    : plt_op_bezier(t, mixed, cm3->modalities, share);
  segment[cm3->modalities] = plt_op_normalise(t, mix);
  return plt_op_concat(t, segment, cm3->modalities + 1);
}

static plt_var_t base_of_users(const cm3_t *cm3, const plt_nodes_t *nodes) {
  plt_var_t segment[PLT_MODALITIES_MAX + 1];
  for (size_t s = 0; s < cm3->modalities; s++)
    segment[s] = plt_op_normalise(nodes->tape, plt_nodes_table(nodes, cm3->order[s] * PER_MODALITY + USER));
  segment[cm3->modalities] =
      plt_op_normalise(nodes->tape, plt_nodes_table(nodes, cm3->modalities * PER_MODALITY + USER_ID));
  return plt_op_concat(nodes->tape, segment, cm3->modalities + 1);
}

static plt_var_t state(const plt_model_t *self, const plt_nodes_t *nodes, size_t number, plt_var_t product) {
  const cm3_t *cm3 = (const cm3_t *)self;
  (void)product;
  if (number == cm3->sum) return plt_nodes_sum_of_states(nodes, 0, self->layers.n);
  return nodes->side == PLT_SIDE_USER ? base_of_users(cm3, nodes) : base_of_items(cm3, nodes);
}

/* ---- representations ---- */

static plt_var_t users(const plt_model_t *self, const plt_nodes_t *nodes) {
  const cm3_t *cm3 = (const cm3_t *)self;
  plt_tape_t *t = nodes->tape;
  plt_var_t weights = plt_op_softmax(t, plt_nodes_table(nodes, cm3->modalities * PER_MODALITY + USER_WEIGHT));
  plt_var_t segment[PLT_MODALITIES_MAX + 1];
  for (size_t s = 0; s <= cm3->modalities; s++)
    segment[s] =
        plt_op_mul(t, plt_op_columns(t, nodes->state[cm3->sum], s * cm3->d, cm3->d), plt_op_columns(t, weights, s, 1));
  return plt_op_concat(t, segment, cm3->modalities + 1);
}

static plt_var_t items(const plt_model_t *self, const plt_nodes_t *nodes) {
  const cm3_t *cm3 = (const cm3_t *)self;
  return plt_op_add(nodes->tape, nodes->state[cm3->sum], nodes->state[cm3->spread]);
}

/* ---- loss ---- */

static plt_var_t loss(const plt_model_t *self, const plt_samples_t *samples) {
  const cm3_t *cm3 = (const cm3_t *)self;
  const plt_nodes_t *own_users = &samples->nodes[PLT_SIDE_USER], *own_items = &samples->nodes[PLT_SIDE_ITEM];
  plt_tape_t *t = own_users->tape;
  plt_var_t all_items = items(self, own_items);
  plt_var_t u = plt_op_normalise(t, plt_op_gather(t, users(self, own_users), samples->user, samples->n));
  plt_var_t p = plt_op_normalise(t, plt_op_gather(t, all_items, samples->positive, samples->n));
  plt_var_t n = plt_op_normalise(t, plt_op_gather(t, all_items, samples->negative, samples->n));
  plt_var_t apart = plt_op_sub(t, u, p);
  plt_var_t alignment = plt_op_mean(t, plt_op_row_dot(t, apart, apart));
  if (samples->n < 2) return alignment; /* no pairs */
  plt_var_t mix = plt_op_columns(t, plt_nodes_state(own_items, 0), cm3->modalities * cm3->d, cm3->d);
  mix = plt_op_gather(t, mix, samples->negative, samples->n);
  if (cm3->detaches) mix = plt_op_stop(t, mix);
  plt_var_t uniform = plt_op_calibrated_uniformity(t, n, mix, cm3->min_similarity, cm3->max_similarity);
  uniform = plt_op_add(t, plt_op_uniformity(t, u), uniform);
  return plt_op_add(t, alignment, plt_op_scale(t, uniform, cm3->gamma / 2));
}

const plt_model_ops_t plt_model_cm3 = {
    .name = "cm3",
    .summary = "modalities and their spherical mix over one graph, with alignment and calibrated uniformity",
    .grid = "model.gamma 0.5, 0.9; model.layers 3, 4; model.max_sim 0.8, 1; model.alpha 0.1, 0.5, 0.9 (its authors)",
    .found = "lfm2k, tiktok: optimizer.lr 0.005, model.gamma 0.9, data.scale standard (docs/results.md)",
    .options = {"model cm3", rows, sizeof rows / sizeof *rows},
    .loss_is_mean = true,
    .uses_features = true,
    .size = sizeof(cm3_t),
    .init = init,
    .state = state,
    .users = users,
    .items = items,
    .loss = loss,
};
