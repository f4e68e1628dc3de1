/* config.h - the option tables of a job: the launcher's own, and those of models, strategies, optimizers and kinds of
 * stages. outline.h reads a configuration by them.
 *
 * Threads    any; the tables are read-only. */
#ifndef PLT_LAUNCH_JOB_CONFIG_H
#define PLT_LAUNCH_JOB_CONFIG_H

#include "common/options/options.h"

/* All are NULL-terminated. Of a configuration without a procedure: */
extern const plt_option_table_t *const plt_config_tables[];
/* Of one with a procedure: what is of the whole run, and what each stage has. */
extern const plt_option_table_t *const plt_config_run_tables[], *const plt_config_stage_tables[];
/* An entry of `procedure` that repeats stages. */
extern const plt_option_table_t plt_config_loop_table;
/* What a table may have otherwise than the rest (optimizer.tables), beside its optimizer's own. */
extern const plt_option_table_t *const plt_config_optimizer_tables[];

/* Every table of every model, strategy and optimizer, for help and "did you mean"; of_entries: also those of entries of
 * `procedure`, whose keys mean nothing elsewhere. Free the array. */
const plt_option_table_t **plt_config_all_tables(bool of_entries, size_t *n);

#endif
