/* check.c - see check.h: the figures and the problems. report.c prints them. */
#include "launch/data/check.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "worker/data/features.h"
#include "worker/data/interactions.h"
#include "worker/data/moments.h"
#include "worker/data/pack.h"

static plt_status_t collect(void *context, plt_problem_t kind, const char *text) {
  plt_data_report_t *report = context;
  plt_problem_group_t *group = &report->problems[kind];
  if (group->count < PLT_PROBLEMS_SHOWN) group->text[group->count] = plt_mem_strdup(text);
  group->count++;
  if (plt_problem_is_error(kind))
    report->errors++;
  else
    report->warnings++;
  return PLT_OK;
}

/* Marks which users (or items) have pairs in training and which outside of it. */
enum { IN_TRAINING = 1, IN_EVALUATION = 2 };

typedef struct counts {
  uint32_t *degree; /* training pairs */
  uint8_t *where;
} counts_t;

static counts_t count_ids(const plt_interactions_t *rows, uint32_t ids, bool by_user) {
  counts_t counts = {plt_mem_zalloc(ids, sizeof *counts.degree), plt_mem_zalloc(ids, sizeof *counts.where)};
  for (uint64_t i = 0; i < rows->n; i++) {
    uint32_t id = by_user ? rows->row[i].user : rows->row[i].item;
    bool train = rows->row[i].part == PLT_PART_TRAIN;
    counts.degree[id] += train;
    counts.where[id] |= train ? IN_TRAINING : IN_EVALUATION;
  }
  return counts;
}

static int compare_u32(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

/* Sorts `degree`. */
static plt_degrees_t summarize(uint32_t *degree, uint32_t n) {
  if (n == 0) return (plt_degrees_t){0};
  qsort(degree, n, sizeof *degree, compare_u32);
  uint32_t below = degree[(n - 1) / 2], above = degree[n / 2]; /* the middle, or its neighbours */
  return (plt_degrees_t){degree[0], degree[n - 1], ((double)below + above) / 2};
}

static uint32_t count_trained_items(const plt_interactions_t *rows) {
  counts_t counts = count_ids(rows, rows->items, false);
  uint32_t n = 0;
  for (uint32_t item = 0; item < rows->items; item++) n += (counts.where[item] & IN_TRAINING) != 0;
  free(counts.where);
  free(counts.degree);
  return n;
}

/* Whether a user, who has pairs enough for it, has `items` different training items. */
static bool has_all(const plt_interactions_t *rows, uint32_t user, uint32_t items) {
  uint8_t *seen = plt_mem_zalloc(rows->items, 1);
  uint32_t n = 0;
  for (uint64_t i = 0; i < rows->n; i++) {
    if (rows->row[i].user != user || rows->row[i].part != PLT_PART_TRAIN) continue;
    n += !seen[rows->row[i].item];
    seen[rows->row[i].item] = 1;
  }
  free(seen);
  return n == items;
}

static void check_users(plt_data_report_t *report, const plt_interactions_t *rows, const plt_problem_sink_t *sink) {
  counts_t counts = count_ids(rows, rows->users, true);
  uint32_t items = count_trained_items(rows), trained = 0, full = 0;
  for (uint32_t user = 0; user < rows->users; user++) {
    if (items > 0 && counts.degree[user] >= items && has_all(rows, user, items)) {
      full++;
      plt_problem_report(
          sink, PLT_PROBLEM_FULL_USER,
          "%s: user %u has all %u training items: no negatives can be drawn, training leaves the pairs out",
          rows->source, user, items);
    }
    if (counts.where[user] & IN_TRAINING) {
      trained++;
      continue;
    }
    report->untrained_users++;
    if (counts.where[user] == 0) continue;
    report->untrained_evaluated++;
    plt_problem_report(sink, PLT_PROBLEM_UNTRAINED_USER,
                       "%s: user %u has pairs to evaluate but none in training; evaluation leaves it out", rows->source,
                       user);
  }
  if (full > 0 && full == trained)
    plt_problem_report(
        sink, PLT_PROBLEM_NO_NEGATIVES,
        "%s: every user has all %u training items: models that draw negatives from what a user has not refuse it",
        rows->source, items);
  report->user_degree = summarize(counts.degree, rows->users);
  free(counts.where);
  free(counts.degree);
}

/* Cold items are what features are for, so they are counted and not complained about. */
static void check_items(plt_data_report_t *report, const plt_interactions_t *rows) {
  counts_t counts = count_ids(rows, rows->items, false);
  for (uint32_t item = 0; item < rows->items; item++) {
    if (counts.where[item] & IN_TRAINING) continue;
    report->cold_items++;
    report->cold_evaluated += counts.where[item] != 0;
  }
  report->item_degree = summarize(counts.degree, rows->items);
  free(counts.where);
  free(counts.degree);
}

/* Two rows with the same pair: a duplicate within a part, a leak between training and another part. */
static void check_repeat(plt_data_report_t *report, const plt_interactions_t *rows, const plt_interaction_t *first,
                         const plt_interaction_t *later, const plt_problem_sink_t *sink) {
  const char *file = plt_interactions_file(rows, (plt_part_t)later->part);
  const char *before = plt_interactions_file(rows, (plt_part_t)first->part);
  const char *slash = strrchr(before, '/');
  bool same = first->part == later->part;
  if (same)
    report->duplicates[later->part]++;
  else
    report->leaks[later->part]++;
  plt_problem_report(sink, same ? PLT_PROBLEM_DUPLICATE : PLT_PROBLEM_LEAK, "%s:%u: %s pair user %u, item %u %s %s:%u",
                     file, later->line, plt_data_part_names[later->part], later->user, later->item,
                     same ? "repeats" : "is also the training pair of", slash == NULL ? before : slash + 1,
                     first->line);
}

/* One pair's rows: later rows of a part against its first, and the first of each part against training's. */
static void check_pair(plt_data_report_t *report, const plt_interactions_t *rows, uint64_t begin, uint64_t end,
                       const plt_problem_sink_t *sink) {
  const plt_interaction_t *first[PLT_PARTS] = {NULL};
  for (uint64_t i = begin; i < end; i++) {
    const plt_interaction_t *row = &rows->row[i];
    if (first[row->part] == NULL)
      first[row->part] = row;
    else
      check_repeat(report, rows, first[row->part], row, sink);
  }
  if (first[PLT_PART_TRAIN] == NULL) return;
  for (int part = PLT_PART_VALID; part < PLT_PARTS; part++)
    if (first[part] != NULL) check_repeat(report, rows, first[PLT_PART_TRAIN], first[part], sink);
}

static void check_pairs(plt_data_report_t *report, plt_interactions_t *rows, const plt_problem_sink_t *sink) {
  plt_interactions_sort(rows);
  for (uint64_t begin = 0, end; begin < rows->n; begin = end) {
    const plt_interaction_t *row = rows->row;
    for (end = begin + 1; end < rows->n && row[end].user == row[begin].user && row[end].item == row[begin].item;) end++;
    if (end > begin + 1) check_pair(report, rows, begin, end, sink);
  }
}

static void check_environments(plt_data_report_t *report, const plt_interactions_t *rows,
                               const plt_problem_sink_t *sink) {
  if (!rows->has_environments) return;
  for (uint64_t i = 0; i < rows->n; i++)
    if (rows->row[i].part == PLT_PART_TRAIN && rows->row[i].environment >= report->environments)
      report->environments = rows->row[i].environment + 1u;
  report->environment = plt_mem_zalloc(report->environments, sizeof *report->environment);
  for (uint64_t i = 0; i < rows->n; i++)
    if (rows->row[i].part == PLT_PART_TRAIN) report->environment[rows->row[i].environment]++;
  for (uint32_t e = 0; e < report->environments; e++)
    if (report->environment[e] == 0)
      plt_problem_report(sink, PLT_PROBLEM_EMPTY_ENVIRONMENT, "%s: environment %u has no training pairs, %u has some",
                         rows->source, e, report->environments - 1);
}

static void check_parts(plt_data_report_t *report, const plt_interactions_t *rows, const plt_problem_sink_t *sink) {
  for (uint64_t i = 0; i < rows->n; i++) report->pairs[rows->row[i].part]++;
  if (rows->n > 0) report->density = (double)rows->n / ((double)rows->users * rows->items);
  if (report->pairs[PLT_PART_TRAIN] == 0)
    plt_problem_report(sink, PLT_PROBLEM_NO_TRAINING, "%s: no training pairs (x_label 0)", rows->source);
  if (report->pairs[PLT_PART_VALID] == 0)
    plt_problem_report(sink, PLT_PROBLEM_NO_VALIDATION, "%s: no validation pairs (x_label 1): no early stopping",
                       rows->source);
  if (report->pairs[PLT_PART_TEST] == 0)
    plt_problem_report(sink, PLT_PROBLEM_NO_VALIDATION, "%s: no test pairs (x_label 2)", rows->source);
}

/* The text of a folder, where there is one: its rows have line numbers. A packed file is looked over for itself; it
 * says the same as its text, unless it is damaged or the text has changed. */
static plt_status_t read_rows(const char *folder, const char *chosen, const plt_problem_sink_t *sink,
                              plt_interactions_t **rows) {
  plt_source_t source = {0}, text = {0};
  PLT_TRY(plt_source_find(folder, chosen, PLT_SOURCE_ANY, &source));
  bool is_fine = !source.is_pack || plt_pack_verify(source.path) == PLT_OK;
  if (!is_fine) plt_problem_report(sink, PLT_PROBLEM_UNREADABLE, "%s", plt_fail_text());
  bool has_text = source.is_pack && plt_source_find(source.folder, NULL, PLT_SOURCE_TEXT, &text) == PLT_OK &&
                  strcmp(text.name, source.name) == 0;
  plt_status_t status = PLT_OK;
  if (has_text)
    status = plt_interactions_read(&text, sink, rows);
  else if (is_fine)
    status = plt_interactions_read(&source, sink, rows);
  plt_source_clear(&text);
  plt_source_clear(&source);
  return status;
}

static void check_interactions(plt_data_report_t *report, const char *folder, const char *chosen,
                               const plt_problem_sink_t *sink) {
  plt_interactions_t *rows = NULL;
  if (read_rows(folder, chosen, sink, &rows) != PLT_OK)
    plt_problem_report(sink, PLT_PROBLEM_UNREADABLE, "%s", plt_fail_text());
  if (rows == NULL) return;
  report->name = plt_mem_strdup(rows->name);
  report->source = plt_mem_strdup(rows->source);
  report->users = rows->users;
  report->items = rows->items;
  check_parts(report, rows, sink);
  check_environments(report, rows, sink);
  check_users(report, rows, sink);
  check_items(report, rows);
  check_pairs(report, rows, sink);
  plt_interactions_destroy(&rows);
}

static void add_row(plt_moments_t *moments, const float *row, uint64_t cols, plt_feature_report_t *out) {
  uint64_t n = 0;
  bool zero = true;
  for (uint64_t c = 0; c < cols; c++) {
    double x = row[c];
    if (!isfinite(x)) continue;
    n++;
    if (x < out->min) out->min = x;
    if (x > out->max) out->max = x;
    zero = zero && x == 0;
  }
  out->not_finite += cols - n;
  out->zero_rows += zero && n == cols;
  plt_moments_add(moments, row, cols);
}

static void measure_feature(const plt_feature_t *feature, plt_feature_report_t *out, const plt_problem_sink_t *sink) {
  const plt_npy_t *array = &feature->array;
  *out = (plt_feature_report_t){.name = plt_mem_strdup(feature->name),
                                .type = array->type,
                                .rows = array->rows,
                                .cols = array->cols,
                                .min = DBL_MAX,
                                .max = -DBL_MAX};
  plt_moments_t moments = {0};
  float *row = plt_mem_alloc(array->cols * sizeof *row);
  for (uint64_t r = 0; r < array->rows; r++) {
    uint64_t zero_rows = out->zero_rows;
    plt_npy_row_f32(array, r, row);
    add_row(&moments, row, array->cols, out);
    if (out->zero_rows > zero_rows)
      plt_problem_report(sink, PLT_PROBLEM_ZERO_FEATURE, "%s: row %llu (from 0) is all zero", feature->path,
                         (unsigned long long)r);
  }
  free(row);
  if (moments.n == 0) out->min = out->max = NAN;
  out->mean = moments.n > 0 ? moments.mean : NAN;
  out->deviation = plt_moments_deviation(&moments);
}

/* Items that have none get the mean of the others (data.missing); where nobody has any there is none. */
static void tell_missing(const plt_feature_t *feature, uint32_t items, plt_missing_t missing,
                         const plt_problem_sink_t *sink) {
  if (missing.n > 0 && missing.n == items)
    plt_problem_report(sink, PLT_PROBLEM_FEATURE_VALUE, "%s: every row is NaN: no item has %s", feature->path,
                       feature->name);
  else if (missing.n > 0)
    plt_problem_report(sink, PLT_PROBLEM_MISSING_FEATURE,
                       "%s: %u of %u rows are NaN throughout, row %u (from 0) first: these items get the mean of the "
                       "others, or data.missing: error refuses them",
                       feature->path, missing.n, items, missing.first);
}

/* Warns where the values of one modality are so much larger than those of another that they may drown them. */
static void check_scales(const plt_data_report_t *report, const plt_problem_sink_t *sink) {
  double *deviation = plt_mem_alloc(report->n_features * sizeof *deviation);
  size_t at_least, at_most;
  for (size_t i = 0; i < report->n_features; i++) deviation[i] = report->features[i].deviation;
  bool differ = plt_feature_scales_differ(deviation, report->n_features, &at_least, &at_most);
  free(deviation);
  if (!differ) return;
  const plt_feature_report_t *least = &report->features[at_least], *most = &report->features[at_most];
  plt_problem_report(sink, PLT_PROBLEM_SCALES,
                     "%s has deviation %.3g, %s %.3g, a factor of %.3g: what reads both may hardly see %s; "
                     "data.scale: standard or unit makes them alike (docs/data.md)",
                     most->name, most->deviation, least->name, least->deviation, most->deviation / least->deviation,
                     least->name);
}

static void check_feature(plt_data_report_t *report, const char *folder, const char *file,
                          const plt_problem_sink_t *sink) {
  plt_feature_t feature;
  if (plt_feature_open(folder, file, &feature) != PLT_OK) {
    plt_problem_report(sink, PLT_PROBLEM_UNREADABLE, "%s", plt_fail_text());
    return;
  }
  if (report->source != NULL && feature.array.rows > report->items)
    plt_problem_report(sink, PLT_PROBLEM_SURPLUS_ROWS, "%s: has %llu rows for %u items; the others are not used",
                       feature.path, (unsigned long long)feature.array.rows, report->items);
  /* Without interactions the number of items is not known: all rows are looked at, none can be missing. */
  uint32_t items = report->source != NULL            ? report->items
                   : feature.array.rows < UINT32_MAX ? (uint32_t)feature.array.rows
                                                     : UINT32_MAX;
  plt_missing_t missing;
  plt_feature_check(&feature, items, &missing, sink);
  tell_missing(&feature, items, missing, sink);
  measure_feature(&feature, &report->features[report->n_features++], sink);
  plt_feature_close(&feature);
}

static void check_all_features(plt_data_report_t *report, const char *folder, const plt_problem_sink_t *sink) {
  char **names = NULL;
  size_t n = 0;
  if (plt_dir_list(folder, &names, &n) != PLT_OK) return; /* the interactions told of it */
  report->features = plt_mem_zalloc(n, sizeof *report->features);
  for (size_t i = 0; i < n; i++) {
    if (plt_feature_is_name(names[i])) check_feature(report, folder, names[i], sink);
    free(names[i]);
  }
  free(names);
}

void plt_data_check(const char *folder, const char *interactions, const char *const *features, size_t n_features,
                    plt_data_report_t **out) {
  plt_data_report_t *report = plt_mem_zalloc(1, sizeof *report);
  plt_problem_sink_t sink = {collect, report};
  check_interactions(report, folder, interactions, &sink);
  if (features == NULL) {
    check_all_features(report, folder, &sink);
  } else {
    report->features = plt_mem_zalloc(n_features, sizeof *report->features);
    for (size_t i = 0; i < n_features; i++) check_feature(report, folder, features[i], &sink);
  }
  check_scales(report, &sink);
  *out = report;
}

void plt_data_report_destroy(plt_data_report_t **report_at) {
  plt_data_report_t *report = *report_at;
  if (report == NULL) return;
  for (int kind = 0; kind < PLT_PROBLEM_KINDS; kind++)
    for (int i = 0; i < PLT_PROBLEMS_SHOWN; i++) free(report->problems[kind].text[i]);
  for (size_t i = 0; i < report->n_features; i++) free(report->features[i].name);
  free(report->features);
  free(report->environment);
  free(report->source);
  free(report->name);
  free(report);
  *report_at = NULL;
}
