/* modality.c - what models of item features have in common: tables and options per modality, the graph of items, draws
 * for dropout. See kit.h. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/elementary.h"
#include "common/mem.h"
#include "common/rng.h"
#include "common/vector.h"
#include "worker/data/derived.h"
#include "worker/data/features.h"
#include "worker/kit/augment.h"
#include "worker/kit/kit.h"

/* ---- options ---- */

plt_status_t plt_model_check_modalities(const plt_dataset_t *data, const plt_model_t *model) {
  if (data->n_features <= PLT_MODALITIES_MAX) return PLT_OK;
  return plt_fail(PLT_ERR_USAGE, "model %s takes at most %d modalities; data.features names %zu", model->ops->name,
                  PLT_MODALITIES_MAX, data->n_features);
}

plt_status_t plt_model_read_modality(const plt_config_t *config, const plt_dataset_t *data, const char *key, size_t i,
                                     const plt_feature_t **out) {
  size_t m = 0;
  char *where = plt_mem_print("%s: %s", plt_config_origin(config, key), key);
  plt_status_t status = plt_feature_find(data, where, plt_config_list_text(config, key, i), &m);
  if (status == PLT_OK) *out = &data->features[m];
  free(where);
  return status;
}

size_t plt_model_read_user_graph(const plt_config_t *config, plt_model_t *model) {
  plt_relation_plan_t plan = {.kind = PLT_RELATION_USER_USER,
                              .users = {.k = (uint32_t)plt_config_int(config, "model.user_knn"),
                                        .mean = strcmp(plt_config_text(config, "model.user_weights"), "mean") == 0,
                                        .pads = strcmp(plt_config_text(config, "model.user_pad"), "random") == 0}};
  return plt_model_add_relation(model, &plan);
}

plt_status_t plt_model_read_item_graph(const plt_config_t *config, const plt_dataset_t *data, plt_model_t *model,
                                       size_t *relation) {
  static const char key[] = "model.item_graph_weights";
  size_t n = plt_config_list_size(config, key);
  plt_relation_plan_t plan = {.kind = PLT_RELATION_ITEM_ITEM,
                              .items = {.k = (uint32_t)plt_config_int(config, "model.knn")}};
  PLT_TRY(plt_model_check_modalities(data, model));
  for (size_t m = 0; m < data->n_features && n == 0; m++) plan.items.share[m] = 1.0f / (float)data->n_features;
  for (size_t i = 0; i < n; i++) {
    const plt_feature_t *feature;
    PLT_TRY(plt_model_read_modality(config, data, key, i, &feature));
    plan.items.share[feature - data->features] = (float)plt_config_list_real(config, key, i);
  }
  *relation = plt_model_add_relation(model, &plan);
  return PLT_OK;
}

plt_status_t plt_model_read_segments(const plt_config_t *config, const plt_dataset_t *data,
                                     size_t order[PLT_MODALITIES_MAX]) {
  static const char key[] = "model.segments";
  size_t n = plt_config_list_size(config, key);
  bool is_there[PLT_MODALITIES_MAX] = {false};
  for (size_t s = 0; s < data->n_features; s++) order[s] = s;
  for (size_t s = 0; s < n; s++) {
    const plt_feature_t *feature;
    PLT_TRY(plt_model_read_modality(config, data, key, s, &feature));
    size_t m = (size_t)(feature - data->features);
    if (is_there[m])
      return plt_fail(PLT_ERR_USAGE, "%s: %s: %s stands there twice; each modality of data.features is named once",
                      plt_config_origin(config, key), key, feature->name);
    is_there[m] = true;
    order[s] = m;
  }
  for (size_t m = 0; m < data->n_features && n > 0; m++)
    if (!is_there[m])
      return plt_fail(PLT_ERR_USAGE, "%s: %s: %s is left out; each modality of data.features is named once",
                      plt_config_origin(config, key), key, data->features[m].name);
  return PLT_OK;
}

plt_model_table_t *plt_model_add_modality_table(plt_model_t *model, const char *prefix, const plt_feature_t *feature,
                                                plt_entity_t entity, uint64_t rows, uint32_t cols, plt_init_t init) {
  char name[PLT_TABLE_NAME_MAX];
  snprintf(name, sizeof name, "%s_%s", prefix, feature->name);
  return plt_model_add_table(model, name, entity, rows, cols, init);
}

/* ---- projections ---- */

enum { TRS_W, TRS_B, FEAT };

void plt_model_add_projections(const plt_config_t *config, const plt_dataset_t *data, plt_model_t *model,
                               plt_init_t (*weights)(uint64_t inputs, uint64_t d), const size_t *at) {
  uint32_t d = (uint32_t)plt_config_int(config, "model.dim");
  bool trains = plt_config_bool(config, "model.train_features");
  for (size_t m = 0; m < data->n_features; m++) {
    const plt_feature_t *feature = &data->features[m];
    uint32_t f = (uint32_t)feature->array.cols;
    plt_model_add_modality_table(model, "trs_w", feature, PLT_ENTITY_DENSE, f, d, weights(f, d));
    plt_model_add_modality_table(model, "trs_b", feature, PLT_ENTITY_DENSE, 1, d, plt_init_linear(f, d));
    if (!trains) continue;
    plt_model_table_t *table =
        plt_model_add_modality_table(model, "feat", feature, PLT_ENTITY_ITEM, data->items, f, plt_init_zero());
    table->at = at == NULL ? PLT_AT_OWN : (int)at[m];
    table->initial = feature;
  }
}

plt_var_t plt_nodes_projection(const plt_model_t *model, const plt_nodes_t *nodes, size_t first, size_t m) {
  bool trains = model->n_tables - first == 3 * nodes->data->n_features;
  size_t table = first + m * (trains ? 3 : 2);
  plt_var_t features = trains ? plt_nodes_table(nodes, table + FEAT) : plt_nodes_modality(nodes, m);
  return plt_op_linear(nodes->tape, features, plt_nodes_table(nodes, table + TRS_W),
                       plt_nodes_table(nodes, table + TRS_B));
}

/* ---- at nodes ---- */

/* n modalities from the first on. */
static plt_var_t features_of(const plt_nodes_t *nodes, size_t first, size_t n, const float *const *scale) {
  plt_feature_rows_t *rows =
      plt_tape_keep(nodes->tape,
                    &(plt_feature_rows_t){
                        .feature = nodes->data->features + first, .n_features = n, .items = nodes->id, .scale = scale},
                    sizeof *rows);
  assert(nodes->side == PLT_SIDE_ITEM);
  plt_lazy_t x = plt_feature_rows(rows, nodes->n);
  if (nodes->draws != NULL && nodes->draws->augment != NULL) x = plt_augment_features(nodes, first, n, scale, &x);
  x.narrow = nodes->draws != NULL && nodes->draws->narrow;
  if (nodes->source->features != NULL) return nodes->source->features(nodes->source, nodes, first, &x);
  return plt_tape_lazy(nodes->tape, &x);
}

plt_var_t plt_nodes_features(const plt_nodes_t *nodes) { return features_of(nodes, 0, nodes->data->n_features, NULL); }

plt_var_t plt_nodes_scaled_features(const plt_nodes_t *nodes, const float *const *scale) {
  return features_of(nodes, 0, nodes->data->n_features, scale);
}

plt_var_t plt_nodes_modality(const plt_nodes_t *nodes, size_t m) { return features_of(nodes, m, 1, NULL); }

plt_var_t plt_nodes_unit_modality(const plt_nodes_t *nodes, size_t m) {
  return features_of(nodes, m, 1, plt_derived_units(nodes->data) + m);
}

typedef struct mask {
  const uint32_t *id;
  size_t cols;
  plt_rng_key_t key;
  uint32_t below; /* words that leave an element out */
  float kept;
} mask_t;

/* Elements [0, n) of a node's row, n <= 4 PLT_RNG_LANES, from those of block `first` on: element j has word j mod 4. */
PLT_VECTOR_CLONES static void make_mask(const mask_t *mask, uint32_t id, uint32_t first, size_t n, float *out) {
  plt_rng_lanes_t draws;
  float factor[4][PLT_RNG_LANES];
  for (uint32_t l = 0; l < PLT_RNG_LANES; l++)
    draws.word[0][l] = id, draws.word[1][l] = first + l, draws.word[2][l] = draws.word[3][l] = 0;
  plt_rng_draw_lanes(mask->key, &draws);
  for (size_t w = 0; w < 4; w++)
    for (size_t l = 0; l < PLT_RNG_LANES; l++) factor[w][l] = (float)(draws.word[w][l] >= mask->below) * mask->kept;
  for (size_t j = 0; j < n; j++) out[j] = factor[j % 4][j / 4];
}

static void make_masks(const void *context, size_t first, size_t n, float *out) {
  enum { AT_ONCE = 4 * PLT_RNG_LANES };
  const mask_t *mask = context;
  for (size_t i = first; i < first + n; i++, out += mask->cols)
    for (size_t j = 0; j < mask->cols; j += AT_ONCE)
      make_mask(mask, mask->id[i], (uint32_t)(j / 4), mask->cols - j < AT_ONCE ? mask->cols - j : AT_ONCE, out + j);
}

plt_var_t plt_nodes_dropout(const plt_nodes_t *nodes, plt_var_t x, double rate, const char *purpose) {
  if (rate == 0) return x;
  mask_t mask = {.id = nodes->id,
                 .cols = plt_tape_cols(nodes->tape, x),
                 .key = plt_draws_key(nodes->draws, purpose),
                 .below = (uint32_t)ceil(rate * 0x1p32),
                 .kept = (float)(1 / (1 - rate))};
  plt_lazy_t masks = {.rows = plt_tape_rows(nodes->tape, x),
                      .cols = mask.cols,
                      .make = make_masks,
                      .context = plt_tape_keep(nodes->tape, &mask, sizeof mask)};
  return plt_op_mul(nodes->tape, x, plt_tape_lazy(nodes->tape, &masks));
}

/* -log(-log u) of u = (word + 1/2) / 2^32; the inner one of what is left to 1 where u is near it. */
static float gumbel(uint32_t word) {
  const float unit = 0x1p-32f;
  float low = -plt_log(((float)word + 0.5f) * unit), high = -plt_log1p(-((float)~word + 0.5f) * unit);
  return -plt_log(word < UINT32_C(1) << 31 ? low : high);
}

plt_var_t plt_nodes_gumbel(const plt_nodes_t *nodes, size_t cols, const char *purpose) {
  plt_rng_key_t key = plt_draws_key(nodes->draws, purpose);
  float *noise = plt_tape_scratch(nodes->tape, nodes->n, cols);
  for (size_t i = 0; i < nodes->n; i++)
    for (size_t j = 0; j < cols; j += 4) {
      plt_rng_block_t block = plt_rng_draw(key, nodes->id[i], (uint32_t)(j / 4), 0, 0);
      for (size_t k = j; k < j + 4 && k < cols; k++) noise[i * cols + k] = gumbel(block.word[k - j]);
    }
  return plt_tape_constant(nodes->tape, nodes->n, cols, noise);
}
