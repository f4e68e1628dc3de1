/* What an evaluation says of the items it shows: against a naive count over whole lists, shared out to workers in any
 * way; and how slices are cut. */
#include "worker/rank/exposure.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/worker/naive.h"

enum { USERS = 60, ITEMS = 130, SHOWN = 20, K = 3, COLD = 9 };

typedef struct case_ {
  plt_plan_t plan;
  plt_dataset_t data;
  uint32_t degree[ITEMS];
  plt_ranked_t best[USERS][SHOWN];
  uint32_t positive[USERS][ITEMS];
  size_t n_positives[USERS];
} case_t;

/* Users take item i with a chance that falls with i; some pairs stand there twice. */
static case_t *make_case(uint32_t seed) {
  case_t *c = calloc(1, sizeof *c);
  naive_rng_t rng = {naive_seed() + seed};
  plt_user_items_t *train = &c->data.part[PLT_PART_TRAIN];
  c->data.users = USERS, c->data.items = ITEMS;
  train->offset = calloc(USERS + 1, sizeof *train->offset);
  train->item = calloc(2 * USERS * ITEMS, sizeof *train->item);
  for (uint32_t u = 0; u < USERS; u++) {
    for (uint32_t i = 0; i < ITEMS - 5; i++) { /* the last are cold */
      if (naive_below(&rng, 100) >= 90 / (1 + i / 4)) continue;
      c->degree[i]++;
      train->item[train->n++] = i;
      if (naive_below(&rng, 10) == 0) train->item[train->n++] = i;
    }
    train->offset[u + 1] = train->n;
    uint32_t start = naive_below(&rng, ITEMS), step = 1 + naive_below(&rng, 5);
    for (uint32_t r = 0; r < SHOWN; r++)
      c->best[u][r] = (plt_ranked_t){1 - 0.01f * (float)r, (start + r * step) % ITEMS};
    for (uint32_t i = 0; i < ITEMS; i++)
      if (naive_below(&rng, 8) == 0) c->positive[u][c->n_positives[u]++] = i;
  }
  c->plan = (plt_plan_t){.data = &c->data, .topk = {{2, 7, SHOWN + 5}, K}, .workers = 1, .cold = COLD};
  return c;
}

static void free_case(case_t *c) {
  free(c->data.part[PLT_PART_TRAIN].offset);
  free(c->data.part[PLT_PART_TRAIN].item);
  free(c);
}

static plt_slice_t slice_of(const case_t *c, uint32_t item) {
  uint64_t all = 0, above = 0;
  for (uint32_t i = 0; i < ITEMS; i++) {
    all += c->degree[i];
    if (c->degree[i] > c->degree[item]) above += c->degree[i];
  }
  return above * 3 < all ? PLT_SLICE_HEAD : above * 3 < 2 * all ? PLT_SLICE_MIDDLE : PLT_SLICE_TAIL;
}

static uint32_t pairs_of(const case_t *c, uint32_t user) {
  const plt_user_items_t *train = &c->data.part[PLT_PART_TRAIN];
  bool has[ITEMS] = {false};
  uint32_t n = 0;
  for (uint64_t i = train->offset[user]; i < train->offset[user + 1]; i++) has[train->item[i]] = true;
  for (uint32_t i = 0; i < ITEMS; i++) n += has[i];
  return n;
}

/* Whether a pair of the part is one of a slice. */
static bool is_in(const case_t *c, plt_slice_t slice, uint32_t user, uint32_t item) {
  if (slice == PLT_SLICE_COLD_USERS) return pairs_of(c, user) <= COLD;
  if (slice == PLT_SLICE_COLD_ITEMS) return c->degree[item] <= COLD;
  return slice_of(c, item) == slice;
}

/* All metrics of one user at one K against the positives of a slice; false: she has none. */
static bool user_metrics(const case_t *c, uint32_t u, uint32_t k, plt_slice_t slice, double out[PLT_METRIC_KINDS]) {
  double hits = 0, gain = 0, ideal = 0, precisions = 0, first = 0;
  uint32_t relevant = 0;
  for (size_t p = 0; p < c->n_positives[u]; p++) relevant += is_in(c, slice, u, c->positive[u][p]);
  for (uint32_t r = 0; r < k && r < SHOWN; r++)
    for (size_t p = 0; p < c->n_positives[u]; p++)
      if (c->positive[u][p] == c->best[u][r].item && is_in(c, slice, u, c->best[u][r].item)) {
        if (hits++ == 0) first = 1.0 / (r + 1);
        gain += 1 / log2(r + 2);
        precisions += hits / (r + 1);
      }
  uint32_t reach = relevant < k ? relevant : k;
  for (uint32_t r = 0; r < reach; r++) ideal += 1 / log2(r + 2);
  if (relevant == 0) return false;
  out[0] = hits / relevant, out[1] = gain / ideal, out[2] = hits / k, out[3] = precisions / reach;
  out[4] = hits > 0, out[5] = first;
  return true;
}

static void expect_slices(const case_t *c, const plt_breakdown_t *got) {
  uint32_t items = 0;
  for (plt_slice_t s = 0; s < PLT_SLICES; s++) {
    if (s < PLT_SLICE_THIRDS) items += got->slice[s].items;
    for (size_t k = 0; k < K; k++) {
      double sums[PLT_METRIC_KINDS] = {0}, one[PLT_METRIC_KINDS];
      uint64_t users = 0;
      for (uint32_t u = 0; u < USERS; u++) {
        if (!user_metrics(c, u, c->plan.topk.k[k], s, one)) continue;
        users++;
        for (size_t m = 0; m < PLT_METRIC_KINDS; m++) sums[m] += one[m];
      }
      cr_assert_eq(got->slice[s].users, users);
      for (size_t m = 0; m < PLT_METRIC_KINDS; m++)
        cr_expect_float_eq(got->slice[s].value[m * K + k], sums[m] / (double)users, 1e-12, "%s, %s@%u",
                           plt_slice_names[s], plt_metric_names[m], c->plan.topk.k[k]);
    }
  }
  cr_expect_eq(items, ITEMS);
  uint64_t of_items = 0, of_users = 0, cold = 0;
  for (uint32_t i = 0; i < ITEMS; i++)
    if (c->degree[i] <= COLD) of_items += c->degree[i], cold++;
  for (uint32_t u = 0; u < USERS; u++) of_users += pairs_of(c, u) <= COLD ? pairs_of(c, u) : 0;
  cr_expect(cold > 5 && got->slice[PLT_SLICE_COLD_ITEMS].items == cold);
  cr_expect(of_items > 0 && got->slice[PLT_SLICE_COLD_ITEMS].pairs == of_items);
  cr_expect(of_users > 0 && got->slice[PLT_SLICE_COLD_USERS].pairs == of_users);
}

static void expect_shown(const case_t *c, const plt_breakdown_t *got) {
  for (size_t k = 0; k < K; k++) {
    double sum = 0, n = 0, covered = 0;
    bool is_shown[ITEMS] = {false};
    for (uint32_t u = 0; u < USERS; u++)
      for (uint32_t r = 0; r < c->plan.topk.k[k] && r < SHOWN; r++) {
        sum += c->degree[c->best[u][r].item];
        n++;
        is_shown[c->best[u][r].item] = true;
      }
    for (uint32_t i = 0; i < ITEMS; i++) covered += is_shown[i];
    cr_expect_float_eq(got->popularity[k], sum / n, 1e-12);
    cr_expect_eq(got->coverage[k], covered / ITEMS);
  }
}

/* Users go to workers by `share`; sums and marks are added. An item may be shown by all of them. */
static plt_breakdown_t run_case(case_t *c, uint32_t workers, uint32_t share) {
  double *sums = NULL, *marks = NULL;
  size_t n_marks = 0;
  plt_breakdown_t out;
  c->plan.workers = workers;
  plt_exposure_t *exposure = plt_exposure_create(&c->plan); /* one object for all: begin() forgets what was shown */
  sums = calloc(plt_exposure_width(exposure), sizeof *sums);
  for (uint32_t w = 0; w < workers; w++) {
    plt_exposure_begin(exposure);
    for (uint32_t u = 0; u < USERS; u++) {
      if (u * share % workers != w) continue;
      plt_top_t top = {c->best[u], SHOWN, SHOWN};
      plt_exposure_add(exposure, u, &top, c->positive[u], c->n_positives[u], sums);
    }
    size_t n;
    double *own = plt_exposure_marks(exposure, &n);
    if (marks == NULL) marks = calloc(n_marks = n, sizeof *marks);
    cr_assert_eq(n, n_marks);
    for (size_t i = 0; i < n; i++) marks[i] += own[i];
    free(own);
  }
  plt_exposure_average(exposure, sums, &out);
  plt_exposure_cover(exposure, marks, &out);
  plt_exposure_destroy(&exposure);
  free(marks);
  free(sums);
  return out;
}

Test(exposure, is_a_naive_count) {
  for (uint32_t seed = 0; seed < 3; seed++) {
    case_t *c = make_case(seed);
    plt_breakdown_t got = run_case(c, 1, 1);
    expect_slices(c, &got);
    expect_shown(c, &got);
    free_case(c);
  }
}

/* One item of `first` pairs, and `others` of one. */
static plt_breakdown_t run_degrees(case_t *c, uint32_t first, uint32_t others) {
  plt_user_items_t *train = &c->data.part[PLT_PART_TRAIN];
  memset(c->degree, 0, sizeof c->degree);
  train->n = 0;
  for (uint32_t u = 0; u < USERS; u++) {
    if (u < first) train->item[train->n++] = 0, c->degree[0]++;
    if (u < others) train->item[train->n++] = u + 1, c->degree[u + 1]++;
    train->offset[u + 1] = train->n;
  }
  return run_case(c, 1, 1);
}

/* An item before which a third of the pairs stand, or two thirds, to the pair, is of the next slice. */
Test(exposure, a_slice_ends_with_the_pair_that_fills_it) {
  case_t *c = make_case(1);
  plt_breakdown_t third = run_degrees(c, 2, 4);
  cr_expect(third.slice[PLT_SLICE_HEAD].items == 1 && third.slice[PLT_SLICE_MIDDLE].items == 4);
  plt_breakdown_t two_thirds = run_degrees(c, 4, 2);
  cr_expect(two_thirds.slice[PLT_SLICE_HEAD].items == 1 && two_thirds.slice[PLT_SLICE_MIDDLE].items == 0);
  cr_expect_eq(two_thirds.slice[PLT_SLICE_TAIL].pairs, 2);
  free_case(c);
}

Test(exposure, coverage_is_that_of_all_workers) {
  case_t *c = make_case(7);
  const uint32_t workers[] = {2, 3, 4, 7, 8, 60, 4096};
  for (size_t i = 0; i < sizeof workers / sizeof *workers; i++) {
    plt_breakdown_t got = run_case(c, workers[i], 11);
    expect_shown(c, &got);
  }
  for (uint32_t u = 1; u < USERS; u++) memcpy(c->best[u], c->best[0], sizeof c->best[0]); /* all show the same */
  plt_breakdown_t got = run_case(c, 8, 1);
  expect_shown(c, &got);
  free_case(c);
}

/* Slices by popularity alone: equal items together, each about a third of the pairs, cold items in the tail. */
Test(exposure, slices_are_thirds_of_the_pairs) {
  case_t *c = make_case(2);
  plt_breakdown_t got = run_case(c, 1, 1);
  uint64_t pairs = 0, all = 0;
  uint32_t most = 0;
  for (uint32_t i = 0; i < ITEMS; i++) {
    all += c->degree[i];
    if (c->degree[i] > most) most = c->degree[i];
  }
  for (plt_slice_t s = 0; s < PLT_SLICE_THIRDS; s++) {
    pairs += got.slice[s].pairs;
    cr_expect_float_eq((double)got.slice[s].pairs, (double)all / 3, most * 4);
  }
  cr_expect_eq(pairs, all);
  cr_expect_geq(got.slice[PLT_SLICE_TAIL].items, 5);
  cr_expect_lt(got.slice[PLT_SLICE_HEAD].items, got.slice[PLT_SLICE_TAIL].items);
  free_case(c);
}

Test(exposure, equal_items_are_one_slice) {
  case_t *c = make_case(1);
  plt_user_items_t *train = &c->data.part[PLT_PART_TRAIN];
  train->n = 0;
  for (uint32_t u = 0; u < USERS; u++) {
    for (uint32_t i = 0; i < ITEMS; i++) train->item[train->n++] = i;
    train->offset[u + 1] = train->n;
  }
  plt_exposure_t *exposure = plt_exposure_create(&c->plan);
  double *sums = calloc(plt_exposure_width(exposure), sizeof *sums);
  plt_breakdown_t got;
  plt_exposure_average(exposure, sums, &got);
  cr_expect_eq(got.slice[PLT_SLICE_HEAD].items, ITEMS);
  cr_expect_eq(got.slice[PLT_SLICE_TAIL].users, 0);
  cr_expect_eq(got.popularity[0], 0, "nobody was shown anything");
  free(sums);
  plt_exposure_destroy(&exposure);
  free_case(c);
}
