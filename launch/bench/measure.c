/* measure.c - see measure.h. */
#include "launch/bench/measure.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "common/time.h"

static double seconds_of(struct timeval t) { return (double)t.tv_sec + 1e-6 * (double)t.tv_usec; }

plt_bench_rate_t plt_bench_measure(plt_bench_step_fn step, void *context, double seconds) {
  struct rusage before, after;
  int64_t start = plt_time_ns();
  double spent = 0;
  long steps = 0;
  getrusage(RUSAGE_SELF, &before);
  while (spent < seconds) {
    step(context);
    steps++;
    spent = plt_time_seconds(plt_time_ns() - start);
  }
  getrusage(RUSAGE_SELF, &after);
  double user = seconds_of(after.ru_utime) - seconds_of(before.ru_utime);
  double sys = seconds_of(after.ru_stime) - seconds_of(before.ru_stime);
  return (plt_bench_rate_t){.per_s = (double)steps / spent,
                            .cpu_s = (user + sys) / (double)steps,
                            .sys_share = user + sys > 0 ? sys / (user + sys) : 0};
}

static int by_value(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

double plt_bench_median_of(double *values, int n) {
  qsort(values, (size_t)n, sizeof *values, by_value);
  return values[n / 2];
}

plt_bench_rate_t plt_bench_median(const plt_bench_rate_t *rates, int n) {
  double per_s[PLT_BENCH_RUNS_MAX] = {0}, cpu_s[PLT_BENCH_RUNS_MAX] = {0}, sys_share[PLT_BENCH_RUNS_MAX] = {0};
  for (int i = 0; i < n; i++) {
    per_s[i] = rates[i].per_s;
    cpu_s[i] = rates[i].cpu_s;
    sys_share[i] = rates[i].sys_share;
  }
  return (plt_bench_rate_t){.per_s = plt_bench_median_of(per_s, n),
                            .cpu_s = plt_bench_median_of(cpu_s, n),
                            .sys_share = plt_bench_median_of(sys_share, n)};
}

void plt_bench_compete(plt_bench_contestant_t *contestants, int n, int warm, int runs, double seconds) {
  plt_bench_rate_t rates[PLT_BENCH_CONTESTANTS_MAX][PLT_BENCH_RUNS_MAX];
  assert(n <= PLT_BENCH_CONTESTANTS_MAX && runs >= 1 && runs <= PLT_BENCH_RUNS_MAX);
  for (int c = 0; c < n; c++)
    for (int i = 0; contestants[c].step != NULL && i < warm; i++) contestants[c].step(contestants[c].context);
  for (int run = 0; run < runs; run++)
    for (int c = 0; c < n; c++)
      if (contestants[c].step != NULL) {
        (void)plt_bench_measure(contestants[c].step, contestants[c].context, seconds / 4);
        rates[c][run] = plt_bench_measure(contestants[c].step, contestants[c].context, seconds * 3 / 4);
      }
  for (int c = 0; c < n; c++) {
    plt_bench_contestant_t *of = &contestants[c];
    double ratios[PLT_BENCH_RUNS_MAX];
    if (of->step == NULL) continue;
    of->rate = plt_bench_median(rates[c], runs);
    of->ratio = 0;
    if (of->yardstick == c || contestants[of->yardstick].step == NULL) continue;
    for (int run = 0; run < runs; run++) ratios[run] = rates[c][run].per_s / rates[of->yardstick][run].per_s;
    of->ratio = plt_bench_median_of(ratios, runs);
  }
}

void plt_bench_require(bool holds, int code, const char *format, ...) {
  if (holds) return;
  va_list args;
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
  exit(code);
}
