/* bare_zmq.c - the yardstick alone: rows a second of the bare exchange (bare_wire.h), received data left alone
 * ("bare") or copied once at each end ("copied"). One push and one pull of n rows count as n rows.
 *
 *   bench_bare_zmq [--runs 5] [--seconds 0.3] [--json] */
#include <stdio.h>

#include "bare_wire.h"
#include "measure.h"

static double rows_per_s(const char *transport, size_t rows, bool copies, const bench_options_t *options) {
  bench_rate_t rates[BENCH_RUNS_MAX];
  bare_wire_t *wire = bare_wire_open(transport, rows, copies);
  for (int i = 0; i < 20; i++) bare_wire_step(wire); /* warms caches and buffers */
  for (int run = 0; run < options->runs; run++) rates[run] = bench_measure(bare_wire_step, wire, options->seconds);
  bare_wire_close(&wire);
  return bench_median(rates, options->runs).per_s * (double)rows;
}

int main(int argc, char **argv) {
  static const char *const transports[] = {"inproc", "ipc", "tcp"};
  static const size_t rows[] = {512, 4096, 32768};
  bench_options_t options = bench_parse("bench_bare_zmq", argc, argv);
  if (!options.json) printf("%-9s %7s %16s %18s\n", "transport", "rows", "bare, M rows/s", "copied, M rows/s");
  for (size_t t = 0; t < 3; t++) {
    for (size_t r = 0; r < 3; r++) {
      double bare = rows_per_s(transports[t], rows[r], false, &options);
      double copied = rows_per_s(transports[t], rows[r], true, &options);
      if (options.json)
        printf(
            "{\"bench\": \"bare_zmq\", \"transport\": \"%s\", \"rows\": %zu, \"bare_rows_per_s\": %.17g, "
            "\"copied_rows_per_s\": %.17g}\n",
            transports[t], rows[r], bare, copied);
      else
        printf("%-9s %7zu %16.2f %18.2f\n", transports[t], rows[r], 1e-6 * bare, 1e-6 * copied);
      fflush(stdout);
    }
  }
  return 0;
}
