/* table.c - `bench table`: rows a second that a table reads and steps, per optimizer, without messages, beside the same
 * reading and updating of a plain array in one thread.
 *
 * Keys are drawn anew for each step, ascending, so a row waits 43 steps between its pushes on average. The array's
 * loops are those of sgd, and of adam that moves only the rows of a step, with float roots and quotients. Sparse keys
 * are the same rows under scattered numbers of 64 bits. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/rng.h"
#include "common/vector.h"
#include "launch/bench/bench.h"
#include "ps/optimizers/registry.h"
#include "ps/table/table.h"

enum { ROWS = 262144, COLS = 64, PART = 43 /* rows that a key is drawn from */, LISTS = 64, FIRST_STEPS = 2000 };
static const double eta = 1e-3;

typedef struct bench {
  uint64_t rows;
  size_t batch, turn;
  uint64_t *keys;   /* LISTS x batch; ascending */
  uint64_t *ids;    /* the same rows under sparse keys */
  bool sparse;      /* steps take those */
  float *gradients; /* batch x COLS */
  float *values;    /* what is read */
  float *row[3];    /* of the array: weights, moments */
  plt_table_t *table;
} bench_t;

static const uint64_t *next_keys(bench_t *bench) { return bench->keys + bench->turn++ % LISTS * bench->batch; }
static const uint64_t *next_ids(bench_t *bench) {
  return (bench->sparse ? bench->ids : bench->keys) + bench->turn++ % LISTS * bench->batch;
}

static void table_step(void *context) {
  bench_t *bench = context;
  const uint64_t *keys = next_ids(bench);
  plt_table_read(bench->table, keys, bench->batch, bench->values);
  plt_table_step(bench->table, eta, (plt_rows_t){keys, bench->gradients, bench->batch});
}

static void gather(const bench_t *bench, const uint64_t *keys) {
  for (size_t i = 0; i < bench->batch; i++)
    memcpy(bench->values + i * COLS, bench->row[0] + keys[i] * COLS, COLS * sizeof(float));
}

/* Compiled for the widest vectors as the optimizers are. */
PLT_VECTOR_CLONES static void move_sgd(size_t n, float *w, const float *g) {
  for (size_t c = 0; c < n; c++) w[c] -= (float)eta * g[c];
}

PLT_VECTOR_CLONES static void move_adam(size_t n, float *w, float *m, float *v, const float *g) {
  for (size_t c = 0; c < n; c++) {
    m[c] = 0.9f * m[c] + 0.1f * g[c];
    v[c] = 0.999f * v[c] + 0.001f * g[c] * g[c];
    w[c] -= (float)eta * m[c] / (sqrtf(v[c]) + 1e-8f);
  }
}

static void sgd_step(void *context) {
  bench_t *bench = context;
  const uint64_t *keys = next_keys(bench);
  gather(bench, keys);
  for (size_t i = 0; i < bench->batch; i++) move_sgd(COLS, bench->row[0] + keys[i] * COLS, bench->gradients + i * COLS);
}

static void adam_step(void *context) {
  bench_t *bench = context;
  const uint64_t *keys = next_keys(bench);
  gather(bench, keys);
  for (size_t i = 0; i < bench->batch; i++) {
    size_t at = keys[i] * COLS;
    move_adam(COLS, bench->row[0] + at, bench->row[1] + at, bench->row[2] + at, bench->gradients + i * COLS);
  }
}

/* ---- making ---- */

static int ascending(const void *x, const void *y) {
  uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
  return (a > b) - (a < b);
}

static void scatter(size_t n, const uint64_t *keys, uint64_t *ids) {
  for (size_t i = 0; i < n; i++) ids[i] = keys[i] * UINT64_C(0x9e3779b97f4a7c15); /* odd: no two the same */
  qsort(ids, n, sizeof *ids, ascending);
}

/* Ascending keys, one of each PART of the table. */
static void draw_keys(bench_t *bench) {
  plt_rng_key_t key = plt_rng_key(1, "bench", 0);
  for (uint32_t list = 0; list < LISTS; list++) {
    uint64_t *keys = bench->keys + list * bench->batch;
    for (size_t i = 0; i < bench->batch; i++)
      keys[i] = i * PART + plt_rng_draw(key, list, (uint32_t)i, 0, 0).word[0] % PART;
    scatter(bench->batch, keys, bench->ids + list * bench->batch);
  }
}

static bench_t make(size_t scale) {
  bench_t bench = {.rows = ROWS * scale / 100};
  bench.batch = (size_t)(bench.rows / PART);
  bench.keys = plt_mem_alloc(LISTS * bench.batch * sizeof *bench.keys);
  bench.ids = plt_mem_alloc(LISTS * bench.batch * sizeof *bench.ids);
  bench.gradients = plt_mem_alloc(bench.batch * COLS * sizeof *bench.gradients);
  bench.values = plt_mem_zalloc(bench.batch * COLS, sizeof *bench.values);
  plt_rng_key_t key = plt_rng_key(2, "g", 0);
  for (size_t i = 0; i < bench.batch * COLS; i++)
    bench.gradients[i] = (float)(0.01 * plt_rng_unit(plt_rng_draw(key, (uint32_t)i, 0, 0, 0).word[0]) - 0.004);
  for (size_t s = 0; s < 3; s++) {
    bench.row[s] = plt_mem_alloc((size_t)bench.rows * COLS * sizeof(float));
    for (size_t i = 0; i < (size_t)bench.rows * COLS; i++) bench.row[s][i] = 0.01f;
  }
  draw_keys(&bench);
  return bench;
}

static void clear(bench_t *bench) {
  for (size_t s = 0; s < 3; s++) free(bench->row[s]);
  free(bench->values);
  free(bench->gradients);
  free(bench->ids);
  free(bench->keys);
}

/* A table with all its rows, past the first steps, which cost adam more. */
static plt_status_t open_table(bench_t *bench, const char *optimizer) {
  plt_table_spec_t spec = {.name = "bench", .rows = bench->rows, .cols = COLS, .init = {PLT_INIT_NORMAL, 0.1}};
  snprintf(spec.optimizer, sizeof spec.optimizer, "%s", optimizer);
  if (bench->sparse) spec.rows = 0, spec.sparse.declared = true;
  PLT_TRY(plt_table_create(&spec, 0, 1, &bench->table));
  uint64_t *keys = plt_mem_alloc(bench->batch * sizeof *keys);
  for (int i = 0; i < FIRST_STEPS; i++) plt_table_step(bench->table, eta, (plt_rows_t){0});
  for (uint64_t first = 0; first < bench->rows; first += bench->batch) {
    size_t n = 0;
    for (; n < bench->batch && first + n < bench->rows; n++) keys[n] = first + n;
    if (bench->sparse) scatter(n, keys, keys);
    plt_table_step(bench->table, eta, (plt_rows_t){keys, bench->gradients, n});
  }
  free(keys);
  return PLT_OK;
}

enum { TABLE, SGD, ADAM, CONTESTANTS };

static plt_status_t run(bench_t *bench, const char *optimizer, bool is_first, const plt_bench_options_t *options,
                        plt_bench_report_t *report) {
  bool is_adam = strstr(optimizer, "adam") != NULL;
  PLT_TRY(open_table(bench, optimizer));
  plt_bench_contestant_t all[CONTESTANTS] = {
      [TABLE] = {.step = table_step, .context = bench, .yardstick = is_adam ? ADAM : SGD},
      [SGD] = {.step = sgd_step, .context = bench, .yardstick = SGD},
      [ADAM] = {.step = adam_step, .context = bench, .yardstick = ADAM}};
  plt_bench_compete(all, CONTESTANTS, LISTS, options->runs, options->seconds);
  plt_table_destroy(&bench->table);
  double rows = (double)bench->batch;
  if (is_first) plt_bench_report_rows(report, "array sgd", &all[SGD], NULL, rows);
  if (is_first) plt_bench_report_rows(report, "array adam", &all[ADAM], NULL, rows);
  char name[64];
  snprintf(name, sizeof name, "%s%s", optimizer, bench->sparse ? ", sparse keys" : "");
  plt_bench_report_rows(report, name, &all[TABLE], is_adam ? "array adam" : "array sgd", rows);
  return PLT_OK;
}

plt_status_t plt_bench_table(const plt_bench_options_t *options, plt_bench_report_t *report) {
  bench_t bench = make(options->scale);
  plt_status_t status = PLT_OK;
  bool is_first = true;
  for (size_t i = 0; plt_optimizers[i] != NULL && status == PLT_OK; i++) {
    if (options->only != NULL && strcmp(options->only, plt_optimizers[i]->name) != 0) continue;
    status = run(&bench, plt_optimizers[i]->name, is_first, options, report);
    bench.sparse = status == PLT_OK && strcmp(plt_optimizers[i]->name, "sgd") == 0; /* it does least besides finding */
    if (bench.sparse) status = run(&bench, plt_optimizers[i]->name, false, options, report);
    bench.sparse = is_first = false;
  }
  clear(&bench);
  if (status == PLT_OK && is_first)
    return plt_fail(PLT_ERR_USAGE, "bench table: --only %s: there is no such optimizer (plateau help optimizers)",
                    options->only);
  return status;
}
