/* registry.c - see registry.h. */
#include "ps/optimizers/registry.h"

#include <string.h>

#include "ps/optimizers/list.h"

#define DECLARE(name) extern const plt_optimizer_ops_t plt_optimizer_##name;
PLT_OPTIMIZERS(DECLARE)
#define ENTRY(name) &plt_optimizer_##name,
const plt_optimizer_ops_t *const plt_optimizers[] = {PLT_OPTIMIZERS(ENTRY) NULL};

const char *plt_optimizer_name(size_t i) { return plt_optimizers[i] == NULL ? NULL : plt_optimizers[i]->name; }

const plt_optimizer_ops_t *plt_optimizer_find(const char *name) {
  for (size_t i = 0; plt_optimizers[i] != NULL; i++)
    if (strcmp(plt_optimizers[i]->name, name) == 0) return plt_optimizers[i];
  return NULL;
}

plt_status_t plt_optimizer_create(const plt_table_spec_t *spec, plt_optimizer_t **out) {
  const plt_optimizer_ops_t *ops = plt_optimizer_find(spec->optimizer);
  if (ops == NULL)
    return plt_fail(PLT_ERR_USAGE, "table %s: there is no optimizer \"%s\"", spec->name, spec->optimizer);
  return plt_optimizer_make(ops, spec, out);
}
