/* modality.c - what models of item features have in common: tables and options per modality, the graph of items, draws
 * for dropout. See model.h. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/rng.h"
#include "worker/models/model.h"

static const plt_feature_t *find_modality(const plt_dataset_t *data, const char *name) {
  for (size_t m = 0; m < data->n_features; m++)
    if (strcmp(data->features[m].name, name) == 0) return &data->features[m];
  return NULL;
}

plt_status_t plt_model_read_item_graph(const plt_config_t *config, const plt_dataset_t *data, size_t hops,
                                       plt_model_t *model) {
  static const char key[] = "model.item_graph_weights";
  size_t n = plt_config_list_size(config, key);
  if (data->n_features > PLT_MODALITIES_MAX)
    return plt_fail(PLT_ERR_USAGE, "model %s takes at most %d modalities; data.features names %zu", model->ops->name,
                    PLT_MODALITIES_MAX, data->n_features);
  model->graph.item_hops = hops;
  model->items = (plt_item_graph_plan_t){.k = (uint32_t)plt_config_int(config, "model.knn")};
  for (size_t m = 0; m < data->n_features && n == 0; m++) model->items.share[m] = 1.0f / (float)data->n_features;
  for (size_t i = 0; i < n; i++) {
    const char *name = plt_config_list_text(config, key, i);
    const plt_feature_t *feature = find_modality(data, name);
    if (feature == NULL)
      return plt_fail(PLT_ERR_USAGE, "%s: %s: data.features has no modality \"%s\"", plt_config_origin(config, key),
                      key, name);
    model->items.share[feature - data->features] = (float)plt_config_list_real(config, key, i);
  }
  return PLT_OK;
}

void plt_model_add_modality_table(plt_model_t *model, const char *prefix, const plt_feature_t *feature,
                                  plt_entity_t entity, uint64_t rows, uint32_t cols, plt_init_t init) {
  char name[PLT_TABLE_NAME_MAX];
  snprintf(name, sizeof name, "%s_%s", prefix, feature->name);
  plt_model_add_table(model, name, entity, rows, cols, init);
}

plt_init_t plt_init_linear(uint64_t inputs, uint64_t d) {
  (void)d;
  return (plt_init_t){PLT_INIT_UNIFORM, 1 / sqrt((double)inputs)};
}

/* ---- projections ---- */

enum { TRS_W, TRS_B, FEAT };

void plt_model_add_projections(const plt_config_t *config, const plt_dataset_t *data, plt_model_t *model,
                               plt_init_t (*weights)(uint64_t inputs, uint64_t d)) {
  uint32_t d = (uint32_t)plt_config_int(config, "model.dim");
  for (size_t m = 0; m < data->n_features; m++) {
    const plt_feature_t *feature = &data->features[m];
    uint32_t f = (uint32_t)feature->array.cols;
    plt_model_add_modality_table(model, "trs_w", feature, PLT_ENTITY_DENSE, f, d, weights(f, d));
    plt_model_add_modality_table(model, "trs_b", feature, PLT_ENTITY_DENSE, 1, d, plt_init_linear(f, d));
    if (!plt_config_bool(config, "model.train_features")) continue;
    plt_model_add_modality_table(model, "feat", feature, PLT_ENTITY_OWN_ITEM, data->items, f, plt_init_zero());
    model->tables[model->n_tables - 1].initial = feature;
    model->tables[model->n_tables - 1].loss_only = true;
  }
}

plt_var_t plt_pass_projection(const plt_model_t *model, const plt_pass_t *pass, size_t first, size_t m) {
  bool trains = model->n_tables - first == 3 * pass->data->n_features;
  const plt_var_t *table = &pass->table[first + m * (trains ? 3 : 2)];
  plt_var_t features = trains ? table[FEAT] : plt_pass_modality(pass, m);
  return plt_op_add(pass->tape, plt_op_matmul(pass->tape, features, table[TRS_W]), table[TRS_B]);
}

/* ---- passes ---- */

plt_var_t plt_pass_modality(const plt_pass_t *pass, size_t m) {
  size_t first = 0;
  for (size_t k = 0; k < m; k++) first += pass->data->features[k].array.cols;
  return plt_op_columns(pass->tape, plt_pass_features(pass), first, pass->data->features[m].array.cols);
}

plt_var_t plt_pass_dropout(const plt_pass_t *pass, plt_var_t x, const uint32_t *ids, double rate, const char *purpose) {
  size_t rows = plt_tape_rows(pass->tape, x), cols = plt_tape_cols(pass->tape, x);
  if (rate == 0) return x;
  plt_rng_key_t key = plt_rng_key(pass->seed, purpose, (uint64_t)pass->epoch << 32 | pass->batch);
  float *mask = plt_tape_scratch(pass->tape, rows, cols), kept = (float)(1 / (1 - rate));
  for (size_t i = 0; i < rows; i++) {
    plt_rng_block_t block = {{0}};
    for (size_t j = 0; j < cols; j++) {
      if (j % 4 == 0) block = plt_rng_draw(key, ids[i], (uint32_t)(j / 4), 0, 0);
      mask[i * cols + j] = plt_rng_unit(block.word[j % 4]) < rate ? 0 : kept;
    }
  }
  return plt_op_mul(pass->tape, x, plt_tape_constant(pass->tape, rows, cols, mask));
}
