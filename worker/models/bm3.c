/* bm3.c - bootstrapped: no negatives; what the predictor makes of a user or item is drawn to the other as it
 * stands, and to the item's projected features; the targets have dropout and no derivative. Users are the mean of their
 * layers, items that plus layer 0 (METHODS 4; Zhou et al. 2023; initial values as MMRec). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"
#include "worker/models/model.h"

extern const plt_model_ops_t plt_model_bm3;

typedef struct bm3 {
  plt_model_t base;
  float reg, weight;
  double dropout;
} bm3_t;

enum { USER, ITEM, PRED_W, PRED_B, PROJECTIONS }; /* tables */

static const plt_option_t rows[] = {
    PLT_MODEL_GRAPH_OPTIONS("1"),
    PLT_MODEL_REG_OPTION("0.1", "the norms of the batch's users and items in the loss."),
    {.key = "model.cl_weight",
     .type = PLT_OPT_REAL,
     .fallback = "2",
     .min = 0,
     .max = INFINITY,
     .help = "Weight of the losses between items and their features."},
    {.key = "model.dropout",
     .type = PLT_OPT_REAL,
     .fallback = "0.3",
     .min = 0,
     .max = 0.999,
     .help = "Chance of each element of a target to be left out."},
    PLT_MODEL_TRAIN_FEATURES_OPTION,
};

static plt_status_t create(const plt_config_t *config, const plt_dataset_t *data, plt_model_t **out) {
  bm3_t *bm3 = plt_mem_zalloc(1, sizeof *bm3);
  plt_model_t *model = &bm3->base;
  uint32_t d = (uint32_t)plt_config_int(config, "model.dim");
  bm3->reg = (float)plt_config_real(config, "model.reg");
  bm3->weight = (float)plt_config_real(config, "model.cl_weight");
  bm3->dropout = plt_config_real(config, "model.dropout");
  model->ops = &plt_model_bm3;
  model->negatives = 0;
  model->score_cols = model->base_cols = d;
  plt_status_t status = plt_model_read_graph(config, model);
  if (status != PLT_OK) {
    free(bm3);
    return status;
  }
  plt_model_add_table(model, "user", PLT_ENTITY_USER, data->users, d, plt_init_xavier_uniform(data->users, d));
  plt_model_add_table(model, "item", PLT_ENTITY_ITEM, data->items, d, plt_init_xavier_uniform(data->items, d));
  plt_model_add_table(model, "pred_w", PLT_ENTITY_DENSE, d, d, plt_init_xavier_normal(d, d));
  plt_model_add_table(model, "pred_b", PLT_ENTITY_DENSE, 1, d, plt_init_linear(d, d));
  plt_model_add_projections(config, data, model, plt_init_xavier_normal);
  *out = model;
  return PLT_OK;
}

/* h of one side, [n, d] at the own nodes. */
static plt_var_t state(const plt_model_t *self, const plt_pass_t *pass, plt_side_t side) {
  plt_var_t mean = plt_pass_mean_of_layers(self, pass, side);
  return side == PLT_SIDE_USER ? mean : plt_op_add(pass->tape, mean, plt_pass_own(pass, side, pass->base[side]));
}

static plt_var_t predict(const plt_pass_t *pass, plt_var_t x) {
  return plt_op_add(pass->tape, plt_op_matmul(pass->tape, x, pass->table[PRED_W]), pass->table[PRED_B]);
}

static plt_var_t users(const plt_model_t *self, const plt_pass_t *pass) {
  return predict(pass, state(self, pass, PLT_SIDE_USER));
}

static plt_var_t items(const plt_model_t *self, const plt_pass_t *pass) {
  return predict(pass, state(self, pass, PLT_SIDE_ITEM));
}

/* x [n, d] as a target: with dropout, without derivative, of length 1. */
static plt_var_t target(const plt_model_t *self, const plt_pass_t *pass, plt_side_t side, plt_var_t x,
                        const char *purpose) {
  double rate = ((const bm3_t *)self)->dropout;
  plt_var_t kept = plt_pass_dropout(pass, plt_op_stop(pass->tape, x), pass->own.id[side], rate, purpose);
  return plt_op_normalise(pass->tape, kept);
}

/* 1 - mean cos(a, b) of unit rows: those at a_at [n] of a, at b_at [n] of b. */
static plt_var_t distance(const plt_pass_t *pass, plt_var_t a, const uint32_t *a_at, plt_var_t b,
                          const uint32_t *b_at) {
  plt_tape_t *t = pass->tape;
  plt_var_t cosine = plt_op_row_dot(t, plt_op_gather(t, a, a_at, pass->n), plt_op_gather(t, b, b_at, pass->n));
  return plt_op_shift(t, plt_op_scale(t, plt_op_mean(t, cosine), -1), 1);
}

/* c(t_m, h_i) + c(t_m, t_m) of modality m; item_target is h_i's. */
static plt_var_t distance_of_features(const plt_model_t *self, const plt_pass_t *pass, size_t m,
                                      plt_var_t item_target) {
  plt_tape_t *t = pass->tape;
  char purpose[32];
  snprintf(purpose, sizeof purpose, "dropout features %zu", m);
  plt_var_t projected = plt_pass_projection(self, pass, PROJECTIONS, m);
  plt_var_t own_target = target(self, pass, PLT_SIDE_ITEM, projected, purpose);
  plt_var_t predicted = plt_op_normalise(t, predict(pass, projected));
  return plt_op_add(t, distance(pass, predicted, pass->positive, item_target, pass->positive),
                    distance(pass, predicted, pass->positive, own_target, pass->positive));
}

static plt_var_t loss(const plt_model_t *self, const plt_pass_t *pass) {
  const bm3_t *bm3 = (const bm3_t *)self;
  plt_tape_t *t = pass->tape;
  plt_var_t u = state(self, pass, PLT_SIDE_USER), i = state(self, pass, PLT_SIDE_ITEM);
  plt_var_t u_target = target(self, pass, PLT_SIDE_USER, u, "dropout users");
  plt_var_t i_target = target(self, pass, PLT_SIDE_ITEM, i, "dropout items");
  plt_var_t u_predicted = plt_op_normalise(t, predict(pass, u)), i_predicted = plt_op_normalise(t, predict(pass, i));
  plt_var_t sum = plt_op_add(t, distance(pass, u_predicted, pass->user, i_target, pass->positive),
                             distance(pass, i_predicted, pass->positive, u_target, pass->user));
  plt_var_t norms = plt_op_add(t, plt_op_norm(t, plt_op_gather(t, u, pass->user, pass->n)),
                               plt_op_norm(t, plt_op_gather(t, i, pass->positive, pass->n)));
  sum = plt_op_add(t, sum, plt_op_scale(t, norms, bm3->reg / (float)pass->n));
  for (size_t m = 0; m < pass->data->n_features; m++)
    sum = plt_op_add(t, sum, plt_op_scale(t, distance_of_features(self, pass, m, i_target), bm3->weight));
  return sum;
}

const plt_model_ops_t plt_model_bm3 = {
    .name = "bm3",
    .summary = "bootstrapped representations of users, items and features, without negatives",
    .options = {"model bm3", rows, sizeof rows / sizeof *rows},
    .loss_is_mean = true,
    .uses_features = true,
    .features_of_own = true,
    .create = create,
    .users = users,
    .items = items,
    .loss = loss,
};
