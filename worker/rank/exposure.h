/* exposure.h - what an evaluation says of the items beside its metrics: how popular those are that it shows, how many
 * are shown to anyone, and the metrics of popular and of rare items apart.
 *
 * An item's popularity is its degree in training, the users who have a training pair with it. Slices are cut so that
 * each has about a third of the training pairs: an item is in the head if the items more popular than it have less than
 * a third, in the tail if they have two thirds or more, else in the middle. Equally popular items are in one slice.
 * Across them stand the slices of cold items and of cold users, those with few training pairs (eval.cold).
 *
 *   create ─▶ for each part: begin, add (user by user, into the sums of its block), average, cover
 *
 * Ownership  the caller destroys it; it borrows the plan.
 * Threads    one owner.
 * Units      sums are numbers of whole users, added by anyone in any order of blocks that is always the same.
 * Errors     none.
 * Source     docs/methods/evaluation.md 5. */
#ifndef PLT_WORKER_RANK_EXPOSURE_H
#define PLT_WORKER_RANK_EXPOSURE_H

#include "common/io/json.h"
#include "worker/session/plan.h"

typedef enum {
  PLT_SLICE_HEAD,
  PLT_SLICE_MIDDLE,
  PLT_SLICE_TAIL,
  PLT_SLICE_THIRDS,
  PLT_SLICE_COLD_ITEMS = PLT_SLICE_THIRDS, /* across the thirds: at most plan.cold training pairs */
  PLT_SLICE_COLD_USERS,
  PLT_SLICES
} plt_slice_t;
extern const char *const plt_slice_names[PLT_SLICES]; /* "head", "middle", "tail", "cold_items", "cold_users" */

/* Metrics as if the part had only the pairs whose items, or whose users, are in the slice. */
typedef struct plt_slice_metrics {
  uint32_t items;                                /* of the slice; of cold users all */
  uint64_t pairs;                                /* of training */
  uint64_t users;                                /* ranked, with a pair of the part in the slice */
  double value[PLT_METRIC_KINDS * PLT_TOPK_MAX]; /* averages over them; index as in plt_metric_sums_t */
} plt_slice_metrics_t;

typedef struct plt_breakdown {
  double popularity[PLT_TOPK_MAX]; /* mean of the items shown at each K */
  double coverage[PLT_TOPK_MAX];   /* share of all items that are shown to at least one user */
  plt_slice_metrics_t slice[PLT_SLICES];
} plt_breakdown_t;

typedef struct plt_exposure plt_exposure_t;

plt_exposure_t *plt_exposure_create(const plt_plan_t *plan);
void plt_exposure_destroy(plt_exposure_t **exposure);
/* Numbers of a row of sums. */
size_t plt_exposure_width(const plt_exposure_t *exposure);
/* A part begins: no item has been shown. */
void plt_exposure_begin(plt_exposure_t *exposure);
/* Adds one user, as plt_ranking_add() does, to sums [width]. */
void plt_exposure_add(plt_exposure_t *exposure, uint32_t user, const plt_top_t *top, const uint32_t *positives,
                      size_t n_positives, double *sums);
/* All of `out` but coverage, from the sums of all users. */
void plt_exposure_average(const plt_exposure_t *exposure, const double *sums, plt_breakdown_t *out);

/* Coverage needs what all workers showed: marks of this one, to be added to those of the others. Free them. */
double *plt_exposure_marks(const plt_exposure_t *exposure, size_t *n);
void plt_exposure_cover(const plt_exposure_t *exposure, const double *marks, plt_breakdown_t *out);

/* "WHAT@5": value[0], ... into an object: a number for each cut-off. */
void plt_topk_put(const char *what, const double *value, const plt_topk_t *topk, plt_json_t *object);
/* "popularity@5": 31.5, ..., "coverage@5": 0.25, ... into an object; and "head": {"items": 12, ..., "recall@5": 0.25,
 * ...}, "middle" ... */
void plt_breakdown_put(const plt_breakdown_t *breakdown, const plt_topk_t *topk, plt_json_t *object);
void plt_slices_put(const plt_breakdown_t *breakdown, const plt_topk_t *topk, plt_json_t *object);

#endif
