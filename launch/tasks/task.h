/* task.h - what a job does with its tables: for the authors of tasks. The list of them is registry.h.
 *
 *   plateau train CONFIG      train ─▶ conclude       on the tables of the best epoch, or the last
 *   plateau NAME RUN          the task of that name, on a checkpoint of RUN
 *
 * All workers of a job run a task together, each in its session, as threads of one process or as processes under a
 * launcher: it cannot tell. A new one is a file of this folder and a row of list.h; its options make the command line
 * and the help of `plateau NAME`.
 *
 * Ownership  what a call points to is the caller's, and stays until run() returns.
 * Threads    a task is read-only; run() is called in every worker's own thread or process, at the same time.
 * Errors     run() returns any status with its text, PLT_ERR_PREEMPTED after a stop for which it made a checkpoint;
 *            a worker's failure is told to the others, and the job ends with it. */
#ifndef PLT_LAUNCH_TASKS_TASK_H
#define PLT_LAUNCH_TASKS_TASK_H

#include "launch/job/job.h"
#include "launch/job/restore.h"
#include "launch/job/sets.h"

/* What a task reports to whoever started the job, over the network if need be: how far training has come. */
typedef struct plt_standing {
  uint32_t epoch;
  uint64_t gradients; /* gradient evaluations, in batches */
  double seconds;     /* of training */
} plt_standing_t;

typedef struct plt_task plt_task_t;

/* One turn of a job: a task, and what it begins with. A job is one turn or several, each with servers of its own. */
typedef struct plt_turn {
  const plt_task_t *task;
  char start[PLT_CHECKPOINT_NAME_MAX]; /* the checkpoint: "best", "last", a clock; "": fresh tables */
  plt_standing_t before;               /* what the turn before reported; zeros in the first */
} plt_turn_t;

typedef struct plt_task_call {
  const plt_job_t *job;
  const plt_turn_t *turn;
  const plt_config_t *options; /* the task's own, with their values */
  bool quiet;                  /* no progress */
  plt_standing_t *end;         /* worker 0's to fill, if the task has anything to report */
} plt_task_call_t;

/* `plateau NAME RUN RUN ...`: one call after the other. */
typedef struct plt_several {
  const char *const *names; /* [n] of the runs, for files: the last parts of their paths, all different */
  size_t n, i;              /* call i of n */
} plt_several_t;

struct plt_task {
  const char *name;
  const char *summary; /* one line of `plateau --help`; NULL: no command of its own */
  const char *about;   /* a paragraph of `plateau NAME --help`; NULL: none */
  const char *example; /* arguments behind `plateau NAME` */
  /* Keys are NAME.option. One without a default must be given. */
  plt_option_table_t options;
  bool keeps; /* works on the run directory: logs, metrics.jsonl, checkpoints; others write nothing there */
  bool saves; /* makes checkpoints: a stop asks it for one, a restart goes on from the newest */
  /* The task that follows when this one ended well, on the best tables or the last; NULL: none. */
  const char *then;
  /* Adds to the options of a call what makes of several calls one; NULL: one run at a time. */
  plt_status_t (*several)(const plt_several_t *all, const plt_config_t *options, plt_sets_t *more);
  /* The same of a checkpoint that programs of others trained (`plateau serve`), where there is no job and no session;
   * called once, by one thread. NULL: the task needs a model. */
  plt_status_t (*served)(const plt_restore_t *restore, const plt_config_t *options);
  /* Called once by every worker at the same time; may block on the others. Worker 0 writes what people read. */
  plt_status_t (*run)(plt_session_t *session, const plt_task_call_t *call);
};

#endif
