/* specs.h - tables as they are declared: their shapes and births from the model, their optimizers from the
 * configuration.
 *
 * Threads    one owner of what is written to; the rest is only read.
 * Errors     PLT_ERR_USAGE: settings out of range; names of tables that the model does not have. */
#ifndef PLT_LAUNCH_JOB_SPECS_H
#define PLT_LAUNCH_JOB_SPECS_H

#include "common/options/options.h"
#include "worker/session/procedure.h"

/* Fills stage->plan.specs, is_frozen and is_fresh from the configuration of the stage; the plan has model and seed. */
plt_status_t plt_specs_make(const plt_config_t *config, plt_stage_t *stage);
/* That each name in optimizer.tables of a configuration is one of a table of some of the stages. */
plt_status_t plt_specs_check_names(const plt_config_t *config, const plt_stage_t *stages, size_t n_stages);
/* Bytes that the servers hold of a table once all its rows are stored, with optimizer state. */
uint64_t plt_specs_bytes(const plt_table_spec_t *spec);

#endif
