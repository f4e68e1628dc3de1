/* split.c - see split.h: which pair goes where. split_write.c makes a folder of it. */
#include "launch/data/split.h"

#include <math.h>
#include <stdlib.h>

#include "common/mem.h"

plt_status_t plt_split_check(const plt_split_t *split) {
  double all = split->valid + split->test + split->shift;
  if (!(split->valid >= 0 && split->test >= 0 && split->shift >= 0 && all < 1))
    return plt_fail(PLT_ERR_USAGE,
                    "data split: shares of %g for validation, %g for test and %g for shift leave nothing for training",
                    split->valid, split->test, split->shift);
  if (!(split->strength >= 0 && split->strength <= 100))
    return plt_fail(PLT_ERR_USAGE, "data split: the strength must be 0 to 100");
  return PLT_OK;
}

static uint64_t drop_repeated(plt_interactions_t *rows) {
  uint64_t kept = 0;
  for (uint64_t i = 0; i < rows->n; i++) {
    const plt_interaction_t *last = kept == 0 ? NULL : &rows->row[kept - 1];
    if (last != NULL && last->user == rows->row[i].user && last->item == rows->row[i].item) continue;
    rows->row[kept++] = rows->row[i];
  }
  uint64_t dropped = rows->n - kept;
  rows->n = kept;
  return dropped;
}

typedef struct candidate {
  double key;
  uint64_t pair;
} candidate_t;

static int by_key(const void *a, const void *b) {
  const candidate_t *x = a, *y = b;
  if (x->key != y->key) return x->key < y->key ? -1 : 1;
  return (x->pair > y->pair) - (x->pair < y->pair);
}

/* What the passes work at. Free pairs are those of training, until the last pass. */
typedef struct cut {
  plt_interactions_t *rows;
  uint32_t *popularity;            /* [items]: D */
  uint32_t *user_free, *item_free; /* free pairs of each */
  uint32_t keep_user, keep_item;
  candidate_t *candidates; /* [pairs] */
} cut_t;

static uint64_t line_up(const cut_t *cut, plt_stream_t stream, double strength) {
  uint64_t n = 0;
  for (uint64_t p = 0; p < cut->rows->n; p++) {
    const plt_interaction_t *row = &cut->rows->row[p];
    if (row->part != PLT_PART_TRAIN) continue;
    double key = -log(plt_stream_uniform(stream, p)) * pow(cut->popularity[row->item], strength);
    cut->candidates[n++] = (candidate_t){key, p};
  }
  qsort(cut->candidates, n, sizeof *cut->candidates, by_key);
  return n;
}

static void pass(const cut_t *cut, plt_part_t part, plt_stream_t stream, double strength, plt_split_part_t *report) {
  uint64_t n = line_up(cut, stream, strength);
  for (uint64_t c = 0; c < n && report->pairs < report->wanted; c++) {
    plt_interaction_t *row = &cut->rows->row[cut->candidates[c].pair];
    if (cut->user_free[row->user] <= cut->keep_user || cut->item_free[row->item] <= cut->keep_item) continue;
    cut->user_free[row->user]--;
    cut->item_free[row->item]--;
    row->part = (uint16_t)part;
    report->pairs++;
  }
}

static void count(const cut_t *cut) {
  for (uint64_t i = 0; i < cut->rows->n; i++) {
    plt_interaction_t *row = &cut->rows->row[i];
    row->part = PLT_PART_TRAIN;
    cut->popularity[row->item]++;
    cut->user_free[row->user]++;
    cut->item_free[row->item]++;
  }
}

static void summarize(const cut_t *cut, plt_split_report_t *report) {
  double sums[PLT_PARTS] = {0};
  for (uint64_t i = 0; i < cut->rows->n; i++) sums[cut->rows->row[i].part] += cut->popularity[cut->rows->row[i].item];
  report->part[PLT_PART_TRAIN].pairs = cut->rows->n;
  for (plt_part_t p = PLT_PART_VALID; p < PLT_PARTS; p++) report->part[PLT_PART_TRAIN].pairs -= report->part[p].pairs;
  for (plt_part_t p = 0; p < PLT_PARTS; p++)
    report->part[p].popularity = report->part[p].pairs > 0 ? sums[p] / (double)report->part[p].pairs : NAN;
}

plt_status_t plt_split_rows(const plt_split_t *split, plt_interactions_t *rows, plt_split_report_t *report) {
  PLT_TRY(plt_split_check(split));
  if (rows->n == 0) return plt_fail(PLT_ERR_DATA, "%s: there are no pairs", rows->source);
  plt_interactions_sort(rows);
  *report = (plt_split_report_t){.duplicates = drop_repeated(rows)};
  rows->has_environments = false;
  cut_t cut = {.rows = rows,
               .popularity = plt_mem_zalloc(rows->items, sizeof *cut.popularity),
               .user_free = plt_mem_zalloc(rows->users, sizeof *cut.user_free),
               .item_free = plt_mem_zalloc(rows->items, sizeof *cut.item_free),
               .keep_user = split->keep_user,
               .keep_item = split->keep_item,
               .candidates = plt_mem_alloc(rows->n * sizeof *cut.candidates)};
  count(&cut);
  const struct {
    plt_part_t part;
    double share, strength;
  } passes[] = {{PLT_PART_SHIFT, split->shift, split->strength},
                {PLT_PART_TEST, split->test, 0},
                {PLT_PART_VALID, split->valid, 0}};
  report->part[PLT_PART_TRAIN].wanted = rows->n;
  for (size_t i = 0; i < sizeof passes / sizeof *passes; i++) {
    plt_split_part_t *part = &report->part[passes[i].part];
    part->wanted = (uint64_t)(passes[i].share * (double)rows->n);
    report->part[PLT_PART_TRAIN].wanted -= part->wanted;
    pass(&cut, passes[i].part, plt_stream(split->seed, i + 1), passes[i].strength, part);
  }
  summarize(&cut, report);
  free(cut.candidates);
  free(cut.item_free);
  free(cut.user_free);
  free(cut.popularity);
  return PLT_OK;
}
