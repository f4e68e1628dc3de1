/* ultra.c - see ultra.h. */
#include "worker/kit/ultra.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"
#include "worker/data/derived.h"

/* beta_u = sqrt(D_u + 1) / D_u, beta_i = 1 / sqrt(D_i + 1), D the number of training pairs. */
static void weigh_nodes(const plt_dataset_t *data, plt_ultra_t *self) {
  const uint64_t *offset = data->part[PLT_PART_TRAIN].offset;
  self->of_user = plt_mem_alloc(data->users * sizeof(float));
  self->of_item = plt_mem_zalloc(data->items, sizeof(float));
  for (uint32_t u = 0; u < data->users; u++) {
    double degree = (double)(offset[u + 1] - offset[u]);
    self->of_user[u] = (float)(sqrt(degree + 1) / fmax(degree, 1e-10));
  }
  for (uint64_t p = 0; p < data->n_train; p++) self->of_item[data->train[p].item]++;
  for (uint32_t i = 0; i < data->items; i++) self->of_item[i] = 1 / sqrtf(self->of_item[i] + 1);
}

plt_status_t plt_ultra_init(plt_ultra_t *self, const plt_config_t *config, const plt_dataset_t *data) {
  PLT_TRY(plt_model_check_modalities(data, &self->base));
  self->dim = (uint32_t)plt_config_int(config, "model.dim");
  self->feat_dim = (uint32_t)plt_config_int(config, "model.feat_dim");
  self->w1 = (float)plt_config_real(config, "model.w1");
  self->w2 = (float)plt_config_real(config, "model.w2");
  self->w3 = (float)plt_config_real(config, "model.w3");
  self->w4 = (float)plt_config_real(config, "model.w4");
  self->wd_embedding = plt_config_real(config, "model.wd_embedding");
  self->wd_item = self->wd_embedding * plt_config_real(config, "model.wd_item_factor");
  self->wd_projection = plt_config_real(config, "model.wd_projection");
  self->base.negatives = (size_t)plt_config_int(config, "model.negatives");
  self->base.negatives_of_all = true;
  self->base.score_cols = self->dim + self->feat_dim;
  weigh_nodes(data, self);
  self->features = plt_dataset_feature_cols(data);
  return PLT_OK;
}

void plt_ultra_add_tables(plt_ultra_t *self, const plt_dataset_t *data, const char *prefix, const char *suffix) {
  plt_init_t normal = plt_init_normal(0.01);
  uint32_t d = self->dim, f = self->feat_dim;
  const struct {
    const char *name;
    plt_entity_t entity;
    uint64_t rows;
    uint32_t cols;
    plt_init_t init;
    double weight; /* of its squared norm */
  } tables[PLT_ULTRA_TABLES] = {
      [PLT_ULTRA_USER] = {"user", PLT_ENTITY_USER, data->users, d + f, normal, self->wd_embedding},
      [PLT_ULTRA_ITEM] = {"item", PLT_ENTITY_ITEM, data->items, d, normal, self->wd_item},
      [PLT_ULTRA_PROJ_W] = {"proj_w", PLT_ENTITY_DENSE, self->features, f, normal, self->wd_projection},
      [PLT_ULTRA_PROJ_B] = {"proj_b", PLT_ENTITY_DENSE, 1, f, plt_init_zero(), self->wd_projection},
  };
  for (size_t t = 0; t < PLT_ULTRA_TABLES; t++) {
    char name[PLT_TABLE_NAME_MAX];
    snprintf(name, sizeof name, "%s%s%s", prefix, tables[t].name, suffix);
    plt_model_add_table(&self->base, name, tables[t].entity, tables[t].rows, tables[t].cols, tables[t].init)->decay =
        2 * tables[t].weight;
  }
}

void plt_ultra_clear(plt_model_t *model) {
  plt_ultra_t *self = (plt_ultra_t *)model;
  free(self->of_user);
  free(self->of_item);
}

plt_var_t plt_ultra_x(const plt_ultra_t *self, const plt_nodes_t *nodes) {
  return self->codes == NULL ? plt_nodes_scaled_features(nodes, plt_derived_units(nodes->data))
                             : plt_codes_all(self->codes, nodes);
}

plt_var_t plt_ultra_items(const plt_nodes_t *nodes, plt_var_t x, plt_var_t w) {
  plt_tape_t *t = nodes->tape;
  plt_var_t projected = plt_op_linear(t, x, w, plt_nodes_table(nodes, PLT_ULTRA_PROJ_B));
  return plt_op_concat(t, (plt_var_t[]){plt_nodes_table(nodes, PLT_ULTRA_ITEM), projected}, 2);
}

typedef struct pairs {
  size_t n;
  const uint32_t *user, *item; /* positions among the leaf's own */
  float sign, fixed, graph;
} pairs_t;

/* sum_k (fixed + graph * beta_u beta_i) * softplus(sign * <u, i>) */
static plt_var_t pairs_loss(const plt_ultra_t *self, const plt_samples_t *samples, plt_var_t u, plt_var_t i,
                            const pairs_t *pairs) {
  const plt_nodes_t *users = &samples->nodes[PLT_SIDE_USER], *own_items = &samples->nodes[PLT_SIDE_ITEM];
  plt_tape_t *t = users->tape;
  float *weight = plt_tape_scratch(t, pairs->n, 1);
  for (size_t k = 0; k < pairs->n; k++)
    weight[k] = pairs->fixed +
                pairs->graph * self->of_user[users->id[pairs->user[k]]] * self->of_item[own_items->id[pairs->item[k]]];
  plt_var_t score = plt_op_gather_dot(t, u, pairs->user, i, pairs->item, pairs->n);
  plt_var_t loss = plt_op_softplus(t, plt_op_scale(t, score, pairs->sign));
  return plt_op_sum(t, plt_op_mul(t, loss, plt_tape_constant(t, pairs->n, 1, weight)));
}

plt_var_t plt_ultra_items_as_they_are(const plt_model_t *model, const plt_nodes_t *nodes) {
  plt_var_t x = plt_ultra_x((const plt_ultra_t *)model, nodes);
  return plt_ultra_items(nodes, x, plt_nodes_table(nodes, PLT_ULTRA_PROJ_W));
}

plt_var_t plt_ultra_loss(const plt_model_t *model, const plt_samples_t *samples) {
  plt_var_t items = plt_model_vectors(model, &samples->nodes[PLT_SIDE_ITEM]);
  plt_var_t users = plt_nodes_table(&samples->nodes[PLT_SIDE_USER], PLT_ULTRA_USER);
  return plt_ultra_loss_of((const plt_ultra_t *)model, samples, users, items);
}

plt_var_t plt_ultra_loss_of(const plt_ultra_t *self, const plt_samples_t *samples, plt_var_t u, plt_var_t i) {
  const plt_nodes_t *users = &samples->nodes[PLT_SIDE_USER];
  plt_tape_t *t = users->tape;
  size_t n = samples->n * samples->negatives;
  uint32_t *user = plt_tape_index(t, n); /* of each negative */
  for (size_t k = 0; k < n; k++) user[k] = samples->user[k / samples->negatives];
  pairs_t positives = {samples->n, samples->user, samples->positive, -1, self->w1, self->w2};
  pairs_t negatives = {n, user, samples->negative, 1, self->w3, self->w4};
  plt_var_t positive = pairs_loss(self, samples, u, i, &positives);
  plt_var_t negative = pairs_loss(self, samples, u, i, &negatives);
  return plt_op_add(t, positive, plt_op_scale(t, negative, 1 / (float)samples->negatives));
}
