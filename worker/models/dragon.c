/* dragon.c - two graphs beside that of pairs: users who like the same, items that are alike (docs/methods/models.md 9;
 * Zhou et al., "DRAGON", ECAI 2023).
 *
 *   layer 0   users [pref_m1 ; pref_m2 ..]   items [MLP(x^m1) ; MLP(x^m2) ..]    a segment per modality, of length 1
 *   mixed     the sum of the layers; users: each segment times the user's own weight of it
 *   users     mixed + S_users mixed          items    mixed + S_items^K mixed */
#include <string.h>

#include "worker/models/kit.h"

typedef struct dragon {
  plt_model_t base;
  size_t modalities, order[PLT_MODALITIES_MAX]; /* of the segments */
  uint32_t d;
  float reg;
  size_t mixed, of_users, of_items; /* states */
} dragon_t;

enum { PREF, MLP1_W, MLP1_B, MLP2_W, MLP2_B, PER_MODALITY }; /* tables of a modality; then user_weight */

static const float leak = 0.01f;

static const plt_option_t rows[] = {
    PLT_MODEL_LAYERS_OPTIONS("2"),
    PLT_MODEL_REG_OPTION("0.001", "the mean squares of the batch's users' preferences and weights."),
    PLT_MODEL_USER_GRAPH_OPTIONS,
    PLT_MODEL_ITEM_GRAPH_OPTIONS,
    {.key = "model.item_layers",
     .type = PLT_OPT_INT,
     .fallback = "1",
     .min = 0,
     .max = 4,
     .help = "Hops over the graph of items; 0 adds an item to itself."},
    PLT_MODEL_SEGMENTS_OPTION,
};

/* ---- init ---- */

static plt_status_t add_programme(const plt_config_t *config, const plt_dataset_t *data, dragon_t *dragon) {
  plt_model_t *model = &dragon->base;
  uint32_t d = dragon->d, cols = (uint32_t)data->n_features * d, floats = 0;
  size_t alike, last;
  for (size_t m = 0; m < data->n_features; m++) floats += (uint32_t)data->features[m].array.cols + 2 * 15 * d;
  PLT_TRY(plt_model_read_layers(config, model));
  last = plt_model_add_propagation(model, &(plt_state_t){.cols = cols, .computes = true, .floats = floats}, 0);
  dragon->mixed = plt_model_add_state(model, (plt_state_t){.relation = PLT_ALONE,
                                                           .sides = PLT_BOTH,
                                                           .computes = true,
                                                           .inputs = ((uint64_t)2 << last) - 1,
                                                           .cols = cols,
                                                           .floats = 4 * cols});
  model->programme.outputs = (uint64_t)1 << dragon->mixed;
  dragon->of_users =
      plt_model_add_state(model, (plt_state_t){.relation = (uint8_t)plt_model_read_user_graph(config, model),
                                               .from = (uint8_t)dragon->mixed,
                                               .sides = PLT_USERS,
                                               .cols = cols});
  plt_model_add_output(model, dragon->of_users);
  PLT_TRY(plt_model_read_item_graph(config, data, model, &alike));
  dragon->of_items =
      plt_model_add_item_hops(model, alike, dragon->mixed, (size_t)plt_config_int(config, "model.item_layers"));
  return PLT_OK;
}

static plt_status_t init(plt_model_t *model, const plt_config_t *config, const plt_dataset_t *data) {
  dragon_t *dragon = (dragon_t *)model;
  uint32_t d = dragon->d = (uint32_t)plt_config_int(config, "model.dim"), users = data->users;
  dragon->modalities = data->n_features;
  dragon->reg = (float)plt_config_real(config, "model.reg");
  model->negatives = 1;
  model->score_cols = data->n_features * d;
  PLT_TRY(add_programme(config, data, dragon));
  PLT_TRY(plt_model_read_segments(config, data, dragon->order));
  for (size_t m = 0; m < data->n_features; m++) {
    const plt_feature_t *feature = &data->features[m];
    uint32_t f = (uint32_t)feature->array.cols, hidden = 4 * d;
    plt_init_t first = plt_init_linear(f, d), second = plt_init_linear(hidden, d);
    plt_model_add_modality_table(model, "pref", feature, PLT_ENTITY_USER, users, d, plt_init_xavier_normal(users, d));
    plt_model_add_modality_table(model, "mlp1_w", feature, PLT_ENTITY_DENSE, f, hidden, first);
    plt_model_add_modality_table(model, "mlp1_b", feature, PLT_ENTITY_DENSE, 1, hidden, first);
    plt_model_add_modality_table(model, "mlp2_w", feature, PLT_ENTITY_DENSE, hidden, d, second);
    plt_model_add_modality_table(model, "mlp2_b", feature, PLT_ENTITY_DENSE, 1, d, second);
  }
  plt_init_t weights = plt_init_xavier_normal(users, data->n_features);
  plt_model_add_table(model, "user_weight", PLT_ENTITY_USER, users, (uint32_t)data->n_features,
                      (plt_init_t){PLT_INIT_SOFTMAX, weights.scale})
      ->at = (int)dragon->mixed;
  return PLT_OK;
}

/* ---- states ---- */

/* Layer 0 of modality m. */
static plt_var_t segment(const plt_nodes_t *nodes, size_t m) {
  plt_tape_t *t = nodes->tape;
  size_t first = m * PER_MODALITY;
  if (nodes->side == PLT_SIDE_USER) return plt_op_normalise(t, plt_nodes_table(nodes, first + PREF));
  plt_var_t hidden = plt_op_linear(t, plt_nodes_modality(nodes, m), plt_nodes_table(nodes, first + MLP1_W),
                                   plt_nodes_table(nodes, first + MLP1_B));
  return plt_op_normalise(t,
                          plt_op_linear(t, plt_op_leaky_relu(t, hidden, leak), plt_nodes_table(nodes, first + MLP2_W),
                                        plt_nodes_table(nodes, first + MLP2_B)));
}

/* Each segment of the sum times the user's weight of it. */
static plt_var_t weigh(const dragon_t *dragon, const plt_nodes_t *nodes, plt_var_t sum) {
  plt_tape_t *t = nodes->tape;
  plt_var_t weights = plt_nodes_table(nodes, dragon->modalities * PER_MODALITY), part[PLT_MODALITIES_MAX];
  for (size_t s = 0; s < dragon->modalities; s++)
    part[s] = plt_op_mul(t, plt_op_columns(t, sum, s * dragon->d, dragon->d), plt_op_columns(t, weights, s, 1));
  return plt_op_concat(t, part, dragon->modalities);
}

static plt_var_t state(const plt_model_t *self, const plt_nodes_t *nodes, size_t number, plt_var_t product) {
  const dragon_t *dragon = (const dragon_t *)self;
  plt_var_t part[PLT_MODALITIES_MAX];
  (void)product;
  if (number == dragon->mixed) {
    plt_var_t sum = plt_nodes_sum_of_states(nodes, 0, self->layers.n);
    return nodes->side == PLT_SIDE_USER ? weigh(dragon, nodes, sum) : sum;
  }
  for (size_t s = 0; s < dragon->modalities; s++) part[s] = segment(nodes, dragon->order[s]);
  return plt_op_concat(nodes->tape, part, dragon->modalities);
}

/* ---- representations and loss ---- */

static plt_var_t vectors(const plt_model_t *self, const plt_nodes_t *nodes) {
  const dragon_t *dragon = (const dragon_t *)self;
  size_t around = nodes->side == PLT_SIDE_USER ? dragon->of_users : dragon->of_items;
  return plt_op_add(nodes->tape, nodes->state[dragon->mixed], nodes->state[around]);
}

static plt_var_t loss(const plt_model_t *self, const plt_samples_t *samples) {
  const dragon_t *dragon = (const dragon_t *)self;
  const plt_nodes_t *users = &samples->nodes[PLT_SIDE_USER], *items = &samples->nodes[PLT_SIDE_ITEM];
  plt_tape_t *t = users->tape;
  plt_var_t u = plt_op_gather(t, vectors(self, users), samples->user, samples->n);
  plt_var_t loss = plt_op_scale(t, plt_samples_rank_loss(samples, u, vectors(self, items)), (float)(1 / M_LN2));
  plt_var_t weights = plt_nodes_table(users, dragon->modalities * PER_MODALITY);
  plt_var_t squares = plt_loss_mean_square(t, weights, samples->user, samples->n);
  for (size_t m = 0; m < dragon->modalities; m++)
    squares =
        plt_op_add(t, squares,
                   plt_loss_mean_square(t, plt_nodes_table(users, m * PER_MODALITY + PREF), samples->user, samples->n));
  return plt_op_add(t, loss, plt_op_scale(t, squares, dragon->reg));
}

const plt_model_ops_t plt_model_dragon = {
    .name = "dragon",
    .summary = "preferences per modality over graphs of pairs, of alike users and of alike items",
    .options = {"model dragon", rows, sizeof rows / sizeof *rows},
    .loss_is_mean = true,
    .uses_features = true,
    .size = sizeof(dragon_t),
    .init = init,
    .state = state,
    .users = vectors,
    .items = vectors,
    .loss = loss,
};
