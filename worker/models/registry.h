/* registry.h - the models there are (list.h), by name: for those who choose one. No model knows of it.
 * Threads    read-only.
 * Errors     PLT_ERR_USAGE for names that there are not, and from a model's init. */
#ifndef PLT_WORKER_MODELS_REGISTRY_H
#define PLT_WORKER_MODELS_REGISTRY_H

#include "worker/kit/model.h"

/* Rows model.name and model.dim. */
extern const plt_option_table_t plt_model_options;
/* NULL-terminated. */
extern const plt_model_ops_t *const plt_models[];
/* NULL: there is none of this name. */
const plt_model_ops_t *plt_model_find(const char *name);
/* The model that model.name says; the configuration has its option table applied. PLT_ERR_USAGE, PLT_ERR_DATA. */
plt_status_t plt_model_create(const plt_config_t *config, const plt_dataset_t *data, plt_model_t **out);
/* The same of a stage of a procedure; `place` need not stay. */
plt_status_t plt_model_create_at(const plt_config_t *config, const plt_dataset_t *data, const plt_model_place_t *place,
                                 plt_model_t **out);
void plt_model_destroy(plt_model_t **model);

#endif
