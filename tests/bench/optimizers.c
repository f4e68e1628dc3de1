/* optimizers.c - rows per second that a table reads and steps, per optimizer.
 *
 *   bench_optimizers [optimizer ...]    all of them when none is named
 *   bench_optimizers -r ROWS -c COLS -b BATCH -s SECONDS -d   (defaults 262144, 64, 6144, 2; -d: sweep dense)
 *
 * Keys are drawn anew in each step, so a row waits 43 steps between its pushes on average. Figures are of one
 * thread, without messages. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/rng.h"
#include "ps/optimizers/registry.h"
#include "ps/table/table.h"

typedef struct bench {
  uint64_t rows;
  uint32_t cols;
  size_t batch;
  double seconds;
  bool dense;
} bench_t;

/* CPU time: others may use the cores. */
static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The time of a step that was hardly disturbed: one in ten is faster. */
static double fast(double *times, size_t n) {
  qsort(times, n, sizeof *times, ascending);
  return times[n / 10];
}

/* Ascending keys, one from each of `batch` equal parts of the table. */
static void draw_keys(const bench_t *bench, uint32_t step, uint64_t *keys) {
  plt_rng_key_t key = plt_rng_key(1, "bench", 0);
  uint64_t part = bench->rows / bench->batch;
  for (size_t i = 0; i < bench->batch; i++)
    keys[i] = i * part + plt_rng_draw(key, step, (uint32_t)i, 0, 0).word[0] % part;
}

static void run(const bench_t *bench, const char *optimizer) {
  plt_table_spec_t spec = {.name = "bench", .rows = bench->rows, .cols = bench->cols, .init = {PLT_INIT_NORMAL, 0.1}};
  plt_table_t *table;
  uint64_t *keys = plt_mem_alloc(bench->batch * sizeof *keys);
  float *gradients = plt_mem_alloc(bench->batch * bench->cols * sizeof *gradients);
  float *values = plt_mem_alloc(bench->batch * bench->cols * sizeof *values);
  double spent = 0, *in_read = NULL, *in_step = NULL;
  size_t n_steps = 0, capacity = 0, capacity_2 = 0;
  snprintf(spec.optimizer, sizeof spec.optimizer, "%s", optimizer);
  if (bench->dense) strcpy(spec.settings, "sweep: dense");
  if (plt_table_create(&spec, 0, 1, &table) != PLT_OK) {
    fprintf(stderr, "%s\n", plt_fail_text());
    return;
  }
  for (size_t i = 0; i < bench->batch * bench->cols; i++)
    gradients[i] =
        (float)(0.01 * plt_rng_unit(plt_rng_draw(plt_rng_key(2, "g", 0), (uint32_t)i, 0, 0, 0).word[0]) - 0.004);
  for (int i = 0; i < 2000 && !bench->dense; i++) /* adam's first steps cost more */
    plt_table_step(table, 0.001, (plt_rows_t){0});
  for (uint64_t first = 0; first < bench->rows; first += bench->batch) { /* all rows are stored */
    size_t n = 0;
    for (; n < bench->batch && first + n < bench->rows; n++) keys[n] = first + n;
    plt_table_step(table, 0.001, (plt_rows_t){keys, gradients, n});
  }
  for (uint32_t step = 0; spent < bench->seconds; step++) {
    draw_keys(bench, step, keys);
    double a = seconds();
    plt_table_read(table, keys, bench->batch, values);
    double b = seconds();
    plt_table_step(table, 0.001, (plt_rows_t){keys, gradients, bench->batch});
    double c = seconds();
    if (step < 100 && !bench->dense) continue; /* the spread of last pushes is not yet that of a long run */
    PLT_MEM_GROW(in_read, n_steps, capacity);
    PLT_MEM_GROW(in_step, n_steps, capacity_2);
    in_read[n_steps] = b - a;
    in_step[n_steps++] = c - b;
    spent += c - a;
  }
  double rows = (double)bench->batch / 1e6, read = fast(in_read, n_steps), move = fast(in_step, n_steps);
  printf("%-16s read %6.2f  step %6.2f  both %6.2f  million rows per CPU second\n", optimizer, rows / read, rows / move,
         rows / (read + move));
  free(in_read);
  free(in_step);
  plt_table_destroy(&table);
  free(keys);
  free(gradients);
  free(values);
}

int main(int argc, char **argv) {
  bench_t bench = {.rows = 262144, .cols = 64, .batch = 6144, .seconds = 2};
  int option;
  while ((option = getopt(argc, argv, "r:c:b:s:d")) != -1) {
    if (option == 'r') {
      bench.rows = strtoull(optarg, NULL, 10);
    } else if (option == 'c') {
      bench.cols = (uint32_t)strtoul(optarg, NULL, 10);
    } else if (option == 'b') {
      bench.batch = strtoul(optarg, NULL, 10);
    } else if (option == 's') {
      bench.seconds = strtod(optarg, NULL);
    } else if (option == 'd') {
      bench.dense = true;
    } else {
      return 64;
    }
  }
  if (bench.batch == 0 || bench.batch > bench.rows || bench.cols == 0) return 64;
  if (optind == argc)
    for (size_t i = 0; plt_optimizers[i] != NULL; i++) run(&bench, plt_optimizers[i]->name);
  for (int i = optind; i < argc; i++) run(&bench, argv[i]);
  return 0;
}
