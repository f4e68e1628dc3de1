/* bm3.c - bootstrapped: no negatives; what the predictor makes of a user or item is drawn to the other as it
 * stands, and to the item's projected features; the targets have dropout and no derivative. Users are the mean of their
 * layers, items that plus layer 0 (docs/methods/models.md 7; Zhou et al. 2023; initial values as MMRec). */
#include <stdio.h>

#include "worker/kit/kit.h"

typedef struct bm3 {
  plt_model_t base;
  float reg, weight;
  double dropout;
} bm3_t;

enum { USER, ITEM, PRED_W, PRED_B, PROJECTIONS }; /* tables */

static const plt_option_t rows[] = {
    PLT_MODEL_LAYERS_OPTIONS("1"),
    PLT_MODEL_REG_OPTION("0.1", "the norms of the batch's users and items in the loss."),
    PLT_MODEL_CONTRAST_OPTION("2", "the losses between items and their features."),
    {.key = "model.dropout",
     .type = PLT_OPT_REAL,
     .fallback = "0.3",
     .min = 0,
     .max = 0.999,
     .help = "Chance of each element of a target to be left out."},
    PLT_MODEL_TRAIN_FEATURES_OPTION,
};

static plt_status_t init(plt_model_t *model, const plt_config_t *config, const plt_dataset_t *data) {
  bm3_t *bm3 = (bm3_t *)model;
  uint32_t d = (uint32_t)plt_config_int(config, "model.dim");
  bm3->reg = (float)plt_config_real(config, "model.reg");
  bm3->weight = (float)plt_config_real(config, "model.cl_weight");
  bm3->dropout = plt_config_real(config, "model.dropout");
  model->score_cols = d;
  plt_model_add_table(model, "user", PLT_ENTITY_USER, data->users, d, plt_init_xavier_uniform(data->users, d));
  plt_model_add_table(model, "item", PLT_ENTITY_ITEM, data->items, d, plt_init_xavier_uniform(data->items, d));
  plt_model_add_table(model, "pred_w", PLT_ENTITY_DENSE, d, d, plt_init_xavier_normal(d, d));
  plt_model_add_table(model, "pred_b", PLT_ENTITY_DENSE, 1, d, plt_init_linear(d, d));
  plt_model_add_projections(config, data, model, plt_init_xavier_normal, NULL);
  PLT_TRY(plt_model_read_layers(config, model));
  plt_model_add_propagation(model, &(plt_state_t){.cols = d}, 0);
  return PLT_OK;
}

/* h, [n, d]. */
static plt_var_t state(const plt_model_t *self, const plt_nodes_t *nodes) {
  plt_var_t mean = plt_nodes_mean_of_layers(self, nodes);
  return nodes->side == PLT_SIDE_USER ? mean : plt_op_add(nodes->tape, mean, plt_nodes_table(nodes, ITEM));
}

static plt_var_t predict(const plt_nodes_t *nodes, plt_var_t x) {
  return plt_op_linear(nodes->tape, x, plt_nodes_table(nodes, PRED_W), plt_nodes_table(nodes, PRED_B));
}

static plt_var_t vectors(const plt_model_t *self, const plt_nodes_t *nodes) {
  return predict(nodes, state(self, nodes));
}

/* x [n, d] as a target: with dropout, without derivative, of length 1. */
static plt_var_t target(const plt_model_t *self, const plt_nodes_t *nodes, plt_var_t x, const char *purpose) {
  double rate = ((const bm3_t *)self)->dropout;
  plt_var_t kept = plt_nodes_dropout(nodes, plt_op_stop(nodes->tape, x), rate, purpose);
  return plt_op_normalise(nodes->tape, kept);
}

/* 1 - mean cos(a, b) of unit rows: those at a_at [n] of a, at b_at [n] of b. */
static plt_var_t distance(const plt_samples_t *samples, plt_var_t a, const uint32_t *a_at, plt_var_t b,
                          const uint32_t *b_at) {
  plt_tape_t *t = samples->nodes->tape;
  plt_var_t cosine = plt_op_row_dot(t, plt_op_gather(t, a, a_at, samples->n), plt_op_gather(t, b, b_at, samples->n));
  return plt_op_shift(t, plt_op_scale(t, plt_op_mean(t, cosine), -1), 1);
}

/* c(t_m, h_i) + c(t_m, t_m) of modality m; item_target is h_i's. */
static plt_var_t distance_of_features(const plt_model_t *self, const plt_samples_t *samples, size_t m,
                                      plt_var_t item_target) {
  const plt_nodes_t *items = &samples->nodes[PLT_SIDE_ITEM];
  plt_tape_t *t = items->tape;
  char purpose[32];
  snprintf(purpose, sizeof purpose, "dropout features %zu", m);
  plt_var_t projected = plt_nodes_projection(self, items, PROJECTIONS, m);
  plt_var_t own_target = target(self, items, projected, purpose);
  plt_var_t predicted = plt_op_normalise(t, predict(items, projected));
  return plt_op_add(t, distance(samples, predicted, samples->positive, item_target, samples->positive),
                    distance(samples, predicted, samples->positive, own_target, samples->positive));
}

static plt_var_t loss_with(const plt_model_t *self, const plt_samples_t *samples, bool penalises) {
  const bm3_t *bm3 = (const bm3_t *)self;
  const plt_nodes_t *users = &samples->nodes[PLT_SIDE_USER], *items = &samples->nodes[PLT_SIDE_ITEM];
  plt_tape_t *t = users->tape;
  plt_var_t u = state(self, users), i = state(self, items);
  plt_var_t u_target = target(self, users, u, "dropout users");
  plt_var_t i_target = target(self, items, i, "dropout items");
  plt_var_t u_predicted = plt_op_normalise(t, predict(users, u)), i_predicted = plt_op_normalise(t, predict(items, i));
  plt_var_t sum = plt_op_add(t, distance(samples, u_predicted, samples->user, i_target, samples->positive),
                             distance(samples, i_predicted, samples->positive, u_target, samples->user));
  if (penalises) {
    plt_var_t norms = plt_op_add(t, plt_op_norm(t, plt_op_gather(t, u, samples->user, samples->n)),
                                 plt_op_norm(t, plt_op_gather(t, i, samples->positive, samples->n)));
    sum = plt_op_add(t, sum, plt_op_scale(t, norms, bm3->reg / (float)samples->n));
  }
  for (size_t m = 0; m < items->data->n_features; m++)
    sum = plt_op_add(t, sum, plt_op_scale(t, distance_of_features(self, samples, m, i_target), bm3->weight));
  return sum;
}

static plt_var_t loss(const plt_model_t *self, const plt_samples_t *samples) { return loss_with(self, samples, true); }
static plt_var_t rank(const plt_model_t *self, const plt_samples_t *samples) { return loss_with(self, samples, false); }

const plt_model_ops_t plt_model_bm3 = {
    .name = "bm3",
    .summary = "bootstrapped representations of users, items and features, without negatives",
    .grid = "model.layers 1, 2; model.dropout 0.3, 0.5; model.reg 0.1, 0.01 (its authors, in MMRec)",
    .found = "lfm2k, tiktok: optimizer.lr 0.001, model.reg 0.01, data.scale standard (docs/results.md)",
    .options = {"model bm3", rows, sizeof rows / sizeof *rows},
    .loss_is_mean = true,
    .uses_features = true,
    .size = sizeof(bm3_t),
    .init = init,
    .users = vectors,
    .items = vectors,
    .loss = loss,
    .rank = rank,
};
