/* measure.c - see measure.h. */
#include "measure.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

bench_options_t bench_parse(const char *program, int argc, char **argv) {
  bench_options_t options = {.runs = 5, .seconds = 0.3};
  bool fine = true;
  for (int i = 1; i < argc && fine; i++) {
    if (strcmp(argv[i], "--json") == 0)
      options.json = true;
    else if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc)
      options.runs = atoi(argv[++i]);
    else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc)
      options.seconds = atof(argv[++i]);
    else if (strcmp(argv[i], "--transport") == 0 && i + 1 < argc)
      options.transport = argv[++i];
    else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc)
      options.contestant = argv[++i];
    else if (strcmp(argv[i], "--rows") == 0 && i + 1 < argc)
      options.rows = (size_t)atol(argv[++i]);
    else
      fine = false;
  }
  fine = fine && options.runs >= 1 && options.runs <= BENCH_RUNS_MAX && options.seconds > 0 && options.seconds <= 60;
  bench_require(fine, 64,
                "usage: %s [--runs 1..%d] [--seconds 0..60] [--transport NAME] [--rows N] [--only CONTESTANT] [--json]",
                program, BENCH_RUNS_MAX);
  return options;
}

bool bench_wants(const bench_options_t *options, const char *transport, size_t rows, const char *contestant) {
  return (options->transport == NULL || strcmp(options->transport, transport) == 0) &&
         (options->rows == 0 || options->rows == rows) &&
         (options->contestant == NULL || strcmp(options->contestant, contestant) == 0);
}

static double wall_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double seconds_of(struct timeval t) { return (double)t.tv_sec + 1e-6 * (double)t.tv_usec; }

bench_rate_t bench_measure(bench_step_fn step, void *context, double seconds) {
  struct rusage before, after;
  double start = wall_s(), spent = 0;
  long steps = 0;
  getrusage(RUSAGE_SELF, &before);
  while (spent < seconds) {
    step(context);
    steps++;
    spent = wall_s() - start;
  }
  getrusage(RUSAGE_SELF, &after);
  double user = seconds_of(after.ru_utime) - seconds_of(before.ru_utime);
  double sys = seconds_of(after.ru_stime) - seconds_of(before.ru_stime);
  return (bench_rate_t){.per_s = (double)steps / spent,
                        .cpu_s = (user + sys) / (double)steps,
                        .sys_share = user + sys > 0 ? sys / (user + sys) : 0};
}

static int by_value(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

double bench_median_of(double *values, int n) {
  qsort(values, (size_t)n, sizeof *values, by_value);
  return values[n / 2];
}

bench_rate_t bench_median(const bench_rate_t *rates, int n) {
  double per_s[BENCH_RUNS_MAX], cpu_s[BENCH_RUNS_MAX], sys_share[BENCH_RUNS_MAX];
  for (int i = 0; i < n; i++) {
    per_s[i] = rates[i].per_s;
    cpu_s[i] = rates[i].cpu_s;
    sys_share[i] = rates[i].sys_share;
  }
  return (bench_rate_t){.per_s = bench_median_of(per_s, n),
                        .cpu_s = bench_median_of(cpu_s, n),
                        .sys_share = bench_median_of(sys_share, n)};
}

void bench_require(bool holds, int code, const char *format, ...) {
  if (holds) return;
  va_list args;
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
  exit(code);
}
