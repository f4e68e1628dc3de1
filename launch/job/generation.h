/* generation.h - one start of a job's servers and workers: what all of them agree on, and from it what each is told.
 *
 * The same for threads of one process (plt_embedded_run) and for processes under a launcher (launch/cluster), so
 * that a role cannot tell which it is.
 *
 * Ownership  the configurations borrow what they are made of.
 * Threads    any; a log is its thread's (log.h). */
#ifndef PLT_LAUNCH_JOB_GENERATION_H
#define PLT_LAUNCH_JOB_GENERATION_H

#include "launch/job/job.h"
#include "launch/job/restore.h"
#include "ps/server/server.h"

typedef struct plt_generation {
  uint64_t job;    /* the number of the job, random for each start by a person */
  uint32_t number; /* of the generation: counts the restarts */
  uint32_t servers, workers;
  bool alone;         /* ssp, asp (ps/server/server.h) */
  uint64_t staleness; /* the same */
  uint32_t threads;   /* of a server */
} plt_generation_t;

/* The first one of a job. */
plt_generation_t plt_generation_of(const plt_job_t *job);
/* For server `number`. run_dir: where checkpoints go; NULL: none are written. */
plt_server_config_t plt_generation_server(const plt_generation_t *generation, uint32_t number, const char *run_dir,
                                          const plt_restore_t *restore, uint64_t memory_bytes);
/* For worker `number`; addresses [servers] as seen from there. */
plt_client_config_t plt_generation_client(const plt_generation_t *generation, uint32_t number, const plt_job_t *job,
                                          const char *const *addresses);
/* This thread's log: run_dir/logs/<role>-<number>.txt; run_dir NULL: no file. What cannot be opened is done without. */
void plt_generation_log(const char *run_dir, const char *role, uint32_t number, bool speaks);

#endif
