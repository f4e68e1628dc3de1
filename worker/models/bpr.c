/* bpr.c - matrix factorisation under the BPR loss (METHODS 4; Rendle et al. 2009; initial values as MMRec). */
#include <math.h>

#include "common/mem.h"
#include "worker/models/model.h"

extern const plt_model_ops_t plt_model_bpr;

typedef struct bpr {
  plt_model_t base;
  float reg;
} bpr_t;

enum { USER, ITEM }; /* tables */

static const plt_option_t rows[] = {
    PLT_MODEL_REG_OPTION("0.1", "the norms of the batch's embeddings in the loss (0.1 is our default: tune it)."),
};

static plt_status_t create(const plt_config_t *config, const plt_dataset_t *data, plt_model_t **out) {
  bpr_t *bpr = plt_mem_zalloc(1, sizeof *bpr);
  plt_model_t *model = &bpr->base;
  uint32_t d = (uint32_t)plt_config_int(config, "model.dim");
  bpr->reg = (float)plt_config_real(config, "model.reg");
  model->ops = &plt_model_bpr;
  model->negatives = 1;
  model->score_cols = d;
  plt_model_add_table(model, "user", PLT_ENTITY_USER, data->users, d, plt_init_xavier_normal(data->users, d));
  plt_model_add_table(model, "item", PLT_ENTITY_ITEM, data->items, d, plt_init_xavier_normal(data->items, d));
  *out = model;
  return PLT_OK;
}

static plt_var_t loss(const plt_model_t *self, const plt_pass_t *pass) {
  return plt_pass_bpr_loss(pass, pass->table[USER], pass->table[ITEM], ((const bpr_t *)self)->reg);
}

const plt_model_ops_t plt_model_bpr = {
    .name = "bpr",
    .summary = "matrix factorisation",
    .options = {"model bpr", rows, sizeof rows / sizeof *rows},
    .loss_is_mean = true,
    .create = create,
    .loss = loss,
};
