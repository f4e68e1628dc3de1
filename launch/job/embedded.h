/* embedded.h - all roles of a job as threads of this process.
 *
 * The wire is inproc, or ipc in a private directory, or tcp on loopback: the same code at both ends in all cases.
 * Checkpoints and logs go to the plan's run directory, nowhere if it is NULL.
 *
 * Ownership  job, restore and context are borrowed; nothing outlives the call.
 * Threads    called by one, which waits; every role has one of its own. `work` is called in as many as there are
 *            workers, at the same time.
 * Errors     of several that fail the cause: of the servers those of plt_server_run(), of the workers those of
 *            `work` and of plt_session_run(). Before they start PLT_ERR_CREATE for a socket, PLT_ERR_MEMORY for a
 *            thread, those of plt_secret_create() and of the proxy (launch/fault/forward.h). */
#ifndef PLT_LAUNCH_JOB_EMBEDDED_H
#define PLT_LAUNCH_JOB_EMBEDDED_H

#include "launch/job/job.h"
#include "launch/job/restore.h"

/* Starts servers and workers on the tables of `restore`, has each worker do `work`, and waits for all; `context` is the
 * same for all of them. */
plt_status_t plt_embedded_run(const plt_job_t *job, const plt_restore_t *restore, plt_session_fn work, void *context);

#endif
