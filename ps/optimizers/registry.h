/* registry.h - the optimizers there are (list.h), by name: for those who choose one. No optimizer knows of it.
 * Threads    read-only. */
#ifndef PLT_PS_OPTIMIZERS_REGISTRY_H
#define PLT_PS_OPTIMIZERS_REGISTRY_H

#include "ps/optimizers/optimizer.h"

/* NULL-terminated. */
extern const plt_optimizer_ops_t *const plt_optimizers[];
/* Of the i-th; NULL behind the last. */
const char *plt_optimizer_name(size_t i);
/* NULL: there is none of this name. */
const plt_optimizer_ops_t *plt_optimizer_find(const char *name);
/* Makes the optimizer that spec->optimizer names. PLT_ERR_USAGE: no such optimizer; else as plt_optimizer_make(). */
plt_status_t plt_optimizer_create(const plt_table_spec_t *spec, plt_optimizer_t **out);

#endif
