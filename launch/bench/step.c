/* step.c - rows a second of a training step through the real client and server, beside what the machine can do: `bench
 * ps`, and `bench wire` where the rows stay in the caches.
 *
 * One worker, one server, threads of one process; one table of rows of 64 floats. A step pushes n random rows and
 * pulls n others in one exchange, and counts as n rows. All rows are stored and have been pushed before the clock
 * runs. In the same run, in turn with it:
 *
 *   bare      a ZeroMQ program that exchanges the same frames and copies them once at each end (bare_wire.h)
 *   array     the same gather and sgd update on a plain array in one thread: no wire, no table
 *   births    plateau, pulling rows that were never stored: their values are computed
 *
 * Over ipc sgd runs once more with its values in shared memory, over tcp once more with bfloat16 on the wire; both
 * beside sgd. What bfloat16 could save is what the bare program saves with frames of half the size. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/rng.h"
#include "launch/bench/bare_wire.h"
#include "launch/bench/bench.h"
#include "launch/bench/rig.h"

enum { TABLE_ROWS = 1000000, COLS = PLT_BARE_COLS, FILL_ROWS = 32768, WARM_STEPS = 100, SIZES = 3 };
static const size_t sizes[SIZES] = {512, 4096, 32768};
static const char *const transports[] = {"inproc", "ipc", "tcp"};
static const double eta = 1e-3;

/* ---- keys: lists of n distinct random rows of a table, as many as it takes to touch all of it ---- */

typedef struct key_lists {
  size_t n, lists, next;
  uint64_t *keys; /* lists x n, each list ascending */
} key_lists_t;

static key_lists_t make_keys(size_t n, uint64_t rows) {
  key_lists_t made = {.n = n, .lists = (size_t)(rows / n) + 1};
  made.keys = plt_mem_alloc(made.lists * n * sizeof *made.keys);
  for (size_t list = 0; list < made.lists; list++) {
    plt_bench_draw_keys(plt_rng_key(list, "bench", n), rows, made.keys + list * n, n);
  }
  return made;
}

static const uint64_t *next_keys(key_lists_t *lists) {
  lists->next = (lists->next + 1) % lists->lists;
  return lists->keys + lists->next * lists->n;
}

/* ---- plateau ---- */

typedef struct job {
  plt_bench_rig_t rig;
  uint64_t clock, rows; /* rows: of its tables */
  char endpoint[256], folder[64];
  /* of the steps being measured */
  key_lists_t *lists;
  const uint64_t *keys;        /* pulled with the last step, pushed with the next */
  float *gradients, *rows_out; /* [the largest size, COLS] */
} job_t;

enum { STORED, UNBORN, TABLES };

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
  plt_bench_expect(plt_client_step(job->rig.client, &request, &result));
}

/* Stores every row, after so many steps that adam is past its first ones. */
static void fill(job_t *job) {
  uint64_t *keys = plt_mem_alloc(FILL_ROWS * sizeof *keys);
  for (int i = 0; i < WARM_STEPS; i++) step(job, NULL, 0, NULL);
  for (uint64_t first = 0; first < job->rows; first += FILL_ROWS) {
    size_t n = job->rows - first < FILL_ROWS ? (size_t)(job->rows - first) : FILL_ROWS;
    for (size_t i = 0; i < n; i++) keys[i] = first + i;
    step(job, keys, n, NULL);
  }
  free(keys);
}

static job_t *open_job(const char *transport, const char *optimizer, uint64_t rows, plt_bench_speech_t speech) {
  job_t *job = plt_mem_zalloc(1, sizeof *job);
  job->rows = rows;
  size_t floats = sizes[SIZES - 1] * COLS;
  job->gradients = plt_mem_alloc(floats * sizeof *job->gradients);
  job->rows_out = plt_mem_zalloc(floats, sizeof *job->rows_out);
  for (size_t i = 0; i < floats; i++) job->gradients[i] = 1e-3f * (float)(i % 1001) - 0.5f;
  plt_bare_endpoint(transport, job->endpoint, job->folder);
  plt_table_spec_t specs[TABLES] = {[STORED] = {.name = "stored"}, [UNBORN] = {.name = "unborn"}};
  for (size_t t = 0; t < TABLES; t++) {
    specs[t].rows = rows;
    specs[t].cols = COLS;
    specs[t].init = (plt_init_t){PLT_INIT_NORMAL, 0.1};
    snprintf(specs[t].optimizer, sizeof specs[t].optimizer, "%s", optimizer);
  }
  plt_bench_rig_open(&job->rig, job->endpoint, speech, NULL, specs, TABLES);
  fill(job);
  return job;
}

static void close_job(job_t **job_at) {
  job_t *job = *job_at;
  if (job == NULL) return;
  plt_bench_rig_close(&job->rig);
  plt_bare_endpoint_remove(job->folder);
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
  plt_bench_expect(plt_client_step(job->rig.client, &request, &result));
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

static array_t open_array(uint64_t rows) {
  size_t floats = sizes[SIZES - 1] * COLS;
  array_t array = {.rows = plt_mem_alloc((size_t)rows * COLS * sizeof(float)),
                   .gradients = plt_mem_zalloc(floats, sizeof(float)),
                   .gathered = plt_mem_zalloc(floats, sizeof(float))};
  for (size_t i = 0; i < (size_t)rows * COLS; i++) array.rows[i] = 1;
  return array;
}

static void close_array(array_t *array) {
  free(array->rows);
  free(array->gradients);
  free(array->gathered);
}

/* ---- figures ---- */

enum { SGD, ADAM, SHARED, BF16, BIRTHS, BARE, BARE_BF16, ARRAY, CONTESTANTS };
static const char *const names[CONTESTANTS] = {"sgd",    "adam",     "sgd shared",    "sgd bf16",
                                               "births", "bare zmq", "bare zmq bf16", "array"};

typedef struct field {
  const char *transport;
  plt_wire_type_t wire;
  job_t *sgd, *adam, *shared, *bf16; /* NULL: not asked for */
  array_t *array;
} field_t;

static bool is_wanted(const plt_bench_options_t *options, int contestant) {
  return options->only == NULL || strcmp(options->only, names[contestant]) == 0;
}

/* adam: with one of that. */
static field_t open_field(const char *transport, uint64_t rows, bool adam, const plt_bench_options_t *options,
                          array_t *array) {
  bool is_ipc = strcmp(transport, "ipc") == 0, is_tcp = strcmp(transport, "tcp") == 0;
  bool only_adam = options->only != NULL && is_wanted(options, ADAM); /* all others are judged by sgd, or use its job */
  plt_bench_speech_t plain = {.wire = options->bf16 ? PLT_WIRE_BF16 : PLT_WIRE_F32}, shared = plain, half = plain;
  shared.lends = true;
  half.wire = PLT_WIRE_BF16;
  return (field_t){
      .transport = transport,
      .wire = plain.wire,
      .sgd = only_adam ? NULL : open_job(transport, "sgd", rows, plain),
      .adam = adam && is_wanted(options, ADAM) ? open_job(transport, "adam", rows, plain) : NULL,
      .shared = is_ipc && is_wanted(options, SHARED) ? open_job(transport, "sgd", rows, shared) : NULL,
      .bf16 = is_tcp && !options->bf16 && is_wanted(options, BF16) ? open_job(transport, "sgd", rows, half) : NULL,
      .array = array};
}

static void close_field(field_t *field) {
  close_job(&field->sgd);
  close_job(&field->adam);
  close_job(&field->shared);
  close_job(&field->bf16);
}

static void add_figures(const field_t *field, const plt_bench_contestant_t *all, double rows,
                        plt_bench_report_t *report) {
  for (int c = 0; c < CONTESTANTS; c++) {
    if (all[c].step == NULL) continue;
    char name[PLT_BENCH_NAME];
    snprintf(name, sizeof name, "%s %.0f %s", field->transport, rows, names[c]);
    plt_bench_report_rows(report, name, &all[c], all[c].yardstick == c ? NULL : names[all[c].yardstick], rows);
  }
}

/* Of the contestants one alone, with its yardstick and that one's; NULL: all. */
static void leave_only(const char *only, plt_bench_contestant_t *all) {
  for (int c = 0; c < CONTESTANTS && only != NULL; c++) {
    if (strcmp(only, names[c]) != 0) continue;
    int judge = all[c].yardstick, of_judge = all[judge].yardstick;
    for (int other = 0; other < CONTESTANTS; other++)
      if (other != c && other != judge && other != of_judge) all[other].step = NULL;
  }
}

/* ps, and not wire, measures adam and births. */
static plt_status_t check_only(bool ps, const char *only) {
  for (int c = 0; c < CONTESTANTS; c++)
    if (only == NULL || (strcmp(only, names[c]) == 0 && (ps || (c != ADAM && c != BIRTHS)))) return PLT_OK;
  return plt_fail(PLT_ERR_USAGE, "bench %s: --only %s: is not measured (%ssgd, sgd shared, sgd bf16)",
                  ps ? "ps" : "wire", only, ps ? "adam, births, " : "");
}

/* Over inproc nothing crosses a socket: the plain array is what the machine could do. */
static void bench_size(const field_t *field, key_lists_t *lists, bool births, const plt_bench_options_t *options,
                       plt_bench_report_t *report) {
  plt_bare_wire_t *bare = plt_bare_wire_open(field->transport, lists->n, field->wire == PLT_WIRE_BF16 ? 2 : 4);
  plt_bare_wire_t *half = field->bf16 == NULL ? NULL : plt_bare_wire_open(field->transport, lists->n, 2);
  int yardstick = strcmp(field->transport, "inproc") == 0 ? ARRAY : BARE;
  plt_bench_contestant_t all[CONTESTANTS] = {
      [SGD] = {.step = exchange_step, .context = field->sgd, .yardstick = yardstick},
      [ADAM] = {.step = exchange_step, .context = field->adam, .yardstick = yardstick},
      [SHARED] = {.step = exchange_step, .context = field->shared, .yardstick = SGD},
      [BF16] = {.step = exchange_step, .context = field->bf16, .yardstick = SGD},
      [BIRTHS] = {.step = birth_step, .context = field->sgd, .yardstick = yardstick},
      [BARE] = {.step = plt_bare_wire_step, .context = bare, .yardstick = BARE},
      [BARE_BF16] = {.step = half == NULL ? NULL : plt_bare_wire_step, .context = half, .yardstick = BARE},
      [ARRAY] = {.step = array_step, .context = field->array, .yardstick = ARRAY}};
  if (!births || field->sgd == NULL) all[BIRTHS].step = NULL;
  leave_only(options->only, all);
  field->array->lists = lists;
  field->array->keys = next_keys(lists);
  for (int c = SGD; c <= BF16; c++) {
    if (all[c].context == NULL)
      all[c].step = NULL;
    else
      begin_size(all[c].context, lists);
  }
  plt_bench_compete(all, CONTESTANTS, 20, options->runs, options->seconds);
  plt_bare_wire_close(&bare);
  if (half != NULL) plt_bare_wire_close(&half);
  add_figures(field, all, (double)lists->n, report);
}

static bool has_size(const plt_bench_options_t *options, size_t n) { return options->rows == 0 || options->rows == n; }

static bool has_transport(const plt_bench_options_t *options, const char *transport) {
  return options->transport == NULL || strcmp(options->transport, transport) == 0;
}

plt_status_t plt_bench_ps(const plt_bench_options_t *options, plt_bench_report_t *report) {
  PLT_TRY(check_only(true, options->only));
  key_lists_t lists[SIZES];
  array_t array = open_array(TABLE_ROWS);
  for (size_t i = 0; i < SIZES; i++) lists[i] = make_keys(sizes[i], TABLE_ROWS);
  for (size_t t = 0; t < sizeof transports / sizeof *transports; t++) {
    if (!has_transport(options, transports[t])) continue;
    field_t field = open_field(transports[t], TABLE_ROWS, true, options, &array);
    for (size_t i = 0; i < SIZES; i++)
      if (has_size(options, sizes[i])) bench_size(&field, &lists[i], true, options, report);
    close_field(&field);
  }
  for (size_t i = 0; i < SIZES; i++) free(lists[i].keys);
  close_array(&array);
  return PLT_OK;
}

/* Tables of twice the rows of a step: what remains is messages. */
plt_status_t plt_bench_wire(const plt_bench_options_t *options, plt_bench_report_t *report) {
  PLT_TRY(check_only(false, options->only));
  for (size_t t = 0; t < sizeof transports / sizeof *transports; t++) {
    for (size_t i = 0; i < SIZES && has_transport(options, transports[t]); i++) {
      if (!has_size(options, sizes[i])) continue;
      uint64_t rows = 2 * sizes[i];
      key_lists_t lists = make_keys(sizes[i], rows);
      array_t array = open_array(rows);
      field_t field = open_field(transports[t], rows, false, options, &array);
      bench_size(&field, &lists, false, options, report);
      close_field(&field);
      close_array(&array);
      free(lists.keys);
    }
  }
  return PLT_OK;
}
