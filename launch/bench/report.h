/* report.h - what a benchmark found: figures with their yardsticks, as a table or JSON, and those of an
 * earlier time.
 *
 * Ownership  the caller clears a report; units and yardsticks are texts that stay.
 * Threads    one owner.
 * Units      value in `unit`, more is better; cpu_ns: processor nanoseconds of one of what the unit counts.
 * Errors     compare: PLT_ERR_DATA for a file that is no report of this benchmark, PLT_ERR_IO. */
#ifndef PLT_LAUNCH_BENCH_REPORT_H
#define PLT_LAUNCH_BENCH_REPORT_H

#include <stdio.h>

#include "common/status.h"
#include "launch/bench/measure.h"

enum { PLT_BENCH_NAME = 64 };

typedef struct plt_bench_figure {
  char name[PLT_BENCH_NAME];
  const char *unit;
  double value, cpu_ns;    /* cpu_ns 0: not known */
  const char *yardstick;   /* NULL: it is one */
  double ratio;            /* to the yardstick; 0 without one */
  double then, then_ratio; /* of an earlier report; 0: not there */
} plt_bench_figure_t;

typedef struct plt_bench_report {
  const char *bench;
  plt_bench_figure_t *figure;
  size_t n, capacity;
  char *compared; /* the file of the earlier report; NULL: none */
} plt_bench_report_t;

/* A figure with everything but what was then. */
void plt_bench_report_add(plt_bench_report_t *report, const plt_bench_figure_t *figure);
/* The same of a contestant whose step counts as `rows` rows; yardstick NULL: it is one. */
void plt_bench_report_rows(plt_bench_report_t *report, const char *name, const plt_bench_contestant_t *of,
                           const char *yardstick, double rows);
void plt_bench_report_clear(plt_bench_report_t *report);
/* Fills what was then, by name, from what print_json wrote. */
plt_status_t plt_bench_report_compare(plt_bench_report_t *report, const char *path);
void plt_bench_report_print(const plt_bench_report_t *report, FILE *out);
void plt_bench_report_print_json(const plt_bench_report_t *report, FILE *out);

#endif
