/* ranking.h - full-ranking metrics from scores: top-k of all items with the training items masked.
 *
 * Recall, NDCG (binary gains, ideal over min(#positives, K)), Precision, MAP at each K, averaged over the users
 * of a part who have training pairs; ties go to the smaller item id.
 * Threads    pure functions.
 * Source     METHODS 5; MMRec's evaluator with its faults mended. */
#ifndef PLT_WORKER_RANKING_H
#define PLT_WORKER_RANKING_H

#include <stddef.h>
#include <stdint.h>

enum { PLT_TOPK_MAX = 16, PLT_METRIC_KINDS = 4 };

/* "recall", "ndcg", "precision", "map". */
extern const char *const plt_metric_names[PLT_METRIC_KINDS];

typedef struct plt_topk {
  uint32_t k[PLT_TOPK_MAX]; /* ascending */
  size_t n;
} plt_topk_t;

/* Sums over users; index kind * topk.n + place of K. */
typedef struct plt_metric_sums {
  double value[PLT_METRIC_KINDS * PLT_TOPK_MAX];
  double users;
} plt_metric_sums_t;

/* The best `k` items by (score descending, id ascending), without the `masked` (ascending ids, duplicates
 * allowed); returns how many there are (less than k when few items are left). NaN scores rank last.
 * scores: [items], out: [k]. */
size_t plt_ranking_top(const float *scores, uint32_t items, const uint32_t *masked, size_t n_masked, uint32_t k,
                       uint32_t *out);
/* Adds one user's metrics: ranked[n_ranked] against positives (ascending ids, duplicates count once). */
void plt_ranking_add(plt_metric_sums_t *sums, const plt_topk_t *topk, const uint32_t *ranked, size_t n_ranked,
                     const uint32_t *positives, size_t n_positives);
/* "recall@20" -> index into value, -1 if it is none of topk's. */
int plt_metric_index(const plt_topk_t *topk, const char *name);

#endif
