/* ranking.c - see ranking.h.
 *
 * The best so far are a heap, its root the worst of them: what is below the root needs no look. A piece of scores is
 * looked at through the largest of every 16, which vector code finds fast. For the first piece these largest also tell
 * where to begin: k of them are scores, so the k-th largest of them is one that the k best reach. Bisection finds a
 * number not far below, and a few more than k scores of thousands reach it. They are sorted, worst first, which is a
 * heap, too; where no other piece follows they are in order already. */
#include "worker/math/ranking.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/vector.h"
#include "worker/math/distinct.h"

enum {
  LANES = 16,   /* scores compared at once: the compiler makes vector code of it */
  RUN = 256,    /* scores of LANES maxima, each of every LANES-th score */
  PIECE = 8192, /* scores whose maxima are looked at together */
  SORTED = 128  /* scores that are sorted by insertion at most */
};

const char *const plt_metric_names[PLT_METRIC_KINDS] = {"recall", "ndcg", "precision", "map", "hit", "mrr"};
const char *const plt_metric_meanings[PLT_METRIC_KINDS] = {
    "the share of a user's items that are among the first K",
    "their gains 1 / log2(rank + 1) among the first K, over the most that so many items could gain there",
    "the share of the first K that are the user's items",
    "mean over the user's items among the first K of the precision at their rank, over min(her items, K)",
    "1 where one of the user's items is among the first K, else 0",
    "1 over the rank of the first of the user's items, 0 beyond K"};

enum { RECALL, NDCG, PRECISION, MAP, HIT, MRR };

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

static void offer(plt_top_t *top, plt_ranked_t ranked) {
  if (top->n < top->k) {
    sift_up(top->best, top->n++, ranked);
  } else if (is_worse(top->best[0], ranked)) {
    sift_down(top->best, top->n, ranked);
  }
}

/* ---- thousands of scores ---- */

/* max[runs, LANES]; a number that is not one is no maximum. */
PLT_VECTOR_CLONES static void find_maxima(const float *restrict scores, size_t runs, float *restrict max) {
  for (size_t r = 0; r < runs; r++, scores += RUN, max += LANES) {
    float most[LANES];
    for (size_t j = 0; j < LANES; j++) most[j] = -INFINITY;
    for (size_t i = 0; i < RUN; i += LANES)
      for (size_t j = 0; j < LANES; j++) most[j] = scores[i + j] > most[j] ? scores[i + j] : most[j];
    memcpy(max, most, sizeof most);
  }
}

PLT_VECTOR_CLONES static uint32_t count_from(const float *values, size_t n, float floor) {
  uint32_t count = 0;
  for (size_t i = 0; i < n; i++) count += values[i] >= floor;
  return count;
}

/* n is a multiple of LANES. */
PLT_VECTOR_CLONES static void find_range(const float *restrict values, size_t n, float *restrict low,
                                         float *restrict high) {
  float least[LANES], most[LANES];
  for (size_t j = 0; j < LANES; j++) least[j] = INFINITY, most[j] = -INFINITY;
  for (size_t i = 0; i < n; i += LANES)
    for (size_t j = 0; j < LANES; j++) {
      least[j] = values[i + j] < least[j] ? values[i + j] : least[j];
      most[j] = values[i + j] > most[j] ? values[i + j] : most[j];
    }
  *low = INFINITY, *high = -INFINITY;
  for (size_t j = 0; j < LANES; j++) {
    *low = least[j] < *low ? least[j] : *low;
    *high = most[j] > *high ? most[j] : *high;
  }
}

/* A score that at least k of the values reach, not far below the k-th of them; -INFINITY: none was found. */
static float floor_of(const float *values, size_t n, uint32_t k) {
  float low, high;
  if (n < k) return -INFINITY;
  find_range(values, n, &low, &high);
  for (int step = 0; step < 10; step++) {
    float middle = low + (high - low) / 2;
    if (count_from(values, n, middle) >= k) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low;
}

/* The scores from `floor` on, which is a number, of n <= PIECE items. A heap from before may be full of less. */
static void offer_from(plt_top_t *top, const float *scores, uint32_t first, uint32_t n, const float *max, float floor) {
  uint32_t in_runs = n / RUN * RUN;
  for (uint32_t place = 0; place < n / RUN * LANES; place++) {
    if (max[place] < floor) continue;
    uint32_t begin = place / LANES * RUN + place % LANES;
    for (uint32_t i = begin; i < begin - place % LANES + RUN; i += LANES)
      if (scores[i] >= floor) offer(top, (plt_ranked_t){scores[i], first + i});
    if (top->n == top->k && top->best[0].score > floor) floor = top->best[0].score;
  }
  for (uint32_t i = in_runs; i < n; i++)
    if (scores[i] >= floor) offer(top, (plt_ranked_t){scores[i], first + i});
}

/* Larger for better ones; scores are numbers. */
static uint64_t key_of(float score, uint32_t item) {
  uint32_t bits;
  score += 0.0F; /* of two zeros there is one */
  memcpy(&bits, &score, sizeof bits);
  bits = bits >> 31 ? ~bits : bits | UINT32_C(1) << 31;
  return (uint64_t)bits << 32 | (uint32_t)~item;
}

/* Inserts into sorted[n], ascending. */
static void insert(uint64_t *sorted, size_t n, uint64_t key) {
  for (; n > 0 && sorted[n - 1] > key; n--) sorted[n] = sorted[n - 1];
  sorted[n] = key;
}

/* offer_from() for an empty heap, with a floor that at least k scores reach; false, and nothing is done, where that are
 * too many. */
static bool sort_from(plt_top_t *top, const float *scores, uint32_t first, uint32_t n, const float *max, float floor) {
  uint64_t sorted[SORTED];
  uint32_t count = 0, places = n / RUN * LANES;
  for (uint32_t place = 0; place < places; place++) {
    if (max[place] < floor) continue;
    uint32_t begin = place / LANES * RUN + place % LANES;
    if (count + RUN / LANES > SORTED) return false;
    for (uint32_t i = begin; i < begin - place % LANES + RUN; i += LANES)
      if (scores[i] >= floor) insert(sorted, count++, key_of(scores[i], i));
  }
  for (uint32_t i = n / RUN * RUN; i < n; i++) {
    if (!(scores[i] >= floor)) continue;
    if (count == SORTED) return false;
    insert(sorted, count++, key_of(scores[i], i));
  }
  for (; top->n < top->k; top->n++) {
    uint32_t item = ~(uint32_t)sorted[count - top->k + top->n];
    top->best[top->n] = (plt_ranked_t){scores[item], first + item};
  }
  return true;
}

/* ---- with a mask ---- */

/* All scores but those of the holes, one by one. */
static void offer_all(plt_top_t *top, const float *scores, uint32_t first, uint32_t n, const uint32_t *hole,
                      size_t holes) {
  for (uint32_t i = 0; i < n; i++) {
    while (holes > 0 && *hole < first + i) hole++, holes--;
    if (holes == 0 || *hole != first + i) offer(top, (plt_ranked_t){scores[i], first + i});
  }
}

static void offer_piece(plt_top_t *top, float *scores, uint32_t first, uint32_t n, const uint32_t *hole, size_t holes) {
  float max[PIECE / RUN * LANES];
  size_t runs = n / RUN;
  for (size_t h = 0; h < holes; h++) scores[hole[h] - first] = NAN; /* reaches no floor */
  find_maxima(scores, runs, max);
  float floor = top->n == top->k ? top->best[0].score : floor_of(max, runs * LANES, top->k);
  bool sorts = floor > -INFINITY && top->n == 0 && top->k < SORTED;
  if (sorts && sort_from(top, scores, first, n, max, floor)) return;
  if (floor > -INFINITY) {
    offer_from(top, scores, first, n, max, floor);
  } else {
    offer_all(top, scores, first, n, hole, holes);
  }
}

void plt_top_offer(plt_top_t *top, float *scores, uint32_t first, uint32_t n, const uint32_t *masked, size_t n_masked) {
  if (top->k == 0) return;
  for (uint32_t at = 0; at < n; at += PIECE) {
    uint32_t here = n - at < PIECE ? n - at : PIECE;
    size_t from = plt_lower_bound(masked, n_masked, first + at),
           to = plt_lower_bound(masked, n_masked, first + at + here);
    offer_piece(top, scores + at, first + at, here, masked + from, to - from);
  }
}

static bool is_ascending(const plt_top_t *top) {
  for (size_t i = 1; i < top->n; i++)
    if (is_worse(top->best[i], top->best[i - 1])) return false;
  return true;
}

void plt_top_sort(plt_top_t *top) {
  if (is_ascending(top)) {
    for (size_t i = 0; i < top->n / 2; i++) {
      plt_ranked_t worse = top->best[i];
      top->best[i] = top->best[top->n - 1 - i];
      top->best[top->n - 1 - i] = worse;
    }
    return;
  }
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
  double reciprocal = 0;                      /* of the rank of the first hit */
  size_t hits = 0, rank = 0;
  for (size_t place = 0; place < topk->n; place++) {
    for (; rank < topk->k[place]; rank++) {
      if (rank < relevant) ideal += discount(rank);
      if (rank >= top->n) continue;
      if (bsearch(&top->best[rank].item, positives, n_positives, sizeof *positives, compare_ids) == NULL) continue;
      if (hits++ == 0) reciprocal = 1 / (double)(rank + 1);
      gain += discount(rank);
      precisions += (double)hits / (double)(rank + 1);
    }
    double k = topk->k[place], attainable = relevant < topk->k[place] ? (double)relevant : k;
    sums->value[RECALL * topk->n + place] += (double)hits / (double)relevant;
    sums->value[NDCG * topk->n + place] += gain / ideal;
    sums->value[PRECISION * topk->n + place] += (double)hits / k;
    sums->value[MAP * topk->n + place] += precisions / attainable;
    sums->value[HIT * topk->n + place] += hits > 0;
    sums->value[MRR * topk->n + place] += reciprocal;
  }
  sums->users += 1;
}

/* Whether `name`, up to an @, is `known`, in any case. */
static bool is_called(const char *name, const char *known) {
  size_t length = strcspn(name, "@");
  return strlen(known) == length && strncasecmp(known, name, length) == 0;
}

int plt_metric_kind(const char *name) {
  for (int kind = 0; kind < PLT_METRIC_KINDS; kind++)
    if (is_called(name, plt_metric_names[kind])) return kind;
  return -1;
}

int plt_metric_index(const plt_topk_t *topk, const char *name) {
  const char *at = strchr(name, '@');
  if (at == NULL || at[1] < '1' || at[1] > '9') return -1;
  char *end;
  unsigned long k = strtoul(at + 1, &end, 10);
  int kind = plt_metric_kind(name);
  if (*end != '\0' || kind < 0) return -1;
  for (size_t place = 0; place < topk->n; place++)
    if (topk->k[place] == k) return (int)((size_t)kind * topk->n + place);
  return -1;
}

const char *plt_metric_meant(const char *name) {
  static const struct {
    const char *theirs;
    size_t kind;
  } known[] = {{"r", RECALL},
               {"rec", RECALL},
               {"n", NDCG},
               {"dcg", NDCG},
               {"p", PRECISION},
               {"prec", PRECISION},
               {"pre", PRECISION},
               {"ap", MAP},
               {"mean_average_precision", MAP},
               {"hr", HIT},
               {"hits", HIT},
               {"hitrate", HIT},
               {"hit_rate", HIT},
               {"hit_ratio", HIT},
               {"rr", MRR},
               {"reciprocal_rank", MRR},
               {"mean_reciprocal_rank", MRR}};
  int kind = plt_metric_kind(name);
  if (kind >= 0) return plt_metric_names[kind];
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (is_called(name, known[i].theirs)) return plt_metric_names[known[i].kind];
  return NULL;
}
