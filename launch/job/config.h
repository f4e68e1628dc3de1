/* config.h - the whole configuration of a job: the launcher's own option tables and those of the chosen model,
 * strategy and optimizer, applied in order; and the keys that no module owns. */
#ifndef PLT_LAUNCH_JOB_CONFIG_H
#define PLT_LAUNCH_JOB_CONFIG_H

#include "common/options/options.h"

/* run, train, eval, init, cluster, checkpoint, steps (optimizer.lr and the like), optimizer, strategy, model, data. */
extern const plt_option_table_t *const plt_config_tables[]; /* NULL-terminated */
/* Every table of every model, strategy and optimizer, for --help and "did you mean". Free the array. */
const plt_option_table_t **plt_config_all_tables(size_t *n);

/* Reads `path`, then n `--set` assignments. PLT_ERR_USAGE with one line per fault. */
plt_status_t plt_config_load(const char *path, const char *const *sets, size_t n, plt_config_t **out);

#endif
