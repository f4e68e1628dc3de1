/* bpr.c - matrix factorisation under the BPR loss (docs/methods/models.md 2; Rendle et al. 2009; initial values as
 * MMRec). */
#include "worker/kit/kit.h"

typedef struct bpr {
  plt_model_t base;
  float reg;
} bpr_t;

static const plt_option_t rows[] = {
    PLT_MODEL_REG_OPTION("0.1", "the norms of the batch's embeddings in the loss (0.1 is our default: tune it)."),
};

static plt_status_t init(plt_model_t *model, const plt_config_t *config, const plt_dataset_t *data) {
  bpr_t *bpr = (bpr_t *)model;
  uint32_t d = (uint32_t)plt_config_int(config, "model.dim");
  bpr->reg = (float)plt_config_real(config, "model.reg");
  model->negatives = 1;
  model->score_cols = d;
  plt_model_add_table(model, "user", PLT_ENTITY_USER, data->users, d, plt_init_xavier_normal(data->users, d));
  plt_model_add_table(model, "item", PLT_ENTITY_ITEM, data->items, d, plt_init_xavier_normal(data->items, d));
  return PLT_OK;
}

static plt_var_t loss(const plt_model_t *self, const plt_samples_t *samples) {
  plt_var_t users = plt_model_vectors(self, &samples->nodes[PLT_SIDE_USER]);
  plt_var_t items = plt_model_vectors(self, &samples->nodes[PLT_SIDE_ITEM]);
  return plt_samples_bpr_loss(samples, users, items, ((const bpr_t *)self)->reg);
}

const plt_model_ops_t plt_model_bpr = {
    .name = "bpr",
    .summary = "matrix factorisation",
    .grid = "model.reg 2, 1, 0.1, 0.01, 0.001, 1e-4, 1e-5 (MMRec)",
    .found =
        "lfm2k: optimizer.lr 0.001, model.reg 1; tiktok: 0.005, 1; baby: 0.001, 0.1; "
        "ml-1m, gowalla: 0.0005, 0.1 (docs/results.md)",
    .options = {"model bpr", rows, sizeof rows / sizeof *rows},
    .loss_is_mean = true,
    .size = sizeof(bpr_t),
    .init = init,
    .loss = loss,
};
