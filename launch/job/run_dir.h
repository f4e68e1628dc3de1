/* run_dir.h - the run directory: chosen, made, kept from being overwritten, found again.
 *
 * Threads    the main thread: the lock is the process's, and held until it ends.
 * Errors     PLT_ERR_USAGE: it holds a run already, or none, or one of another configuration. PLT_ERR_CREATE,
 *            PLT_ERR_IO, PLT_ERR_SPACE of files (fileio.h); of lock, begin and go_on PLT_ERR_PEER, another job works
 *            there.
 * Source     docs/run-directory.md. */
#ifndef PLT_LAUNCH_JOB_RUN_DIR_H
#define PLT_LAUNCH_JOB_RUN_DIR_H

#include "launch/job/job.h"

/* "NAME" for "examples/NAME.yaml", what its runs are called by; free it. */
char *plt_run_dir_name(const char *config_path);
/* Makes runs/<name of config_path>-<time>, which no other job has, and sets run.dir to it when the configuration has
 * none; *made names it then (free it), else it is NULL. */
plt_status_t plt_run_dir_choose(plt_config_t *config, const char *config_path, char **made);
/* Takes such a directory away again, as long as nothing is in it. */
void plt_run_dir_abandon(const char *run_dir);
/* Makes run.dir with its logs/, keeps other jobs out of it as plt_run_dir_lock() does, writes config.yaml. Fails when
 * it holds a run: of jobs that begin at the same time one does. */
plt_status_t plt_run_dir_begin(const plt_config_t *config);
/* Whether run.dir holds a run to resume, one with a checkpoint. Then values that were worked out at its start
 * (micro_batch) are taken over; options that differ and must not are listed in the failure. Writes nothing. */
plt_status_t plt_run_dir_resume(plt_config_t *config, bool *resumed);
/* Keeps other jobs out of run.dir until the process ends, once its logs/ are there; before, nothing happens. A job that
 * is about to end is waited for. */
plt_status_t plt_run_dir_lock(const plt_config_t *config);
/* Whether a job has that lock now. Takes nothing. */
bool plt_run_dir_is_busy(const char *run_dir);
/* Goes on in run.dir, or, not `resumed`, begins anew over what a start without a checkpoint left; with the lock. */
plt_status_t plt_run_dir_go_on(const plt_config_t *config, bool resumed);
/* After a failure of a job that began here: what did not come so far as to train is no run, unless
 * its exit code is 75 and --resume goes on. Its logs stay. */
void plt_run_dir_withdraw(const char *run_dir, plt_status_t failure);
/* Whether `dir` is one of plateau serve: rows without a configuration. */
#define PLT_SERVED_FILE "serve.yaml"
bool plt_run_dir_is_served(const char *dir);
/* PLT_OK where a configuration is, whose path comes out; else what the directory is instead. */
plt_status_t plt_run_dir_find_config(const char *run_dir, char out[PLT_PATH_MAX]);
/* The configuration of a finished or running RUN, with assignments on top. */
plt_status_t plt_run_dir_config(const char *run_dir, const char *const *sets, size_t n, plt_config_t **out);

#endif
