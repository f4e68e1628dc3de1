/* measure.h - what the benchmarks share: rates by wall clock and by processor time, medians, failures.
 *
 * On a machine that is shared, the rate of steps varies with what the neighbours do; the processor time of a step
 * (all threads of this process, system calls included) varies much less. Contestants are measured in turn, so that
 * a slow minute strikes all of them, and a ratio is the median of what neighbours in time say.
 *
 * Threads    one caller; what a step starts is its own.
 * Units      *_s in seconds.
 * Errors     none is returned: plt_bench_require() ends the process, which has nothing to lose. */
#ifndef PLT_LAUNCH_BENCH_MEASURE_H
#define PLT_LAUNCH_BENCH_MEASURE_H

#include <stdbool.h>
#include <stddef.h>

enum { PLT_BENCH_RUNS_MAX = 99, PLT_BENCH_CONTESTANTS_MAX = 16 };

typedef struct plt_bench_rate {
  double per_s;     /* steps a second of wall clock */
  double cpu_s;     /* processor seconds per step */
  double sys_share; /* of them in the kernel */
} plt_bench_rate_t;

typedef void (*plt_bench_step_fn)(void *context);
/* Repeats a step for about `seconds`, once at least. */
plt_bench_rate_t plt_bench_measure(plt_bench_step_fn step, void *context, double seconds);
/* Sorts them; n >= 1. */
double plt_bench_median_of(double *values, int n);
/* Each field's median; n <= PLT_BENCH_RUNS_MAX. */
plt_bench_rate_t plt_bench_median(const plt_bench_rate_t *rates, int n);

/* One that is measured in turn with others. */
typedef struct plt_bench_contestant {
  plt_bench_step_fn step; /* NULL: it does not take part */
  void *context;
  int yardstick; /* its place among the contestants; itself: none */
  /* Out: medians, and that of the ratios to the yardstick in each turn, 0 without one. */
  plt_bench_rate_t rate;
  double ratio;
} plt_bench_contestant_t;

/* `warm` steps of each, then `runs` turns of `seconds` each, of which the first quarter does not count: what a turn
 * finds cold, and on some virtual machines unmapped again, is the others' doing. */
void plt_bench_compete(plt_bench_contestant_t *contestants, int n, int warm, int runs, double seconds);

/* Ends the process with `code` and a line unless `holds`. */
void plt_bench_require(bool holds, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
