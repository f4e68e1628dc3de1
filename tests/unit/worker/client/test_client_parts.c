/* test_client_parts.c - exchanges so large that they go in parts, with real servers: against a plain array. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/parts.h"
#include "ps/server/server.h"
#include "worker/client/client.h"

enum { JOB = 42, ROWS = 30000, COLS = 64, SERVERS_MAX = 2, WORKERS_MAX = 2, STEPS = 3 };

typedef struct served {
  plt_wire_t *wire;
  uint32_t servers, workers;
  plt_wire_type_t type;
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

/* All workers push the keys that are no multiple of 3, and pull the even ones. */
static void *work(void *argument) {
  const worker_t *worker = argument;
  const served_t *served = worker->served;
  plt_client_config_t config = {.number = worker->number,
                                .workers = served->workers,
                                .servers = (const char *const *)served->addresses,
                                .n_servers = served->servers,
                                .job = JOB,
                                .deadline_s = 60,
                                .wire = served->type};
  plt_table_spec_t spec = {.name = "rows", .rows = ROWS, .cols = COLS, .optimizer = "sgd"};
  uint64_t clock, *pushed = plt_mem_alloc(ROWS * sizeof *pushed), *pulled = plt_mem_alloc(ROWS * sizeof *pulled);
  float *values = plt_mem_alloc(ROWS * COLS * sizeof *values), *out = plt_mem_zalloc(ROWS * COLS, sizeof *out);
  size_t n_pushed = 0, n_pulled = 0;
  bool resumed;
  plt_progress_t progress;
  plt_client_t *client;
  for (uint64_t key = 0; key < ROWS; key++) {
    if (key % 2 == 0) pulled[n_pulled++] = key;
    if (key % 3 == 0) continue;
    for (size_t c = 0; c < COLS; c++) values[n_pushed * COLS + c] = gradient(worker->number, key, c);
    pushed[n_pushed++] = key;
  }
  cr_assert_eq(plt_client_open(served->wire, &config, &clock, &resumed, &progress, &client), PLT_OK);
  cr_assert_eq(plt_client_declare(client, 0, &spec, 1), PLT_OK, "%s", plt_fail_text());
  for (uint64_t t = 0; t < STEPS; t++) {
    plt_block_loss_t loss = {{worker->number, 1}, 1};
    plt_push_t push = {0, COLS, {worker->number, 1}, pushed, values, n_pushed};
    plt_pull_t pull = {0, COLS, pulled, n_pulled, out};
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
    cr_assert_eq(result.loss, served->workers);
    for (size_t i = 0; i < n_pulled; i++)
      for (size_t c = 0; c < COLS; c++) {
        float want = 0;
        for (uint32_t w = 0; w < served->workers && pulled[i] % 3 != 0; w++)
          want -= (float)(t + 1) * gradient(w, pulled[i], c);
        cr_assert_eq(out[i * COLS + c], want, "row %zu", i);
      }
  }
  cr_assert_gt(plt_client_count(client).wire.messages_out, (3 + STEPS) * served->servers, "nothing went in parts");
  plt_client_bye(client, PLT_OK, "");
  plt_client_close(&client);
  free(pushed), free(pulled), free(values), free(out);
  return NULL;
}

static void run(const char *transport, uint32_t servers, uint32_t workers, plt_wire_type_t type) {
  served_t served = {.wire = plt_wire_create(), .servers = servers, .workers = workers, .type = type};
  server_t server[SERVERS_MAX];
  worker_t worker[WORKERS_MAX];
  for (uint32_t s = 0; s < servers; s++) {
    char endpoint[64];
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
}

Test(client_parts, one_worker) { run("inproc", 1, 1, PLT_WIRE_F32); }
Test(client_parts, two_workers_are_added) { run("tcp", 1, 2, PLT_WIRE_F32); }
Test(client_parts, two_servers_have_their_shares) { run("tcp", 2, 1, PLT_WIRE_F32); }
Test(client_parts, half_the_bytes) { run("tcp", 2, 2, PLT_WIRE_BF16); }
