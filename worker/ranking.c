/* ranking.c - see ranking.h.
 *
 * plt_ranking_top scans the scores once with the k-th best so far as threshold; almost every score fails that one
 * comparison. The best so far are a heap of ids in `out` itself, its root the worst of them. Items come in ascending
 * order, so a later item with the root's score loses the tie: the comparison is strict. */
#include "worker/ranking.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { STRIDE = 16 }; /* scores compared at once: the compiler makes vector code of it */

const char *const plt_metric_names[PLT_METRIC_KINDS] = {"recall", "ndcg", "precision", "map"};

enum { RECALL, NDCG, PRECISION, MAP };

/* ---- the best k ---- */

static bool is_worse(const float *scores, uint32_t a, uint32_t b) {
  return scores[a] < scores[b] || (scores[a] == scores[b] && a > b);
}

/* Puts `id` at the root of heap[0..n) and restores the order: no child is worse than its parent. */
static void sift_down(const float *scores, uint32_t *heap, size_t n, uint32_t id) {
  size_t at = 0;
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= n) break;
    if (child + 1 < n && is_worse(scores, heap[child + 1], heap[child])) child++;
    if (!is_worse(scores, heap[child], id)) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = id;
}

static void sift_up(const float *scores, uint32_t *heap, size_t n, uint32_t id) {
  size_t at = n;
  while (at > 0 && is_worse(scores, id, heap[(at - 1) / 2])) {
    heap[at] = heap[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  heap[at] = id;
}

/* Offers the items [first, last) to the heap; returns its new size. */
static size_t offer_range(const float *scores, uint32_t first, uint32_t last, uint32_t k, uint32_t *heap, size_t n) {
  uint32_t i = first;
  for (; i < last && n < k; i++) {
    if (!isnan(scores[i])) sift_up(scores, heap, n++, i);
  }
  while (i < last) { /* the heap is full */
    float threshold = scores[heap[0]];
    if (last - i >= STRIDE) {
      int any = 0;
      for (uint32_t j = 0; j < STRIDE; j++) any |= scores[i + j] > threshold;
      if (!any) {
        i += STRIDE;
        continue;
      }
    }
    uint32_t end = last - i < STRIDE ? last : i + STRIDE;
    for (; i < end; i++) {
      if (scores[i] > scores[heap[0]]) sift_down(scores, heap, n, i);
    }
  }
  return n;
}

/* Appends the unmasked NaN items, ascending. */
static size_t append_nan(const float *scores, uint32_t items, const uint32_t *masked, size_t n_masked, uint32_t k,
                         uint32_t *out, size_t n) {
  size_t m = 0;
  for (uint32_t i = 0; i < items && n < k; i++) {
    while (m < n_masked && masked[m] < i) m++;
    if (isnan(scores[i]) && !(m < n_masked && masked[m] == i)) out[n++] = i;
  }
  return n;
}

size_t plt_ranking_top(const float *scores, uint32_t items, const uint32_t *masked, size_t n_masked, uint32_t k,
                       uint32_t *out) {
  if (k == 0) return 0;
  size_t n = 0;
  uint32_t first = 0;
  for (size_t m = 0; m < n_masked && masked[m] < items; m++) {
    n = offer_range(scores, first, masked[m], k, out, n);
    first = masked[m] + 1;
  }
  n = offer_range(scores, first, items, k, out, n);
  for (size_t left = n; left > 1; left--) { /* the worst goes to the end, the rest is a heap again */
    uint32_t worst = out[0];
    sift_down(scores, out, left - 1, out[left - 1]);
    out[left - 1] = worst;
  }
  return n < k ? append_nan(scores, items, masked, n_masked, k, out, n) : n;
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

void plt_ranking_add(plt_metric_sums_t *sums, const plt_topk_t *topk, const uint32_t *ranked, size_t n_ranked,
                     const uint32_t *positives, size_t n_positives) {
  size_t relevant = count_distinct(positives, n_positives);
  if (relevant == 0) return;
  double gain = 0, ideal = 0, precisions = 0; /* of the ranks so far; precisions: at the ranks of hits */
  size_t hits = 0, rank = 0;
  for (size_t place = 0; place < topk->n; place++) {
    for (; rank < topk->k[place]; rank++) {
      if (rank < relevant) ideal += discount(rank);
      if (rank >= n_ranked) continue;
      if (bsearch(&ranked[rank], positives, n_positives, sizeof *positives, compare_ids) == NULL) continue;
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
