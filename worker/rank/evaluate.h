/* evaluate.h - full-ranking evaluation shared by the workers.
 *
 * Block b of 256 users belongs to worker b mod W. Every worker sends one row of sums per block of its own and zeros
 * for the others', and all add the blocks in their order: the metrics have the same bits for every W.
 * Threads    each worker calls with its session, all of them, in the same order among their calls.
 * Errors     those of the client (worker/client/client.h).
 * Source     docs/methods/evaluation.md. */
#ifndef PLT_WORKER_RANK_EVALUATE_H
#define PLT_WORKER_RANK_EVALUATE_H

#include "worker/rank/exposure.h"
#include "worker/session/session.h"

typedef struct plt_metrics {
  double value[PLT_METRIC_KINDS * PLT_TOPK_MAX]; /* averages; index as in plt_metric_sums_t */
  uint64_t users;                                /* ranked: those of the part who have training pairs */
  uint64_t of_users;                             /* of so many, where the plan says eval_users; else the same */
} plt_metrics_t;
/* "users": 120, "recall@5": 0.25, ... into an object. */
void plt_metrics_put(const plt_metrics_t *metrics, const plt_topk_t *topk, plt_json_t *object);

/* How far a ranking of users is, for people: `done` of `users` of a part (PLT_PARTS: of no part) are ranked, or as much
 * of all of them. 0: it begins. */
typedef struct plt_eval_watch {
  void (*tell)(void *context, plt_part_t part, uint64_t done, uint64_t users);
  void *context;
} plt_eval_watch_t;

/* Metrics of the wanted parts (PLT_PART_VALID, PLT_PART_TEST, PLT_PART_SHIFT) into out[part]. All workers call, with a
 * `name` that was not used before. A part without users gives zeros. watch: told now and then by the worker that gives
 * one; or NULL. */
plt_status_t plt_evaluate(plt_session_t *session, const char *name, const bool wanted[PLT_PARTS],
                          const plt_eval_watch_t *watch, plt_metrics_t out[PLT_PARTS]);

/* What the means of a part are of: the users who were ranked, and each one's metrics. */
typedef struct plt_user_metrics {
  uint32_t *user; /* [n], ascending */
  double *value;  /* [n, PLT_METRIC_KINDS * topk.n], as in plt_metrics_t */
  size_t n;
} plt_user_metrics_t;
void plt_user_metrics_clear(plt_user_metrics_t *users);

/* The same, and a breakdown of each; in worker 0 also users [PLT_PARTS], which the caller clears, unless it is NULL in
 * all workers. */
plt_status_t plt_evaluate_in_full(plt_session_t *session, const char *name, const bool wanted[PLT_PARTS],
                                  const plt_eval_watch_t *watch, plt_metrics_t out[PLT_PARTS],
                                  plt_breakdown_t breakdowns[PLT_PARTS], plt_user_metrics_t *users);

/* What the shift leaves of a metric of the test part: their quotient, not finite where test has 0. */
double plt_metrics_kept(const plt_metrics_t *test, const plt_metrics_t *shift, size_t metric);
/* "recall@5": 0.5, ... into an object; null where test has 0. */
void plt_kept_put(const plt_metrics_t *test, const plt_metrics_t *shift, const plt_topk_t *topk, plt_json_t *object);

#endif
