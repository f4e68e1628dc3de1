/* report_time.c - see report.h: where time went, how evenly workers and servers had their shares, what was lost. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "launch/runs/page.h"
#include "launch/runs/report.h"

enum { PHASES = 7, ROWS_MAX = 8, MANIFEST_BYTES = 1 << 20 };
#define LOG_BYTES ((size_t)1 << 30)

static const char *const phases[PHASES] = {"sample", "compute", "exchange", "wait", "evaluation", "checkpoint", "rest"};

/* Of worker 0 over all starts, by what events say; the rest is what is missing at the whole. */
static void find_phases(const plt_run_t *run, double seconds[PHASES]) {
  static const char *const of_epochs[4] = {"sample_s", "compute_s", "exchange_s", "wait_s"};
  double sum = 0, total = plt_run_number(plt_run_last(run, "final"), "seconds");
  for (size_t p = 0; p < 4; p++) seconds[p] = plt_run_total(run, "epoch", of_epochs[p]);
  seconds[4] = plt_run_total(run, "eval", "eval_s");
  seconds[5] = plt_run_total(run, "checkpoint", "checkpoint_s");
  for (size_t p = 0; p < PHASES - 1; p++) sum += seconds[p];
  seconds[6] = total > sum ? total - sum : 0;
}

static void put_workers(const plt_runs_report_t *report, FILE *out) {
  static const char *const columns[] = {"run", "workers", "phase", "most s", "least s", "most/least", "slowest"};
  plt_sheet_t *sheet = plt_sheet_create();
  for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
    plt_sheet_column(sheet, columns[c], NULL, c != 0 && c != 2);
  for (size_t i = 0; i < report->n; i++) {
    const plt_json_t *time = plt_run_last(report->runs[i], "time");
    if (!(plt_run_number(time, "workers") > 1)) continue;
    for (size_t p = 0; p < PHASES - 1; p++) {
      const plt_json_t *phase = plt_json_find(time, phases[p]);
      double most = plt_run_number(phase, "max"), least = plt_run_number(phase, "min");
      plt_sheet_row(sheet);
      plt_sheet_text(sheet, report->runs[i]->name);
      plt_sheet_real(sheet, plt_run_number(time, "workers"), 0);
      plt_sheet_text(sheet, phases[p]);
      plt_sheet_real(sheet, most, 2);
      plt_sheet_real(sheet, least, 2);
      plt_sheet_real(sheet, least > 0 ? most / least : NAN, 2);
      plt_sheet_real(sheet, plt_run_number(phase, "slowest"), 0);
    }
  }
  if (plt_sheet_rows(sheet) > 0) {
    plt_page_fold("How evenly the workers had it, in the last start", out);
    plt_page_sheet(&sheet, out);
    plt_page_fold_end(out);
  }
  plt_sheet_destroy(&sheet);
}

static void put_seconds(const plt_runs_report_t *report, FILE *out) {
  plt_sheet_t *sheet = plt_sheet_create();
  plt_sheet_column(sheet, "run", NULL, false);
  for (size_t p = 0; p < PHASES; p++) plt_sheet_column(sheet, phases[p], NULL, true);
  plt_sheet_column(sheet, "samples/s", NULL, true);
  plt_sheet_column(sheet, "MB pulled", NULL, true);
  plt_sheet_column(sheet, "MB pushed", NULL, true);
  for (size_t i = 0; i < report->n; i++) {
    const plt_run_t *run = report->runs[i];
    double seconds[PHASES], epochs = plt_run_total(run, "epoch", "seconds"), samples = 0;
    for (size_t e = 0; e < run->n_events; e++)
      if (plt_run_is_event(run->events[e], "epoch"))
        samples += plt_run_number(run->events[e], "seconds") * plt_run_number(run->events[e], "samples_per_s");
    find_phases(run, seconds);
    plt_sheet_row(sheet);
    plt_sheet_text(sheet, run->name);
    for (size_t p = 0; p < PHASES; p++) plt_sheet_real(sheet, seconds[p], 2);
    plt_sheet_real(sheet, samples / epochs, 0);
    plt_sheet_real(sheet, plt_run_total(run, "epoch", "pull_bytes") / 1e6, 1);
    plt_sheet_real(sheet, plt_run_total(run, "epoch", "push_bytes") / 1e6, 1);
  }
  plt_page_fold("Seconds of worker 0, throughput, bytes of all workers", out);
  plt_page_sheet(&sheet, out);
  plt_page_fold_end(out);
}

void plt_report_time(const plt_runs_report_t *report, FILE *out) {
  plt_page_section("Where time went", out);
  fputs("<div class=\"keys\">\n", out);
  for (size_t p = 0; p < PHASES; p++) plt_chart_key(phases[p], p, out);
  fputs("</div>\n", out);
  for (size_t i = 0; i < report->n; i++) {
    double seconds[PHASES];
    find_phases(report->runs[i], seconds);
    plt_chart_bar(report->runs[i]->name, seconds, phases, PHASES, out);
  }
  plt_page_paragraph("Training of worker 0, over all starts of a run.", out);
  put_seconds(report, out);
  put_workers(report, out);
  plt_page_section_end(out);
}

/* ---- servers ---- */

typedef struct traffic {
  double messages, in, out;
} traffic_t;

/* What a server's log says at each of its ends, added up. */
static traffic_t read_traffic(const plt_run_t *run, size_t server) {
  traffic_t sum = {0};
  char *path = plt_mem_print("%s/logs/server-%zu.txt", run->dir, server), *text;
  if (plt_path_exists(path) && plt_file_read(path, LOG_BYTES, &text, NULL) == PLT_OK) {
    for (const char *line = text; (line = strstr(line, " ends at clock ")) != NULL; line++) {
      double in, bytes_in, out, bytes_out;
      if (sscanf(line, " ends at clock %*[0-9]: %lf messages in (%lf bytes), %lf out (%lf bytes)", &in, &bytes_in, &out,
                 &bytes_out) != 4)
        continue;
      sum.messages += in;
      sum.in += bytes_in;
      sum.out += bytes_out;
    }
    free(text);
  }
  free(path);
  return sum;
}

static void add_servers(plt_sheet_t *sheet, const plt_run_t *run) {
  char *path = plt_mem_print("%s/checkpoints/last/manifest.json", run->dir);
  plt_json_t *manifest = NULL;
  if (plt_path_exists(path) && plt_json_read(path, MANIFEST_BYTES, &manifest) != PLT_OK) manifest = NULL;
  const plt_json_t *parts = manifest == NULL ? NULL : plt_json_find(manifest, "bytes");
  for (size_t s = 0; s < plt_json_length(parts) && plt_json_length(parts) > 1; s++) {
    traffic_t traffic = read_traffic(run, s);
    double held = NAN;
    plt_json_get_real(plt_json_item(parts, s), &held);
    plt_sheet_row(sheet);
    plt_sheet_text(sheet, run->name);
    plt_sheet_real(sheet, (double)s, 0);
    plt_sheet_real(sheet, held / 1e6, 2);
    plt_sheet_real(sheet, traffic.messages > 0 ? traffic.messages : NAN, 0);
    plt_sheet_real(sheet, traffic.messages > 0 ? traffic.in / 1e6 : NAN, 2);
    plt_sheet_real(sheet, traffic.messages > 0 ? traffic.out / 1e6 : NAN, 2);
  }
  if (manifest != NULL) plt_json_destroy(&manifest);
  free(path);
}

void plt_report_servers(const plt_runs_report_t *report, FILE *out) {
  static const char *const columns[] = {"run", "server", "checkpoint MB", "messages in", "MB in", "MB out"};
  plt_sheet_t *sheet = plt_sheet_create();
  for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) plt_sheet_column(sheet, columns[c], NULL, c > 0);
  for (size_t i = 0; i < report->n; i++) add_servers(sheet, report->runs[i]);
  if (plt_sheet_rows(sheet) > 0) {
    plt_page_section("Balance of servers", out);
    plt_page_paragraph("What each server holds, in the last checkpoint, and what went through it, by its log.", out);
    bool is_long = plt_sheet_rows(sheet) > ROWS_MAX;
    if (is_long) plt_page_fold("Each server of each run", out);
    plt_page_sheet(&sheet, out);
    if (is_long) plt_page_fold_end(out);
    plt_page_section_end(out);
  }
  plt_sheet_destroy(&sheet);
}

/* ---- recoveries ---- */

void plt_report_recoveries(const plt_runs_report_t *report, FILE *out) {
  static const char *const columns[] = {"run", "generation", "from clock", "s until the new start", "what was lost"};
  plt_sheet_t *sheet = plt_sheet_create();
  for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
    plt_sheet_column(sheet, columns[c], NULL, c > 0 && c < 4);
  for (size_t i = 0; i < report->n; i++) {
    const plt_run_t *run = report->runs[i];
    for (size_t e = 0; e < run->n_events; e++) {
      const plt_json_t *event = run->events[e];
      if (!plt_run_is_event(event, "recovery")) continue;
      plt_sheet_row(sheet);
      plt_sheet_text(sheet, run->name);
      plt_sheet_real(sheet, plt_run_number(event, "generation"), 0);
      plt_sheet_real(sheet, plt_run_number(event, "clock"), 0);
      plt_sheet_real(sheet, plt_run_number(event, "seconds"), 2);
      plt_sheet_text(sheet, plt_json_get_text(plt_json_find(event, "what")));
    }
  }
  if (plt_sheet_rows(sheet) > 0) {
    plt_page_section("Recoveries", out);
    plt_page_sheet(&sheet, out);
    plt_page_section_end(out);
  }
  plt_sheet_destroy(&sheet);
}
