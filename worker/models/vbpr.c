/* vbpr.c - matrix factorisation whose items are half learned, half projected from their features:
 * item = [item_i ; x_i W + b] (docs/methods/models.md 3; He & McAuley 2016; initial values as MMRec). */
#include "worker/kit/kit.h"

typedef struct vbpr {
  plt_model_t base;
  float reg;
} vbpr_t;

enum { USER, ITEM, PROJ_W, PROJ_B }; /* tables */

static const plt_option_t rows[] = {
    PLT_MODEL_REG_OPTION(
        "0.1", "the norms of the batch's users and whole item vectors in the loss (0.1 is our default: tune it)."),
};

static plt_status_t init(plt_model_t *model, const plt_config_t *config, const plt_dataset_t *data) {
  vbpr_t *vbpr = (vbpr_t *)model;
  uint32_t d = (uint32_t)plt_config_int(config, "model.dim"), both = 2 * d;
  size_t f = plt_dataset_feature_cols(data);
  vbpr->reg = (float)plt_config_real(config, "model.reg");
  model->negatives = 1;
  model->score_cols = both;
  plt_model_add_table(model, "user", PLT_ENTITY_USER, data->users, both, plt_init_xavier_uniform(data->users, both));
  plt_model_add_table(model, "item", PLT_ENTITY_ITEM, data->items, d, plt_init_xavier_uniform(data->items, d));
  plt_model_add_table(model, "proj_w", PLT_ENTITY_DENSE, f, d, plt_init_xavier_normal(f, d));
  plt_model_add_table(model, "proj_b", PLT_ENTITY_DENSE, 1, d, plt_init_zero());
  return PLT_OK;
}

/* Over distinct items: each is projected once, however often the batch holds it. */
static plt_var_t items(const plt_model_t *self, const plt_nodes_t *nodes) {
  (void)self;
  plt_var_t projected = plt_op_linear(nodes->tape, plt_nodes_features(nodes), plt_nodes_table(nodes, PROJ_W),
                                      plt_nodes_table(nodes, PROJ_B));
  return plt_op_concat(nodes->tape, (plt_var_t[]){plt_nodes_table(nodes, ITEM), projected}, 2);
}

static plt_var_t loss_with(const plt_model_t *self, const plt_samples_t *samples, float reg) {
  plt_var_t users = plt_model_vectors(self, &samples->nodes[PLT_SIDE_USER]);
  return plt_samples_bpr_loss(samples, users, items(self, &samples->nodes[PLT_SIDE_ITEM]), reg);
}

static plt_var_t loss(const plt_model_t *self, const plt_samples_t *samples) {
  return loss_with(self, samples, ((const vbpr_t *)self)->reg);
}

static plt_var_t rank(const plt_model_t *self, const plt_samples_t *samples) { return loss_with(self, samples, 0); }

const plt_model_ops_t plt_model_vbpr = {
    .name = "vbpr",
    .summary = "matrix factorisation with items projected from their features",
    .grid = "model.reg 2, 1, 0.1, 0.01, 0.001, 1e-4, 1e-5 (MMRec)",
    .found = "lfm2k, tiktok, ml-1m: optimizer.lr 0.0005, model.reg 1, data.scale standard (docs/results.md)",
    .options = {"model vbpr", rows, sizeof rows / sizeof *rows},
    .loss_is_mean = true,
    .uses_features = true,
    .size = sizeof(vbpr_t),
    .init = init,
    .items = items,
    .loss = loss,
    .rank = rank,
};
