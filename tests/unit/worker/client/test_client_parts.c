/* test_client_parts.c - exchanges so large that they go in parts, with real servers: against a plain array. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/io/fileio.h"
#include "proto/parts.h"
#include "ps/server/server.h"
#include "worker/client/client.h"

enum { JOB = 42, ROWS = 30000, COLS = 64, SERVERS_MAX = 2, WORKERS_MAX = 2, STEPS = 3 };

typedef struct served {
  plt_wire_t *wire;
  uint32_t servers, workers;
  plt_wire_type_t type;
  bool lends;
  plt_listener_t *listeners[SERVERS_MAX];
  plt_server_config_t configs[SERVERS_MAX];
  const char *addresses[SERVERS_MAX];
} served_t;

typedef struct server {
  served_t *served;
  uint32_t number;
  pthread_t thread;
} server_t;

static void *serve(void *argument) {
  server_t *server = argument;
  cr_assert_eq(plt_server_run(server->served->wire, server->served->listeners[server->number],
                              &server->served->configs[server->number]),
               PLT_OK);
  return NULL;
}

/* Whole numbers of a few bits, so that sums are exact on both wires. */
static float gradient(uint32_t w, uint64_t key, size_t c) { return (float)((key + c + w) % 7); }

typedef struct worker {
  served_t *served;
  uint32_t number;
  pthread_t thread;
} worker_t;

/* What a worker has at hand: all push the keys that are no multiple of 3, and pull the even ones. */
typedef struct stock {
  uint64_t *pushed, *pulled;
  size_t n_pushed, n_pulled;
  float *values, *out;
} stock_t;

static stock_t make_stock(uint32_t w) {
  stock_t stock = {.pushed = plt_mem_alloc(ROWS * sizeof *stock.pushed),
                   .pulled = plt_mem_alloc(ROWS * sizeof *stock.pulled),
                   .values = plt_mem_alloc(ROWS * COLS * sizeof *stock.values),
                   .out = plt_mem_zalloc(ROWS * COLS, sizeof *stock.out)};
  for (uint64_t key = 0; key < ROWS; key++) {
    if (key % 2 == 0) stock.pulled[stock.n_pulled++] = key;
    if (key % 3 == 0) continue;
    for (size_t c = 0; c < COLS; c++) stock.values[stock.n_pushed * COLS + c] = gradient(w, key, c);
    stock.pushed[stock.n_pushed++] = key;
  }
  return stock;
}

static void make_step(plt_client_t *client, const worker_t *worker, const stock_t *stock, uint64_t t) {
  uint32_t workers = worker->served->workers;
  plt_block_loss_t loss = {{worker->number, 1}, 1};
  plt_push_t push = {0, COLS, {worker->number, 1}, stock->pushed, stock->values, stock->n_pushed};
  plt_pull_t pull = {0, COLS, stock->pulled, stock->n_pulled, stock->out};
  plt_step_t step = {.pushes = true,
                     .clock = t,
                     .eta = 1,
                     .losses = &loss,
                     .n_losses = 1,
                     .push = &push,
                     .n_push = 1,
                     .pull = &pull,
                     .n_pull = 1};
  plt_step_result_t result;
  cr_assert_eq(plt_client_step(client, &step, &result), PLT_OK, "%s", plt_fail_text());
  cr_assert_eq(result.loss, workers);
  for (size_t i = 0; i < stock->n_pulled; i++)
    for (size_t c = 0; c < COLS; c++) {
      float want = 0;
      for (uint32_t w = 0; w < workers && stock->pulled[i] % 3 != 0; w++)
        want -= (float)(t + 1) * gradient(w, stock->pulled[i], c);
      cr_assert_eq(stock->out[i * COLS + c], want, "row %zu", i);
    }
}

/* Of one worker: others may not have pushed yet. */
static void read_all(plt_client_t *client, const stock_t *stock) {
  cr_assert_eq(plt_client_read(client, &(plt_pull_t){0, COLS, stock->pushed, stock->n_pushed, stock->out}, 1), PLT_OK);
  for (size_t i = 0; i < stock->n_pushed; i++)
    for (size_t c = 0; c < COLS; c++) cr_assert_eq(stock->out[i * COLS + c], -STEPS * gradient(0, stock->pushed[i], c));
}

static void *work(void *argument) {
  const worker_t *worker = argument;
  const served_t *served = worker->served;
  plt_client_config_t config = {.number = worker->number,
                                .workers = served->workers,
                                .servers = (const char *const *)served->addresses,
                                .n_servers = served->servers,
                                .job = JOB,
                                .deadline_s = 60,
                                .wire = served->type,
                                .lends = served->lends};
  plt_table_spec_t spec = {.name = "rows", .rows = ROWS, .cols = COLS, .optimizer = "sgd"};
  stock_t stock = make_stock(worker->number);
  uint64_t clock;
  bool resumed;
  plt_progress_t progress;
  plt_client_t *client;
  cr_assert_eq(plt_client_open(served->wire, &config, &clock, &resumed, &progress, &client), PLT_OK);
  cr_assert_eq(plt_client_declare(client, 0, &spec, 1), PLT_OK, "%s", plt_fail_text());
  for (uint64_t t = 0; t < STEPS; t++) make_step(client, worker, &stock, t);
  plt_wire_count_t count = plt_client_count(client).wire;
  cr_assert_gt(count.messages_out, (3 + STEPS) * served->servers, "nothing went in parts");
  size_t width = served->type == PLT_WIRE_BF16 ? 2 : 4; /* rows count, wherever they went */
  cr_assert_geq(count.bytes_out, STEPS * stock.n_pushed * COLS * width);
  cr_assert_geq(count.bytes_in, STEPS * stock.n_pulled * COLS * width);
  if (served->workers == 1) read_all(client, &stock);
  plt_client_bye(client, PLT_OK, "");
  plt_client_close(&client);
  free(stock.pushed), free(stock.pulled), free(stock.values), free(stock.out);
  return NULL;
}

/* transport: "shared" is ipc with values in shared memory. */
static void run(const char *transport, uint32_t servers, uint32_t workers, plt_wire_type_t type) {
  served_t served = {.wire = plt_wire_create(), .servers = servers, .workers = workers, .type = type};
  char folder[] = "/tmp/plateau-parts-XXXXXX";
  served.lends = strcmp(transport, "shared") == 0;
  cr_assert_not_null(mkdtemp(folder));
  server_t server[SERVERS_MAX];
  worker_t worker[WORKERS_MAX];
  for (uint32_t s = 0; s < servers; s++) {
    char endpoint[64];
    if (served.lends)
      snprintf(endpoint, sizeof endpoint, "ipc://%s/%u", folder, s);
    else
      snprintf(endpoint, sizeof endpoint, strcmp(transport, "tcp") == 0 ? "tcp://127.0.0.1:*" : "inproc://parts-%u", s);
    served.configs[s] = (plt_server_config_t){.number = s, .servers = servers, .workers = workers, .job = JOB};
    cr_assert_eq(plt_listener_open(served.wire, endpoint, &served.listeners[s]), PLT_OK);
    served.addresses[s] = plt_listener_address(served.listeners[s]);
    server[s] = (server_t){.served = &served, .number = s};
    cr_assert_eq(pthread_create(&server[s].thread, NULL, serve, &server[s]), 0);
  }
  for (uint32_t w = 0; w < workers; w++) {
    worker[w] = (worker_t){.served = &served, .number = w};
    cr_assert_eq(pthread_create(&worker[w].thread, NULL, work, &worker[w]), 0);
  }
  for (uint32_t w = 0; w < workers; w++) pthread_join(worker[w].thread, NULL);
  for (uint32_t s = 0; s < servers; s++) pthread_join(server[s].thread, NULL);
  for (uint32_t s = 0; s < servers; s++) plt_listener_close(&served.listeners[s]);
  plt_wire_destroy(&served.wire);
  cr_assert_eq(plt_dir_remove(folder), PLT_OK);
}

Test(client_parts, one_worker) { run("inproc", 1, 1, PLT_WIRE_F32); }
Test(client_parts, two_workers_are_added) { run("tcp", 1, 2, PLT_WIRE_F32); }
Test(client_parts, two_servers_have_their_shares) { run("tcp", 2, 1, PLT_WIRE_F32); }
Test(client_parts, half_the_bytes) { run("tcp", 2, 2, PLT_WIRE_BF16); }
Test(client_parts, in_shared_memory) { run("shared", 1, 1, PLT_WIRE_F32); }
Test(client_parts, two_share_memory_with_two) { run("shared", 2, 2, PLT_WIRE_F32); }
Test(client_parts, half_the_bytes_in_shared_memory) { run("shared", 2, 1, PLT_WIRE_BF16); }

/* Memory counts as a file: there is none to lend then, and all goes in frames. */
Test(client_parts, without_memory_to_lend) {
  cr_assert_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){1000, 1000}), 0);
  run("shared", 2, 1, PLT_WIRE_F32);
}
