/* freedom.c - item graphs that stay as they are, and training pairs of which each epoch sees some: items are the mean
 * of their layers plus their neighbours' embeddings by features, S E; users also have to rank the projected features
 * (docs/methods/models.md 6; Zhou & Shen 2023; initial values as MMRec). */
#include "worker/kit/kit.h"

typedef struct freedom {
  plt_model_t base;
  float reg;
  size_t spread; /* state: S E */
} freedom_t;

enum { USER, ITEM, PROJECTIONS }; /* tables */

static const plt_option_t rows[] = {
    PLT_MODEL_LAYERS_OPTIONS("2"),
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

static plt_status_t init(plt_model_t *model, const plt_config_t *config, const plt_dataset_t *data) {
  freedom_t *freedom = (freedom_t *)model;
  uint32_t d = (uint32_t)plt_config_int(config, "model.dim");
  size_t alike;
  model->negatives = 1;
  model->score_cols = d;
  freedom->reg = (float)plt_config_real(config, "model.reg");
  PLT_TRY(plt_model_read_layers(config, model));
  plt_model_add_propagation(model, &(plt_state_t){.cols = d}, plt_config_real(config, "model.edge_dropout"));
  PLT_TRY(plt_model_read_item_graph(config, data, model, &alike));
  freedom->spread = plt_model_add_item_hops(model, alike, 0, 1);
  plt_model_add_table(model, "user", PLT_ENTITY_USER, data->users, d, plt_init_xavier_uniform(data->users, d));
  plt_model_add_table(model, "item", PLT_ENTITY_ITEM, data->items, d, plt_init_xavier_uniform(data->items, d));
  plt_model_add_projections(config, data, model, plt_init_linear, NULL);
  return PLT_OK;
}

static plt_var_t users(const plt_model_t *self, const plt_nodes_t *nodes) {
  return plt_nodes_mean_of_layers(self, nodes);
}

static plt_var_t items(const plt_model_t *self, const plt_nodes_t *nodes) {
  return plt_op_add(nodes->tape, plt_nodes_mean_of_layers(self, nodes),
                    nodes->state[((const freedom_t *)self)->spread]);
}

static plt_var_t loss(const plt_model_t *self, const plt_samples_t *samples) {
  const plt_nodes_t *own_users = &samples->nodes[PLT_SIDE_USER], *own_items = &samples->nodes[PLT_SIDE_ITEM];
  plt_tape_t *t = own_users->tape;
  plt_var_t u = plt_op_gather(t, users(self, own_users), samples->user, samples->n);
  plt_var_t sum = plt_samples_rank_loss(samples, u, items(self, own_items));
  for (size_t m = 0; m < own_items->data->n_features; m++) {
    plt_var_t of_features = plt_samples_rank_loss(samples, u, plt_nodes_projection(self, own_items, PROJECTIONS, m));
    sum = plt_op_add(t, sum, plt_op_scale(t, of_features, ((const freedom_t *)self)->reg));
  }
  return sum;
}

const plt_model_ops_t plt_model_freedom = {
    .name = "freedom",
    .summary = "frozen graphs of items by their features, and a graph of users and items thinned in each epoch",
    .grid = "model.edge_dropout 0.8, 0.9; model.reg 0, 1e-5, 1e-4, 0.001 (its authors, in MMRec)",
    .found = "optimizer.lr 0.005, data.scale standard; lfm2k: model.reg 0.001; tiktok: 1e-4 (docs/results.md)",
    .options = {"model freedom", rows, sizeof rows / sizeof *rows},
    .loss_is_mean = true,
    .uses_features = true,
    .size = sizeof(freedom_t),
    .init = init,
    .users = users,
    .items = items,
    .loss = loss,
};
