/* view.c - see view.h. */
#include "worker/train/view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/time.h"

#define KEY(name, key, help) key,
#define HELP(name, key, help) help,
static const char *const keys[PLT_VIEW_PHASES] = {PLT_VIEW_LIST(KEY)};
static const char *const helps[PLT_VIEW_PHASES] = {PLT_VIEW_LIST(HELP)};

/* Of a column of the short table. */
static size_t width_of(int phase) {
  size_t n = strlen(keys[phase]);
  return n < 7 ? 7 : n;
}

const char *plt_view_key(plt_view_phase_t phase) { return keys[phase]; }

void plt_view_begin(plt_view_clock_t *clock, const plt_client_t *client) {
  *clock = (plt_view_clock_t){.client = client, .begin_ns = plt_time_ns(), .begin = plt_client_count(client)};
}

plt_lap_t plt_lap_begin(const plt_view_clock_t *clock) {
  return (plt_lap_t){plt_time_ns(), plt_client_count(clock->client)};
}

double plt_lap_end(plt_view_clock_t *clock, const plt_lap_t *lap, plt_view_phase_t phase) {
  plt_client_count_t now = plt_client_count(clock->client);
  int64_t end_ns = plt_time_ns();
  clock->ns[phase] += end_ns - lap->begin_ns;
  clock->aside_exchange_ns += now.exchange_ns - lap->count.exchange_ns;
  clock->aside_wait_ns += now.wait_ns - lap->count.wait_ns;
  plt_trace_span(clock->trace, keys[phase], lap->begin_ns, end_ns);
  return plt_time_seconds(end_ns - lap->begin_ns);
}

static void read_clock(const plt_view_clock_t *clock, double seconds[PLT_VIEW_PHASES]) {
  plt_client_count_t now = plt_client_count(clock->client);
  int64_t ns[PLT_VIEW_PHASES];
  for (int p = 0; p < PLT_VIEW_PHASES; p++) ns[p] = clock->ns[p];
  ns[PLT_VIEW_EXCHANGE] = now.exchange_ns - clock->begin.exchange_ns - clock->aside_exchange_ns;
  ns[PLT_VIEW_WAIT] = now.wait_ns - clock->begin.wait_ns - clock->aside_wait_ns;
  ns[PLT_VIEW_TOTAL] = ns[PLT_VIEW_REST] = plt_time_ns() - clock->begin_ns;
  for (int p = 0; p < PLT_VIEW_REST; p++) ns[PLT_VIEW_REST] -= ns[p];
  if (ns[PLT_VIEW_REST] < 0) ns[PLT_VIEW_REST] = 0; /* clocks of parts are rounded */
  for (int p = 0; p < PLT_VIEW_PHASES; p++) seconds[p] = plt_time_seconds(ns[p]);
}

void plt_view_of(const double *seconds, uint32_t workers, plt_view_t *out) {
  *out = (plt_view_t){.workers = workers};
  for (int p = 0; p < PLT_VIEW_PHASES; p++) {
    plt_view_row_t *row = &out->row[p];
    for (uint32_t w = 0; w < workers; w++) {
      double value = seconds[(size_t)w * PLT_VIEW_PHASES + (size_t)p];
      row->sum += value;
      if (w == 0 || value < row->min) row->min = value;
      if (w > 0 && value <= row->max) continue;
      row->max = value;
      row->slowest = w;
    }
  }
}

/* Each worker's row of a matrix that is zero elsewhere: the sum over workers is all of it. */
plt_status_t plt_view_gather(const plt_view_clock_t *clock, plt_client_t *client, uint32_t worker, uint32_t workers,
                             plt_view_t *out) {
  size_t n = (size_t)workers * PLT_VIEW_PHASES;
  double *seconds = plt_mem_zalloc(n, sizeof *seconds);
  read_clock(clock, seconds + (size_t)worker * PLT_VIEW_PHASES);
  plt_status_t status = plt_client_sum(client, "where time went", seconds, n);
  if (status == PLT_OK) plt_view_of(seconds, workers, out);
  free(seconds);
  return status;
}

/* ---- for people ---- */

/* "time 12.4 s    sample  compute ..." */
static void print_heads(const plt_view_t *view, FILE *out) {
  char time[24];
  snprintf(time, sizeof time, "time %.1f s", view->row[PLT_VIEW_TOTAL].max);
  fprintf(out, "\n%-13s", time);
  for (int p = 0; p < PLT_VIEW_TOTAL; p++) fprintf(out, " %*s", (int)width_of(p), keys[p]);
  fputc('\n', out);
}

void plt_view_print_short(const plt_view_t *view, FILE *out) {
  const plt_view_row_t *row = view->row;
  double all = row[PLT_VIEW_TOTAL].sum;
  print_heads(view, out);
  fprintf(out, "%-13s", "share");
  for (int p = 0; p < PLT_VIEW_TOTAL; p++) {
    double share = all > 0 ? 100 * row[p].sum / all : 0;
    fprintf(out, " %*.0f %%", (int)width_of(p) - 2, share > 0 ? share : 0);
  }
  fputc('\n', out);
  if (view->workers < 2) return;
  fprintf(out, "%-13s", "most s");
  for (int p = 0; p < PLT_VIEW_TOTAL; p++) fprintf(out, " %*.2f", (int)width_of(p), row[p].max);
  fprintf(out, "\n%-13s", "most/least");
  for (int p = 0; p < PLT_VIEW_TOTAL; p++) {
    char ratio[24] = "-";
    if (row[p].min > 0) snprintf(ratio, sizeof ratio, "%.2f", row[p].max / row[p].min);
    fprintf(out, " %*s", (int)width_of(p), ratio);
  }
  fputc('\n', out);
}

void plt_view_print(const plt_view_t *view, FILE *out) {
  double all = view->row[PLT_VIEW_TOTAL].sum;
  fprintf(out, "\nwhere the time of %" PRIu32 " worker%s went\n", view->workers, view->workers == 1 ? "" : "s");
  fprintf(out, "%-12s %10s %7s %10s %8s %8s  %s\n", "phase", "sum s", "share", "max s", "max/min", "slowest", "");
  for (int p = 0; p < PLT_VIEW_PHASES; p++) {
    const plt_view_row_t *row = &view->row[p];
    char ratio[16] = "-", slowest[16] = "-";
    if (view->workers > 1 && row->min > 0) snprintf(ratio, sizeof ratio, "%.2f", row->max / row->min);
    if (view->workers > 1 && row->max > 0) snprintf(slowest, sizeof slowest, "%" PRIu32, row->slowest);
    fprintf(out, "%-12s %10.3f %5.1f %% %10.3f %8s %8s  %s\n", keys[p], row->sum, all > 0 ? 100 * row->sum / all : 0.0,
            row->max, ratio, slowest, helps[p]);
  }
}

void plt_view_put(const plt_view_t *view, plt_json_t *json) {
  plt_json_int(json, "workers", view->workers);
  for (int p = 0; p < PLT_VIEW_PHASES; p++) {
    plt_json_t *phase = plt_json_add_object(json, keys[p]);
    plt_json_real(phase, "sum", view->row[p].sum);
    plt_json_real(phase, "max", view->row[p].max);
    plt_json_real(phase, "min", view->row[p].min);
    plt_json_int(phase, "slowest", view->row[p].slowest);
  }
}
