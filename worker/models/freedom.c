/* freedom.c - item graphs that stay as they are, and training pairs of which each epoch sees some: items are the
 * mean of their layers plus their neighbours' embeddings by features, S E; users also have to rank the projected
 * features (METHODS 4; Zhou & Shen 2023; initial values as MMRec). */
#include <math.h>
#include <stdlib.h>

#include "common/mem.h"
#include "worker/models/model.h"

extern const plt_model_ops_t plt_model_freedom;

typedef struct freedom {
  plt_model_t base;
  float reg;
} freedom_t;

enum { USER, ITEM, PROJECTIONS }; /* tables */

static const plt_option_t rows[] = {
    PLT_MODEL_GRAPH_OPTIONS("2"),
    PLT_MODEL_REG_OPTION("0.001", "the loss of the projected features."),
    {.key = "model.edge_dropout",
     .type = PLT_OPT_REAL,
     .fallback = "0.8",
     .min = 0,
     .max = 0.999,
     .help = "Share of the training pairs that are left out of an epoch's graph, those between frequent nodes first."},
    PLT_MODEL_TRAIN_FEATURES_OPTION,
    PLT_MODEL_ITEM_GRAPH_OPTIONS,
};

static plt_status_t create(const plt_config_t *config, const plt_dataset_t *data, plt_model_t **out) {
  freedom_t *freedom = plt_mem_zalloc(1, sizeof *freedom);
  plt_model_t *model = &freedom->base;
  uint32_t d = (uint32_t)plt_config_int(config, "model.dim");
  model->ops = &plt_model_freedom;
  model->negatives = 1;
  model->score_cols = model->base_cols = d;
  freedom->reg = (float)plt_config_real(config, "model.reg");
  plt_status_t status = plt_model_read_graph(config, model);
  if (status == PLT_OK) status = plt_model_read_item_graph(config, data, 1, model);
  if (status != PLT_OK) {
    free(freedom);
    return status;
  }
  model->graph.edge_dropout = plt_config_real(config, "model.edge_dropout");
  plt_model_add_table(model, "user", PLT_ENTITY_USER, data->users, d, plt_init_xavier_uniform(data->users, d));
  plt_model_add_table(model, "item", PLT_ENTITY_ITEM, data->items, d, plt_init_xavier_uniform(data->items, d));
  plt_model_add_projections(config, data, model, plt_init_linear);
  *out = model;
  return PLT_OK;
}

static plt_var_t items(const plt_model_t *self, const plt_pass_t *pass) {
  return plt_op_add(pass->tape, plt_pass_mean_of_layers(self, pass, PLT_SIDE_ITEM), pass->spread);
}

/* -mean log sigmoid(<u, i+> - <u, i->) */
static plt_var_t rank(const plt_pass_t *pass, plt_var_t u, plt_var_t all_items) {
  plt_tape_t *t = pass->tape;
  plt_var_t p = plt_op_gather(t, all_items, pass->positive, pass->n);
  plt_var_t n = plt_op_gather(t, all_items, pass->negative, pass->n);
  return plt_op_mean(t, plt_op_softplus(t, plt_op_sub(t, plt_op_row_dot(t, u, n), plt_op_row_dot(t, u, p))));
}

static plt_var_t loss(const plt_model_t *self, const plt_pass_t *pass) {
  plt_tape_t *t = pass->tape;
  plt_var_t u = plt_op_gather(t, plt_pass_mean_of_layers(self, pass, PLT_SIDE_USER), pass->user, pass->n);
  plt_var_t sum = rank(pass, u, items(self, pass));
  for (size_t m = 0; m < pass->data->n_features; m++) {
    plt_var_t of_features = rank(pass, u, plt_pass_projection(self, pass, PROJECTIONS, m));
    sum = plt_op_add(t, sum, plt_op_scale(t, of_features, ((const freedom_t *)self)->reg));
  }
  return sum;
}

const plt_model_ops_t plt_model_freedom = {
    .name = "freedom",
    .summary = "frozen graphs of items by their features, and a graph of users and items thinned in each epoch",
    .options = {"model freedom", rows, sizeof rows / sizeof *rows},
    .loss_is_mean = true,
    .uses_features = true,
    .features_of_own = true,
    .create = create,
    .items = items,
    .loss = loss,
};
