/* registry.c - see registry.h. */
#include "ps/optimizers/registry.h"

#include <string.h>

#include "ps/optimizers/list.h"

#define DECLARE(name) extern const plt_optimizer_ops_t plt_optimizer_##name;
PLT_OPTIMIZERS(DECLARE)
#define ENTRY(name) &plt_optimizer_##name,
const plt_optimizer_ops_t *const plt_optimizers[] = {PLT_OPTIMIZERS(ENTRY) NULL};

static const char *name_of(size_t i) { return plt_optimizers[i] == NULL ? NULL : plt_optimizers[i]->name; }

static const plt_option_t rows[] = {
    {.key = "optimizer.name",
     .type = PLT_OPT_CHOICE,
     .fallback = "adam",
     .choice_at = name_of,
     .aka = "learner|optim",
     .help = "How the servers update rows."},
};

const plt_option_table_t plt_optimizer_options = {"optimizer", rows, sizeof rows / sizeof *rows};

const plt_optimizer_ops_t *plt_optimizer_find(const char *name) {
  for (size_t i = 0; plt_optimizers[i] != NULL; i++)
    if (strcmp(plt_optimizers[i]->name, name) == 0) return plt_optimizers[i];
  return NULL;
}

plt_status_t plt_optimizer_specify(const plt_config_t *config, plt_table_spec_t *spec) {
  const plt_optimizer_ops_t *ops = plt_optimizer_find(plt_config_text(config, "optimizer.name"));
  plt_optimizer_t *trial;
  PLT_TRY(plt_optimizer_write(ops, config, spec));
  PLT_TRY(plt_optimizer_make(ops, spec, &trial));
  plt_optimizer_destroy(&trial);
  return PLT_OK;
}

plt_status_t plt_optimizer_create(const plt_table_spec_t *spec, plt_optimizer_t **out) {
  /* A frozen table takes assignments only and needs no state: the plainest optimizer stands in. */
  bool stands_in = spec->frozen && spec->optimizer[0] == '\0';
  const plt_optimizer_ops_t *ops = stands_in ? &plt_optimizer_sgd : plt_optimizer_find(spec->optimizer);
  if (ops == NULL)
    return plt_fail(PLT_ERR_USAGE, "table %s: there is no optimizer \"%s\"", spec->name, spec->optimizer);
  return plt_optimizer_make(ops, spec, out);
}
