/* report.c - see report.h. */
#include "launch/runs/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/io/fileio.h"
#include "common/log.h"
#include "common/mem.h"
#include "launch/runs/page.h"

enum { CONFIGS_MAX = 20, CONFIG_BYTES = 1 << 20 };

/* ---- runs ---- */

static void put_runs(const plt_runs_report_t *report, FILE *out) {
  static const char *const columns[] = {"group",  "run",   "model", "strategy", "seed",     "state",
                                        "epochs", "valid", "test",  "time s",   "gradients"};
  const char *metric = report->comparison.metrics[0];
  plt_sheet_t *sheet = plt_sheet_create();
  for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
    plt_sheet_column(sheet, columns[c], NULL, c == 4 || c > 5);
  for (size_t i = 0; i < report->n; i++) {
    const plt_run_t *run = report->runs[i];
    const plt_json_t *end = plt_run_last(run, "final");
    plt_sheet_row(sheet);
    plt_sheet_text(sheet, report->comparison.groups[report->colour[i]].name);
    plt_sheet_text(sheet, run->name);
    plt_run_put_option(run, "model.name", sheet);
    plt_run_put_option(run, "strategy.name", sheet);
    plt_run_put_option(run, "run.seed", sheet);
    plt_sheet_text(sheet, plt_run_state_names[run->state]);
    plt_sheet_real(sheet, plt_run_epochs(run), 0);
    plt_sheet_real(sheet, plt_run_best(run, metric), 4);
    plt_sheet_real(sheet, plt_run_outcome(run, "test", metric), 4);
    plt_sheet_real(sheet, end != NULL ? plt_run_number(end, "seconds") : plt_run_total(run, "epoch", "seconds"), 1);
    plt_sheet_real(sheet, plt_run_number(end != NULL ? end : plt_run_last(run, "epoch"), "gradients"), 0);
  }
  char *about = plt_mem_print("valid, test: %s, of the tables that validation chose", metric);
  plt_page_section("Runs", out);
  plt_page_sheet(&sheet, out);
  plt_page_paragraph(about, out);
  for (size_t i = 0; i < report->n; i++) {
    if (report->runs[i]->state != PLT_RUN_FAILED) continue;
    char *text = plt_mem_print("%s: %s", report->runs[i]->name, report->runs[i]->word);
    plt_page_paragraph(text, out);
    free(text);
  }
  plt_page_section_end(out);
  free(about);
}

static void put_comparison(const plt_comparison_t *c, FILE *out) {
  plt_sheet_t *groups = plt_comparison_groups(c), *metrics = plt_comparison_metrics(c),
              *differences = plt_comparison_differences(c), *all = plt_comparison_all(c);
  plt_page_section(c->n_groups > 1 ? "What differs" : "Metrics", out);
  if (c->n_groups > 1) plt_page_sheet(&groups, out);
  plt_page_sheet(&metrics, out);
  if (plt_sheet_rows(differences) > 0) {
    char *about = plt_mem_print(
        "%s part: mean difference per user, paired; p by Student's t, by random signs, and the "
        "latter corrected for the number of groups (Holm)",
        c->part);
    plt_page_paragraph(about, out);
    free(about);
  }
  plt_page_sheet(&differences, out);
  if (plt_sheet_rows(all) > 0) {
    plt_page_fold("All metrics of all parts", out);
    plt_page_sheet(&all, out);
    plt_page_fold_end(out);
  }
  plt_sheet_destroy(&groups);
  plt_sheet_destroy(&all);
  plt_page_section_end(out);
}

/* ---- curves ---- */

typedef struct curve {
  const char *event, *key, *split; /* split NULL: of any */
} curve_t;

/* A number under the key, or the last of a list of them. */
static double value_of(const plt_json_t *event, const char *key) {
  const plt_json_t *list = plt_json_find(event, key);
  double value = NAN;
  if (plt_json_length(list) == 0) return plt_run_number(event, key);
  plt_json_get_real(plt_json_item(list, plt_json_length(list) - 1), &value);
  return value;
}

/* A value over the epochs that were done by then. */
static plt_series_t series_of(const plt_runs_report_t *report, size_t i, const curve_t *curve) {
  const plt_run_t *run = report->runs[i];
  double *x = plt_mem_alloc((run->n_events + 1) * sizeof *x), *y = plt_mem_alloc((run->n_events + 1) * sizeof *y);
  plt_series_t series = {.name = run->name, .colour = report->colour[i], .x = x, .y = y};
  double epochs = 0;
  for (size_t e = 0; e < run->n_events; e++) {
    const plt_json_t *event = run->events[e];
    const char *split = plt_json_get_text(plt_json_find(event, "split"));
    epochs += plt_run_is_event(event, "epoch");
    if (!plt_run_is_event(event, curve->event)) continue;
    if (curve->split != NULL && (split == NULL || strcmp(split, curve->split) != 0)) continue;
    x[series.n] = epochs;
    y[series.n++] = value_of(event, curve->key);
  }
  return series;
}

/* Epochs behind which a recovery came, of all runs, or where a stage of a single run began; *n: how many. Free them. */
static double *marks_of(const plt_runs_report_t *report, size_t *n) {
  double *marks = NULL;
  *n = 0;
  for (size_t i = 0; i < report->n; i++) {
    const plt_run_t *run = report->runs[i];
    const char *stage = NULL;
    double epochs = 0;
    for (size_t e = 0; e < run->n_events; e++) {
      const plt_json_t *event = run->events[e];
      bool is_epoch = plt_run_is_event(event, "epoch"), marks_it = plt_run_is_event(event, "recovery");
      const char *here = is_epoch ? plt_json_get_text(plt_json_find(event, "stage")) : NULL;
      if (here != NULL && report->n == 1) {
        marks_it = stage != NULL && strcmp(stage, here) != 0;
        stage = here;
      }
      if (marks_it) {
        marks = plt_mem_resize(marks, *n + 1, sizeof *marks);
        marks[(*n)++] = epochs;
      }
      epochs += is_epoch;
    }
  }
  return marks;
}

static void put_curve(const plt_runs_report_t *report, const char *title, const curve_t *curve, FILE *out) {
  plt_series_t *series = plt_mem_alloc((report->n + 1) * sizeof *series);
  size_t n_marks;
  double *marks = marks_of(report, &n_marks);
  for (size_t i = 0; i < report->n; i++) series[i] = series_of(report, i, curve);
  plt_chart_lines(&(plt_chart_t){.title = title,
                                 .x_label = "epochs done",
                                 .series = series,
                                 .n = report->n,
                                 .marks = marks,
                                 .n_marks = n_marks,
                                 .from_zero = strcmp(curve->event, "epoch") != 0 || strcmp(curve->key, "loss") != 0},
                  out);
  for (size_t i = 0; i < report->n; i++) {
    free((void *)series[i].x);
    free((void *)series[i].y);
  }
  free(marks);
  free(series);
}

static bool any_has(const plt_runs_report_t *report, const char *event) {
  for (size_t i = 0; i < report->n; i++)
    if (plt_run_last(report->runs[i], event) != NULL) return true;
  return false;
}

static void put_curves(const plt_runs_report_t *report, FILE *out) {
  plt_page_section("Curves", out);
  plt_report_keys(report, out);
  fputs("<div class=\"grid\">\n", out);
  put_curve(report, "training loss", &(curve_t){"epoch", "loss", NULL}, out);
  for (size_t m = 0; m < report->comparison.n_metrics; m++) {
    char *title = plt_mem_print("validation %s", report->comparison.metrics[m]);
    put_curve(report, title, &(curve_t){"eval", report->comparison.metrics[m], "valid"}, out);
    free(title);
  }
  if (any_has(report, "sharpness")) {
    put_curve(report, "length of the gradient", &(curve_t){"sharpness", "gradient", NULL}, out);
    put_curve(report, "sharpness, largest distance", &(curve_t){"sharpness", "ascent", NULL}, out);
  }
  put_curve(report, "samples per second", &(curve_t){"epoch", "samples_per_s", NULL}, out);
  fputs("</div>\n", out);
  plt_page_paragraph("A dashed line down marks a recovery and, of a single run, the begin of a stage.", out);
  plt_page_section_end(out);
}

/* ---- configurations ---- */

static void put_configurations(const plt_runs_report_t *report, FILE *out) {
  plt_page_section("Configurations", out);
  for (size_t i = 0; i < report->n && i < CONFIGS_MAX; i++) {
    char path[PLT_PATH_MAX], *text;
    plt_status_t status = plt_path_join(report->runs[i]->dir, "config.yaml", path);
    if (status == PLT_OK) status = plt_file_read(path, CONFIG_BYTES, &text, NULL);
    if (status != PLT_OK) {
      plt_log(PLT_LOG_WARN, "%s", plt_fail_text());
      continue;
    }
    plt_page_fold(report->runs[i]->name, out);
    fputs("<pre>", out);
    plt_page_text(text, out);
    fputs("</pre>\n", out);
    plt_page_fold_end(out);
    free(text);
  }
  if (report->n > CONFIGS_MAX) plt_page_paragraph("The others have theirs in config.yaml of the run directory.", out);
  plt_page_section_end(out);
}

/* ---- all of it ---- */

static size_t group_of(const plt_comparison_t *c, const plt_run_t *run) {
  for (size_t g = 0; g < c->n_groups; g++)
    for (size_t r = 0; r < c->groups[g].n; r++)
      if (c->groups[g].runs[r] == run) return g;
  return 0;
}

static void put_all(const plt_runs_report_t *report, FILE *out) {
  char *title = report->n == 1 ? plt_mem_strdup(report->runs[0]->name) : plt_mem_print("%zu runs", report->n);
  char when[32];
  time_t now = time(NULL);
  struct tm at;
  strftime(when, sizeof when, "%Y-%m-%d %H:%M", localtime_r(&now, &at));
  char *about = plt_mem_print("plateau report, %s", when);
  plt_page_begin(title, out);
  plt_page_paragraph(about, out);
  put_runs(report, out);
  put_comparison(&report->comparison, out);
  put_curves(report, out);
  plt_report_time(report, out);
  plt_report_servers(report, out);
  plt_report_recoveries(report, out);
  plt_report_flatness(report, out);
  put_configurations(report, out);
  plt_page_end(out);
  free(about);
  free(title);
}

plt_status_t plt_report_write(const plt_run_t *const *runs, size_t n, const char *metrics, FILE *out) {
  plt_runs_report_t report = {.runs = runs, .n = n};
  PLT_TRY(plt_compare(runs, n, metrics, &report.comparison));
  report.colour = plt_mem_alloc((n + 1) * sizeof *report.colour);
  for (size_t i = 0; i < n; i++) report.colour[i] = group_of(&report.comparison, runs[i]);
  put_all(&report, out);
  free(report.colour);
  plt_comparison_clear(&report.comparison);
  return PLT_OK;
}
