/* invrl.c - InvRL (Du et al. 2022): UltraGCN before and after masks of features that are learned to serve in all
 * environments alike. A name for the models of its stages (docs/methods/invrl.md). */

#include "worker/models/invrl.h"

#include <string.h>

static const plt_option_t rows[] = {PLT_ULTRA_OPTIONS};

/* [F, 1]: the row of a frozen table 1 x F, as a column. */
static plt_var_t mask_column(const plt_nodes_t *nodes, size_t table) {
  plt_var_t mask = plt_nodes_table(nodes, table);
  return plt_tape_constant(nodes->tape, plt_tape_cols(nodes->tape, mask), 1, plt_tape_value(nodes->tape, mask));
}

/* ---- pretrain ---- */

static plt_status_t init_pretrain(plt_model_t *model, const plt_config_t *config, const plt_dataset_t *data) {
  plt_ultra_t *self = (plt_ultra_t *)model;
  PLT_TRY(plt_ultra_init(self, config, data));
  plt_ultra_add_tables(self, data, "", "");
  return PLT_OK;
}

/* ---- environments: the model of one of them ---- */

void plt_environment_add_tables(plt_ultra_t *self, const plt_dataset_t *data) {
  plt_model_t *model = &self->base;
  plt_ultra_add_tables(self, data, "env_", "");
  for (size_t t = 0; t < PLT_ULTRA_TABLES; t++) model->tables[t].fresh = true;
  plt_init_t zero = plt_init_zero();
  plt_model_add_table(model, "mask", PLT_ENTITY_DENSE, 1, (uint32_t)self->features, zero)->frozen = true;
  plt_model_add_table(model, "environment", PLT_ENTITY_ASIDE, data->n_train, 1, zero)->frozen = true;
  plt_model_add_table(model, "environment_best", PLT_ENTITY_ASIDE, data->n_train, 1, zero)->frozen = true;
  plt_model_add_table(model, "environment_next", PLT_ENTITY_ASIDE, data->n_train, 1, zero)->frozen = true;
}

static plt_status_t init_environment(plt_model_t *model, const plt_config_t *config, const plt_dataset_t *data) {
  plt_ultra_t *self = (plt_ultra_t *)model;
  PLT_TRY(plt_ultra_init(self, config, data));
  plt_environment_add_tables(self, data);
  return PLT_OK;
}

/* Features are not masked here; weights that the mask lets through are held down instead. */
plt_var_t plt_environment_loss(const plt_model_t *self, const plt_samples_t *samples) {
  const plt_ultra_t *ultra = (const plt_ultra_t *)self;
  const plt_nodes_t *items = &samples->nodes[PLT_SIDE_ITEM];
  plt_tape_t *t = items->tape;
  plt_var_t loss = plt_ultra_loss(self, samples);
  plt_var_t masked = plt_op_mul(t, plt_nodes_table(items, PLT_ULTRA_PROJ_W), mask_column(items, PLT_ENVIRONMENTS_MASK));
  plt_var_t size = plt_op_mean(t, plt_op_leaky_relu(t, masked, -1)); /* |x| */
  return plt_op_add(t, loss, plt_op_scale(t, size, (float)ultra->wd_projection * samples->share));
}

/* ---- mask ---- */

void plt_mask_add_tables(plt_ultra_t *self, const plt_dataset_t *data) {
  plt_model_t *model = &self->base;
  plt_init_t zero = plt_init_zero();
  uint32_t features = (uint32_t)self->features, d = self->dim, f = self->feat_dim;
  plt_model_table_t *w = plt_model_add_table(model, "mask_w", PLT_ENTITY_DENSE, features, f, plt_init_normal(0.01));
  w->fresh = true;
  w->decay = 2 * self->wd_projection;
  plt_model_add_table(model, "mask_mu", PLT_ENTITY_DENSE, 1, features, zero)->fresh = true;
  const struct {
    const char *name;
    uint64_t rows;
    uint32_t cols;
    bool needed;
  } others[] = {{"user", data->users, d + f, true},
                {"item", data->items, d, true},
                {"environment", data->n_train, 1, true},
                {"mask", 1, features, false}};
  for (size_t k = 0; k < sizeof others / sizeof *others; k++) {
    plt_model_table_t *table =
        plt_model_add_table(model, others[k].name, PLT_ENTITY_ASIDE, others[k].rows, others[k].cols, zero);
    table->frozen = true;
    table->needed = others[k].needed;
  }
  model->score_cols = 0;
}

static plt_status_t init_mask(plt_model_t *model, const plt_config_t *config, const plt_dataset_t *data) {
  plt_ultra_t *self = (plt_ultra_t *)model;
  PLT_TRY(plt_ultra_init(self, config, data));
  plt_mask_add_tables(self, data);
  return PLT_OK;
}

/* ---- final ---- */

enum { FINAL_MASK = PLT_ULTRA_TABLES };

static plt_status_t init_final(plt_model_t *model, const plt_config_t *config, const plt_dataset_t *data) {
  PLT_TRY(init_pretrain(model, config, data));
  for (size_t t = 0; t < PLT_ULTRA_TABLES; t++) model->tables[t].fresh = true;
  plt_model_table_t *mask = plt_model_add_table(model, "mask", PLT_ENTITY_DENSE, 1,
                                                (uint32_t)plt_dataset_feature_cols(data), plt_init_zero());
  mask->frozen = mask->needed = true;
  return PLT_OK;
}

/* Masked features times W are features times masked W. */
static plt_var_t items_of_final(const plt_model_t *self, const plt_nodes_t *nodes) {
  plt_var_t w = plt_op_mul(nodes->tape, plt_nodes_table(nodes, PLT_ULTRA_PROJ_W), mask_column(nodes, FINAL_MASK));
  return plt_ultra_items(nodes, plt_ultra_x((const plt_ultra_t *)self, nodes), w);
}

/* ---- the name ---- */

#define STAGE(init_, items_, loss_)                                                                                 \
  .name = "invrl", .summary = "UltraGCN on features masked for what holds in all environments alike",               \
  .options = {"model invrl", rows, sizeof rows / sizeof *rows}, .uses_features = true, .size = sizeof(plt_ultra_t), \
  .init = init_, .clear = plt_ultra_clear, .items = items_, .loss = loss_

static const plt_model_ops_t pretrain = {STAGE(init_pretrain, plt_ultra_items_as_they_are, plt_ultra_loss)};
static const plt_model_ops_t environment = {STAGE(init_environment, plt_ultra_items_as_they_are, plt_environment_loss)};
static const plt_model_ops_t mask = {STAGE(init_mask, NULL, NULL)};
static const plt_model_ops_t final = {STAGE(init_final, items_of_final, plt_ultra_loss)};

static const plt_model_ops_t *of_stage(const char *kind) {
  return strcmp(kind, "pretrain") == 0       ? &pretrain
         : strcmp(kind, "environments") == 0 ? &environment
         : strcmp(kind, "mask") == 0         ? &mask
         : strcmp(kind, "final") == 0        ? &final
                                             : NULL;
}

/* Rates, schedule and decay of the authors' code; batch_size 512 and lr 1e-3 there. */
static const char schedule[] =
    "- {stage: pretrain, model: {wd_item_factor: 1, wd_projection: 0.01}, train: {epochs: 500},\n"
    "   eval: {every: 5, metric: ndcg@10, patience: 12}}\n"
    "- repeat: 5\n"
    "  stages:\n"
    "  - {stage: environments, environments: 10, rounds: 10, stop_share: 0.01, labels: random, fresh: same,\n"
    "     model: {wd_item_factor: 2, wd_projection: 0.01},\n"
    "     optimizer: {tables: {env_user: {name: adagrad}, env_item: {name: adagrad}}}, train: {epochs: 20}}\n"
    "  - {stage: mask, alpha: 1, lambda: 0.1, growth: 1.05, sigma: 0.01, model: {wd_projection: 0.01},\n"
    "     train: {epochs: 40}}\n"
    "- {stage: final, model: {wd_item_factor: 2, wd_projection: 0.1}, train: {epochs: 500},\n"
    "   eval: {every: 5, metric: ndcg@10, patience: 42}}\n";

static const char *procedure(const plt_config_t *written) {
  (void)written;
  return schedule;
}

const plt_model_ops_t plt_model_invrl = {
    .name = "invrl",
    .summary = "UltraGCN on features masked for what holds in all environments alike",
    .options = {"model invrl", rows, sizeof rows / sizeof *rows},
    .uses_features = true,
    .of_stage = of_stage,
    .procedure = procedure,
};
