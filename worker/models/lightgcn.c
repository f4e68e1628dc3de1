/* lightgcn.c - light graph convolution: users and items are the mean of their layers, E^(l+1) = A E^(l), under
 * the BPR loss; the norms are those of layer 0 (METHODS 4; He et al. 2020; initial values as MMRec). */
#include <math.h>
#include <stdlib.h>

#include "common/mem.h"
#include "worker/models/model.h"

extern const plt_model_ops_t plt_model_lightgcn;

typedef struct lightgcn {
  plt_model_t base;
  float reg;
} lightgcn_t;

static const plt_option_t rows[] = {
    PLT_MODEL_GRAPH_OPTIONS("2"),
    PLT_MODEL_REG_OPTION("0.001", "the norms of the batch's embeddings (layer 0) in the loss."),
};

static plt_status_t create(const plt_config_t *config, const plt_dataset_t *data, plt_model_t **out) {
  lightgcn_t *lightgcn = plt_mem_zalloc(1, sizeof *lightgcn);
  plt_model_t *model = &lightgcn->base;
  uint32_t d = (uint32_t)plt_config_int(config, "model.dim");
  lightgcn->reg = (float)plt_config_real(config, "model.reg");
  model->ops = &plt_model_lightgcn;
  model->negatives = 1;
  model->score_cols = model->base_cols = d;
  plt_model_add_table(model, "user", PLT_ENTITY_USER, data->users, d, plt_init_xavier_uniform(data->users, d));
  plt_model_add_table(model, "item", PLT_ENTITY_ITEM, data->items, d, plt_init_xavier_uniform(data->items, d));
  plt_status_t status = plt_model_read_graph(config, model);
  if (status == PLT_OK)
    *out = model;
  else
    free(lightgcn);
  return status;
}

static plt_var_t loss(const plt_model_t *self, const plt_pass_t *pass) {
  return plt_pass_bpr_loss_over(
      pass, plt_model_vectors(self, pass, PLT_SIDE_USER), plt_model_vectors(self, pass, PLT_SIDE_ITEM),
      plt_pass_own(pass, PLT_SIDE_USER, pass->base[PLT_SIDE_USER]),
      plt_pass_own(pass, PLT_SIDE_ITEM, pass->base[PLT_SIDE_ITEM]), ((const lightgcn_t *)self)->reg);
}

const plt_model_ops_t plt_model_lightgcn = {
    .name = "lightgcn",
    .summary = "embeddings averaged over the layers of the graph of users and items",
    .options = {"model lightgcn", rows, sizeof rows / sizeof *rows},
    .loss_is_mean = true,
    .create = create,
    .loss = loss,
};
