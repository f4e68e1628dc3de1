/* ultragcn.c - UltraGCN over items' embeddings and projected features: the limit of many graph layers as weights of
 * a pair-wise loss, without propagation (ultra.h; docs/methods/models.md 4). */

#include "worker/kit/ultra.h"

static const plt_option_t rows[] = {PLT_ULTRA_OPTIONS};

static plt_status_t init(plt_model_t *model, const plt_config_t *config, const plt_dataset_t *data) {
  plt_ultra_t *self = (plt_ultra_t *)model;
  PLT_TRY(plt_ultra_init(self, config, data));
  plt_ultra_add_tables(self, data, "", "");
  return PLT_OK;
}

const plt_model_ops_t plt_model_ultragcn = {
    .name = "ultragcn",
    .summary = "weights of the graph in a pair-wise loss, items with projected features",
    .found = "model.wd_embedding 1e-5 or 1e-4; lfm2k: optimizer.lr 0.001; tiktok: 0.005 (docs/results.md)",
    .options = {"model ultragcn", rows, sizeof rows / sizeof *rows},
    .uses_features = true,
    .size = sizeof(plt_ultra_t),
    .init = init,
    .clear = plt_ultra_clear,
    .items = plt_ultra_items_as_they_are,
    .loss = plt_ultra_loss,
};
