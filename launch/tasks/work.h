/* work.h - what a job is started for: a task with its options on a run, turn by turn.
 *
 *   turn: train on the newest checkpoint ─▶ turn: conclude on the best one ─▶ over
 *
 * plt_work_here() does it with threads of this process, plt_cluster_lead() (launch/cluster) with the ranks of a
 * launcher.
 *
 * Ownership  work and turns borrow.
 * Threads    plt_turn_play() in every worker's own, at the same time; the others in one, the main thread.
 * Errors     next: PLT_ERR_CHECKPOINT, there is nothing to follow on. play: those of the task. plt_work_here():
 *            both, those of plt_task_options(), plt_restore_load() and plt_embedded_run(). */
#ifndef PLT_LAUNCH_TASKS_WORK_H
#define PLT_LAUNCH_TASKS_WORK_H

#include "launch/tasks/task.h"

typedef struct plt_work {
  const plt_task_t *task; /* of the first turn */
  const char *run_dir;
  const plt_restore_t *restore; /* what the first turn begins with; may be not given */
  const char *const *options;
  size_t n_options; /* of the first task, "name=text" */
  const char *const *sets;
  size_t n_sets; /* assignments on top of the run's configuration */
  bool quiet;    /* no progress */
} plt_work_t;

plt_turn_t plt_turn_first(const plt_work_t *work);
/* What follows a turn that ended well and reported `end`: *next, or *over when nothing does. */
plt_status_t plt_turn_next(const plt_turn_t *turn, const plt_standing_t *end, const char *run_dir, plt_turn_t *next,
                           bool *over);
/* plt_session_fn: this worker's part of a turn; call: plt_task_call_t. */
plt_status_t plt_turn_play(plt_session_t *session, void *call);

/* All turns. Ends at the first that fails. */
plt_status_t plt_work_here(const plt_job_t *job, const plt_work_t *work);

#endif
