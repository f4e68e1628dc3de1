/* outcome.h - evaluating a run's chosen tables (best, else last) and telling a person the result. */
#ifndef PLT_LAUNCH_JOB_OUTCOME_H
#define PLT_LAUNCH_JOB_OUTCOME_H

#include <stdio.h>

#include "launch/job/job.h"
#include "worker/rank/evaluate.h"
#include "worker/train/journal.h"

typedef struct plt_outcome {
  bool parts[PLT_PARTS]; /* in: which to evaluate; out: those that have users */
  plt_metrics_t metrics[PLT_PARTS];
  plt_progress_t progress; /* of the checkpoint */
  uint64_t clock;
} plt_outcome_t;

/* Finds the checkpoint `choice` ("best", "last", or NULL: best if there is one, else last) of a run. */
plt_status_t plt_outcome_choose(const char *run_dir, const char *choice, plt_restore_t *restore, bool *is_best);
void plt_restore_clear(plt_restore_t *restore);
/* Evaluates the tables of a checkpoint in servers of their own. */
plt_status_t plt_outcome_evaluate(const plt_job_t *job, const plt_restore_t *restore, plt_outcome_t *outcome);
/* The table of metrics: a row per metric and cut-off, a column per part. */
void plt_outcome_print(FILE *out, const plt_topk_t *topk, const plt_outcome_t *outcome);

/* The end of a training run: the journal's last events and, on standard output, the table and where the run lies.
 * end: where training stopped. */
plt_status_t plt_outcome_conclude(const plt_job_t *job, plt_journal_t *journal, bool is_best, const plt_progress_t *end,
                                  const plt_outcome_t *outcome);
/* The answer of `plateau evaluate` on standard output. */
void plt_outcome_tell(const plt_topk_t *topk, const plt_outcome_t *outcome, bool json);

#endif
