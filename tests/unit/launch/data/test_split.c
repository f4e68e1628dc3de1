/* `plateau data split`: a naive twin that looks for the next pair among all that may be taken, what must stay, what is
 * refused, and what the shift is. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "launch/data/split.h"
#include "launch/data/stream.h"

/* ---- the draws, by another hand ---- */

static uint64_t mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
  x = (x ^ x >> 27) * 0x94D049BB133111EBu;
  return x ^ x >> 31;
}

static double uniform(uint64_t seed, uint64_t stream, uint64_t i) {
  return ldexp((double)(mix(mix(mix(seed) ^ stream) ^ i) >> 11) + 0.5, -53);
}

Test(data_stream, are_splitmix64) {
  cr_expect_eq(mix(1234567), UINT64_C(6457827717110365317), "the published sequence of seed 1234567");
  for (uint64_t i = 0; i < 100; i++) {
    plt_stream_t stream = plt_stream(i * i, i % 7);
    cr_expect_eq(plt_stream_uniform(stream, i << i % 60), uniform(i * i, i % 7, i << i % 60));
  }
}

Test(data_stream, are_normal) {
  enum { N = 200000 };
  plt_stream_t stream = plt_stream(5, 3);
  double sum = 0, squares = 0, fourth = 0;
  for (uint64_t i = 0; i < N; i++) {
    double x = plt_stream_normal(stream, i);
    sum += x, squares += x * x, fourth += x * x * x * x;
  }
  cr_expect_float_eq(sum / N, 0, 0.01);
  cr_expect_float_eq(squares / N, 1, 0.02);
  cr_expect_float_eq(fourth / N, 3, 0.15);
}

/* ---- rows ---- */

/* Every user has some items, low ids are popular; labels mean nothing; some pairs stand there twice. */
static plt_interactions_t *make_rows(uint32_t users, uint32_t items, uint64_t n, uint64_t seed) {
  plt_interactions_t *rows = plt_mem_zalloc(1, sizeof *rows);
  *rows = (plt_interactions_t){.name = plt_mem_strdup("x"),
                               .source = plt_mem_strdup("x.inter"),
                               .row = plt_mem_alloc(n * sizeof *rows->row),
                               .n = n,
                               .users = users,
                               .items = items,
                               .has_environments = true};
  for (uint64_t i = 0; i < n; i++) {
    double u = uniform(seed, 50, i);
    rows->row[i] = (plt_interaction_t){(uint32_t)(mix(seed + i) % users), (uint32_t)(u * u * u * items), 1,
                                       (uint16_t)(i % 4), (uint16_t)(i % 3)};
  }
  return rows;
}

static int by_pair(const void *a, const void *b) {
  const plt_interaction_t *x = a, *y = b;
  if (x->user != y->user) return x->user < y->user ? -1 : 1;
  return (x->item > y->item) - (x->item < y->item);
}

/* ---- the twin ---- */

typedef struct twin {
  plt_interaction_t *row;
  uint64_t n;
} twin_t;

static uint32_t count(const twin_t *twin, bool by_user, uint32_t id, bool free_only) {
  uint32_t found = 0;
  for (uint64_t i = 0; i < twin->n; i++)
    found +=
        (by_user ? twin->row[i].user : twin->row[i].item) == id && (!free_only || twin->row[i].part == PLT_PART_TRAIN);
  return found;
}

static uint64_t take(const twin_t *twin, const plt_split_t *split, plt_part_t part, double share, double strength,
                     uint64_t stream) {
  uint64_t wanted = (uint64_t)floor(share * (double)twin->n), taken = 0;
  for (; taken < wanted; taken++) {
    uint64_t best = twin->n;
    double least = INFINITY;
    for (uint64_t p = 0; p < twin->n; p++) {
      const plt_interaction_t *row = &twin->row[p];
      if (row->part != PLT_PART_TRAIN || count(twin, true, row->user, true) <= split->keep_user ||
          count(twin, false, row->item, true) <= split->keep_item)
        continue;
      double key = -log(uniform(split->seed, stream, p)) * pow(count(twin, false, row->item, false), strength);
      if (key < least) least = key, best = p;
    }
    if (best == twin->n) break;
    twin->row[best].part = (uint16_t)part;
  }
  return taken;
}

static twin_t split_naively(const plt_split_t *split, const plt_interactions_t *rows, uint64_t taken[PLT_PARTS]) {
  twin_t twin = {.row = plt_mem_alloc(rows->n * sizeof *twin.row)};
  plt_interaction_t *sorted = plt_mem_alloc(rows->n * sizeof *sorted);
  memcpy(sorted, rows->row, rows->n * sizeof *sorted);
  qsort(sorted, rows->n, sizeof *sorted, by_pair);
  for (uint64_t i = 0; i < rows->n; i++)
    if (i == 0 || by_pair(&sorted[i - 1], &sorted[i]) != 0) {
      twin.row[twin.n] = sorted[i];
      twin.row[twin.n++].part = PLT_PART_TRAIN;
    }
  free(sorted);
  taken[PLT_PART_SHIFT] = take(&twin, split, PLT_PART_SHIFT, split->shift, split->strength, 1);
  taken[PLT_PART_TEST] = take(&twin, split, PLT_PART_TEST, split->test, 0, 2);
  taken[PLT_PART_VALID] = take(&twin, split, PLT_PART_VALID, split->valid, 0, 3);
  return twin;
}

static const plt_split_t usual = {
    .seed = 4, .valid = 0.1, .test = 0.1, .shift = 0.1, .strength = 2, .keep_user = 3, .keep_item = 1};

static void expect_twin(const plt_split_t *split, uint32_t users, uint32_t items, uint64_t n) {
  plt_interactions_t *rows = make_rows(users, items, n, split->seed);
  uint64_t taken[PLT_PARTS] = {0}, pairs = 0;
  twin_t twin = split_naively(split, rows, taken);
  plt_split_report_t report;
  cr_assert_eq(plt_split_rows(split, rows, &report), PLT_OK, "%s", plt_fail_text());
  cr_assert_eq(rows->n, twin.n);
  cr_expect_eq(report.duplicates, n - twin.n);
  cr_expect_not(rows->has_environments);
  for (uint64_t i = 0; i < twin.n; i++) {
    cr_assert_eq(by_pair(&rows->row[i], &twin.row[i]), 0);
    cr_assert_eq(rows->row[i].part, twin.row[i].part, "pair %llu", (unsigned long long)i);
  }
  for (plt_part_t p = PLT_PART_VALID; p < PLT_PARTS; p++) {
    cr_expect_eq(report.part[p].pairs, taken[p]);
    cr_expect_geq(report.part[p].wanted, taken[p]);
  }
  for (plt_part_t p = 0; p < PLT_PARTS; p++) pairs += report.part[p].pairs;
  cr_expect_eq(pairs, twin.n);
  free(twin.row);
  plt_interactions_destroy(&rows);
}

Test(data_split, is_its_twin) {
  plt_split_t split = usual;
  expect_twin(&split, 30, 50, 400);
  split = (plt_split_t){.seed = UINT64_MAX, .valid = 0.25, .test = 0, .shift = 0.3, .strength = 0.7, .keep_item = 2};
  expect_twin(&split, 12, 25, 300);
  split = (plt_split_t){.valid = 0.05, .test = 0.2, .shift = 0, .strength = 5};
  expect_twin(&split, 7, 300, 350);
}

/* Users of few pairs: no part gets what it wants. */
Test(data_split, falls_short_where_too_much_must_stay) {
  plt_split_t split = usual;
  split.keep_user = 12;
  expect_twin(&split, 25, 40, 320);
  plt_interactions_t *rows = make_rows(25, 40, 320, 9);
  plt_split_report_t report;
  split.keep_user = 1000;
  cr_assert_eq(plt_split_rows(&split, rows, &report), PLT_OK);
  for (plt_part_t p = PLT_PART_VALID; p < PLT_PARTS; p++) {
    cr_expect_eq(report.part[p].pairs, 0);
    cr_expect_gt(report.part[p].wanted, 0);
    cr_expect(isnan(report.part[p].popularity));
  }
  plt_interactions_destroy(&rows);
}

/* 0 is no shift, 1 takes all items alike, 2 turns popularity round. */
Test(data_split, strength_moves_the_shift) {
  double popularity[3], test[3];
  for (int strength = 0; strength < 3; strength++) {
    plt_interactions_t *rows = make_rows(2000, 300, 60000, 2);
    plt_split_t split = usual;
    split.strength = strength;
    plt_split_report_t report;
    cr_assert_eq(plt_split_rows(&split, rows, &report), PLT_OK);
    popularity[strength] = report.part[PLT_PART_SHIFT].popularity;
    test[strength] = report.part[PLT_PART_TEST].popularity;
    plt_interactions_destroy(&rows);
  }
  cr_expect_float_eq(popularity[0] / test[0], 1, 0.05, "%g", popularity[0] / test[0]);
  cr_expect_lt(popularity[1], 0.7 * test[1]);
  cr_expect_lt(popularity[2], 0.8 * popularity[1]);
}

Test(data_split, refuses_what_cannot_be) {
  plt_interactions_t *rows = make_rows(3, 4, 5, 1);
  plt_split_report_t report;
  plt_split_t split = usual;
  split.valid = 0.8;
  cr_expect_eq(plt_split_rows(&split, rows, &report), PLT_ERR_USAGE);
  cr_expect_not_null(strstr(plt_fail_text(), "leave nothing for training"), "%s", plt_fail_text());
  split = usual;
  split.test = -0.1;
  cr_expect_eq(plt_split_check(&split), PLT_ERR_USAGE);
  split = usual;
  split.strength = NAN;
  cr_expect_eq(plt_split_check(&split), PLT_ERR_USAGE);
  rows->n = 0;
  cr_expect_eq(plt_split_rows(&usual, rows, &report), PLT_ERR_DATA);
  plt_interactions_destroy(&rows);
}
