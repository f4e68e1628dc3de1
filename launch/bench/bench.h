/* bench.h - `plateau bench NAME`: what is measured, each beside yardsticks of its own that run in turn with it.
 *
 *   ps      steps through client and server against a bare ZeroMQ program and a plain array
 *   wire    the same where the rows stay in the caches: messages
 *   table   an optimizer's rows in a table, without messages, against plain loops over arrays
 *   train   epochs of whole runs against a plain loop, or the bare products in them
 *   eval    rankings of whole runs against the bare product of users and items
 *
 * Threads    one caller.
 * Errors     PLT_ERR_* of the runs that are started; what fails within a step ends the process (measure.h). */
#ifndef PLT_LAUNCH_BENCH_BENCH_H
#define PLT_LAUNCH_BENCH_BENCH_H

#include "launch/bench/measure.h"
#include "launch/bench/report.h"

typedef struct plt_bench_options {
  int runs;              /* measurements of each; the median counts */
  double seconds;        /* about, per measurement */
  const char *transport; /* ps, wire: only this one; NULL: all */
  bool bf16;             /* ps, wire: values travel as bfloat16 */
  size_t rows;           /* ps, wire: only steps of so many; 0: all */
  const char *only;      /* ps, wire: a row of theirs; table: an optimizer; train, eval: a model; NULL: all */
  size_t scale;          /* table, train, eval: size of what is measured, in percent of the usual one */
} plt_bench_options_t;

typedef plt_status_t (*plt_bench_fn)(const plt_bench_options_t *options, plt_bench_report_t *report);

plt_status_t plt_bench_ps(const plt_bench_options_t *options, plt_bench_report_t *report);
plt_status_t plt_bench_wire(const plt_bench_options_t *options, plt_bench_report_t *report);
plt_status_t plt_bench_table(const plt_bench_options_t *options, plt_bench_report_t *report);
plt_status_t plt_bench_train(const plt_bench_options_t *options, plt_bench_report_t *report);
plt_status_t plt_bench_eval(const plt_bench_options_t *options, plt_bench_report_t *report);

#endif
