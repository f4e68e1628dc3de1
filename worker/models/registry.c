/* registry.c - see registry.h. */
#include "worker/models/registry.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "worker/kit/augment.h"
#include "worker/models/list.h"

#define DECLARE(name) extern const plt_model_ops_t plt_model_##name;
PLT_MODELS(DECLARE)
#define ENTRY(name) &plt_model_##name,
const plt_model_ops_t *const plt_models[] = {PLT_MODELS(ENTRY) NULL};

static const char *name_of(size_t i) { return plt_models[i] == NULL ? NULL : plt_models[i]->name; }

static const plt_option_t rows[] = {
    {.key = "model.name", .type = PLT_OPT_CHOICE, .choice_at = name_of, .help = "The recommender to train."},
    {.key = "model.dim",
     .type = PLT_OPT_INT,
     .fallback = "64",
     .min = 1,
     .max = 4096,
     .aka = "embedding_size|embedding_dim|embed_dim|latent_dim|factors|hidden_dim",
     .help = "Columns of the embeddings of users and items."},
    {.key = "model.amr_weight",
     .type = PLT_OPT_REAL,
     .fallback = "0",
     .min = 0,
     .max = INFINITY,
     .help = "Adversarial training (AMR): weight of the ranking loss at disturbed features, 0: none. Models that read "
             "features as they are given; m3invrl's encoders."},
    {.key = "model.amr_eps",
     .type = PLT_OPT_REAL,
     .fallback = "0.1",
     .min = 0,
     .max = INFINITY,
     .help = "Length of the disturbance of an item's features, over all modalities; for those that a model brings to "
             "length 1, of these."},
    {.key = "model.projection",
     .type = PLT_OPT_CHOICE,
     .fallback = "f32",
     .choices = "f32|bf16",
     .help =
         "How features are multiplied in training: as they are, or with both factors rounded to bfloat16 and float32 "
         "sums, several times as fast on processors with AMX; others refuse it. Rankings are f32's."},
};

const plt_option_table_t plt_model_options = {"model", rows, sizeof rows / sizeof *rows};

const plt_model_ops_t *plt_model_find(const char *name) {
  for (size_t i = 0; plt_models[i] != NULL; i++)
    if (strcmp(plt_models[i]->name, name) == 0) return plt_models[i];
  return NULL;
}

/* model.amr_*. */
static plt_status_t read_adversary(const plt_config_t *config, plt_model_t *model) {
  static const char key[] = "model.amr_weight";
  model->amr_eps = (float)plt_config_real(config, "model.amr_eps");
  model->amr_weight = (float)plt_config_real(config, key);
  if (model->amr_weight == 0) return PLT_OK;
  return plt_model_check_given_features(config, model, key, "disturbs", " that could be disturbed");
}

/* model.projection. */
static plt_status_t read_projection(const plt_config_t *config, plt_model_t *model) {
  static const char key[] = "model.projection";
  model->narrow = strcmp(plt_config_text(config, key), "bf16") == 0;
  if (!model->narrow) return PLT_OK;
  if (model->amr_weight > 0)
    return plt_fail(PLT_ERR_USAGE,
                    "%s: %s bf16 multiplies features as they are, and model.amr_weight disturbs them: one of "
                    "the two",
                    plt_config_origin(config, key), key);
  return plt_model_check_given_features(config, model, key, "multiplies", " that could be multiplied");
}

static plt_status_t refuse_featureless(const char *name) {
  char *others = plt_mem_strdup("");
  for (size_t i = 0; plt_models[i] != NULL; i++) {
    if (plt_models[i]->uses_features) continue;
    others = plt_mem_append(others, others[0] == '\0' ? "" : ", ", plt_models[i]->name);
  }
  plt_fail(PLT_ERR_USAGE,
           "model %s needs item features: name their files in data.features (NAME_feat.npy of the data folder); models "
           "without: %s",
           name, others);
  free(others);
  return PLT_ERR_USAGE;
}

/* Tables are known by their names, which hold those of modalities as far as there is room. */
static plt_status_t check_names(const plt_model_t *model) {
  for (size_t t = 0; t < model->n_tables; t++)
    for (size_t other = 0; other < t; other++)
      if (strcmp(model->tables[t].name, model->tables[other].name) == 0)
        return plt_fail(PLT_ERR_USAGE,
                        "model %s would have two tables %s: give feature files names that differ sooner, at most %d "
                        "bytes are kept",
                        model->ops->name, model->tables[t].name, PLT_TABLE_NAME_MAX - 1);
  return PLT_OK;
}

/* What init has filled, as others may rely on it. */
static plt_status_t check(plt_model_t *model) {
  if (model->n_tables > PLT_MODEL_TABLES_MAX)
    return plt_fail(PLT_ERR_USAGE, "model %s has %zu tables with so many layers and modalities, more than %d",
                    model->ops->name, model->n_tables, PLT_MODEL_TABLES_MAX);
  PLT_TRY(check_names(model));
  return plt_programme_settle(&model->programme);
}

plt_status_t plt_model_create(const plt_config_t *config, const plt_dataset_t *data, plt_model_t **out) {
  return plt_model_create_at(config, data, &(plt_model_place_t){0}, out);
}

plt_status_t plt_model_create_at(const plt_config_t *config, const plt_dataset_t *data, const plt_model_place_t *place,
                                 plt_model_t **out) {
  PLT_TRY(plt_config_require(config, "model.name"));
  const char *name = plt_config_text(config, "model.name");
  const plt_model_ops_t *ops = plt_model_find(name);
  if (ops->of_stage != NULL) {
    const char *kind = plt_config_knows(config, "stage") ? plt_config_text(config, "stage") : "train";
    ops = ops->of_stage(kind);
    if (ops == NULL) return plt_fail(PLT_ERR_USAGE, "model %s has no stage of the kind %s", name, kind);
  }
  if (ops->uses_features && data->n_features == 0) return refuse_featureless(name);
  plt_model_t *model = plt_mem_zalloc(1, ops->size);
  model->ops = ops;
  model->place = place;
  plt_status_t status = read_adversary(config, model);
  if (status == PLT_OK) status = read_projection(config, model);
  if (status == PLT_OK) status = ops->init(model, config, data);
  model->place = NULL;
  if (model->reads_codes) model->amr_weight = 0;
  if (status == PLT_OK) status = plt_augment_read(config, model);
  if (status == PLT_OK) status = check(model);
  if (status == PLT_OK)
    *out = model;
  else
    plt_model_destroy(&model);
  return status;
}

void plt_model_destroy(plt_model_t **model) {
  if (*model == NULL) return;
  if ((*model)->ops->clear != NULL) (*model)->ops->clear(*model);
  free(*model);
  *model = NULL;
}
