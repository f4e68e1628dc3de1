/* robustness.h - what is left of the metrics when the features of items are disturbed (worker/data/disturbance.h).
 *
 *   clean outcome ─▶ [noise, replace] x amounts x seeds: features disturbed, ranked again ─▶ mean and deviation
 *
 * Ownership  the caller clears what was read.
 * Threads    measure: each worker with its session, all of them; the rest: any, nothing is shared.
 * Errors     read: PLT_ERR_USAGE. measure: those of worker/session/disturbed.h and of plt_evaluate().
 * Source     docs/flatness.md, "Features that change". */
#ifndef PLT_LAUNCH_TASKS_ROBUSTNESS_H
#define PLT_LAUNCH_TASKS_ROBUSTNESS_H

#include "launch/job/job.h"
#include "launch/tasks/outcome.h"
#include "worker/session/disturbed.h"

enum { PLT_ROBUSTNESS_MAX = 32 };

/* Mean and sample deviation over seeds, by part; index as in plt_metrics_t. */
typedef struct plt_disturbed_outcome {
  plt_disturb_kind_t kind;
  double amount;
  double mean[PLT_PARTS][PLT_METRIC_KINDS * PLT_TOPK_MAX], deviation[PLT_PARTS][PLT_METRIC_KINDS * PLT_TOPK_MAX];
} plt_disturbed_outcome_t;

typedef struct plt_robustness {
  bool *of;       /* [modalities]: which are disturbed */
  uint32_t seeds; /* 1 to this one */
  size_t n;       /* 0: nothing is to be measured */
  plt_disturbed_outcome_t at[PLT_ROBUSTNESS_MAX];
} plt_robustness_t;

/* Options evaluate.noise, .replace, .seeds and .modalities; the session's model must read features. */
plt_status_t plt_robustness_read(const plt_session_t *session, const plt_config_t *options, plt_robustness_t *out);
void plt_robustness_clear(plt_robustness_t *robustness);
/* Of the parts of the clean outcome. */
plt_status_t plt_robustness_measure(plt_session_t *session, bool quiet, const plt_outcome_t *clean,
                                    plt_robustness_t *robustness);
/* A table per part, of recall and NDCG at the K by which the best epoch is chosen: mean, deviation, and the share of
 * the clean figure that is left. */
void plt_robustness_print(FILE *out, const plt_plan_t *plan, const plt_outcome_t *clean,
                          const plt_robustness_t *robustness);
/* "robustness": {...}, into the object of an outcome. */
void plt_robustness_put(const plt_plan_t *plan, const plt_outcome_t *clean, const plt_robustness_t *robustness,
                        plt_json_t *object);

#endif
