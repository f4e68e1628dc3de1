/* registry.c - see registry.h. */
#include "worker/strategies/registry.h"

#include <string.h>

#include "common/mem.h"
#include "worker/strategies/list.h"

#define DECLARE(name) extern const plt_strategy_ops_t plt_strategy_##name;
PLT_STRATEGIES(DECLARE)
#define ENTRY(name) &plt_strategy_##name,
const plt_strategy_ops_t *const plt_strategies[] = {PLT_STRATEGIES(ENTRY) NULL};

static const char *name_of(size_t i) { return plt_strategies[i] == NULL ? NULL : plt_strategies[i]->name; }

static const plt_option_t rows[] = {
    {.key = "strategy.name",
     .type = PLT_OPT_CHOICE,
     .fallback = "plain",
     .choice_at = name_of,
     .help = "How the gradient that is pushed is made from a batch."},
};

const plt_option_table_t plt_strategy_options = {"strategy", rows, sizeof rows / sizeof *rows};

const plt_strategy_ops_t *plt_strategy_find(const char *name) {
  for (size_t i = 0; plt_strategies[i] != NULL; i++)
    if (strcmp(plt_strategies[i]->name, name) == 0) return plt_strategies[i];
  return NULL;
}

plt_status_t plt_strategy_create(const plt_config_t *config, plt_strategy_t **out) {
  const plt_strategy_ops_t *ops = plt_strategy_find(plt_config_text(config, "strategy.name"));
  plt_strategy_t *self = plt_mem_zalloc(1, ops->size > 0 ? ops->size : sizeof *self);
  self->ops = ops;
  plt_status_t status = ops->init == NULL ? PLT_OK : ops->init(self, config);
  if (status == PLT_OK)
    *out = self;
  else
    plt_strategy_destroy(&self);
  return status;
}
