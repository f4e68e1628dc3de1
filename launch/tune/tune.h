/* tune.h - a search from its plan to its table.
 *
 *   points ─▶ trials, on validation ─▶ [halving: the better ones, longer] ─▶ best of each strategy ─▶ all seeds
 *
 *   DIR/plan.json    what is searched: another plan is refused
 *   DIR/trials/      run directories, one a trial; what is there already is not done again
 *   DIR/logs/        what processes said; NAME.done and NAME.failed: search.c
 *   DIR/finals/      the best of each strategy with the further seeds
 *
 * Chosen is by the validation metric alone: trials rank no other part.
 * Ownership  the caller clears a tuning; it borrows space and sets.
 * Threads    the main thread; trials are processes (pool.h).
 * Errors     PLT_ERR_USAGE: another plan, a trial whose configuration is wrong, no validation part. PLT_ERR_DATA: of a
 *            strategy no trial has ended well. PLT_ERR_PEER: another process searches in DIR. The status of a process
 *            that was killed or stopped, or whose disk was full: when the others have ended. Those of pool.h, files
 *            and runs.
 * Source     docs/tune.md. */
#ifndef PLT_LAUNCH_TUNE_TUNE_H
#define PLT_LAUNCH_TUNE_TUNE_H

#include "launch/runs/run.h"
#include "launch/tune/space.h"

typedef struct plt_trial {
  const plt_arm_t *arm;
  uint32_t number;  /* within its arm */
  char *name, *dir; /* "bsam-3", its run directory */
  plt_sets_t point;
  bool goes_on; /* it is in the present round of halving */
  bool failed;  /* with an error of its own: a loss that is not finite, say */
  double value; /* the best validation value; NaN: none */
  double epochs;
} plt_trial_t;

typedef struct plt_tuning {
  const char *config, *dir;
  const plt_sets_t *sets; /* of the command line, for all trials */
  const plt_space_t *space;
  uint32_t epochs;  /* train.epochs of the configuration */
  uint32_t threads; /* of a trial; 0: as the configuration says */
  plt_trial_t *trial;
  size_t n;
  char *metric;          /* "recall@20" */
  plt_trial_t **best;    /* [arms] */
  plt_run_list_t finals; /* arm by arm, seed by seed */
  int lock;              /* of DIR, while trials run; -1: none */
} plt_tuning_t;

/* Lists the trials; DIR is made, or its plan is the same. */
plt_status_t plt_tuning_open(const char *config, const char *dir, const plt_sets_t *sets, const plt_space_t *space,
                             plt_tuning_t *out);
void plt_tuning_clear(plt_tuning_t *tuning);
/* One trial, the number-th of all; returns when it has ended. */
plt_status_t plt_tuning_one(plt_tuning_t *tuning, size_t number);
/* All that is left to do. */
plt_status_t plt_tuning_run(plt_tuning_t *tuning);
/* What trials are worth so far; nothing is run. */
void plt_tuning_look(plt_tuning_t *tuning);
/* The chosen point as people read it: "optimizer.lr 0.003, model.reg 0"; free it. */
char *plt_trial_describe(const plt_trial_t *trial);

#endif
