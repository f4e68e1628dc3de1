/* report.c - prints what check.h found: a page for people, an object for programs. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/json.h"
#include "common/mem.h"
#include "launch/data/check.h"

const char *const plt_data_part_names[PLT_PARTS] = {"training", "validation", "test", "shift"};

static const char *type_name(plt_npy_type_t type) {
  static const char *const names[] = {
      [PLT_NPY_F2] = "f2", [PLT_NPY_F4] = "f4", [PLT_NPY_F8] = "f8", [PLT_NPY_I4] = "i4", [PLT_NPY_I8] = "i8"};
  return names[type];
}

enum { GROUPED = 32 };

/* "1,234,567" into out. */
static const char *grouped(uint64_t value, char out[GROUPED]) {
  char digits[GROUPED];
  int n = snprintf(digits, sizeof digits, "%" PRIu64, value), at = 0;
  for (int i = 0; i < n; i++) {
    if (i > 0 && (n - i) % 3 == 0) out[at++] = ',';
    out[at++] = digits[i];
  }
  out[at] = '\0';
  return out;
}

static void print_count(FILE *out, const char *label, uint64_t count, const char *note) {
  char text[GROUPED];
  fprintf(out, "  %-36s %12s%s\n", label, grouped(count, text), note);
}

/* The shifted part is told of where there is one. */
static bool is_shown(const plt_data_report_t *report, int part) {
  return part != PLT_PART_SHIFT || report->pairs[part] > 0;
}

static void print_environments(const plt_data_report_t *report, FILE *out) {
  uint64_t least = UINT64_MAX, most = 0;
  char low[GROUPED], high[GROUPED], note[3 * GROUPED];
  if (report->environments == 0) return;
  for (uint32_t e = 0; e < report->environments; e++) {
    if (report->environment[e] < least) least = report->environment[e];
    if (report->environment[e] > most) most = report->environment[e];
  }
  snprintf(note, sizeof note, "  (of %s to %s training pairs)", grouped(least, low), grouped(most, high));
  print_count(out, "environments", report->environments, note);
}

static void print_sizes(const plt_data_report_t *report, FILE *out) {
  char note[64];
  uint64_t all = 0;
  for (int part = 0; part < PLT_PARTS; part++) all += report->pairs[part];
  print_count(out, "users", report->users, "");
  print_count(out, "items", report->items, "");
  for (int part = 0; part < PLT_PARTS; part++) {
    char label[32];
    if (!is_shown(report, part)) continue;
    snprintf(label, sizeof label, "%s pairs", plt_data_part_names[part]);
    snprintf(note, sizeof note, "  %5.1f %%", all > 0 ? 100.0 * (double)report->pairs[part] / (double)all : 0.0);
    print_count(out, label, report->pairs[part], note);
  }
  print_environments(report, out);
  fprintf(out, "  %-36s %12.4f %%\n", "density", 100 * report->density);
}

static void print_degrees(const plt_data_report_t *report, FILE *out) {
  fprintf(out, "\n  %-26s %7s %7s %7s\n", "training pairs", "min", "median", "max");
  fprintf(out, "  %-26s %7u %7g %7u\n", "of a user", report->user_degree.min, report->user_degree.median,
          report->user_degree.max);
  fprintf(out, "  %-26s %7u %7g %7u\n\n", "of an item", report->item_degree.min, report->item_degree.median,
          report->item_degree.max);
}

static void print_doubts(const plt_data_report_t *report, FILE *out) {
  char note[64];
  snprintf(note, sizeof note, "  (%u of them evaluated)", report->untrained_evaluated);
  print_count(out, "users without training pairs", report->untrained_users, report->untrained_users ? note : "");
  snprintf(note, sizeof note, "  (%u of them evaluated)", report->cold_evaluated);
  print_count(out, "items without training pairs (cold)", report->cold_items, report->cold_items ? note : "");
  print_count(out, "duplicate training pairs", report->duplicates[PLT_PART_TRAIN], "");
  uint64_t duplicates = 0;
  for (int part = PLT_PART_VALID; part < PLT_PARTS; part++) duplicates += report->duplicates[part];
  print_count(out, "duplicates in the other parts", duplicates, "");
  for (int part = PLT_PART_VALID; part < PLT_PARTS; part++) {
    if (!is_shown(report, part)) continue;
    snprintf(note, sizeof note, "training pairs also in %s", plt_data_part_names[part]);
    print_count(out, note, report->leaks[part], "");
  }
}

static void print_features(const plt_data_report_t *report, FILE *out) {
  if (report->n_features == 0) {
    fprintf(out, "\n  no features\n");
    return;
  }
  fprintf(out, "\n  %-12s %16s %5s %10s %10s %10s %10s %10s %10s\n", "feature", "rows x columns", "type", "min", "max",
          "mean", "std", "zero rows", "NaN, Inf");
  for (size_t i = 0; i < report->n_features; i++) {
    const plt_feature_report_t *feature = &report->features[i];
    char shape[64];
    snprintf(shape, sizeof shape, "%" PRIu64 " x %" PRIu64, feature->rows, feature->cols);
    fprintf(out, "  %-12s %16s %5s %10.4g %10.4g %10.4g %10.4g %10" PRIu64 " %10" PRIu64 "\n", feature->name, shape,
            type_name(feature->type), feature->min, feature->max, feature->mean, feature->deviation, feature->zero_rows,
            feature->not_finite);
  }
}

static void print_problems(const plt_data_report_t *report, FILE *out, bool errors) {
  char text[GROUPED];
  for (int kind = 0; kind < PLT_PROBLEM_KINDS; kind++) {
    const plt_problem_group_t *group = &report->problems[kind];
    if (group->count == 0 || plt_problem_is_error((plt_problem_t)kind) != errors) continue;
    fprintf(out, "\n%s: %s (%s)\n", errors ? "error" : "warning", plt_problem_heading((plt_problem_t)kind),
            grouped(group->count, text));
    uint64_t shown = group->count < PLT_PROBLEMS_SHOWN ? group->count : PLT_PROBLEMS_SHOWN;
    for (uint64_t i = 0; i < shown; i++) fprintf(out, "  %s\n", group->text[i]);
    if (group->count > shown) fprintf(out, "  ... and %s more\n", grouped(group->count - shown, text));
  }
}

void plt_data_report_print(const plt_data_report_t *report, FILE *out) {
  char errors[GROUPED], warnings[GROUPED];
  if (report->source != NULL) {
    fprintf(out, "%s  (%s)\n\n", report->name, report->source);
    print_sizes(report, out);
    print_degrees(report, out);
    print_doubts(report, out);
  }
  if (report->source != NULL || report->n_features > 0) print_features(report, out);
  print_problems(report, out, true);
  print_problems(report, out, false);
  fprintf(out, "\n%s error%s, %s warning%s\n", grouped(report->errors, errors), report->errors == 1 ? "" : "s",
          grouped(report->warnings, warnings), report->warnings == 1 ? "" : "s");
}

static void json_parts(plt_json_t *json, const char *key, const uint64_t count[PLT_PARTS]) {
  plt_json_t *parts = plt_json_add_object(json, key);
  for (int part = 0; part < PLT_PARTS; part++) plt_json_int(parts, plt_data_part_names[part], (int64_t)count[part]);
}

static void json_degrees(plt_json_t *json, const char *key, plt_degrees_t degrees) {
  plt_json_t *object = plt_json_add_object(json, key);
  plt_json_int(object, "min", degrees.min);
  plt_json_real(object, "median", degrees.median);
  plt_json_int(object, "max", degrees.max);
}

static void json_interactions(plt_json_t *json, const plt_data_report_t *report) {
  plt_json_text(json, "name", report->name);
  plt_json_text(json, "source", report->source);
  plt_json_int(json, "users", report->users);
  plt_json_int(json, "items", report->items);
  json_parts(json, "pairs", report->pairs);
  if (report->environments > 0) {
    plt_json_t *environments = plt_json_add_list(json, "environments");
    for (uint32_t e = 0; e < report->environments; e++)
      plt_json_int(environments, NULL, (int64_t)report->environment[e]);
  }
  plt_json_real(json, "density", report->density);
  json_degrees(json, "user_degree", report->user_degree);
  json_degrees(json, "item_degree", report->item_degree);
  plt_json_int(json, "untrained_users", report->untrained_users);
  plt_json_int(json, "untrained_users_evaluated", report->untrained_evaluated);
  plt_json_int(json, "cold_items", report->cold_items);
  plt_json_int(json, "cold_items_evaluated", report->cold_evaluated);
  json_parts(json, "duplicates", report->duplicates);
  json_parts(json, "leaks", report->leaks);
}

static void json_feature(plt_json_t *features, const plt_feature_report_t *feature) {
  plt_json_t *json = plt_json_add_object(features, NULL);
  plt_json_text(json, "name", feature->name);
  plt_json_text(json, "type", type_name(feature->type));
  plt_json_int(json, "rows", (int64_t)feature->rows);
  plt_json_int(json, "columns", (int64_t)feature->cols);
  plt_json_real(json, "min", feature->min);
  plt_json_real(json, "max", feature->max);
  plt_json_real(json, "mean", feature->mean);
  plt_json_real(json, "std", feature->deviation);
  plt_json_int(json, "zero_rows", (int64_t)feature->zero_rows);
  plt_json_int(json, "not_finite", (int64_t)feature->not_finite);
}

static void json_problem(plt_json_t *problems, plt_problem_t kind, const plt_problem_group_t *group) {
  plt_json_t *json = plt_json_add_object(problems, NULL);
  plt_json_text(json, "severity", plt_problem_is_error(kind) ? "error" : "warning");
  plt_json_text(json, "kind", plt_problem_heading(kind));
  plt_json_int(json, "count", (int64_t)group->count);
  plt_json_t *first = plt_json_add_list(json, "first");
  for (uint64_t i = 0; i < group->count && i < PLT_PROBLEMS_SHOWN; i++) plt_json_text(first, NULL, group->text[i]);
}

void plt_data_report_print_json(const plt_data_report_t *report, FILE *out) {
  plt_json_t *json = plt_json_create();
  if (report->source != NULL) json_interactions(json, report);
  plt_json_t *features = plt_json_add_list(json, "features"), *problems = plt_json_add_list(json, "problems");
  for (size_t i = 0; i < report->n_features; i++) json_feature(features, &report->features[i]);
  for (int kind = 0; kind < PLT_PROBLEM_KINDS; kind++)
    if (report->problems[kind].count > 0) json_problem(problems, (plt_problem_t)kind, &report->problems[kind]);
  plt_json_int(json, "errors", (int64_t)report->errors);
  plt_json_int(json, "warnings", (int64_t)report->warnings);
  plt_json_write(&json, out);
}
