/* embedded.h - all roles of a job as threads of this process.
 *
 * The wire is inproc, or ipc in a private directory, or tcp on loopback: the same code at both ends in all cases.
 * Checkpoints and logs go to the plan's run directory, nowhere if it is NULL. */
#ifndef PLT_LAUNCH_JOB_EMBEDDED_H
#define PLT_LAUNCH_JOB_EMBEDDED_H

#include "launch/job/job.h"
#include "launch/job/restore.h"

/* Starts servers and workers on the tables of `restore`, has each worker do `work`, and waits for all; `context` is the
 * same for all of them. When several roles fail, the status and text of the cause count. */
plt_status_t plt_embedded_run(const plt_job_t *job, const plt_restore_t *restore, plt_session_fn work, void *context);

#endif
