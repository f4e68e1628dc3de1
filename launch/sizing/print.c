/* print.c - see print.h. */
#include "launch/sizing/print.h"

#include <inttypes.h>

#include "launch/runs/sheet.h"

static plt_sheet_t *create_sheet(void) {
  static const struct {
    const char *key, *title;
  } columns[] = {{"workers", "W"},
                 {"servers", "S"},
                 {"nodes", "nodes"},
                 {"compute_s", "compute ms"},
                 {"worker_s", "worker ms"},
                 {"server_s", "server ms"},
                 {"network_s", "network ms"},
                 {"cores_s", "cores ms"},
                 {"processor_s", "processors ms"},
                 {"step_s", "step ms"},
                 {"epoch_s", "epoch s"},
                 {"samples_per_s", "samples/s"},
                 {"push_bytes", "push kB"},
                 {"pull_bytes", "pull kB"},
                 {"worker_memory_bytes", "worker MB"},
                 {"server_memory_bytes", "server MB"},
                 {"limit", "longest"}};
  plt_sheet_t *sheet = plt_sheet_create();
  for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
    plt_sheet_column(sheet, columns[i].key, columns[i].title, i + 1 < sizeof columns / sizeof *columns);
  return sheet;
}

/* Shown in thousandths of seconds, or in thousands or millions of bytes. */
static void put(plt_sheet_t *sheet, double value, double scale, int decimals) {
  char shown[64];
  snprintf(shown, sizeof shown, "%.*f", decimals, value * scale);
  plt_sheet_number(sheet, value, shown);
}

static void put_row(plt_sheet_t *sheet, const plt_sizing_t *sizing, const plt_layout_t *layout) {
  plt_prediction_t p = plt_predict(sizing->calibration, layout);
  plt_sheet_row(sheet);
  plt_sheet_real(sheet, layout->workers, 0);
  plt_sheet_real(sheet, layout->servers, 0);
  plt_sheet_real(sheet, layout->nodes, 0);
  const double parts[] = {p.compute_s, p.worker_s, p.server_s, p.network_s, p.cores_s, p.processor_s, p.step_s};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) put(sheet, parts[i], 1e3, 2);
  put(sheet, p.epoch_s, 1, 2);
  put(sheet, p.samples_per_s, 1, 0);
  put(sheet, p.push_bytes, 1e-3, 1);
  put(sheet, p.pull_bytes, 1e-3, 1);
  put(sheet, (double)sizing->memory.worker, 1e-6, 0);
  put(sheet, (double)sizing->memory.tables / layout->servers, 1e-6, 0);
  plt_sheet_text(sheet, plt_limit_names[p.limit]);
}

static plt_sheet_t *layouts_sheet(const plt_sizing_t *sizing) {
  plt_sheet_t *sheet = create_sheet();
  for (size_t i = 0; i < sizing->n_layouts; i++) put_row(sheet, sizing, &sizing->layouts[i]);
  return sheet;
}

static plt_sheet_t *best_sheet(const plt_sizing_t *sizing) {
  plt_sheet_t *sheet = create_sheet();
  plt_layout_t best = sizing->base;
  plt_predict_split(sizing->calibration, sizing->ranks, &best);
  put_row(sheet, sizing, &best);
  return sheet;
}

/* weak: the batch grows with the workers. */
static plt_sheet_t *growth_sheet(const plt_sizing_t *sizing, bool weak) {
  plt_sheet_t *sheet = create_sheet();
  for (uint32_t workers = 1; workers <= PLT_WORKERS_MAX; workers *= 2) {
    plt_layout_t layout = sizing->base;
    layout.workers = workers;
    layout.times = weak ? workers : 1;
    if (!weak && workers > 2 * sizing->calibration->leaves) break; /* none has anything more to do */
    plt_predict_servers(sizing->calibration, &layout);
    put_row(sheet, sizing, &layout);
  }
  return sheet;
}

static void print_assumptions(const plt_sizing_t *sizing, FILE *out) {
  const plt_layout_t *base = &sizing->base;
  char network[96] = "";
  if (base->bytes_per_s > 0)
    snprintf(network, sizeof network, ", %g Gbit/s each way and %g us", base->bytes_per_s * 8e-9,
             base->latency_s * 1e6);
  else if (base->latency_s > 0)
    snprintf(network, sizeof network, ", %g us", base->latency_s * 1e6);
  fprintf(out,
          "assumed: %s as measured here%s; %" PRIu32 " cores a node like these, %" PRIu32
          " thread%s a worker; bsp, rows spread evenly.\n"
          "A step: compute, then messages, then servers (or sampling) and network; no less than a node's work over its "
          "cores.\nLeft out: evaluation, checkpoints, stragglers, other jobs.\n",
          sizing->transport, network, base->cores, base->threads, base->threads == 1 ? "" : "s");
}

void plt_sizing_print(const plt_sizing_t *sizing, FILE *out) {
  const plt_calibration_t *c = sizing->calibration;
  fprintf(out,
          "%s\n%.2f batches of %.0f samples in %.0f %s, %.2f exchanges each\n"
          "memory: %.0f MB of tables on all servers together, %.0f MB each worker\n\n",
          c->of, c->batches, c->samples, c->leaves, c->leaves == 1 ? "leaf" : "leaves", c->exchanges,
          (double)sizing->memory.tables / 1e6, (double)sizing->memory.worker / 1e6);
  plt_sheet_hand_out(layouts_sheet(sizing), PLT_SHEET_TABLE, out);
  if (sizing->ranks > 0) {
    fprintf(out, "\nthe best split of %" PRIu32 " ranks:\n", sizing->ranks);
    plt_sheet_hand_out(best_sheet(sizing), PLT_SHEET_TABLE, out);
  }
  if (sizing->grows) {
    fprintf(out, "\nmore workers, the same batch; nodes of %" PRIu32 " ranks, as few servers as do:\n",
            sizing->base.cores);
    plt_sheet_hand_out(growth_sheet(sizing, false), PLT_SHEET_TABLE, out);
    fprintf(out, "\nmore workers, the batch grows with them (%.0f samples a worker):\n", c->samples);
    plt_sheet_hand_out(growth_sheet(sizing, true), PLT_SHEET_TABLE, out);
  }
  fputc('\n', out);
  print_assumptions(sizing, out);
}

static void put_sheet(plt_sheet_t *sheet, plt_json_t *to, const char *key) {
  plt_sheet_put(sheet, to, key);
  plt_sheet_destroy(&sheet);
}

void plt_sizing_print_json(const plt_sizing_t *sizing, FILE *out) {
  plt_json_t *json = plt_json_create();
  plt_calibration_put(sizing->calibration, json, "calibration");
  plt_json_int(json, "tables_memory_bytes", (int64_t)sizing->memory.tables);
  plt_json_int(json, "worker_memory_bytes", (int64_t)sizing->memory.worker);
  plt_json_text(json, "transport", sizing->transport);
  plt_json_real(json, "latency_s", sizing->base.latency_s);
  plt_json_real(json, "bytes_per_s", sizing->base.bytes_per_s);
  plt_json_int(json, "cores", sizing->base.cores);
  plt_json_int(json, "threads", sizing->base.threads);
  put_sheet(layouts_sheet(sizing), json, "splits");
  if (sizing->ranks > 0) put_sheet(best_sheet(sizing), json, "best");
  if (sizing->grows) put_sheet(growth_sheet(sizing, false), json, "strong");
  if (sizing->grows) put_sheet(growth_sheet(sizing, true), json, "weak");
  plt_json_write(&json, out);
}
