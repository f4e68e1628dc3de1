/* warm_start.h - a new run that begins with the tables of another: init.from names a run, or one of its checkpoints.
 *
 *   init.from  RUN, RUN/checkpoints/best, last or a clock ─▶ RUN/checkpoints/<clock>, as config.yaml keeps it
 *   tables     by name; rows of users and items by number, and there may be more of them than there were
 *   optimizer  goes on where it is the same one (init.optimizer: continue), else it begins anew
 *   numbers    of users and items have to mean what they meant: where both runs have names for them, the older names
 *              must be the first of the newer (numbering.h)
 *
 * Ownership  a warm start owns its manifest; zeroed it is none.
 * Threads    one, before the job runs; read-only then.
 * Errors     find: PLT_ERR_DATA for what is not there, PLT_ERR_CHECKPOINT, PLT_ERR_IO. check: PLT_ERR_USAGE and
 *            PLT_ERR_DATA for tables, data and names that do not fit.
 * Source     docs/daily.md. */
#ifndef PLT_LAUNCH_JOB_WARM_START_H
#define PLT_LAUNCH_JOB_WARM_START_H

#include "launch/job/restore.h"
#include "worker/session/plan.h"

typedef struct plt_warm_start {
  plt_restore_t restore; /* given: init.from is a run */
  char run_dir[PLT_PATH_MAX];
  plt_warm_tables_t tables;
} plt_warm_start_t;

struct plt_job;

/* begins: of a run that begins: init.from is resolved in the configuration, and the checkpoint's hashes are verified.
 * Else, for the processes of a run that has begun, what cannot be read is no warm start: only its first generation
 * needs it, and meets the same fault. */
plt_status_t plt_warm_start_find(plt_config_t *config, bool begins, plt_warm_start_t *out);
void plt_warm_start_clear(plt_warm_start_t *warm);
/* Whether the job's tables can go on with these. */
plt_status_t plt_warm_start_check(const struct plt_job *job);
/* What begins with what; nothing where there is no warm start. */
void plt_warm_start_say(const struct plt_job *job);
/* For a run that is looked at with data that have grown: whether its checkpoint's tables differ from the job's in rows
 * of users and items alone. Says what is new, and what the model knows of it. */
plt_status_t plt_warm_start_check_grown(const struct plt_job *job, const char *run_dir, const plt_restore_t *restore);

#endif
