/* registry.h - the optimizers there are (list.h), by name, and how one is chosen: in a configuration by
 * optimizer.name, for a table by its spec. No optimizer knows of it.
 * Threads    read-only.
 * Errors     PLT_ERR_USAGE. */
#ifndef PLT_PS_OPTIMIZERS_REGISTRY_H
#define PLT_PS_OPTIMIZERS_REGISTRY_H

#include "ps/optimizers/optimizer.h"

/* Row optimizer.name. */
extern const plt_option_table_t plt_optimizer_options;
/* NULL-terminated. */
extern const plt_optimizer_ops_t *const plt_optimizers[];
/* NULL: there is none of this name. */
const plt_optimizer_ops_t *plt_optimizer_find(const char *name);
/* Fills spec->optimizer and spec->settings; the configuration has plt_optimizer_options, plt_optimizer_common and
 * the optimizer's own table applied. PLT_ERR_USAGE: what a server would say of it, before and once. */
plt_status_t plt_optimizer_specify(const plt_config_t *config, plt_table_spec_t *spec);
/* The optimizer of a table; a frozen one need not name any. PLT_ERR_USAGE: there is none of this name, or a setting
 * that it does not have or that is out of its range. */
plt_status_t plt_optimizer_create(const plt_table_spec_t *spec, plt_optimizer_t **out);

#endif
