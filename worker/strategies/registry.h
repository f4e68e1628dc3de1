/* registry.h - the strategies there are (list.h), by name: for those who choose one. No strategy knows of it.
 * Threads    read-only.
 * Errors     PLT_ERR_USAGE for names that there are not, and from a strategy's init. */
#ifndef PLT_WORKER_STRATEGIES_REGISTRY_H
#define PLT_WORKER_STRATEGIES_REGISTRY_H

#include "worker/strategies/strategy.h"

extern const plt_option_table_t plt_strategy_options;    /* strategy.name */
extern const plt_strategy_ops_t *const plt_strategies[]; /* NULL-terminated */
/* NULL: there is none of this name. */
const plt_strategy_ops_t *plt_strategy_find(const char *name);
/* The strategy that strategy.name says; the configuration has its option table applied. PLT_ERR_USAGE. */
plt_status_t plt_strategy_create(const plt_config_t *config, plt_strategy_t **out);

#endif
