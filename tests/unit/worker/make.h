/* make.h - a model from lines of configuration, on data that a test invents. */
#ifndef PLT_TESTS_UNIT_WORKER_MAKE_H
#define PLT_TESTS_UNIT_WORKER_MAKE_H

#include <criterion/criterion.h>

#include "worker/kit/augment.h"
#include "worker/models/registry.h"

static inline void make_apply(plt_config_t *config, const plt_option_table_t *table) {
  cr_assert_eq(plt_config_apply(config, table), PLT_OK, "%s", plt_fail_text());
}

/* settings: NULL-terminated "key=value". */
static inline plt_status_t make_model(const char *const *settings, const plt_dataset_t *data, plt_model_t **out) {
  plt_config_t *config = plt_config_create();
  for (; *settings != NULL; settings++) cr_assert_eq(plt_config_set(config, *settings), PLT_OK);
  plt_status_t status = plt_config_apply(config, &plt_model_options);
  make_apply(config, &plt_augment_options);
  const char *name = status == PLT_OK ? plt_config_text(config, "model.name") : NULL;
  if (name != NULL) make_apply(config, &plt_model_find(name)->options);
  if (status == PLT_OK) status = plt_model_create(config, data, out);
  plt_config_destroy(&config);
  return status;
}

#define MAKE(out, data, ...) make_model((const char *const[]){__VA_ARGS__, NULL}, data, out)

#endif
