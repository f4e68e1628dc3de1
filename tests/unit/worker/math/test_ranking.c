/* test_ranking.c - top-k against a full sort, metrics against their definitions, and a golden case. */
#include <criterion/criterion.h>

#include <stdio.h>

#include "tests/unit/worker/golden.h"
#include "tests/unit/worker/naive.h"
#include "worker/data/dataset.h"
#include "worker/math/gemm.h"
#include "worker/math/kernels.h"
#include "worker/math/ranking.h"

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

typedef struct shape {
  uint32_t items, k, masked, levels;
  uint32_t odd;    /* one score in so many is no number or infinite; 0: none */
  uint32_t pieces; /* at most, of offers */
} shape_t;

static void compare_with_full_sort(naive_rng_t *rng, shape_t shape, int round) {
  float *scores = malloc(shape.items * sizeof *scores);
  uint32_t *masked = malloc((shape.masked + 1) * sizeof *masked), *want = malloc((shape.k + 1) * sizeof *want);
  plt_ranked_t *best = malloc((shape.k + 1) * sizeof *best);
  static const float odd[] = {NAN, INFINITY, -INFINITY};
  for (uint32_t i = 0; i < shape.items; i++) {
    scores[i] = (float)naive_below(rng, shape.levels) - (float)(shape.levels / 2);
    if (shape.odd > 0 && naive_below(rng, shape.odd) == 0) scores[i] = odd[(round + naive_below(rng, 2)) % 3];
    if (scores[i] == 0 && naive_below(rng, 12) == 0) scores[i] = -0.0f;
  }
  for (size_t m = 0; m < shape.masked; m++) masked[m] = naive_below(rng, shape.items + 2); /* twice, and beyond */
  qsort(masked, shape.masked, sizeof *masked, ascending);
  size_t n_want = naive_top(scores, shape.items, masked, shape.masked, shape.k, want);
  plt_top_t top = {.best = best, .k = shape.k};
  for (uint32_t first = 0, n; first < shape.items; first += n) { /* in one go, or in several */
    n = shape.pieces == 1 ? shape.items : shape.items / shape.pieces + 1;
    if (n > shape.items - first) n = shape.items - first;
    n -= shape.pieces == 1 ? 0 : naive_below(rng, n);
    plt_top_offer(&top, scores + first, first, n, masked, shape.masked);
  }
  plt_top_sort(&top);
  cr_assert_eq(top.n, n_want, "round %d", round);
  for (size_t i = 0; i < top.n; i++) {
    cr_assert_eq(best[i].item, want[i], "round %d, %zu", round, i);
    cr_assert(memcmp(&best[i].score, &scores[want[i]], sizeof *scores) == 0);
  }
  free(scores), free(masked), free(want), free(best);
}

Test(ranking, top_equals_full_sort) {
  naive_rng_t rng = {1};
  for (int round = 0; round < 3000; round++) {
    shape_t shape = {.items = 1 + naive_below(&rng, round % 10 == 0 ? 400 : 60),
                     .k = naive_below(&rng, 70),
                     .levels = round % 4 == 0 ? 1000000 : 1 + naive_below(&rng, 6), /* few levels: many ties */
                     .odd = round % 5 < 2 ? 12 : 0,
                     .pieces = round % 2 == 0 ? 1 : 4};
    shape.masked = round % 3 == 0 ? 0 : naive_below(&rng, shape.items + 5);
    compare_with_full_sort(&rng, shape, round);
  }
}

/* Where a floor is found before the first score is taken, and pieces are looked at through their maxima. */
Test(ranking, top_of_thousands_equals_full_sort) {
  naive_rng_t rng = {2};
  for (int round = 0; round < 250; round++) {
    shape_t shape = {.items = 1000 + naive_below(&rng, round % 5 == 0 ? 30000 : 5000),
                     .k = round % 7 == 0 ? 1 : 1 + naive_below(&rng, 120),
                     .masked = naive_below(&rng, round % 9 == 0 ? 2000 : 30),
                     .levels = round % 4 == 0 ? 1000000 : 1 + naive_below(&rng, round % 2 == 0 ? 300 : 3),
                     .odd = round % 6 == 0   ? 2
                            : round % 6 == 1 ? 500
                                             : 0,
                     .pieces = round % 3 == 0 ? 3 : 1};
    compare_with_full_sort(&rng, shape, round);
  }
}

Test(ranking, top_of_nothing_but_nan) {
  float scores[] = {NAN, NAN, NAN, NAN};
  const uint32_t masked[] = {1};
  plt_ranked_t best[4];
  plt_top_t top = {.best = best, .k = 4};
  plt_top_offer(&top, scores, 0, 4, masked, 1);
  plt_top_sort(&top);
  cr_assert(top.n == 3 && best[0].item == 0 && best[1].item == 2 && best[2].item == 3);
}

Test(ranking, metrics_by_hand) {
  /* hits at ranks 1 and 3 of 4; three distinct positives, one of them never ranked */
  const plt_topk_t topk = {.k = {1, 2, 4, 10}, .n = 4};
  const uint32_t positives[] = {5, 7, 7, 9};
  const plt_top_t top = {(plt_ranked_t[]){{4, 7}, {3, 2}, {2, 9}, {1, 4}}, 4, 4};
  plt_metric_sums_t sums = {0};
  plt_ranking_add(&sums, &topk, &top, positives, 4);
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
      {"hit@1", 1},
      {"hit@10", 1},
      {"mrr@1", 1},
      {"MRR@10", 1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int at = plt_metric_index(&topk, cases[i].name);
    cr_assert(at >= 0, "%s", cases[i].name);
    cr_assert_float_eq(sums.value[at], cases[i].want, 1e-12, "%s", cases[i].name);
  }
  cr_assert_eq(sums.users, 1);
}

/* Hit and MRR against a walk over the list. */
Test(ranking, hit_and_mrr_equal_a_walk) {
  enum { SHOWN = 12, ITEMS = 40 };
  naive_rng_t rng = {5};
  const plt_topk_t topk = {.k = {1, 3, 7, 20}, .n = 4};
  for (int round = 0; round < 500; round++) {
    plt_ranked_t best[SHOWN];
    uint32_t positives[6], n_positives = 1 + naive_below(&rng, 6), start = naive_below(&rng, ITEMS);
    for (uint32_t r = 0; r < SHOWN; r++) best[r] = (plt_ranked_t){-(float)r, (start + 7 * r) % ITEMS};
    for (uint32_t p = 0; p < n_positives; p++) positives[p] = naive_below(&rng, ITEMS);
    qsort(positives, n_positives, sizeof *positives, ascending);
    plt_metric_sums_t sums = {0};
    plt_ranking_add(&sums, &topk, &(plt_top_t){best, SHOWN, SHOWN}, positives, n_positives);
    for (size_t k = 0; k < topk.n; k++) {
      double hit = 0, mrr = 0;
      for (uint32_t r = topk.k[k] < SHOWN ? topk.k[k] : SHOWN; r-- > 0;)
        for (uint32_t p = 0; p < n_positives; p++)
          if (positives[p] == best[r].item) hit = 1, mrr = 1.0 / (r + 1);
      cr_assert_eq(sums.value[4 * topk.n + k], hit);
      cr_assert_eq(sums.value[5 * topk.n + k], mrr);
    }
  }
}

Test(ranking, users_without_positives_do_not_count) {
  const plt_topk_t topk = {.k = {5}, .n = 1};
  const plt_top_t top = {(plt_ranked_t[]){{2, 1}, {1, 2}}, 2, 2};
  plt_metric_sums_t sums = {0};
  plt_ranking_add(&sums, &topk, &top, NULL, 0);
  cr_assert_eq(sums.users, 0);
}

Test(ranking, metric_names) {
  const plt_topk_t topk = {.k = {5, 20}, .n = 2};
  cr_assert_eq(plt_metric_index(&topk, "recall@5"), 0);
  cr_assert_eq(plt_metric_index(&topk, "map@20"), 7);
  cr_assert_eq(plt_metric_index(&topk, "Map@20"), 7);
  cr_assert_eq(plt_metric_index(&topk, "mrr@20"), 11);
  cr_assert_str_eq(plt_metric_meant("HR@10"), "hit");
  cr_assert_str_eq(plt_metric_meant("NDCG"), "ndcg");
  cr_assert_str_eq(plt_metric_meant("hit_rate@5"), "hit");
  cr_assert_null(plt_metric_meant("auc@5"));
  cr_assert_null(plt_metric_meant("@5"));
  const char *none[] = {"recall", "recall@", "recall@6", "recal@5", "recall@5x", "recall@-5", "recall@05", "@5", ""};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    cr_assert_eq(plt_metric_index(&topk, none[i]), -1, "%s", none[i]);
  }
}

/* ---- the golden case: docs/methods/evaluation.md 2 on given tables ---- */

enum { DIM = 8, ROOM = 64 };

static size_t read_golden_table(const char *name, float *out) {
  golden_t golden = golden_read("ranking/init", name);
  cr_assert(golden.cols == DIM && golden.rows <= ROOM);
  memcpy(out, golden.value, golden.rows * DIM * sizeof *out);
  free(golden.value);
  return golden.rows;
}

static plt_metric_sums_t rank_part(const plt_dataset_t *data, plt_part_t part, const plt_topk_t *topk, float *scores) {
  const plt_user_items_t *train = &data->part[PLT_PART_TRAIN], *asked = &data->part[part];
  plt_metric_sums_t sums = {.users = 0};
  for (uint32_t user = 0; user < data->users; user++) {
    size_t n_train = train->offset[user + 1] - train->offset[user];
    plt_ranked_t best[ROOM];
    plt_top_t top = {.best = best, .k = topk->k[topk->n - 1]};
    if (n_train == 0) continue;
    plt_top_offer(&top, scores + user * data->items, 0, data->items, train->item + train->offset[user], n_train);
    plt_top_sort(&top);
    plt_ranking_add(&sums, topk, &top, asked->item + asked->offset[user],
                    asked->offset[user + 1] - asked->offset[user]);
  }
  return sums;
}

/* The number of "key" after `from`. */
static double number_after(const char *from, const char *key) {
  char quoted[32];
  snprintf(quoted, sizeof quoted, "\"%s\":", key);
  const char *at = strstr(from, quoted);
  cr_assert_not_null(at, "%s", key);
  return strtod(at + strlen(quoted), NULL);
}

Test(ranking, golden) {
  static float users[ROOM * DIM], items[ROOM * DIM], scores[ROOM * ROOM];
  static char expected[8192];
  const plt_topk_t topk = {.k = {5, 10, 20, 50}, .n = 4};
  plt_dataset_t *data;
  plt_gemm_init();
  cr_assert_eq(plt_dataset_open(PLT_GOLDEN_DIR "/ranking/data", NULL, NULL, 0, &data), PLT_OK, "%s", plt_fail_text());
  size_t n_users = read_golden_table("user", users), n_items = read_golden_table("item", items);
  cr_assert(n_users == data->users && n_items == data->items);
  plt_kernel_scores(NULL, n_users, n_items, DIM, users, items, scores);
  FILE *file = fopen(PLT_GOLDEN_DIR "/ranking/expect.json", "r");
  cr_assert_not_null(file);
  expected[fread(expected, 1, sizeof expected - 1, file)] = '\0';
  fclose(file);
  for (int p = 0; p < 2; p++) {
    plt_metric_sums_t sums = rank_part(data, p == 0 ? PLT_PART_VALID : PLT_PART_TEST, &topk, scores);
    const char *from = strstr(expected, p == 0 ? "\"valid\"" : "\"test\"");
    cr_assert_eq(sums.users, number_after(from, "users"));
    for (size_t kind = 0; kind < PLT_METRIC_KINDS; kind++) {
      for (size_t place = 0; place < topk.n; place++) {
        char name[32];
        snprintf(name, sizeof name, "%s@%u", plt_metric_names[kind], topk.k[place]);
        double got = sums.value[plt_metric_index(&topk, name)] / sums.users, want = number_after(from, name);
        cr_assert(fabs(got - want) <= 1e-12, "%s is %.17g, not %.17g", name, got, want);
      }
    }
  }
  plt_dataset_destroy(&data);
}
