/* lightgcn.c - light graph convolution: users and items are the mean of their layers, E^(l+1) = A E^(l), under the BPR
 * loss; the norms are those of layer 0 (docs/methods/models.md 5; He et al. 2020; initial values as MMRec). */
#include "worker/kit/kit.h"

typedef struct lightgcn {
  plt_model_t base;
  float reg;
} lightgcn_t;

enum { USER, ITEM }; /* tables */

static const plt_option_t rows[] = {
    PLT_MODEL_LAYERS_OPTIONS("2"),
    PLT_MODEL_REG_OPTION("0.001", "the norms of the batch's embeddings (layer 0) in the loss."),
};

static plt_status_t init(plt_model_t *model, const plt_config_t *config, const plt_dataset_t *data) {
  lightgcn_t *lightgcn = (lightgcn_t *)model;
  uint32_t d = (uint32_t)plt_config_int(config, "model.dim");
  lightgcn->reg = (float)plt_config_real(config, "model.reg");
  model->negatives = 1;
  model->score_cols = d;
  plt_model_add_table(model, "user", PLT_ENTITY_USER, data->users, d, plt_init_xavier_uniform(data->users, d));
  plt_model_add_table(model, "item", PLT_ENTITY_ITEM, data->items, d, plt_init_xavier_uniform(data->items, d));
  PLT_TRY(plt_model_read_layers(config, model));
  plt_model_add_propagation(model, &(plt_state_t){.cols = d}, 0);
  return PLT_OK;
}

static plt_var_t mean(const plt_model_t *self, const plt_nodes_t *nodes) {
  return plt_nodes_mean_of_layers(self, nodes);
}

static plt_var_t loss(const plt_model_t *self, const plt_samples_t *samples) {
  const plt_nodes_t *users = &samples->nodes[PLT_SIDE_USER], *items = &samples->nodes[PLT_SIDE_ITEM];
  return plt_samples_bpr_loss_over(samples, mean(self, users), mean(self, items), plt_nodes_table(users, USER),
                                   plt_nodes_table(items, ITEM), ((const lightgcn_t *)self)->reg);
}

const plt_model_ops_t plt_model_lightgcn = {
    .name = "lightgcn",
    .summary = "embeddings averaged over the layers of the graph of users and items",
    .grid = "model.layers 1, 2, 3, 4; model.reg 0.01, 0.001, 1e-4, 1e-5, 1e-6 (MMRec)",
    .found = "lfm2k: optimizer.lr 0.005, model.reg 1e-4; tiktok: 0.005, 0.001; baby: 0.0005, 0.001 (docs/results.md)",
    .options = {"model lightgcn", rows, sizeof rows / sizeof *rows},
    .loss_is_mean = true,
    .size = sizeof(lightgcn_t),
    .init = init,
    .users = mean,
    .items = mean,
    .loss = loss,
};
