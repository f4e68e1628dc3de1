/* step.c - rows a second of a training step through the real client and server, beside what the machine can do.
 *
 * One worker, one server, threads of one process; one table of 1 M rows of 64 floats. A step pushes n random rows and
 * pulls n others in one exchange, and counts as n rows. All rows are stored and have been pushed before the clock
 * runs. In the same run, in turn with it:
 *
 *   bare      a ZeroMQ program that exchanges the same frames and copies them once at each end (bare_wire.h)
 *   array     the same gather and sgd update on a plain array in one thread: no wire, no table
 *   births    plateau, pulling rows that were never stored: their values are computed
 *
 *   bench_step [--runs 5] [--seconds 0.3] [--transport NAME] [--rows N] [--only CONTESTANT] [--json] */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bare_wire.h"
#include "common/mem.h"
#include "common/rng.h"
#include "measure.h"
#include "ps/server/server.h"
#include "worker/client/client.h"

enum { TABLE_ROWS = 1000000, COLS = BARE_COLS, FILL_ROWS = 32768, WARM_STEPS = 100, SIZES = 3 };
static const size_t sizes[SIZES] = {512, 4096, 32768};
static const double eta = 1e-3;

static void require(plt_status_t status) { bench_require(status == PLT_OK, 70, "bench_step: %s", plt_fail_text()); }

/* ---- keys: lists of n distinct random rows, as many as it takes to touch a table's worth ---- */

typedef struct key_lists {
  size_t n, lists, next;
  uint64_t *keys; /* lists x n, each list ascending */
} key_lists_t;

static int by_key(const void *left, const void *right) {
  uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
  return (a > b) - (a < b);
}

static key_lists_t make_keys(size_t n) {
  key_lists_t made = {.n = n, .lists = TABLE_ROWS / n + 1};
  made.keys = plt_mem_alloc(made.lists * n * sizeof *made.keys);
  for (size_t list = 0; list < made.lists; list++) {
    plt_rng_key_t order = plt_rng_key(list, "bench", n);
    uint64_t *keys = made.keys + list * n;
    for (size_t i = 0; i < n; i++) keys[i] = plt_rng_permute(order, TABLE_ROWS, i);
    qsort(keys, n, sizeof *keys, by_key);
  }
  return made;
}

static const uint64_t *next_keys(key_lists_t *lists) {
  lists->next = (lists->next + 1) % lists->lists;
  return lists->keys + lists->next * lists->n;
}

/* ---- plateau ---- */

typedef struct job {
  plt_wire_t *wire;
  plt_listener_t *listener;
  plt_server_config_t config;
  pthread_t thread;
  plt_client_t *client;
  uint64_t clock;
  char endpoint[256], folder[64];
  /* of the steps being measured */
  key_lists_t *lists;
  const uint64_t *keys;        /* pulled with the last step, pushed with the next */
  float *gradients, *rows_out; /* [the largest size, COLS] */
} job_t;

enum { STORED, UNBORN, TABLES };

static void *server_main(void *argument) {
  job_t *job = argument;
  require(plt_server_run(job->wire, job->listener, &job->config));
  return NULL;
}

static void step(job_t *job, const uint64_t *push_keys, size_t n_push, const plt_pull_t *pull) {
  plt_block_loss_t loss = {{0, 1}, 0.5};
  plt_push_t push = {STORED, COLS, {0, 1}, push_keys, job->gradients, n_push};
  plt_step_t request = {.pushes = true,
                        .clock = job->clock++,
                        .eta = eta,
                        .losses = &loss,
                        .n_losses = 1,
                        .push = &push,
                        .n_push = 1,
                        .pull = pull,
                        .n_pull = pull != NULL};
  plt_step_result_t result;
  require(plt_client_step(job->client, &request, &result));
}

/* Stores every row, after so many steps that adam is past its first ones. */
static void fill(job_t *job) {
  uint64_t *keys = plt_mem_alloc(FILL_ROWS * sizeof *keys);
  for (int i = 0; i < WARM_STEPS; i++) step(job, NULL, 0, NULL);
  for (uint64_t first = 0; first < TABLE_ROWS; first += FILL_ROWS) {
    size_t n = TABLE_ROWS - first < FILL_ROWS ? (size_t)(TABLE_ROWS - first) : FILL_ROWS;
    for (size_t i = 0; i < n; i++) keys[i] = first + i;
    step(job, keys, n, NULL);
  }
  free(keys);
}

static job_t *open_job(const char *transport, const char *optimizer) {
  job_t *job = plt_mem_zalloc(1, sizeof *job);
  size_t floats = sizes[SIZES - 1] * COLS;
  bool resumed;
  plt_progress_t progress;
  job->gradients = plt_mem_alloc(floats * sizeof *job->gradients);
  job->rows_out = plt_mem_zalloc(floats, sizeof *job->rows_out);
  for (size_t i = 0; i < floats; i++) job->gradients[i] = 1e-3f * (float)(i % 1001) - 0.5f;
  bare_endpoint(transport, job->endpoint, job->folder);
  job->wire = plt_wire_create();
  require(plt_listener_open(job->wire, job->endpoint, &job->listener));
  job->config = (plt_server_config_t){.servers = 1, .workers = 1, .job = 1};
  bench_require(pthread_create(&job->thread, NULL, server_main, job) == 0, 70, "bench_step: no thread");
  const char *address = plt_listener_address(job->listener);
  plt_client_config_t config = {.workers = 1, .servers = &address, .n_servers = 1, .job = 1, .deadline_s = 60};
  require(plt_client_open(job->wire, &config, &job->clock, &resumed, &progress, &job->client));
  plt_table_spec_t specs[TABLES] = {[STORED] = {.name = "stored"}, [UNBORN] = {.name = "unborn"}};
  for (size_t t = 0; t < TABLES; t++) {
    specs[t].rows = TABLE_ROWS;
    specs[t].cols = COLS;
    specs[t].init = (plt_init_t){PLT_INIT_NORMAL, 0.1};
    snprintf(specs[t].optimizer, sizeof specs[t].optimizer, "%s", optimizer);
  }
  require(plt_client_declare(job->client, 0, specs, TABLES));
  fill(job);
  return job;
}

static void close_job(job_t **job_at) {
  job_t *job = *job_at;
  if (job == NULL) return;
  plt_client_bye(job->client, PLT_OK, "");
  pthread_join(job->thread, NULL);
  plt_client_close(&job->client);
  plt_listener_close(&job->listener);
  plt_wire_destroy(&job->wire);
  bare_endpoint_remove(job->endpoint, job->folder);
  free(job->gradients);
  free(job->rows_out);
  free(job);
  *job_at = NULL;
}

static void begin_size(job_t *job, key_lists_t *lists) {
  job->lists = lists;
  job->keys = next_keys(lists);
}

static void exchange_step(void *argument) {
  job_t *job = argument;
  const uint64_t *wanted = next_keys(job->lists);
  step(job, job->keys, job->lists->n, &(plt_pull_t){STORED, COLS, wanted, job->lists->n, job->rows_out});
  job->keys = wanted;
}

static void birth_step(void *argument) {
  job_t *job = argument;
  plt_pull_t pull = {UNBORN, COLS, next_keys(job->lists), job->lists->n, job->rows_out};
  plt_step_t request = {.clock = job->clock, .pull = &pull, .n_pull = 1};
  plt_step_result_t result;
  require(plt_client_step(job->client, &request, &result));
}

/* ---- a plain array ---- */

typedef struct array {
  float *rows, *gradients, *gathered;
  key_lists_t *lists;
  const uint64_t *keys;
} array_t;

static void array_step(void *argument) {
  array_t *array = argument;
  const uint64_t *wanted = next_keys(array->lists);
  for (size_t i = 0; i < array->lists->n; i++) {
    float *row = array->rows + array->keys[i] * COLS;
    const float *gradient = array->gradients + i * COLS;
    for (size_t c = 0; c < COLS; c++) row[c] -= (float)eta * gradient[c];
  }
  for (size_t i = 0; i < array->lists->n; i++)
    memcpy(array->gathered + i * COLS, array->rows + wanted[i] * COLS, COLS * sizeof(float));
  array->keys = wanted;
}

/* ---- the table of results ---- */

enum { SGD, ADAM, BIRTHS, BARE, ARRAY, CONTESTANTS };
static const char *const names[CONTESTANTS] = {"plateau_sgd", "plateau_adam", "plateau_births", "bare_zmq", "array"};

/* Whether any of its sizes is asked for. */
static bool wants(const bench_options_t *options, const char *transport, int contestant) {
  return bench_wants(options, transport, options->rows, names[contestant]);
}

static void print_row(const char *transport, size_t n, const bench_rate_t *rates, const double *of_bare, bool json) {
  double rows = (double)n;
  if (json) {
    printf("{\"bench\": \"step\", \"transport\": \"%s\", \"rows\": %zu", transport, n);
    for (int c = 0; c < CONTESTANTS; c++) {
      if (rates[c].per_s == 0) continue;
      printf(", \"%s\": {\"rows_per_s\": %.6g, \"cpu_ns_per_row\": %.6g, \"kernel_share\": %.3g}", names[c],
             rates[c].per_s * rows, 1e9 * rates[c].cpu_s / rows, rates[c].sys_share);
    }
    printf(", \"sgd_of_bare\": %.3g, \"adam_of_bare\": %.3g}\n", of_bare[SGD], of_bare[ADAM]);
  } else {
    printf("%-9s %6zu", transport, n);
    for (int c = 0; c < CONTESTANTS; c++) printf(" %7.2f", 1e-6 * rates[c].per_s * rows);
    printf("  %5.0f%% %5.0f%%  ", 100 * of_bare[SGD], 100 * of_bare[ADAM]);
    for (int c = 0; c < CONTESTANTS; c++) printf(" %6.0f", 1e9 * rates[c].cpu_s / rows);
    printf("\n");
  }
  fflush(stdout);
}

static void bench_size(const char *transport, job_t *sgd, job_t *adam, array_t *array, key_lists_t *lists,
                       const bench_options_t *options) {
  if (options->rows != 0 && options->rows != lists->n) return;
  if (options->transport != NULL && strcmp(options->transport, transport) != 0) return;
  bare_wire_t *bare = bare_wire_open(transport, lists->n, true);
  const struct {
    bench_step_fn step;
    void *context;
  } contestants[CONTESTANTS] = {[SGD] = {exchange_step, sgd},
                                [ADAM] = {exchange_step, adam},
                                [BIRTHS] = {birth_step, sgd},
                                [BARE] = {bare_wire_step, bare},
                                [ARRAY] = {array_step, array}};
  bench_rate_t runs[CONTESTANTS][BENCH_RUNS_MAX], medians[CONTESTANTS] = {{0}};
  bool wanted[CONTESTANTS];
  array->lists = lists;
  array->keys = next_keys(lists);
  if (sgd != NULL) begin_size(sgd, lists);
  if (adam != NULL) begin_size(adam, lists);
  for (int c = 0; c < CONTESTANTS; c++) wanted[c] = bench_wants(options, transport, lists->n, names[c]);
  for (int c = 0; c < CONTESTANTS; c++)
    for (int i = 0; wanted[c] && i < 20; i++) contestants[c].step(contestants[c].context); /* warms buffers */
  for (int run = 0; run < options->runs; run++)
    for (int c = 0; c < CONTESTANTS; c++)
      if (wanted[c]) runs[c][run] = bench_measure(contestants[c].step, contestants[c].context, options->seconds);
  double of_bare[CONTESTANTS] = {0}; /* the median of what neighbours in time say */
  for (int c = 0; c < CONTESTANTS; c++) {
    if (!wanted[c]) continue;
    medians[c] = bench_median(runs[c], options->runs);
    for (int run = 0; wanted[BARE] && c != BARE && run < options->runs; run++)
      runs[c][run].per_s /= runs[BARE][run].per_s;
    of_bare[c] = wanted[BARE] ? bench_median(runs[c], options->runs).per_s : 0;
  }
  bare_wire_close(&bare);
  print_row(transport, lists->n, medians, of_bare, options->json);
}

int main(int argc, char **argv) {
  static const char *const transports[] = {"inproc", "ipc", "tcp"};
  bench_options_t options = bench_parse("bench_step", argc, argv);
  key_lists_t lists[SIZES];
  size_t floats = sizes[SIZES - 1] * COLS;
  array_t array = {.rows = plt_mem_alloc((size_t)TABLE_ROWS * COLS * sizeof(float)),
                   .gradients = plt_mem_zalloc(floats, sizeof(float)),
                   .gathered = plt_mem_zalloc(floats, sizeof(float))};
  for (size_t i = 0; i < (size_t)TABLE_ROWS * COLS; i++) array.rows[i] = 1;
  for (size_t i = 0; i < SIZES; i++) lists[i] = make_keys(sizes[i]);
  if (!options.json)
    printf("%16s %39s  %13s   %34s\n%-9s %6s %7s %7s %7s %7s %7s  %6s %6s   %6s %6s %6s %6s %6s\n", "", "M rows/s",
           "of bare zmq", "ns of processor per row", "transport", "rows", "sgd", "adam", "births", "bare", "array",
           "sgd", "adam", "sgd", "adam", "births", "bare", "array");
  for (size_t t = 0; t < sizeof transports / sizeof *transports; t++) {
    job_t *sgd = wants(&options, transports[t], SGD) || wants(&options, transports[t], BIRTHS)
                     ? open_job(transports[t], "sgd")
                     : NULL;
    job_t *adam = wants(&options, transports[t], ADAM) ? open_job(transports[t], "adam") : NULL;
    for (size_t i = 0; i < SIZES; i++) bench_size(transports[t], sgd, adam, &array, &lists[i], &options);
    close_job(&sgd);
    close_job(&adam);
  }
  for (size_t i = 0; i < SIZES; i++) free(lists[i].keys);
  free(array.rows);
  free(array.gradients);
  free(array.gathered);
  return 0;
}
