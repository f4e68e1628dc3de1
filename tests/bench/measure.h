/* measure.h - what the benchmarks share: rates by wall clock and by processor time, medians, failures.
 *
 * On a machine that is shared, the rate of steps varies with what the neighbours do; the processor time of a step
 * (all threads of this process, system calls included) varies much less. Contestants are measured in turn, so that
 * a slow minute strikes all of them. */
#ifndef PLT_BENCH_MEASURE_H
#define PLT_BENCH_MEASURE_H

#include <stdbool.h>
#include <stddef.h>

enum { BENCH_RUNS_MAX = 99 };

typedef struct bench_options {
  int runs;       /* measurements of each contestant; the median counts */
  double seconds; /* about, per measurement */
  bool json;
  /* Only these, say for a profile; NULL and 0: all. */
  const char *transport, *contestant;
  size_t rows;
} bench_options_t;

/* --runs N, --seconds S, --json, --transport NAME, --rows N, --only CONTESTANT; anything else prints the usage and
 * ends with 64. */
bench_options_t bench_parse(const char *program, int argc, char **argv);
/* Whether the options ask for it. */
bool bench_wants(const bench_options_t *options, const char *transport, size_t rows, const char *contestant);

typedef struct bench_rate {
  double per_s;     /* steps a second of wall clock */
  double cpu_s;     /* processor seconds per step */
  double sys_share; /* of them in the kernel */
} bench_rate_t;

typedef void (*bench_step_fn)(void *context);
/* Repeats a step for about `seconds`. */
bench_rate_t bench_measure(bench_step_fn step, void *context, double seconds);
/* Sorts them; n >= 1. */
double bench_median_of(double *values, int n);
/* Each field's median; n <= BENCH_RUNS_MAX. */
bench_rate_t bench_median(const bench_rate_t *rates, int n);

/* Ends the program with `code` and a line unless `holds`. */
void bench_require(bool holds, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
