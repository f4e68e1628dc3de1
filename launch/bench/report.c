/* report.c - see report.h. */
#include "launch/bench/report.h"

#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/io/json.h"
#include "common/mem.h"

enum { REPORT_BYTES_MAX = 1 << 24 };

void plt_bench_report_add(plt_bench_report_t *report, const plt_bench_figure_t *figure) {
  PLT_MEM_GROW(report->figure, report->n, report->capacity);
  report->figure[report->n++] = *figure;
}

void plt_bench_report_rows(plt_bench_report_t *report, const char *name, const plt_bench_contestant_t *of,
                           const char *yardstick, double rows) {
  plt_bench_figure_t figure = {.unit = "M rows/s",
                               .value = 1e-6 * of->rate.per_s * rows,
                               .cpu_ns = 1e9 * of->rate.cpu_s / rows,
                               .yardstick = yardstick,
                               .ratio = of->ratio};
  snprintf(figure.name, sizeof figure.name, "%s", name);
  plt_bench_report_add(report, &figure);
}

void plt_bench_report_clear(plt_bench_report_t *report) {
  free(report->compared);
  free(report->figure);
  *report = (plt_bench_report_t){0};
}

/* ---- comparing ---- */

static void take_then(plt_bench_report_t *report, const plt_json_t *json) {
  const char *name = plt_json_get_text(plt_json_find(json, "name"));
  for (size_t i = 0; i < report->n && name != NULL; i++) {
    plt_bench_figure_t *figure = &report->figure[i];
    if (strcmp(figure->name, name) != 0) continue;
    if (!plt_json_get_real(plt_json_find(json, "value"), &figure->then)) figure->then = 0;
    if (!plt_json_get_real(plt_json_find(json, "ratio"), &figure->then_ratio)) figure->then_ratio = 0;
  }
}

plt_status_t plt_bench_report_compare(plt_bench_report_t *report, const char *path) {
  plt_json_t *json;
  plt_status_t status = PLT_OK;
  PLT_TRY(plt_json_read(path, REPORT_BYTES_MAX, &json));
  const char *bench = plt_json_get_text(plt_json_find(json, "bench"));
  const plt_json_t *figures = plt_json_find(json, "figures");
  if (bench == NULL || strcmp(bench, report->bench) != 0)
    status = plt_fail(PLT_ERR_DATA, "%s: no report of \"plateau bench %s --json\", but of %s", path, report->bench,
                      bench == NULL ? "something else" : bench);
  for (size_t i = 0; status == PLT_OK && i < plt_json_length(figures); i++)
    take_then(report, plt_json_item(figures, i));
  plt_json_destroy(&json);
  if (status == PLT_OK) report->compared = plt_mem_strdup(path);
  return status;
}

/* ---- printing ---- */

static void print_ratio(FILE *out, double ratio) {
  if (ratio > 0)
    fprintf(out, " %7.2f", ratio);
  else
    fprintf(out, " %7s", "-");
}

void plt_bench_report_print(const plt_bench_report_t *report, FILE *out) {
  bool compares = report->compared != NULL;
  fprintf(out, "%-28s %10s %-9s %9s %7s  %-14s", report->bench, "", "", "cpu ns", "ratio", "to");
  if (compares) fprintf(out, " %7s %7s", "/ then", "was");
  fputc('\n', out);
  for (size_t i = 0; i < report->n; i++) {
    const plt_bench_figure_t *figure = &report->figure[i];
    fprintf(out, "%-28s %10.4g %-9s", figure->name, figure->value, figure->unit);
    if (figure->cpu_ns > 0)
      fprintf(out, " %9.4g", figure->cpu_ns);
    else
      fprintf(out, " %9s", "-");
    print_ratio(out, figure->ratio);
    fprintf(out, "  %-14s", figure->yardstick == NULL ? "" : figure->yardstick);
    if (compares) {
      print_ratio(out, figure->then > 0 ? figure->value / figure->then : 0);
      print_ratio(out, figure->then_ratio);
    }
    fputc('\n', out);
  }
  if (compares) fprintf(out, "\n/ then: the figure over that of %s; was: the ratio there\n", report->compared);
}

void plt_bench_report_print_json(const plt_bench_report_t *report, FILE *out) {
  plt_json_t *json = plt_json_create();
  plt_json_text(json, "bench", report->bench);
  plt_json_t *figures = plt_json_add_list(json, "figures");
  for (size_t i = 0; i < report->n; i++) {
    const plt_bench_figure_t *figure = &report->figure[i];
    plt_json_t *to = plt_json_add_object(figures, NULL);
    plt_json_text(to, "name", figure->name);
    plt_json_text(to, "unit", figure->unit);
    plt_json_real(to, "value", figure->value);
    if (figure->cpu_ns > 0) plt_json_real(to, "cpu_ns", figure->cpu_ns);
    if (figure->yardstick != NULL) plt_json_text(to, "yardstick", figure->yardstick);
    if (figure->ratio > 0) plt_json_real(to, "ratio", figure->ratio);
    if (figure->then > 0) plt_json_real(to, "of_then", figure->value / figure->then);
    if (figure->then_ratio > 0) plt_json_real(to, "then_ratio", figure->then_ratio);
  }
  plt_json_write(&json, out);
}
