/* ultragcn.c - UltraGCN over items' embeddings and projected features: the limit of many graph layers as weights of
 * a pair-wise loss, without propagation (docs/methods/models.md 4; Mao et al. 2021, in the form of Du et al. 2022). */

#include <stdlib.h>

#include "common/mem.h"
#include "worker/data/features.h"
#include "worker/models/kit.h"

typedef struct ultragcn {
  plt_model_t base;
  float w1, w2, w3, w4;
  float wd_embedding, wd_item, wd_projection;
  float *of_user, *of_item;        /* beta: by training degree */
  float *unit[PLT_MODALITIES_MAX]; /* by item: 1 / the length of its features */
} ultragcn_t;

enum { USER, ITEM, PROJ_W, PROJ_B }; /* tables */

#define WEIGHT(name, default_, text) \
  { .key = "model." name, .type = PLT_OPT_REAL, .fallback = default_, .min = 0, .max = INFINITY, .help = text }

static const plt_option_t rows[] = {
    {.key = "model.feat_dim",
     .type = PLT_OPT_INT,
     .fallback = "64",
     .min = 1,
     .max = 4096,
     .help = "Columns of the projected features, beside model.dim of the item's own."},
    {.key = "model.negatives",
     .type = PLT_OPT_INT,
     .fallback = "50",
     .min = 1,
     .max = 1000,
     .help = "Items drawn per pair, of all items, those that the user has among them."},
    WEIGHT("w1", "1", "Weight of a positive pair."),
    WEIGHT("w2", "1", "The same, times the pair's weight in the graph."),
    WEIGHT("w3", "1", "Weight of a negative pair."),
    WEIGHT("w4", "1", "The same, times the pair's weight in the graph."),
    WEIGHT("wd_embedding", "1e-4", "Weight of the squared norms of the batch's users and items."),
    WEIGHT("wd_item_factor", "1", "Of the items in that, against the users."),
    WEIGHT("wd_projection", "0.01", "Weight of the squared norm of the projection."),
};

/* beta_u = sqrt(D_u + 1) / D_u, beta_i = 1 / sqrt(D_i + 1), D the number of training pairs. */
static void weigh_nodes(const plt_dataset_t *data, ultragcn_t *ultragcn) {
  const uint64_t *offset = data->part[PLT_PART_TRAIN].offset;
  ultragcn->of_user = plt_mem_alloc(data->users * sizeof(float));
  ultragcn->of_item = plt_mem_zalloc(data->items, sizeof(float));
  for (uint32_t u = 0; u < data->users; u++) {
    double degree = (double)(offset[u + 1] - offset[u]);
    ultragcn->of_user[u] = (float)(sqrt(degree + 1) / fmax(degree, 1e-10));
  }
  for (uint64_t p = 0; p < data->n_train; p++) ultragcn->of_item[data->train[p].item]++;
  for (uint32_t i = 0; i < data->items; i++) ultragcn->of_item[i] = 1 / sqrtf(ultragcn->of_item[i] + 1);
}

static void measure_features(const plt_dataset_t *data, ultragcn_t *ultragcn) {
  for (size_t m = 0; m < data->n_features; m++) {
    ultragcn->unit[m] = plt_mem_alloc(data->items * sizeof(float));
    plt_feature_lengths(&data->features[m], data->items, ultragcn->unit[m]);
    for (uint32_t i = 0; i < data->items; i++) ultragcn->unit[m][i] = 1.0f / fmaxf(ultragcn->unit[m][i], 1e-12f);
  }
}

static plt_status_t init(plt_model_t *model, const plt_config_t *config, const plt_dataset_t *data) {
  ultragcn_t *ultragcn = (ultragcn_t *)model;
  uint32_t d = (uint32_t)plt_config_int(config, "model.dim"), f = (uint32_t)plt_config_int(config, "model.feat_dim");
  plt_init_t normal = plt_init_normal(0.01);
  PLT_TRY(plt_model_check_modalities(data, model));
  ultragcn->w1 = (float)plt_config_real(config, "model.w1");
  ultragcn->w2 = (float)plt_config_real(config, "model.w2");
  ultragcn->w3 = (float)plt_config_real(config, "model.w3");
  ultragcn->w4 = (float)plt_config_real(config, "model.w4");
  ultragcn->wd_embedding = (float)plt_config_real(config, "model.wd_embedding");
  ultragcn->wd_item = ultragcn->wd_embedding * (float)plt_config_real(config, "model.wd_item_factor");
  ultragcn->wd_projection = (float)plt_config_real(config, "model.wd_projection");
  model->negatives = (size_t)plt_config_int(config, "model.negatives");
  model->negatives_of_all = true;
  model->score_cols = d + f;
  plt_model_add_table(model, "user", PLT_ENTITY_USER, data->users, d + f, normal);
  plt_model_add_table(model, "item", PLT_ENTITY_ITEM, data->items, d, normal);
  plt_model_add_table(model, "proj_w", PLT_ENTITY_DENSE, plt_dataset_feature_cols(data), f, normal);
  plt_model_add_table(model, "proj_b", PLT_ENTITY_DENSE, 1, f, plt_init_zero());
  weigh_nodes(data, ultragcn);
  measure_features(data, ultragcn);
  return PLT_OK;
}

static void clear(plt_model_t *self) {
  free(((ultragcn_t *)self)->of_user);
  free(((ultragcn_t *)self)->of_item);
  for (size_t m = 0; m < PLT_MODALITIES_MAX; m++) free(((ultragcn_t *)self)->unit[m]);
}

/* Each modality's features are of length 1 before they are projected together. */
static plt_var_t items(const plt_model_t *self, const plt_nodes_t *nodes) {
  plt_tape_t *t = nodes->tape;
  plt_var_t x = plt_nodes_scaled_features(nodes, (const float *const *)((const ultragcn_t *)self)->unit);
  plt_var_t projected = plt_op_linear(t, x, plt_nodes_table(nodes, PROJ_W), plt_nodes_table(nodes, PROJ_B));
  return plt_op_concat(t, (plt_var_t[]){plt_nodes_table(nodes, ITEM), projected}, 2);
}

typedef struct pairs {
  size_t n;
  const uint32_t *user, *item; /* positions among the leaf's own */
  float sign, fixed, graph;
} pairs_t;

/* sum_k (fixed + graph * beta_u beta_i) * softplus(sign * <u, i>) */
static plt_var_t pairs_loss(const ultragcn_t *self, const plt_samples_t *samples, plt_var_t u, plt_var_t i,
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

static plt_var_t add_decay(plt_tape_t *t, plt_var_t loss, plt_var_t x, float weight) {
  return weight == 0 ? loss : plt_op_add(t, loss, plt_op_scale(t, plt_op_sum(t, plt_op_mul(t, x, x)), weight));
}

static plt_var_t loss(const plt_model_t *self, const plt_samples_t *samples) {
  const ultragcn_t *ultragcn = (const ultragcn_t *)self;
  const plt_nodes_t *users = &samples->nodes[PLT_SIDE_USER], *own_items = &samples->nodes[PLT_SIDE_ITEM];
  plt_tape_t *t = users->tape;
  size_t n = samples->n * samples->negatives;
  uint32_t *user = plt_tape_index(t, n); /* of each negative */
  plt_var_t u = plt_nodes_table(users, USER), i = items(self, own_items);
  for (size_t k = 0; k < n; k++) user[k] = samples->user[k / samples->negatives];
  pairs_t positives = {samples->n, samples->user, samples->positive, -1, ultragcn->w1, ultragcn->w2};
  pairs_t negatives = {n, user, samples->negative, 1, ultragcn->w3, ultragcn->w4};
  plt_var_t positive = pairs_loss(ultragcn, samples, u, i, &positives);
  plt_var_t negative = pairs_loss(ultragcn, samples, u, i, &negatives);
  plt_var_t sum = plt_op_add(t, positive, plt_op_scale(t, negative, 1 / (float)samples->negatives));
  sum = add_decay(t, sum, u, ultragcn->wd_embedding);
  sum = add_decay(t, sum, plt_nodes_table(own_items, ITEM), ultragcn->wd_item);
  sum = add_decay(t, sum, plt_nodes_table(own_items, PROJ_W), ultragcn->wd_projection * samples->share);
  return add_decay(t, sum, plt_nodes_table(own_items, PROJ_B), ultragcn->wd_projection * samples->share);
}

const plt_model_ops_t plt_model_ultragcn = {
    .name = "ultragcn",
    .summary = "weights of the graph in a pair-wise loss, items with projected features",
    .options = {"model ultragcn", rows, sizeof rows / sizeof *rows},
    .uses_features = true,
    .size = sizeof(ultragcn_t),
    .init = init,
    .clear = clear,
    .items = items,
    .loss = loss,
};
