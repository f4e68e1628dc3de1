/* outcome.h - what the tables are worth: metrics of the validation, test and shift parts, and how people are told.
 *
 * Threads    evaluate: each worker with its session, all of them; printing: any, nothing is shared.
 * Errors     those of plt_evaluate() (worker/rank/evaluate.h).
 * Source     docs/methods/evaluation.md. */
#ifndef PLT_LAUNCH_TASKS_OUTCOME_H
#define PLT_LAUNCH_TASKS_OUTCOME_H

#include <stdio.h>

#include "worker/rank/evaluate.h"

typedef struct plt_outcome {
  bool parts[PLT_PARTS]; /* in: which to evaluate; out: those that have users */
  plt_metrics_t metrics[PLT_PARTS];
  plt_breakdown_t breakdowns[PLT_PARTS];
  double seconds;               /* that worker gave to all of it */
  bool shown[PLT_METRIC_KINDS]; /* in tables (eval.metrics) */
  plt_user_metrics_t *users;    /* in: [PLT_PARTS] of the caller, who clears them, or NULL: not asked for */
} plt_outcome_t;

/* Evaluates the session's tables. All workers call, with a name that is new in the session. quiet: people are not told
 * how far it is. */
plt_status_t plt_outcome_evaluate(plt_session_t *session, const char *name, bool quiet, plt_outcome_t *outcome);
/* The table of metrics: a row per metric and cut-off, a column per part, and what the shift leaves of test. Nothing
 * without parts. */
void plt_outcome_print(FILE *out, const plt_topk_t *topk, const plt_outcome_t *outcome);
/* A table for each part: its metrics on popular and on rare items, a column per slice. */
void plt_outcome_print_slices(FILE *out, const plt_topk_t *topk, const plt_outcome_t *outcome);
/* A line of names, then one per part and user: "test", the user, the metrics. */
void plt_outcome_print_users(FILE *out, const plt_topk_t *topk, const plt_outcome_t *outcome);
/* All of it, into an object. */
void plt_outcome_put(const plt_topk_t *topk, const plt_outcome_t *outcome, bool slices, plt_json_t *object);

#endif
