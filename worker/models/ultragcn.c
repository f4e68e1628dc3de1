/* ultragcn.c - UltraGCN over items' embeddings and projected features: the limit of many graph layers as weights of
 * a pair-wise loss, without propagation (ultra.h; docs/methods/models.md 4). */

#include "worker/models/ultra.h"

static const plt_option_t rows[] = {PLT_ULTRA_OPTIONS};

static plt_status_t init(plt_model_t *model, const plt_config_t *config, const plt_dataset_t *data) {
  plt_ultra_t *self = (plt_ultra_t *)model;
  PLT_TRY(plt_ultra_init(self, config, data));
  plt_ultra_add_tables(self, data, "", "");
  return PLT_OK;
}

static plt_var_t items(const plt_model_t *self, const plt_nodes_t *nodes) {
  plt_var_t x = plt_ultra_x((const plt_ultra_t *)self, nodes);
  return plt_ultra_items(nodes, x, plt_nodes_table(nodes, PLT_ULTRA_PROJ_W));
}

static plt_var_t loss(const plt_model_t *self, const plt_samples_t *samples) {
  return plt_ultra_loss((const plt_ultra_t *)self, samples, items(self, &samples->nodes[PLT_SIDE_ITEM]));
}

const plt_model_ops_t plt_model_ultragcn = {
    .name = "ultragcn",
    .summary = "weights of the graph in a pair-wise loss, items with projected features",
    .options = {"model ultragcn", rows, sizeof rows / sizeof *rows},
    .uses_features = true,
    .size = sizeof(plt_ultra_t),
    .init = init,
    .clear = plt_ultra_clear,
    .items = items,
    .loss = loss,
};
