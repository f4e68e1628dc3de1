/* dyadic.c - see dyadic.h. */
#include "worker/kit/dyadic.h"

enum { PREF, MLP1_W, MLP1_B, MLP2_W, MLP2_B, PER_MODALITY }; /* tables of a modality; then user_weight */

static const float leak = 0.01f;

/* ---- init ---- */

static plt_status_t add_programme(const plt_config_t *config, const plt_dataset_t *data, plt_dyadic_t *self) {
  plt_model_t *model = &self->base;
  uint32_t d = self->d, cols = (uint32_t)data->n_features * d;
  plt_state_t layer_0 = {.cols = cols, .computes = true, .floats = 4 * cols};
  for (size_t m = 0; m < data->n_features; m++)
    layer_0.item_floats += (uint32_t)data->features[m].array.cols + 2 * 13 * d;
  PLT_TRY(plt_model_read_layers(config, model));
  size_t last = plt_model_add_propagation(model, &layer_0, 0);
  self->mixed = plt_model_add_state(model, (plt_state_t){.relation = PLT_ALONE,
                                                         .sides = PLT_BOTH,
                                                         .computes = true,
                                                         .inputs = ((uint64_t)2 << last) - 1,
                                                         .cols = (uint32_t)model->score_cols,
                                                         .floats = 4 * cols});
  model->programme.outputs = (uint64_t)1 << self->mixed;
  self->of_users =
      plt_model_add_state(model, (plt_state_t){.relation = (uint8_t)plt_model_read_user_graph(config, model),
                                               .from = (uint8_t)self->mixed,
                                               .sides = PLT_USERS,
                                               .cols = (uint32_t)model->score_cols});
  plt_model_add_output(model, self->of_users);
  return PLT_OK;
}

static void add_tables(const plt_dataset_t *data, plt_dyadic_t *self) {
  plt_model_t *model = &self->base;
  uint32_t d = self->d, users = data->users;
  for (size_t m = 0; m < data->n_features; m++) {
    const plt_feature_t *feature = &data->features[m];
    uint32_t f = (uint32_t)feature->array.cols, hidden = 4 * d;
    plt_init_t first = plt_init_linear(f, hidden), second = plt_init_linear(hidden, d);
    plt_model_add_modality_table(model, "pref", feature, PLT_ENTITY_USER, users, d, plt_init_xavier_normal(users, d));
    plt_model_add_modality_table(model, "mlp1_w", feature, PLT_ENTITY_DENSE, f, hidden, first);
    plt_model_add_modality_table(model, "mlp1_b", feature, PLT_ENTITY_DENSE, 1, hidden, first);
    plt_model_add_modality_table(model, "mlp2_w", feature, PLT_ENTITY_DENSE, hidden, d, second);
    plt_model_add_modality_table(model, "mlp2_b", feature, PLT_ENTITY_DENSE, 1, d, second);
  }
  plt_init_t weights = plt_init_xavier_normal(users, data->n_features);
  plt_model_add_table(model, "user_weight", PLT_ENTITY_USER, users, (uint32_t)data->n_features,
                      (plt_init_t){PLT_INIT_SOFTMAX, weights.scale})
      ->at = (int)self->mixed;
}

plt_status_t plt_dyadic_init(plt_dyadic_t *self, const plt_config_t *config, const plt_dataset_t *data, bool adds_up) {
  plt_model_t *model = &self->base;
  self->d = (uint32_t)plt_config_int(config, "model.dim");
  self->modalities = data->n_features;
  self->reg = (float)plt_config_real(config, "model.reg");
  self->adds_up = adds_up;
  model->negatives = 1;
  model->score_cols = adds_up ? self->d : data->n_features * self->d;
  PLT_TRY(plt_model_check_modalities(data, model));
  PLT_TRY(add_programme(config, data, self));
  PLT_TRY(plt_model_read_segments(config, data, self->order));
  add_tables(data, self);
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

/* Each segment of the sum, users' times their own weights of them; side by side or added up. */
static plt_var_t mix(const plt_dyadic_t *self, const plt_nodes_t *nodes, plt_var_t sum) {
  plt_tape_t *t = nodes->tape;
  bool weighs = nodes->side == PLT_SIDE_USER;
  plt_var_t weights = {0}, part[PLT_MODALITIES_MAX];
  if (!weighs && !self->adds_up) return sum;
  if (weighs) weights = plt_nodes_table(nodes, self->modalities * PER_MODALITY);
  for (size_t s = 0; s < self->modalities; s++) {
    part[s] = plt_op_columns(t, sum, s * self->d, self->d);
    if (weighs) part[s] = plt_op_mul(t, part[s], plt_op_columns(t, weights, s, 1));
  }
  for (size_t s = 1; s < self->modalities && self->adds_up; s++) part[0] = plt_op_add(t, part[0], part[s]);
  return self->adds_up ? part[0] : plt_op_concat(t, part, self->modalities);
}

plt_var_t plt_dyadic_state(const plt_model_t *model, const plt_nodes_t *nodes, size_t number, plt_var_t product) {
  const plt_dyadic_t *self = (const plt_dyadic_t *)model;
  plt_var_t part[PLT_MODALITIES_MAX];
  (void)product;
  if (number == self->mixed) return mix(self, nodes, plt_nodes_sum_of_states(nodes, 0, model->layers.n));
  for (size_t s = 0; s < self->modalities; s++) part[s] = segment(nodes, self->order[s]);
  return plt_op_concat(nodes->tape, part, self->modalities);
}

/* ---- representations and loss ---- */

plt_var_t plt_dyadic_users(const plt_model_t *model, const plt_nodes_t *nodes) {
  const plt_dyadic_t *self = (const plt_dyadic_t *)model;
  return plt_op_add(nodes->tape, nodes->state[self->mixed], nodes->state[self->of_users]);
}

plt_var_t plt_dyadic_loss(const plt_model_t *model, const plt_samples_t *samples) {
  const plt_dyadic_t *self = (const plt_dyadic_t *)model;
  const plt_nodes_t *users = &samples->nodes[PLT_SIDE_USER], *items = &samples->nodes[PLT_SIDE_ITEM];
  plt_tape_t *t = users->tape;
  plt_var_t u = plt_op_gather(t, plt_model_vectors(model, users), samples->user, samples->n);
  plt_var_t loss =
      plt_op_scale(t, plt_samples_rank_loss(samples, u, plt_model_vectors(model, items)), (float)(1 / M_LN2));
  plt_var_t weights = plt_nodes_table(users, self->modalities * PER_MODALITY);
  plt_var_t squares = plt_loss_mean_square(t, weights, samples->user, samples->n);
  for (size_t m = 0; m < self->modalities; m++)
    squares =
        plt_op_add(t, squares,
                   plt_loss_mean_square(t, plt_nodes_table(users, m * PER_MODALITY + PREF), samples->user, samples->n));
  return plt_op_add(t, loss, plt_op_scale(t, squares, self->reg));
}
