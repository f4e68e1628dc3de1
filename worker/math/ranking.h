/* ranking.h - full-ranking metrics from scores: top-k of all items with the training items masked.
 *
 * Recall, NDCG (binary gains, ideal over min(#positives, K)), Precision, MAP, Hit (one hit is enough) and MRR (of the
 * first hit) at each K, averaged over the users of a part who have training pairs; ties go to the smaller item id.
 * Threads    pure functions.
 * Source     docs/methods/evaluation.md 2; MMRec's evaluator with its faults mended. */
#ifndef PLT_WORKER_MATH_RANKING_H
#define PLT_WORKER_MATH_RANKING_H

#include <stddef.h>
#include <stdint.h>

enum { PLT_TOPK_MAX = 16, PLT_METRIC_KINDS = 6, PLT_METRIC_USUAL = 4 /* the first, which tables show */ };

/* "recall", "ndcg", "precision", "map", "hit", "mrr". */
extern const char *const plt_metric_names[PLT_METRIC_KINDS];
extern const char *const plt_metric_meanings[PLT_METRIC_KINDS]; /* one line each, of NAME@K */

typedef struct plt_topk {
  uint32_t k[PLT_TOPK_MAX]; /* ascending */
  size_t n;
} plt_topk_t;

/* Sums over users; index kind * topk.n + place of K. */
typedef struct plt_metric_sums {
  double value[PLT_METRIC_KINDS * PLT_TOPK_MAX];
  double users;
} plt_metric_sums_t;

typedef struct plt_ranked {
  float score;
  uint32_t item;
} plt_ranked_t;

/* The best k items by (score descending, id ascending) of those that were offered; NaN scores rank last. */
typedef struct plt_top {
  plt_ranked_t *best; /* [k], the owner's; the worst of them comes first until they are sorted */
  uint32_t k;
  size_t n; /* how many there are: 0 at the start */
} plt_top_t;
/* Offers the items [first, first + n), scores [n], without the `masked` (ascending ids, duplicates allowed), whose
 * scores are overwritten. */
void plt_top_offer(plt_top_t *top, float *scores, uint32_t first, uint32_t n, const uint32_t *masked, size_t n_masked);
/* The best first. Nothing can be offered any more. */
void plt_top_sort(plt_top_t *top);
/* Adds one user's metrics: the sorted best items against positives (ascending ids, duplicates count once). */
void plt_ranking_add(plt_metric_sums_t *sums, const plt_topk_t *topk, const plt_top_t *top, const uint32_t *positives,
                     size_t n_positives);
/* "recall", "Recall@20" -> its place in plt_metric_names, -1 if it is none. */
int plt_metric_kind(const char *name);
/* "recall@20" -> index into value, -1 if it is none of topk's. Upper case is as good as lower. */
int plt_metric_index(const plt_topk_t *topk, const char *name);
/* What others call it, "hr", "prec", "reciprocal_rank" with or without "@20": our name of the kind; NULL: none
 * known. */
const char *plt_metric_meant(const char *name);

#endif
