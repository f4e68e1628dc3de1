/* ranking.c - see ranking.h.
 *
 * An offer scans the scores once with the k-th best so far as threshold; almost every score fails that one
 * comparison. The best so far are a heap, its root the worst of them. Items come in ascending order, so a later item
 * with the root's score loses the tie: the comparison is strict. */
#include "worker/math/ranking.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { STRIDE = 16 }; /* scores compared at once: the compiler makes vector code of it */

const char *const plt_metric_names[PLT_METRIC_KINDS] = {"recall", "ndcg", "precision", "map"};

enum { RECALL, NDCG, PRECISION, MAP };

/* ---- the best k ---- */

static bool is_worse(plt_ranked_t a, plt_ranked_t b) {
  if (a.score < b.score) return true;
  if (a.score > b.score) return false;
  if (isnan(a.score) != isnan(b.score)) return isnan(a.score);
  return a.item > b.item;
}

/* Puts `ranked` at the root of heap[0..n) and restores the order: no child is worse than its parent. */
static void sift_down(plt_ranked_t *heap, size_t n, plt_ranked_t ranked) {
  size_t at = 0;
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= n) break;
    if (child + 1 < n && is_worse(heap[child + 1], heap[child])) child++;
    if (!is_worse(heap[child], ranked)) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = ranked;
}

static void sift_up(plt_ranked_t *heap, size_t n, plt_ranked_t ranked) {
  size_t at = n;
  while (at > 0 && is_worse(ranked, heap[(at - 1) / 2])) {
    heap[at] = heap[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  heap[at] = ranked;
}

/* Offers n items without a mask. */
static void offer_range(plt_top_t *top, const float *scores, uint32_t first, uint32_t n) {
  plt_ranked_t *heap = top->best;
  uint32_t i = 0;
  for (; i < n && top->n < top->k; i++) sift_up(heap, top->n++, (plt_ranked_t){scores[i], first + i});
  for (; i < n && isnan(heap[0].score); i++) /* until every score in the heap can be compared */
    if (!isnan(scores[i])) sift_down(heap, top->n, (plt_ranked_t){scores[i], first + i});
  while (i < n) {
    float threshold = heap[0].score;
    if (n - i >= STRIDE) {
      int any = 0;
      for (uint32_t j = 0; j < STRIDE; j++) any |= scores[i + j] > threshold;
      if (!any) {
        i += STRIDE;
        continue;
      }
    }
    uint32_t end = n - i < STRIDE ? n : i + STRIDE;
    for (; i < end; i++) {
      if (scores[i] > heap[0].score) sift_down(heap, top->n, (plt_ranked_t){scores[i], first + i});
    }
  }
}

/* The first place in ascending ids [n] that is not below `id`. */
static size_t lower_bound(const uint32_t *ids, size_t n, uint32_t id) {
  size_t low = 0, high = n;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (ids[middle] < id)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

void plt_top_offer(plt_top_t *top, const float *scores, uint32_t first, uint32_t n, const uint32_t *masked,
                   size_t n_masked) {
  uint32_t at = 0;
  if (top->k == 0) return;
  for (size_t m = lower_bound(masked, n_masked, first); m < n_masked && masked[m] - first < n; m++) {
    uint32_t hole = masked[m] - first;
    if (hole < at) continue; /* a duplicate */
    offer_range(top, scores + at, first + at, hole - at);
    at = hole + 1;
  }
  offer_range(top, scores + at, first + at, n - at);
}

void plt_top_sort(plt_top_t *top) {
  for (size_t left = top->n; left > 1; left--) { /* the worst goes to the end, the rest is a heap again */
    plt_ranked_t worst = top->best[0];
    sift_down(top->best, left - 1, top->best[left - 1]);
    top->best[left - 1] = worst;
  }
}

/* ---- metrics ---- */

static size_t count_distinct(const uint32_t *ascending, size_t n) {
  size_t distinct = 0;
  for (size_t i = 0; i < n; i++) distinct += i == 0 || ascending[i] != ascending[i - 1];
  return distinct;
}

static int compare_ids(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static double discount(size_t rank) { return 1 / log2((double)rank + 2); } /* rank from 0 */

void plt_ranking_add(plt_metric_sums_t *sums, const plt_topk_t *topk, const plt_top_t *top, const uint32_t *positives,
                     size_t n_positives) {
  size_t relevant = count_distinct(positives, n_positives);
  if (relevant == 0) return;
  double gain = 0, ideal = 0, precisions = 0; /* of the ranks so far; precisions: at the ranks of hits */
  size_t hits = 0, rank = 0;
  for (size_t place = 0; place < topk->n; place++) {
    for (; rank < topk->k[place]; rank++) {
      if (rank < relevant) ideal += discount(rank);
      if (rank >= top->n) continue;
      if (bsearch(&top->best[rank].item, positives, n_positives, sizeof *positives, compare_ids) == NULL) continue;
      hits++;
      gain += discount(rank);
      precisions += (double)hits / (double)(rank + 1);
    }
    double k = topk->k[place], attainable = relevant < topk->k[place] ? (double)relevant : k;
    sums->value[RECALL * topk->n + place] += (double)hits / (double)relevant;
    sums->value[NDCG * topk->n + place] += gain / ideal;
    sums->value[PRECISION * topk->n + place] += (double)hits / k;
    sums->value[MAP * topk->n + place] += precisions / attainable;
  }
  sums->users += 1;
}

int plt_metric_index(const plt_topk_t *topk, const char *name) {
  const char *at = strchr(name, '@');
  if (at == NULL || at[1] < '1' || at[1] > '9') return -1;
  char *end;
  unsigned long k = strtoul(at + 1, &end, 10);
  if (*end != '\0') return -1;
  for (size_t kind = 0; kind < PLT_METRIC_KINDS; kind++) {
    const char *known = plt_metric_names[kind];
    if (strlen(known) != (size_t)(at - name) || strncmp(known, name, (size_t)(at - name)) != 0) continue;
    for (size_t place = 0; place < topk->n; place++) {
      if (topk->k[place] == k) return (int)(kind * topk->n + place);
    }
  }
  return -1;
}
