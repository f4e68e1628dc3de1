/* report_flat.c - see report.h: what lies in a run directory beside the run: JSON of `plateau landscape`, `sharpness`
 * and `evaluate --noise`, known by what is in it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/log.h"
#include "common/mem.h"
#include "launch/runs/page.h"
#include "launch/runs/report.h"

enum { FILE_BYTES = 64 << 20, FIELDS_MAX = 24, POINTS_MAX = 101 };

typedef struct found {
  size_t run;
  plt_json_t *json;
  char *title; /* of the run, and of the file if it has several */
} found_t;

typedef struct finds {
  found_t *at;
  size_t n;
} finds_t;

static void read_run(const plt_runs_report_t *report, size_t i, finds_t *finds) {
  const plt_run_t *run = report->runs[i];
  char **names = NULL;
  size_t n = 0;
  if (plt_dir_list(run->dir, &names, &n) != PLT_OK) return;
  for (size_t k = 0; k < n; k++) {
    char path[PLT_PATH_MAX];
    plt_json_t *json;
    if (!plt_path_ends_with(names[k], ".json") || plt_path_join(run->dir, names[k], path) != PLT_OK) continue;
    if (plt_json_read(path, FILE_BYTES, &json) != PLT_OK) {
      plt_log(PLT_LOG_WARN, "left out: %s", plt_fail_text());
      continue;
    }
    finds->at = plt_mem_resize(finds->at, finds->n + 1, sizeof *finds->at);
    finds->at[finds->n++] = (found_t){i, json, plt_mem_print("%s %s", run->name, names[k])};
  }
  plt_names_free(&names, n);
}

/* ---- landscapes ---- */

/* Of a landscape over two directions: its losses above that of the tables, [*n, *n], to be freed; NULL: it is none. */
static double *read_field(const plt_json_t *json, size_t *n) {
  const plt_json_t *lines = plt_json_find(json, "loss");
  *n = plt_json_length(plt_json_find(json, "at"));
  if (!(plt_run_number(json, "axes") == 2) || *n == 0 || *n > POINTS_MAX || plt_json_length(lines) != *n) return NULL;
  double *values = plt_mem_alloc(*n * *n * sizeof *values);
  for (size_t i = 0; i < *n * *n; i++)
    if (!plt_json_get_real(plt_json_item(plt_json_item(lines, i / *n), i % *n), &values[i])) values[i] = NAN;
  double middle = values[*n * *n / 2];
  for (size_t i = 0; i < *n * *n; i++) values[i] -= middle;
  return values;
}

static double most_of(const double *values, size_t n) {
  double least = INFINITY, most = -INFINITY;
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(values[i])) continue;
    least = fmin(least, values[i]);
    most = fmax(most, values[i]);
  }
  return most > least ? most - least : 1;
}

static void put_fields(const finds_t *finds, FILE *out) {
  double full = 0;
  size_t n, fields = 0;
  for (size_t i = 0; i < finds->n; i++) {
    double *values = read_field(finds->at[i].json, &n);
    if (values == NULL) continue;
    full = fmax(full, most_of(values, n * n));
    fields++;
    free(values);
  }
  if (fields == 0) return;
  fputs("<div class=\"grid\">\n", out);
  for (size_t i = 0, drawn = 0; i < finds->n && drawn < FIELDS_MAX; i++) {
    const plt_json_t *json = finds->at[i].json, *at = plt_json_find(json, "at");
    double *values = read_field(json, &n), range = 0;
    if (values == NULL) continue;
    plt_json_get_real(plt_json_item(at, n - 1), &range);
    plt_chart_field(finds->at[i].title, values, n, full, range, out);
    drawn++;
    free(values);
  }
  fputs("</div>\n", out);
  char *about = plt_mem_print(
      "The loss over two random directions around the tables, each row moved by up to its own "
      "length times the range; all on one scale, the strongest colour %.3g above the least.",
      full);
  plt_page_paragraph(about, out);
  free(about);
}

/* ---- curves: landscapes over one direction, sharpness, robustness ---- */

/* Lists of numbers under two keys, the second less its value in the middle if `above`; false: there are none. */
static bool read_lists(const plt_json_t *json, const char *x_key, const char *y_key, bool above, plt_series_t *out) {
  const plt_json_t *xs = plt_json_find(json, x_key), *ys = plt_json_find(json, y_key);
  size_t n = plt_json_length(xs);
  if (n == 0 || plt_json_length(ys) != n || plt_json_length(plt_json_item(ys, 0)) != 0) return false;
  double *x = plt_mem_alloc(n * sizeof *x), *y = plt_mem_alloc(n * sizeof *y);
  for (size_t i = 0; i < n; i++) {
    if (!plt_json_get_real(plt_json_item(xs, i), &x[i])) x[i] = NAN;
    if (!plt_json_get_real(plt_json_item(ys, i), &y[i])) y[i] = NAN;
  }
  double middle = above ? y[n / 2] : 0;
  for (size_t i = 0; i < n; i++) y[i] -= middle;
  out->x = x;
  out->y = y;
  out->n = n;
  return true;
}

/* What is left of a metric of the test part (of validation, where that is all) as features are disturbed. */
static bool read_robustness(const plt_json_t *json, const char *kind, const char *metric, plt_series_t *out) {
  const plt_json_t *list = plt_json_find(plt_json_find(json, "robustness"), "at");
  const char *part = plt_json_find(json, "test") != NULL ? "test" : "valid";
  size_t n = plt_json_length(list);
  if (n == 0) return false;
  double *x = plt_mem_alloc((n + 1) * sizeof *x), *y = plt_mem_alloc((n + 1) * sizeof *y);
  x[0] = 0;
  y[0] = plt_run_number(plt_json_find(json, part), metric);
  out->n = 1;
  for (size_t i = 0; i < n; i++) {
    const plt_json_t *at = plt_json_item(list, i);
    const char *is = plt_json_get_text(plt_json_find(at, "kind"));
    if (is == NULL || strcmp(is, kind) != 0) continue;
    x[out->n] = plt_run_number(at, "amount");
    y[out->n++] = plt_run_number(plt_json_find(at, part), metric);
  }
  out->x = x;
  out->y = y;
  return true;
}

typedef enum { SLICE, ASCENT, RANDOM, NOISE, REPLACE, KINDS } kind_t;

static bool read_series(const plt_runs_report_t *report, const plt_json_t *json, kind_t kind, plt_series_t *out) {
  const char *metric = report->comparison.metrics[0];
  switch (kind) {
    case SLICE: return plt_run_number(json, "axes") == 1 && read_lists(json, "at", "loss", true, out);
    case ASCENT: return read_lists(json, "rho", "ascent", false, out);
    case RANDOM: return read_lists(json, "rho", "random", false, out);
    case NOISE: return read_robustness(json, "noise", metric, out) && out->n > 1;
    case REPLACE: return read_robustness(json, "replace", metric, out) && out->n > 1;
    case KINDS: break;
  }
  return false;
}

static void put_kind(const plt_runs_report_t *report, const finds_t *finds, kind_t kind, FILE *out) {
  static const char *const titles[KINDS] = {"rise of the loss over a random direction", "rise of the loss, ascent",
                                            "rise of the loss, random directions", "with noisy features",
                                            "with features of other items"};
  static const char *const labels[KINDS] = {"lengths of rows", "rho", "rho", "deviations of noise", "share of items"};
  plt_series_t *series = plt_mem_zalloc(finds->n + 1, sizeof *series);
  size_t n = 0;
  for (size_t i = 0; i < finds->n; i++) {
    plt_series_t *own = &series[n];
    *own = (plt_series_t){.name = finds->at[i].title, .colour = report->colour[finds->at[i].run]};
    if (read_series(report, finds->at[i].json, kind, own)) {
      n++;
    } else {
      free((void *)own->x);
      free((void *)own->y);
    }
  }
  char *title = kind == NOISE || kind == REPLACE ? plt_mem_print("%s %s", report->comparison.metrics[0], titles[kind])
                                                 : plt_mem_strdup(titles[kind]);
  if (n > 0)
    plt_chart_lines(
        &(plt_chart_t){.title = title, .x_label = labels[kind], .series = series, .n = n, .from_zero = true}, out);
  for (size_t i = 0; i < n; i++) {
    free((void *)series[i].x);
    free((void *)series[i].y);
  }
  free(title);
  free(series);
}

static bool is_of_flatness(const plt_json_t *json) {
  static const char *const keys[] = {"axes", "rho", "robustness"};
  for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
    if (plt_json_find(json, keys[k]) != NULL) return true;
  return false;
}

void plt_report_flatness(const plt_runs_report_t *report, FILE *out) {
  finds_t finds = {0};
  bool any = false;
  for (size_t i = 0; i < report->n; i++) read_run(report, i, &finds);
  for (size_t i = 0; i < finds.n; i++) any = any || is_of_flatness(finds.at[i].json);
  if (any) {
    plt_page_section("Flatness and robustness", out);
    plt_report_keys(report, out);
    fputs("<div class=\"grid\">\n", out);
    for (kind_t kind = 0; kind < KINDS; kind++) put_kind(report, &finds, kind, out);
    fputs("</div>\n", out);
    put_fields(&finds, out);
    plt_page_section_end(out);
  }
  for (size_t i = 0; i < finds.n; i++) {
    plt_json_destroy(&finds.at[i].json);
    free(finds.at[i].title);
  }
  free(finds.at);
}
