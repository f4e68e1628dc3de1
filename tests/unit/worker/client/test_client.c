/* test_client.c - workers' conversations with real servers over inproc, in orders that a busy machine brings about. */
#include <criterion/criterion.h>
#include <pthread.h>

#include "ps/server/server.h"
#include "worker/client/client.h"

enum { JOB = 42 };

typedef struct served {
  plt_wire_t *wire;
  plt_listener_t *listener;
  plt_server_config_t config;
  pthread_t thread;
  plt_status_t status;
} served_t;

static void *serve(void *argument) {
  served_t *served = argument;
  served->status = plt_server_run(served->wire, served->listener, &served->config);
  return NULL;
}

static void server_start(served_t *served, uint32_t workers) {
  *served = (served_t){.wire = plt_wire_create(), .config = {.servers = 1, .workers = workers, .job = JOB}};
  cr_assert_eq(plt_listener_open(served->wire, "inproc://server-0", &served->listener), PLT_OK);
  cr_assert_eq(pthread_create(&served->thread, NULL, serve, served), 0);
}

static void server_end(served_t *served) {
  pthread_join(served->thread, NULL);
  cr_expect_eq(served->status, PLT_OK);
  plt_listener_close(&served->listener);
  plt_wire_destroy(&served->wire);
}

typedef struct worker {
  plt_client_t *client;
  uint64_t clock;
  bool resumed;
  plt_progress_t progress;
} worker_t;

static worker_t worker_open(const served_t *served, uint32_t number) {
  static const char *const addresses[] = {"inproc://server-0"};
  worker_t worker = {0};
  plt_client_config_t config = {.number = number,
                                .workers = served->config.workers,
                                .servers = addresses,
                                .n_servers = 1,
                                .job = JOB,
                                .deadline_s = 20};
  cr_assert_eq(plt_client_open(served->wire, &config, &worker.clock, &worker.resumed, &worker.progress, &worker.client),
               PLT_OK, "%s", plt_fail_text());
  return worker;
}

static void worker_end(worker_t *worker) {
  plt_client_bye(worker->client, PLT_OK, "");
  plt_client_close(&worker->client);
}

/* All workers start from the same place, whenever they come: not from where the first has got to meanwhile. */
Test(client, a_late_worker_starts_where_the_job_does) {
  served_t served;
  server_start(&served, 2);
  worker_t first = worker_open(&served, 0);
  cr_expect(!first.resumed);
  plt_progress_t ahead = {.epoch = 1, .batch = 3, .phase = 1};
  plt_step_t step = {.progress = &ahead};
  plt_step_result_t result;
  cr_assert_eq(plt_client_step(first.client, &step, &result), PLT_OK, "%s", plt_fail_text());
  worker_t late = worker_open(&served, 1);
  cr_expect(!late.resumed);
  cr_expect_eq(late.progress.epoch, 0);
  cr_expect_eq(late.progress.batch, 0);
  cr_expect_eq(late.progress.phase, 0);
  cr_expect_eq(late.clock, 0);
  worker_end(&first);
  worker_end(&late);
  server_end(&served);
}
