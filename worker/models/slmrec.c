/* slmrec.c - one chain of layers per modality beside that of the rows themselves, fused by a dense layer; what
 * modalities say of an item is told from what they say of the others (docs/methods/models.md 14; Tao et al., "SLMRec",
 * IEEE Transactions on Multimedia 25, 2023, feature alignment FAC).
 *
 *   chain 0        [user ; item]
 *   chain m        [user ; projection of x^m / |x^m|]
 *   the result is [mean of chain 0 | mean of chain 1 | ..] W + b, one W of users, one of items */
#include <stdio.h>

#include "worker/kit/kit.h"

enum { MODALITIES = 2 }; /* at most */

typedef struct slmrec {
  plt_model_t base;
  size_t modalities, order[PLT_MODALITIES_MAX]; /* of the segments */
  uint32_t d;
  float temp, ssl_temp, weight;
} slmrec_t;

enum {
  USER,
  ITEM,
  FUSE_USER_W,
  FUSE_USER_B,
  FUSE_ITEM_W,
  FUSE_ITEM_B,
  FAC_ID_W,
  FAC_ID_B,
  OF_MODALITIES
};                                                 /* tables; */
enum { TRS_W, TRS_B, FAC_W, FAC_B, PER_MODALITY }; /* then those of each modality; and with two of them, after those: */
enum { FAC_MID_W, FAC_MID_B, FAC_DOWN_W, FAC_DOWN_B };

static const plt_option_t rows[] = {
    PLT_MODEL_LAYERS_OPTIONS("3"),
    {.key = "model.temp",
     .type = PLT_OPT_REAL,
     .fallback = "0.2",
     .min = 0.001,
     .max = 1000,
     .help = "Temperature of the loss: each user is to find her own item among those of the leaf."},
    {.key = "model.ssl",
     .type = PLT_OPT_CHOICE,
     .fallback = "fac",
     .choices = "fac",
     .help = "How modalities are told apart: fac, an item's rows of one modality find its own rows of the next."},
    {.key = "model.ssl_temp",
     .type = PLT_OPT_REAL,
     .fallback = "0.5",
     .min = 0.001,
     .max = 1000,
     .help = "Temperature of that."},
    PLT_MODEL_CONTRAST_OPTION("0.1", "that in the loss."),
    PLT_MODEL_SEGMENTS_OPTION,
};

/* ---- init ---- */

static size_t table_of(size_t m, size_t which) { return OF_MODALITIES + m * PER_MODALITY + which; }

/* State 0 of a chain: 0 of the rows themselves, s + 1 of segment s. */
static size_t state_of(const plt_model_t *model, size_t chain) { return chain * (model->layers.n + 1); }

static void add_states(const plt_dataset_t *data, slmrec_t *slmrec) {
  plt_model_t *model = &slmrec->base;
  plt_model_add_propagation(model, &(plt_state_t){.cols = slmrec->d}, 0);
  for (size_t s = 0; s < slmrec->modalities; s++) {
    uint32_t f = (uint32_t)data->features[slmrec->order[s]].array.cols;
    size_t first = plt_model_add_state(model, (plt_state_t){.relation = PLT_ALONE,
                                                            .sides = PLT_BOTH,
                                                            .computes = true,
                                                            .cols = slmrec->d,
                                                            .item_floats = f + 4 * slmrec->d});
    size_t last = plt_model_add_layers(model, 0, first); /* the relation of chain 0 */
    for (size_t k = first; k <= last; k++) plt_model_add_output(model, k);
  }
}

/* A dense layer's weights and biases, by the name of a modality after its own where there is one. */
static void add_linear(plt_model_t *model, const char *name, const plt_feature_t *feature, uint32_t inputs,
                       uint32_t cols) {
  char weights[PLT_TABLE_NAME_MAX], biases[PLT_TABLE_NAME_MAX];
  plt_init_t w = plt_init_xavier_uniform(inputs, cols), b = plt_init_linear(inputs, cols);
  snprintf(weights, sizeof weights, "%s_w", name);
  snprintf(biases, sizeof biases, "%s_b", name);
  if (feature == NULL) {
    plt_model_add_table(model, weights, PLT_ENTITY_DENSE, inputs, cols, w);
    plt_model_add_table(model, biases, PLT_ENTITY_DENSE, 1, cols, b);
  } else {
    plt_model_add_modality_table(model, weights, feature, PLT_ENTITY_DENSE, inputs, cols, w);
    plt_model_add_modality_table(model, biases, feature, PLT_ENTITY_DENSE, 1, cols, b);
  }
}

static void add_tables(const plt_dataset_t *data, slmrec_t *slmrec) {
  plt_model_t *model = &slmrec->base;
  uint32_t d = slmrec->d, all = (uint32_t)(1 + slmrec->modalities) * d;
  plt_model_add_table(model, "user", PLT_ENTITY_USER, data->users, d, plt_init_xavier_uniform(data->users, d));
  plt_model_add_table(model, "item", PLT_ENTITY_ITEM, data->items, d, plt_init_xavier_uniform(data->items, d));
  add_linear(model, "fuse_user", NULL, all, d);
  add_linear(model, "fuse_item", NULL, all, d);
  add_linear(model, "fac_id", NULL, d, d);
  for (size_t s = 0; s < slmrec->modalities; s++) {
    const plt_feature_t *feature = &data->features[slmrec->order[s]];
    add_linear(model, "trs", feature, (uint32_t)feature->array.cols, d);
    add_linear(model, "fac", feature, d, s == 0 ? d : d / 2);
  }
  if (slmrec->modalities < 2) return;
  add_linear(model, "fac_mid", NULL, d, d);
  add_linear(model, "fac_down", NULL, d, d / 2);
}

static plt_status_t read_options(const plt_config_t *config, const plt_dataset_t *data, slmrec_t *slmrec) {
  slmrec->d = (uint32_t)plt_config_int(config, "model.dim");
  slmrec->modalities = data->n_features;
  slmrec->temp = (float)plt_config_real(config, "model.temp");
  slmrec->ssl_temp = (float)plt_config_real(config, "model.ssl_temp");
  slmrec->weight = (float)plt_config_real(config, "model.cl_weight");
  if (data->n_features > MODALITIES)
    return plt_fail(PLT_ERR_USAGE, "model slmrec takes at most %d modalities; data.features names %zu", MODALITIES,
                    data->n_features);
  if (data->n_features == MODALITIES && slmrec->d % 2 != 0)
    return plt_fail(PLT_ERR_USAGE, "%s: model.dim: slmrec compares two modalities in half of %u columns; %u would fit",
                    plt_config_origin(config, "model.dim"), slmrec->d, slmrec->d + 1);
  return plt_model_read_segments(config, data, slmrec->order);
}

static plt_status_t init(plt_model_t *model, const plt_config_t *config, const plt_dataset_t *data) {
  slmrec_t *slmrec = (slmrec_t *)model;
  PLT_TRY(read_options(config, data, slmrec));
  PLT_TRY(plt_model_read_layers(config, model));
  model->score_cols = slmrec->d;
  model->contrasts.leaf = 1 + (slmrec->weight > 0 ? slmrec->modalities : 0);
  model->own_floats = 2 * (uint32_t)(4 * (1 + slmrec->modalities) + 5) * slmrec->d;
  add_states(data, slmrec);
  add_tables(data, slmrec);
  return PLT_OK;
}

/* ---- states and representations ---- */

/* x through the dense layer whose weights are table `at`, its biases the next. */
static plt_var_t linear(const plt_nodes_t *nodes, plt_var_t x, size_t at) {
  return plt_op_linear(nodes->tape, x, plt_nodes_table(nodes, at), plt_nodes_table(nodes, at + 1));
}

static plt_var_t state(const plt_model_t *self, const plt_nodes_t *nodes, size_t number, plt_var_t product) {
  const slmrec_t *slmrec = (const slmrec_t *)self;
  size_t s = number / (self->layers.n + 1) - 1;
  (void)product;
  if (nodes->side == PLT_SIDE_USER) return plt_nodes_table(nodes, USER);
  plt_var_t x = plt_nodes_unit_modality(nodes, slmrec->order[s]);
  return linear(nodes, x, table_of(s, TRS_W));
}

static plt_var_t vectors(const plt_model_t *self, const plt_nodes_t *nodes) {
  const slmrec_t *slmrec = (const slmrec_t *)self;
  plt_var_t part[MODALITIES + 1];
  for (size_t chain = 0; chain <= slmrec->modalities; chain++)
    part[chain] = plt_nodes_mean_of_chain(self, nodes, state_of(self, chain));
  return linear(nodes, plt_op_concat(nodes->tape, part, slmrec->modalities + 1),
                nodes->side == PLT_SIDE_USER ? FUSE_USER_W : FUSE_ITEM_W);
}

/* ---- loss ---- */

/* The positives' mean of a chain. */
static plt_var_t positives(const plt_model_t *self, const plt_samples_t *samples, size_t chain) {
  const plt_nodes_t *items = &samples->nodes[PLT_SIDE_ITEM];
  return plt_op_gather(items->tape, plt_nodes_mean_of_chain(self, items, state_of(self, chain)), samples->positive,
                       samples->n);
}

/* Each item's own row finds that of the first modality, and on from there that of the second. */
static plt_var_t alignment(const slmrec_t *slmrec, const plt_samples_t *samples) {
  const plt_model_t *self = &slmrec->base;
  const plt_nodes_t *items = &samples->nodes[PLT_SIDE_ITEM];
  plt_tape_t *t = items->tape;
  size_t mid = table_of(slmrec->modalities, FAC_MID_W), down = table_of(slmrec->modalities, FAC_DOWN_W);
  plt_var_t own = linear(items, positives(self, samples, 0), FAC_ID_W);
  plt_var_t first = linear(items, positives(self, samples, 1), table_of(0, FAC_W));
  plt_var_t loss = plt_loss_cross_entropy(t, own, first, slmrec->ssl_temp);
  if (slmrec->modalities < 2) return loss;
  plt_var_t second = linear(items, positives(self, samples, 2), table_of(1, FAC_W));
  own = linear(items, linear(items, own, mid), down);
  return plt_op_add(t, loss, plt_loss_cross_entropy(t, own, second, slmrec->ssl_temp));
}

static plt_var_t rank(const plt_model_t *self, const plt_samples_t *samples) {
  const plt_nodes_t *users = &samples->nodes[PLT_SIDE_USER], *items = &samples->nodes[PLT_SIDE_ITEM];
  plt_tape_t *t = users->tape;
  plt_var_t u = plt_op_gather(t, vectors(self, users), samples->user, samples->n);
  plt_var_t i = plt_op_gather(t, vectors(self, items), samples->positive, samples->n);
  return plt_loss_nce(t, u, i, ((const slmrec_t *)self)->temp);
}

static plt_var_t loss(const plt_model_t *self, const plt_samples_t *samples) {
  const slmrec_t *slmrec = (const slmrec_t *)self;
  plt_tape_t *t = samples->nodes->tape;
  plt_var_t loss = rank(self, samples);
  if (slmrec->weight == 0) return loss;
  return plt_op_add(t, loss, plt_op_scale(t, alignment(slmrec, samples), slmrec->weight));
}

const plt_model_ops_t plt_model_slmrec = {
    .name = "slmrec",
    .summary = "a chain of layers per modality, fused; users find their items, modalities each other, within a leaf",
    .grid =
        "model.ssl_temp 0.1, 0.2, 0.5, 1; model.cl_weight 0.01, 0.05, 0.1, 0.5, 1; optimizer.lr 1e-4, 0.001, 0.01, 0.1 "
        "(MMRec)",
    .found = "model.ssl_temp 0.5, data.scale standard; lfm2k: optimizer.lr 0.005; tiktok: 0.0005 (docs/results.md)",
    .options = {"model slmrec", rows, sizeof rows / sizeof *rows},
    .loss_is_mean = true,
    .uses_features = true,
    .size = sizeof(slmrec_t),
    .init = init,
    .state = state,
    .users = vectors,
    .items = vectors,
    .loss = loss,
    .rank = rank,
};
