/* plan.h - from a configuration to a plan: numbers alone, before any data is opened.
 *
 * What is worked out (micro_batch, staleness) goes back into the configuration, and so into the run's config.yaml.
 * Threads    one owner of the configuration, which is written to, and of the plan.
 * Errors     PLT_ERR_USAGE. */
#ifndef PLT_LAUNCH_JOB_PLAN_H
#define PLT_LAUNCH_JOB_PLAN_H

#include "common/options/options.h"
#include "worker/session/plan.h"

/* What is of the whole run: cluster, checkpoints, seed. */
plt_status_t plt_plan_read_run(plt_config_t *config, plt_plan_t *plan);
/* What is of a stage, into a plan that has what is of the run. before: that of the stage before, whose notes are not
 * said again; NULL: there is none. */
plt_status_t plt_plan_read_stage(plt_config_t *config, const plt_plan_t *before, plt_plan_t *plan);

#endif
