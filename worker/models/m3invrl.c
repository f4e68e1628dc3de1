/* m3invrl.c - M3-InvRL as we read it: codes that modalities have in common and codes of each alone, masks of both that
 * serve in all environments alike, a model per modality, and one score of them all. A name for the models of its stages
 * (docs/methods/m3invrl.md). */
#include "worker/models/m3invrl.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/rng.h"
#include "worker/kit/information.h"
#include "worker/models/invrl.h"

static const plt_option_t rows[] = {
    PLT_ULTRA_OPTIONS,
    {.key = "model.width",
     .type = PLT_OPT_INT,
     .fallback = "64",
     .min = 2,
     .max = 4096,
     .help = "Columns of a code: each modality has a common and a specific one."},
    {.key = "model.masks",
     .type = PLT_OPT_BOOL,
     .fallback = "true",
     .help = "false: codes are not masked, and the default procedure has no environments and masks."},
    {.key = "model.merge",
     .type = PLT_OPT_CHOICE,
     .fallback = "none",
     .choices = "none|average",
     .help = "Of the default procedure: whether users and items of the modalities' models become one. A procedure that "
             "is written out has the stage or has it not."},
};

static plt_status_t init(plt_m3_t *self, const plt_config_t *config, const plt_dataset_t *data) {
  if (data->n_features < 2)
    return plt_fail(PLT_ERR_USAGE,
                    "%s: model m3invrl is for two modalities or more, data.features names %zu; invrl takes one",
                    plt_config_origin(config, "model.name"), data->n_features);
  PLT_TRY(plt_ultra_init(&self->ultra, config, data));
  self->codes = (plt_codes_t){.modalities = data->n_features, .width = (uint32_t)plt_config_int(config, "model.width")};
  self->modality = self->ultra.base.place->modality;
  return PLT_OK;
}

/* Of two codes side by side of a modality: that of a mask [1, k (1 + M)], as a column. */
static plt_var_t mask_column(const plt_m3_t *self, const plt_nodes_t *nodes, size_t m) {
  size_t k = self->codes.width;
  const float *mask = plt_tape_value(nodes->tape, plt_nodes_table(nodes, self->mask));
  float *column = plt_tape_scratch(nodes->tape, 2 * k, 1);
  memcpy(column, mask, k * sizeof *column);
  memcpy(column + k, mask + (1 + m) * k, k * sizeof *column);
  return plt_tape_constant(nodes->tape, 2 * k, 1, column);
}

/* ---- encoders ---- */

static plt_status_t read_encoders(plt_m3_t *self, const plt_config_t *config) {
  const char *mi = plt_config_text(config, "mi");
  self->aligns = plt_config_bool(config, "alignment");
  self->a_con = (float)plt_config_real(config, "a_con");
  self->tau = (float)plt_config_real(config, "tau");
  self->a_mi = (float)plt_config_real(config, "a_mi");
  self->has_bound = strcmp(mi, "vclub") == 0;
  self->correlates = strcmp(mi, "cross_correlation") == 0;
  if (self->has_bound && self->codes.width % 2 != 0)
    return plt_fail(PLT_ERR_USAGE, "%s: model.width is %u: with mi vclub it is even",
                    plt_config_origin(config, "model.width"), self->codes.width);
  return PLT_OK;
}

static void add_bound(plt_m3_t *self, const plt_dataset_t *data) {
  static const char *const names[] = {"mi_mu1", "mi_mu2", "mi_lv1", "mi_lv2"};
  uint32_t k = self->codes.width;
  self->bound = self->ultra.base.n_tables;
  for (size_t m = 0; m < data->n_features; m++) {
    for (size_t n = 0; n < PLT_M3_BOUND_TABLES; n++) {
      bool is_first = n / 2 % 2 == 0, is_bias = n % 2 == 1;
      uint32_t inputs = is_first ? k : k / 2, outputs = is_first ? k / 2 : k;
      char name[PLT_TABLE_NAME_MAX];
      snprintf(name, sizeof name, "%s_%s", names[n / 2], is_bias ? "b" : "w");
      plt_init_t init = is_bias ? plt_init_zero() : plt_init_xavier_normal(inputs, outputs);
      plt_model_add_modality_table(&self->ultra.base, name, &data->features[m], PLT_ENTITY_DENSE, is_bias ? 1 : inputs,
                                   outputs, init)
          ->aux = true;
    }
  }
}

static plt_status_t init_encoders(plt_model_t *model, const plt_config_t *config, const plt_dataset_t *data) {
  plt_m3_t *self = (plt_m3_t *)model;
  PLT_TRY(init(self, config, data));
  PLT_TRY(read_encoders(self, config));
  self->ultra.features = plt_codes_cols(&self->codes);
  plt_ultra_add_tables(&self->ultra, data, "", "");
  plt_codes_add_tables(&self->codes, model, data, PLT_CODES_TRAINED);
  if (self->has_bound) add_bound(self, data);
  return PLT_OK;
}

/* Items by all codes, which go into `of`. */
static plt_var_t encode(const plt_m3_t *self, const plt_nodes_t *nodes, plt_code_t *of) {
  for (size_t m = 0; m < self->codes.modalities; m++) of[m] = plt_codes_encode(&self->codes, nodes, m);
  plt_var_t r = plt_codes_join(&self->codes, nodes->tape, of);
  return plt_ultra_items(nodes, r, plt_nodes_table(nodes, PLT_ULTRA_PROJ_W));
}

static plt_var_t items_of_encoders(const plt_model_t *self, const plt_nodes_t *nodes) {
  plt_code_t of[PLT_MODALITIES_MAX] = {{{0}, {0}}};
  return encode((const plt_m3_t *)self, nodes, of);
}

/* The distinct positive items of a leaf, as positions among its own; returns their number. */
static size_t find_positives(const plt_samples_t *samples, uint32_t **out) {
  const plt_nodes_t *items = &samples->nodes[PLT_SIDE_ITEM];
  uint32_t *is_positive = plt_tape_index(items->tape, items->n), *index = plt_tape_index(items->tape, items->n);
  size_t n = 0;
  memset(is_positive, 0, items->n * sizeof *is_positive);
  for (size_t s = 0; s < samples->n; s++) is_positive[samples->positive[s]] = 1;
  for (uint32_t i = 0; i < items->n; i++)
    if (is_positive[i]) index[n++] = i;
  *out = index;
  return n;
}

/* Modalities' common codes say the same of an item: contrast of each pair, both ways. */
static plt_var_t alignment(const plt_m3_t *self, plt_tape_t *t, const plt_code_t *of) {
  size_t n = self->codes.modalities;
  plt_var_t sum = {0};
  for (size_t a = 0; a < n; a++) {
    for (size_t b = a + 1; b < n; b++) {
      plt_var_t there = plt_loss_nce(t, of[a].common, of[b].common, self->tau);
      plt_var_t both = plt_op_add(t, there, plt_loss_nce(t, of[b].common, of[a].common, self->tau));
      sum = a == 0 && b == 1 ? both : plt_op_add(t, sum, both);
    }
  }
  return plt_op_scale(t, sum, 1 / (float)(n * (n - 1)));
}

/* Rows of mean square 1: no bound shrinks with them. */
static plt_var_t unit_rows(const plt_m3_t *self, plt_tape_t *t, plt_var_t x) {
  return plt_op_scale(t, plt_op_normalise(t, x), sqrtf((float)self->codes.width));
}

/* Which row each is held against; the same in all passes. */
static uint32_t draw_shift(const plt_draws_t *draws, size_t n) {
  if (draws->replayed >= 0) return (uint32_t)((uint64_t)draws->replayed % n);
  plt_rng_key_t key = plt_draws_key(draws, "shift");
  plt_rng_block_t block = plt_rng_draw(key, draws->leaf, 0, 0, 0);
  return 1 + plt_rng_below((uint64_t)block.word[0] << 32 | block.word[1], (uint32_t)(n - 1));
}

static plt_vclub_t bound_of(const plt_m3_t *self, const plt_nodes_t *nodes, size_t m) {
  plt_var_t table[PLT_M3_BOUND_TABLES];
  for (size_t i = 0; i < PLT_M3_BOUND_TABLES; i++)
    table[i] = plt_nodes_table(nodes, self->bound + m * PLT_M3_BOUND_TABLES + i);
  return (plt_vclub_t){table[0], table[1], table[2], table[3], table[4], table[5], table[6], table[7]};
}

/* What a modality's specific code says of its common one, for the encoders; and behind it, where a bound is learned
 * for that, a loss of value 0 whose derivative trains the bound. */
static plt_var_t dependence(const plt_m3_t *self, const plt_nodes_t *nodes, const plt_code_t *of, size_t m) {
  plt_tape_t *t = nodes->tape;
  plt_var_t c = unit_rows(self, t, of->common), s = unit_rows(self, t, of->specific);
  if (self->correlates) return plt_op_scale(t, plt_loss_cross_correlation(t, c, s), self->a_mi);
  plt_vclub_t q = bound_of(self, nodes, m);
  plt_var_t bound = plt_loss_vclub(t, c, s, &q, draw_shift(nodes->draws, plt_tape_rows(t, c)));
  plt_var_t fit = plt_loss_vclub_fit(t, c, s, &q);
  return plt_op_add(t, plt_op_scale(t, bound, self->a_mi), plt_op_sub(t, fit, plt_op_stop(t, fit)));
}

static plt_var_t loss_of_encoders(const plt_model_t *model, const plt_samples_t *samples) {
  const plt_m3_t *self = (const plt_m3_t *)model;
  const plt_nodes_t *nodes = &samples->nodes[PLT_SIDE_ITEM];
  plt_tape_t *t = nodes->tape;
  plt_code_t of[PLT_MODALITIES_MAX] = {{{0}, {0}}};
  uint32_t *positives;
  plt_var_t items = encode(self, nodes, of), users = plt_nodes_table(&samples->nodes[PLT_SIDE_USER], PLT_ULTRA_USER);
  plt_var_t loss = plt_ultra_loss_of(&self->ultra, samples, users, items);
  loss = plt_op_scale(t, loss, 1 / (float)samples->n);
  size_t n = find_positives(samples, &positives);
  if (n < 2) return loss;
  for (size_t m = 0; m < self->codes.modalities; m++)
    of[m] = (plt_code_t){plt_op_gather(t, of[m].common, positives, n), plt_op_gather(t, of[m].specific, positives, n)};
  if (self->aligns) loss = plt_op_add(t, loss, plt_op_scale(t, alignment(self, t, of), self->a_con));
  for (size_t m = 0; m < self->codes.modalities && (self->has_bound || self->correlates); m++)
    loss = plt_op_add(t, loss, dependence(self, nodes, &of[m], m));
  return loss;
}

/* ---- environments, mask: InvRL's, on r ---- */

static plt_status_t init_on_codes(plt_m3_t *self, const plt_config_t *config, const plt_dataset_t *data) {
  PLT_TRY(init(self, config, data));
  self->ultra.features = plt_codes_cols(&self->codes);
  self->ultra.codes = &self->codes;
  return PLT_OK;
}

static plt_status_t init_environment(plt_model_t *model, const plt_config_t *config, const plt_dataset_t *data) {
  plt_m3_t *self = (plt_m3_t *)model;
  PLT_TRY(init_on_codes(self, config, data));
  plt_environment_add_tables(&self->ultra, data);
  plt_codes_add_tables(&self->codes, model, data, PLT_CODES_FROZEN);
  return PLT_OK;
}

static plt_status_t init_mask(plt_model_t *model, const plt_config_t *config, const plt_dataset_t *data) {
  plt_m3_t *self = (plt_m3_t *)model;
  PLT_TRY(init_on_codes(self, config, data));
  plt_mask_add_tables(&self->ultra, data);
  plt_codes_add_tables(&self->codes, model, data, PLT_CODES_ASIDE);
  return PLT_OK;
}

/* ---- models: one modality's; merge: the same with users and items that all share ---- */

/* Of a stage that is run per modality: UltraGCN's tables with the modality's name. */
static plt_status_t init_of_modality(plt_m3_t *self, const plt_config_t *config, const plt_dataset_t *data) {
  char suffix[PLT_TABLE_NAME_MAX];
  PLT_TRY(init(self, config, data));
  self->ultra.features = 2 * (size_t)self->codes.width;
  snprintf(suffix, sizeof suffix, "_%s", data->features[self->modality].name);
  plt_ultra_add_tables(&self->ultra, data, "", suffix);
  return PLT_OK;
}

/* What is there from before: encoders, and the mask if a stage or init.from has one. */
static void add_codes(plt_m3_t *self, const plt_config_t *config, const plt_dataset_t *data) {
  plt_model_t *model = &self->ultra.base;
  const plt_model_place_t *place = model->place;
  plt_codes_add_tables(&self->codes, model, data, PLT_CODES_FROZEN);
  if (!plt_config_bool(config, "model.masks")) return;
  if (!plt_model_follows(model, "mask") && !place->has_initial(place->init_from, "mask")) return;
  self->has_mask = true;
  self->mask = model->n_tables;
  plt_model_table_t *mask =
      plt_model_add_table(model, "mask", PLT_ENTITY_DENSE, 1, plt_codes_cols(&self->codes), plt_init_zero());
  mask->frozen = mask->needed = true;
}

static plt_status_t init_model(plt_model_t *model, const plt_config_t *config, const plt_dataset_t *data) {
  plt_m3_t *self = (plt_m3_t *)model;
  PLT_TRY(init_of_modality(self, config, data));
  for (size_t t = 0; t < PLT_ULTRA_TABLES; t++) model->tables[t].fresh = true;
  model->tables[PLT_ULTRA_USER].born_as = "user"; /* alike for all modalities: a merge takes their mean */
  model->tables[PLT_ULTRA_ITEM].born_as = "item";
  add_codes(self, config, data);
  return PLT_OK;
}

/* Masked codes times w are codes times masked w. */
static plt_var_t masked(const plt_m3_t *self, const plt_nodes_t *nodes, size_t m, size_t table_w) {
  plt_var_t w = plt_nodes_table(nodes, table_w);
  return self->has_mask ? plt_op_mul(nodes->tape, w, mask_column(self, nodes, m)) : w;
}

static plt_var_t items_of_model(const plt_model_t *model, const plt_nodes_t *nodes) {
  const plt_m3_t *self = (const plt_m3_t *)model;
  plt_var_t w = masked(self, nodes, self->modality, PLT_ULTRA_PROJ_W);
  return plt_ultra_items(nodes, plt_codes_of(&self->codes, nodes, self->modality), w);
}

/* user, item or both of a modality, as they were trained, for the stage to read. */
static void add_parts(plt_m3_t *self, const plt_dataset_t *data) {
  plt_model_t *model = &self->ultra.base;
  self->parts = model->n_tables;
  for (size_t m = 0; m < data->n_features; m++) {
    const plt_feature_t *of = &data->features[m];
    plt_init_t zero = plt_init_zero();
    uint32_t d = self->ultra.dim, f = self->ultra.feat_dim;
    plt_model_table_t *user =
        plt_model_add_modality_table(model, "user", of, PLT_ENTITY_ASIDE, data->users, d + f, zero);
    user->frozen = user->needed = true;
    plt_model_table_t *item = plt_model_add_modality_table(model, "item", of, PLT_ENTITY_ASIDE, data->items, d, zero);
    item->frozen = item->needed = true;
  }
}

static plt_status_t init_merge(plt_model_t *model, const plt_config_t *config, const plt_dataset_t *data) {
  static const char *const names[] = {[PLT_ULTRA_USER] = "user", [PLT_ULTRA_ITEM] = "item"};
  plt_m3_t *self = (plt_m3_t *)model;
  PLT_TRY(init_of_modality(self, config, data));
  for (size_t t = 0; t < sizeof names / sizeof *names; t++) { /* the mean, which the first modality's stage takes */
    plt_model_table_t *table = &model->tables[t];
    snprintf(table->name, sizeof table->name, "%s", names[t]);
    table->frozen = true;
    table->decay = 0;
    table->init = plt_init_zero();
    table->fresh = table->written = self->modality == 0;
    table->needed = self->modality > 0;
  }
  model->tables[PLT_ULTRA_PROJ_W].needed = model->tables[PLT_ULTRA_PROJ_B].needed = true;
  add_codes(self, config, data);
  if (self->modality == 0) add_parts(self, data);
  return PLT_OK;
}

/* ---- fusion ---- */

/* Tables of what is fused: users and items, one of each or one per modality; then per modality proj_w, proj_b. */
static size_t user_at(const plt_m3_t *self, size_t m) { return self->is_merged ? 0 : 2 * m; }
static size_t item_at(const plt_m3_t *self, size_t m) { return user_at(self, m) + 1; }
static size_t proj_at(const plt_m3_t *self, size_t m) {
  return 2 * (self->is_merged ? 1 : self->codes.modalities) + 2 * m;
}

static void add_handed(plt_m3_t *self, const char *name, const plt_feature_t *of, plt_entity_t entity, uint64_t n,
                       uint32_t cols) {
  plt_model_t *model = &self->ultra.base;
  plt_model_table_t *table = of == NULL
                                 ? plt_model_add_table(model, name, entity, n, cols, plt_init_zero())
                                 : plt_model_add_modality_table(model, name, of, entity, n, cols, plt_init_zero());
  table->frozen = table->needed = true;
}

static plt_status_t init_fusion(plt_model_t *model, const plt_config_t *config, const plt_dataset_t *data) {
  plt_m3_t *self = (plt_m3_t *)model;
  PLT_TRY(init(self, config, data));
  uint32_t d = self->ultra.dim, f = self->ultra.feat_dim, modalities = (uint32_t)data->n_features;
  self->is_merged = plt_model_follows(model, "merge");
  self->learns = strcmp(plt_config_text(config, "fusion"), "learned") == 0;
  for (size_t m = 0; m < (self->is_merged ? 1 : data->n_features); m++) {
    const plt_feature_t *of = self->is_merged ? NULL : &data->features[m];
    add_handed(self, "user", of, PLT_ENTITY_USER, data->users, d + f);
    add_handed(self, "item", of, PLT_ENTITY_ITEM, data->items, d);
  }
  for (size_t m = 0; m < data->n_features; m++) {
    add_handed(self, "proj_w", &data->features[m], PLT_ENTITY_DENSE, 2 * (size_t)self->codes.width, f);
    add_handed(self, "proj_b", &data->features[m], PLT_ENTITY_DENSE, 1, f);
  }
  add_codes(self, config, data);
  self->weights = model->n_tables;
  plt_model_table_t *weights = plt_model_add_table(model, self->learns ? "fusion" : "fusion_weights", PLT_ENTITY_DENSE,
                                                   1, modalities, plt_init_zero());
  weights->fresh = true;
  weights->frozen = weights->written = !self->learns;
  model->score_cols = self->is_merged ? d + f : modalities * (d + f);
  return PLT_OK;
}

static plt_var_t weights_of(const plt_m3_t *self, const plt_nodes_t *nodes) {
  plt_var_t weights = plt_nodes_table(nodes, self->weights);
  return self->learns ? plt_op_softmax(nodes->tape, weights) : weights;
}

/* Weight m over `n` columns each, [1, M n]; or weight m alone, [1, n]. */
static plt_var_t spread_weights(const plt_m3_t *self, const plt_nodes_t *nodes, size_t first, size_t count, size_t n) {
  size_t modalities = self->codes.modalities, cols = count * n;
  float *ones = plt_tape_scratch(nodes->tape, modalities, cols);
  for (size_t m = 0; m < modalities; m++)
    for (size_t j = 0; j < cols; j++) ones[m * cols + j] = first + j / n == m ? 1.0f : 0.0f;
  return plt_op_matmul(nodes->tape, weights_of(self, nodes), plt_tape_constant(nodes->tape, modalities, cols, ones));
}

static plt_var_t users_of_fusion(const plt_model_t *model, const plt_nodes_t *nodes) {
  const plt_m3_t *self = (const plt_m3_t *)model;
  plt_var_t part[PLT_MODALITIES_MAX];
  size_t n = self->codes.modalities, cols = self->ultra.dim + self->ultra.feat_dim;
  if (self->is_merged) return plt_nodes_table(nodes, user_at(self, 0));
  for (size_t m = 0; m < n; m++) part[m] = plt_nodes_table(nodes, user_at(self, m));
  return plt_op_mul(nodes->tape, plt_op_concat(nodes->tape, part, n), spread_weights(self, nodes, 0, n, cols));
}

static plt_var_t items_of_fusion(const plt_model_t *model, const plt_nodes_t *nodes) {
  const plt_m3_t *self = (const plt_m3_t *)model;
  plt_tape_t *t = nodes->tape;
  plt_var_t part[2 * PLT_MODALITIES_MAX], sum = {0};
  for (size_t m = 0; m < self->codes.modalities; m++) {
    plt_var_t w = masked(self, nodes, m, proj_at(self, m));
    plt_var_t projected =
        plt_op_linear(t, plt_codes_of(&self->codes, nodes, m), w, plt_nodes_table(nodes, proj_at(self, m) + 1));
    if (!self->is_merged) {
      part[2 * m] = plt_nodes_table(nodes, item_at(self, m));
      part[2 * m + 1] = projected;
      continue;
    }
    projected = plt_op_mul(t, projected, spread_weights(self, nodes, m, 1, self->ultra.feat_dim));
    sum = m == 0 ? projected : plt_op_add(t, sum, projected);
  }
  if (!self->is_merged) return plt_op_concat(t, part, 2 * self->codes.modalities);
  return plt_op_concat(t, (plt_var_t[]){plt_nodes_table(nodes, item_at(self, 0)), sum}, 2);
}

static plt_var_t loss_of_fusion(const plt_model_t *self, const plt_samples_t *samples) {
  const plt_nodes_t *users = &samples->nodes[PLT_SIDE_USER], *items = &samples->nodes[PLT_SIDE_ITEM];
  plt_var_t i = items_of_fusion(self, items), u = users_of_fusion(self, users);
  plt_var_t loss = plt_ultra_loss_of((const plt_ultra_t *)self, samples, u, i);
  return plt_op_scale(users->tape, loss, 1 / (float)samples->n);
}

/* ---- the name ---- */

#define ABOUT                                                                                      \
  .name = "m3invrl", .summary = "codes that modalities share and codes of each, masked and fused", \
  .options = {"model m3invrl", rows, sizeof rows / sizeof *rows}, .uses_features = true
#define STAGE(init_, items_, loss_) \
  ABOUT, .size = sizeof(plt_m3_t), .init = init_, .clear = plt_ultra_clear, .items = items_, .loss = loss_

static const plt_model_ops_t encoders = {STAGE(init_encoders, items_of_encoders, loss_of_encoders),
                                         .loss_is_mean = true};
static const plt_model_ops_t environment = {STAGE(init_environment, plt_ultra_items_as_they_are, plt_environment_loss)};
static const plt_model_ops_t mask = {STAGE(init_mask, NULL, NULL)};
static const plt_model_ops_t models = {STAGE(init_model, items_of_model, plt_ultra_loss)};
static const plt_model_ops_t merge = {STAGE(init_merge, items_of_model, plt_ultra_loss)};
static const plt_model_ops_t fusion = {STAGE(init_fusion, items_of_fusion, loss_of_fusion), .users = users_of_fusion,
                                       .loss_is_mean = true};

static const plt_model_ops_t *of_stage(const char *kind) {
  static const struct {
    const char *kind;
    const plt_model_ops_t *ops;
  } all[] = {{"encoders", &encoders}, {"environments", &environment},
             {"mask", &mask},         {"models", &models},
             {"merge", &merge},       {"fusion", &fusion}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (strcmp(all[i].kind, kind) == 0) return all[i].ops;
  return NULL;
}

#define ENCODERS                                                                                    \
  "- {stage: encoders, alignment: true, a_con: 0.1, tau: 0.2, mi: vclub, a_mi: 0.01,\n"             \
  "   optimizer: {tables: {\"mi_*\": {lr: 0.001}}},\n"                                              \
  "   model: {wd_embedding: 2e-7, wd_item_factor: 1, wd_projection: 2e-5}, train: {epochs: 500},\n" \
  "   eval: {every: 5, metric: ndcg@10, patience: 12}}\n"
#define MASKS                                                                                                \
  "- repeat: 5\n"                                                                                            \
  "  stages:\n"                                                                                              \
  "  - {stage: environments, environments: 10, rounds: 10, stop_share: 0.01, labels: random, fresh: same,\n" \
  "     model: {wd_item_factor: 2, wd_projection: 0.01},\n"                                                  \
  "     optimizer: {tables: {env_user: {name: adagrad}, env_item: {name: adagrad}}}, train: {epochs: 20}}\n" \
  "  - {stage: mask, alpha: 1, lambda: 0.1, growth: 1.05, sigma: 0.01, model: {wd_projection: 0.01},\n"      \
  "     train: {epochs: 40}}\n"
#define MODELS                                                                                \
  "- {stage: models, model: {wd_item_factor: 2, wd_projection: 0.1}, train: {epochs: 500},\n" \
  "   eval: {every: 5, metric: ndcg@10, patience: 42}}\n"
#define MERGE "- {stage: merge, merge: average, model: {wd_item_factor: 2, wd_projection: 0.1}, train: {epochs: 5}}\n"
#define FUSION "- {stage: fusion, fusion: uniform, train: {epochs: 5}}\n"

static const char *procedure(const plt_config_t *written) {
  const char *masks = plt_config_written(written, "model.masks"), *merges = plt_config_written(written, "model.merge");
  bool has_masks = masks == NULL || strcmp(masks, "false") != 0;
  if (merges != NULL && strcmp(merges, "average") == 0)
    return has_masks ? ENCODERS MASKS MODELS MERGE FUSION : ENCODERS MODELS MERGE FUSION;
  return has_masks ? ENCODERS MASKS MODELS FUSION : ENCODERS MODELS FUSION;
}

const plt_model_ops_t plt_model_m3invrl = {ABOUT, .of_stage = of_stage, .procedure = procedure};
