/* mmgcn.c - a graph convolution with dense layers for each modality, tied together by the users' and items' own rows
 * (docs/methods/models.md 10; Wei et al., "MMGCN", MM 2019).
 *
 *   per modality   x_0 = [pref ; features, or their projection to `latent` columns], rows of length 1
 *   per layer      h = leaky(mean of neighbours' x · conv), o = leaky(x · lin + b) + [user ; item],
 *                  x = leaky([h | o] · mix + b)
 *   the result is the mean of the modalities' last x */
#include <stdio.h>
#include <string.h>

#include "worker/kit/kit.h"

typedef struct mmgcn {
  plt_model_t base;
  size_t modalities;
  uint32_t d, latent[PLT_MODALITIES_MAX]; /* columns of x_0 where features are projected, else 0 */
  size_t first[PLT_MODALITIES_MAX];       /* tables of a modality */
  float reg;                              /* 0 where users, items and preferences are frozen */
} mmgcn_t;

enum { USER, ITEM }; /* tables; then those of each modality: pref, mlp_w and mlp_b if projected, and per layer: */
enum { CONV_W, LIN_W, LIN_B, MIX_W, MIX_B, PER_LAYER };

static const float leak = 0.01f;
static const char latent_key[] = "model.latent";

static const plt_option_t rows[] = {
    PLT_MODEL_LAYERS_OPTIONS("3"),
    PLT_MODEL_REG_OPTION("0.001", "the mean squares of the batch's users, items and preferences."),
    {.key = latent_key,
     .type = PLT_OPT_WEIGHTS,
     .min = 1,
     .max = 4096,
     .help =
         "Columns to which a modality's features are projected first, by the name of its feature file. A modality that "
         "is not named keeps its width, and so do the users' preferences for it. Not given: {image: 256}, where there "
         "are images."},
    {.key = "model.freeze_id",
     .type = PLT_OPT_BOOL,
     .fallback = "false",
     .help = "Users, items and preferences stay as they start, as in the public code."},
};

/* ---- init ---- */

static plt_status_t read_latent(const plt_config_t *config, const plt_dataset_t *data, mmgcn_t *mmgcn) {
  for (size_t m = 0; m < data->n_features && !plt_config_given(config, latent_key); m++)
    if (strcmp(data->features[m].name, "image") == 0) mmgcn->latent[m] = 256;
  for (size_t i = 0; i < plt_config_list_size(config, latent_key); i++) {
    const plt_feature_t *feature;
    double cols = plt_config_list_real(config, latent_key, i);
    PLT_TRY(plt_model_read_modality(config, data, latent_key, i, &feature));
    if (cols != floor(cols))
      return plt_fail(PLT_ERR_USAGE, "%s: %s.%s: %g columns are no whole number", plt_config_origin(config, latent_key),
                      latent_key, feature->name, cols);
    mmgcn->latent[feature - data->features] = (uint32_t)cols;
  }
  return PLT_OK;
}

/* The columns of x_l of modality m. */
static uint32_t cols_of(const mmgcn_t *mmgcn, const plt_dataset_t *data, size_t m, size_t l) {
  if (l > 0) return mmgcn->d;
  return mmgcn->latent[m] > 0 ? mmgcn->latent[m] : (uint32_t)data->features[m].array.cols;
}

/* State of layer l of modality m. */
static size_t state_of(const plt_model_t *model, size_t m, size_t l) { return m * (model->layers.n + 1) + l; }

static void add_states(const plt_dataset_t *data, mmgcn_t *mmgcn) {
  plt_model_t *model = &mmgcn->base;
  size_t relation =
      plt_model_add_relation(model, &(plt_relation_plan_t){.kind = PLT_RELATION_USER_ITEM, .weight = PLT_EDGES_MEAN});
  for (size_t m = 0; m < mmgcn->modalities; m++) {
    uint32_t cols = cols_of(mmgcn, data, m, 0);
    size_t first =
        plt_model_add_state(model, (plt_state_t){.relation = PLT_ALONE,
                                                 .sides = PLT_BOTH,
                                                 .computes = true,
                                                 .cols = cols,
                                                 .floats = 2 * cols,
                                                 .item_floats = (uint32_t)data->features[m].array.cols + 2 * cols});
    size_t last = plt_model_add_layers(model, relation, first);
    for (size_t k = first + 1; k <= last; k++) {
      plt_state_t *state = &model->programme.state[k < PLT_STATES_MAX ? k : PLT_STATES_MAX];
      state->computes = true;
      state->inputs = (uint64_t)1 << (k - 1) % PLT_STATES_MAX;
      state->floats = 2 * (4 * (k == first + 1 ? cols : mmgcn->d) + 7 * mmgcn->d);
      state->cols = mmgcn->d;
    }
    plt_model_add_output(model, last);
  }
}

static void add_layer_tables(plt_model_t *model, const plt_feature_t *feature, size_t l, uint32_t cols, uint32_t d) {
  plt_init_t linear = plt_init_linear(cols, d), mixed = plt_init_linear(cols + d, d);
  struct {
    const char *name, *part;
    uint32_t rows, cols;
    plt_init_t init;
  } tables[PER_LAYER] = {{"conv", "w", cols, cols, plt_init_xavier_normal(cols, cols)},
                         {"lin", "w", cols, d, plt_init_xavier_normal(cols, d)},
                         {"lin", "b", 1, d, linear},
                         {"mix", "w", cols + d, d, l == 1 ? plt_init_xavier_normal(cols + d, d) : mixed},
                         {"mix", "b", 1, d, mixed}};
  for (size_t t = 0; t < PER_LAYER; t++) {
    char name[32];
    snprintf(name, sizeof name, "%s%zu_%s", tables[t].name, l, tables[t].part);
    plt_model_add_modality_table(model, name, feature, PLT_ENTITY_DENSE, tables[t].rows, tables[t].cols,
                                 tables[t].init);
  }
}

static void add_tables(const plt_dataset_t *data, mmgcn_t *mmgcn, bool freezes) {
  plt_model_t *model = &mmgcn->base;
  uint32_t d = mmgcn->d;
  plt_init_t both = plt_init_xavier_normal((uint64_t)data->users + data->items, d);
  plt_model_table_t *user = plt_model_add_table(model, "user", PLT_ENTITY_USER, data->users, d, both);
  plt_model_table_t *item = plt_model_add_table(model, "item", PLT_ENTITY_ITEM, data->items, d, both);
  user->at = item->at = (int)state_of(model, 0, 1);
  user->frozen = item->frozen = freezes;
  for (size_t m = 0; m < mmgcn->modalities; m++) {
    const plt_feature_t *feature = &data->features[m];
    uint32_t cols = cols_of(mmgcn, data, m, 0), f = (uint32_t)feature->array.cols;
    mmgcn->first[m] = model->n_tables;
    plt_model_table_t *pref = plt_model_add_modality_table(model, "pref", feature, PLT_ENTITY_USER, data->users, cols,
                                                           plt_init_xavier_normal(data->users, cols));
    pref->at = (int)state_of(model, m, 0);
    pref->frozen = freezes;
    if (mmgcn->latent[m] > 0) {
      plt_model_add_modality_table(model, "mlp_w", feature, PLT_ENTITY_DENSE, f, cols, plt_init_linear(f, cols));
      plt_model_add_modality_table(model, "mlp_b", feature, PLT_ENTITY_DENSE, 1, cols, plt_init_linear(f, cols));
    }
    for (size_t l = 1; l <= model->layers.n; l++)
      add_layer_tables(model, feature, l, cols_of(mmgcn, data, m, l - 1), d);
  }
}

static plt_status_t init(plt_model_t *model, const plt_config_t *config, const plt_dataset_t *data) {
  mmgcn_t *mmgcn = (mmgcn_t *)model;
  bool freezes = plt_config_bool(config, "model.freeze_id");
  mmgcn->d = (uint32_t)plt_config_int(config, "model.dim");
  mmgcn->modalities = data->n_features;
  mmgcn->reg = freezes ? 0 : (float)plt_config_real(config, "model.reg");
  model->negatives = 1;
  model->score_cols = mmgcn->d;
  PLT_TRY(plt_model_check_modalities(data, model));
  PLT_TRY(plt_model_read_layers(config, model));
  PLT_TRY(read_latent(config, data, mmgcn));
  add_states(data, mmgcn);
  add_tables(data, mmgcn, freezes);
  return PLT_OK;
}

/* ---- states ---- */

static plt_var_t layer_0(const mmgcn_t *mmgcn, const plt_nodes_t *nodes, size_t m) {
  size_t pref = mmgcn->first[m];
  plt_var_t x;
  if (nodes->side == PLT_SIDE_USER)
    x = plt_nodes_table(nodes, pref);
  else if (mmgcn->latent[m] == 0)
    x = plt_nodes_modality(nodes, m);
  else
    x = plt_op_linear(nodes->tape, plt_nodes_modality(nodes, m), plt_nodes_table(nodes, pref + 1),
                      plt_nodes_table(nodes, pref + 2));
  return plt_op_normalise(nodes->tape, x);
}

static plt_var_t state(const plt_model_t *self, const plt_nodes_t *nodes, size_t number, plt_var_t product) {
  const mmgcn_t *mmgcn = (const mmgcn_t *)self;
  plt_tape_t *t = nodes->tape;
  size_t m = number / (self->layers.n + 1), l = number % (self->layers.n + 1);
  if (l == 0) return layer_0(mmgcn, nodes, m);
  size_t first = mmgcn->first[m] + (mmgcn->latent[m] > 0 ? 3 : 1) + (l - 1) * PER_LAYER;
  plt_var_t id = plt_nodes_table(nodes, nodes->side == PLT_SIDE_USER ? USER : ITEM);
  plt_var_t h = plt_op_leaky_relu(t, plt_op_matmul(t, product, plt_nodes_table(nodes, first + CONV_W)), leak);
  plt_var_t o = plt_op_linear(t, nodes->state[number - 1], plt_nodes_table(nodes, first + LIN_W),
                              plt_nodes_table(nodes, first + LIN_B));
  plt_var_t both[] = {h, plt_op_add(t, plt_op_leaky_relu(t, o, leak), id)};
  return plt_op_leaky_relu(t,
                           plt_op_linear(t, plt_op_concat(t, both, 2), plt_nodes_table(nodes, first + MIX_W),
                                         plt_nodes_table(nodes, first + MIX_B)),
                           leak);
}

/* ---- representations and loss ---- */

static plt_var_t vectors(const plt_model_t *self, const plt_nodes_t *nodes) {
  const mmgcn_t *mmgcn = (const mmgcn_t *)self;
  plt_var_t sum = nodes->state[state_of(self, 0, self->layers.n)];
  for (size_t m = 1; m < mmgcn->modalities; m++)
    sum = plt_op_add(nodes->tape, sum, nodes->state[state_of(self, m, self->layers.n)]);
  return plt_op_scale(nodes->tape, sum, 1 / (float)mmgcn->modalities);
}

static plt_var_t penalty(const mmgcn_t *mmgcn, const plt_samples_t *samples) {
  const plt_nodes_t *users = &samples->nodes[PLT_SIDE_USER], *items = &samples->nodes[PLT_SIDE_ITEM];
  plt_tape_t *t = users->tape;
  plt_var_t sum = plt_samples_mean_squares(samples, plt_nodes_table(users, USER), plt_nodes_table(items, ITEM));
  for (size_t m = 0; m < mmgcn->modalities; m++)
    sum =
        plt_op_add(t, sum, plt_loss_mean_square(t, plt_nodes_table(users, mmgcn->first[m]), samples->user, samples->n));
  return sum;
}

static plt_var_t loss(const plt_model_t *self, const plt_samples_t *samples) {
  const mmgcn_t *mmgcn = (const mmgcn_t *)self;
  const plt_nodes_t *users = &samples->nodes[PLT_SIDE_USER], *items = &samples->nodes[PLT_SIDE_ITEM];
  plt_tape_t *t = users->tape;
  plt_var_t u = plt_op_gather(t, vectors(self, users), samples->user, samples->n);
  plt_var_t loss = plt_samples_rank_loss(samples, u, vectors(self, items));
  return mmgcn->reg == 0 ? loss : plt_op_add(t, loss, plt_op_scale(t, penalty(mmgcn, samples), mmgcn->reg));
}

const plt_model_ops_t plt_model_mmgcn = {
    .name = "mmgcn",
    .summary = "graph convolutions with dense layers per modality, tied by users' and items' own rows",
    .grid = "model.reg 0, 1e-5, 1e-4, 0.001, 0.01, 0.1; optimizer.lr 1e-4, 5e-4, 0.001, 0.005, 0.01 (MMRec)",
    .found = "lfm2k: optimizer.lr 0.001, model.reg 0.001; tiktok: 0.005, 1e-4; data.scale standard (docs/results.md)",
    .options = {"model mmgcn", rows, sizeof rows / sizeof *rows},
    .loss_is_mean = true,
    .uses_features = true,
    .size = sizeof(mmgcn_t),
    .init = init,
    .state = state,
    .users = vectors,
    .items = vectors,
    .loss = loss,
    .rank = plt_model_rank,
};
