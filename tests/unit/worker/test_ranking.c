/* test_ranking.c - top-k against a full sort, metrics against their definitions, and a golden case. */
#include <criterion/criterion.h>

#include "naive.h"
#include "worker/ranking.h"

typedef struct scored {
  float score;
  uint32_t id;
} scored_t;

static int better_first(const void *a, const void *b) {
  const scored_t *x = a, *y = b;
  int x_nan = isnan(x->score) != 0, y_nan = isnan(y->score) != 0;
  if (x_nan != y_nan) return x_nan - y_nan;
  if (!x_nan && x->score != y->score) return x->score > y->score ? -1 : 1;
  return (x->id > y->id) - (x->id < y->id);
}

static int ascending(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static size_t naive_top(const float *scores, uint32_t items, const uint32_t *masked, size_t n_masked, uint32_t k,
                        uint32_t *out) {
  scored_t *all = malloc((items + 1) * sizeof *all);
  size_t n = 0;
  for (uint32_t i = 0; i < items; i++) {
    int is_masked = 0;
    for (size_t m = 0; m < n_masked; m++) is_masked |= masked[m] == i;
    if (!is_masked) all[n++] = (scored_t){scores[i], i};
  }
  qsort(all, n, sizeof *all, better_first);
  if (n > k) n = k;
  for (size_t i = 0; i < n; i++) out[i] = all[i].id;
  free(all);
  return n;
}

Test(ranking, top_equals_full_sort) {
  naive_rng_t rng = {1};
  for (int round = 0; round < 3000; round++) {
    uint32_t items = 1 + naive_below(&rng, round % 10 == 0 ? 400 : 60), k = naive_below(&rng, 70);
    size_t n_masked = naive_below(&rng, items + 5);
    if (round % 3 == 0) n_masked = 0;
    uint32_t levels = round % 4 == 0 ? 1000000 : 1 + naive_below(&rng, 6); /* few levels: many ties */
    float *scores = malloc(items * sizeof *scores);
    uint32_t *masked = malloc((n_masked + 1) * sizeof *masked), got[70], want[70];
    for (uint32_t i = 0; i < items; i++) {
      scores[i] = (float)naive_below(&rng, levels) - (float)(levels / 2);
      uint32_t fate = naive_below(&rng, 12);
      if (round % 5 == 0 && fate == 0) scores[i] = NAN;
      if (round % 5 == 1 && fate < 2) scores[i] = fate ? INFINITY : -INFINITY;
      if (scores[i] == 0 && fate == 3) scores[i] = -0.0f;
    }
    for (size_t m = 0; m < n_masked; m++) masked[m] = naive_below(&rng, items + 2); /* duplicates, and beyond */
    qsort(masked, n_masked, sizeof *masked, ascending);
    size_t n = plt_ranking_top(scores, items, masked, n_masked, k, got);
    cr_assert_eq(n, naive_top(scores, items, masked, n_masked, k, want), "round %d", round);
    cr_assert_arr_eq(got, want, n * sizeof *got, "round %d", round);
    free(scores), free(masked);
  }
}

Test(ranking, top_of_nothing_but_nan) {
  const float scores[] = {NAN, NAN, NAN, NAN};
  const uint32_t masked[] = {1};
  uint32_t out[4];
  cr_assert_eq(plt_ranking_top(scores, 4, masked, 1, 4, out), 3);
  cr_assert(out[0] == 0 && out[1] == 2 && out[2] == 3);
}

Test(ranking, metrics_by_hand) {
  /* hits at ranks 1 and 3 of 4; three distinct positives, one of them never ranked */
  const plt_topk_t topk = {.k = {1, 2, 4, 10}, .n = 4};
  const uint32_t ranked[] = {7, 2, 9, 4}, positives[] = {5, 7, 7, 9};
  plt_metric_sums_t sums = {0};
  plt_ranking_add(&sums, &topk, ranked, 4, positives, 4);
  const double d1 = 1, d2 = 1 / log2(3), d3 = 0.5;
  const struct {
    const char *name;
    double want;
  } cases[] = {
      {"recall@1", 1.0 / 3},
      {"recall@2", 1.0 / 3},
      {"recall@4", 2.0 / 3},
      {"recall@10", 2.0 / 3},
      {"precision@1", 1},
      {"precision@2", 0.5},
      {"precision@4", 0.5},
      {"precision@10", 0.2},
      {"ndcg@1", 1},
      {"ndcg@2", d1 / (d1 + d2)},
      {"ndcg@4", (d1 + d3) / (d1 + d2 + d3)},
      {"map@1", 1},
      {"map@2", 0.5},
      {"map@4", (1 + 2.0 / 3) / 3},
      {"map@10", (1 + 2.0 / 3) / 3},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int at = plt_metric_index(&topk, cases[i].name);
    cr_assert(at >= 0, "%s", cases[i].name);
    cr_assert_float_eq(sums.value[at], cases[i].want, 1e-12, "%s", cases[i].name);
  }
  cr_assert_eq(sums.users, 1);
}

Test(ranking, users_without_positives_do_not_count) {
  const plt_topk_t topk = {.k = {5}, .n = 1};
  const uint32_t ranked[] = {1, 2};
  plt_metric_sums_t sums = {0};
  plt_ranking_add(&sums, &topk, ranked, 2, NULL, 0);
  cr_assert_eq(sums.users, 0);
}

Test(ranking, metric_names) {
  const plt_topk_t topk = {.k = {5, 20}, .n = 2};
  cr_assert_eq(plt_metric_index(&topk, "recall@5"), 0);
  cr_assert_eq(plt_metric_index(&topk, "map@20"), 7);
  const char *none[] = {"recall", "recall@", "recall@6", "recal@5", "recall@5x", "recall@-5", "recall@05", "@5", ""};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    cr_assert_eq(plt_metric_index(&topk, none[i]), -1, "%s", none[i]);
  }
}
