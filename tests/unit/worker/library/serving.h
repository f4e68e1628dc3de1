/* serving.h - servers of a job as threads, and workers that connect to them as other people's programs do, over tcp. */
#ifndef PLT_TESTS_UNIT_WORKER_LIBRARY_SERVING_H
#define PLT_TESTS_UNIT_WORKER_LIBRARY_SERVING_H

#include <criterion/criterion.h>
#include <plateau.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "proto/job_card.h"
#include "proto/table_spec.h"
#include "ps/server/server.h"

enum { SERVERS_MAX = 3, ROWS = 40, DIM = 3 };

typedef struct serving serving_t;
typedef struct host {
  serving_t *all;
  plt_listener_t *listener;
  plt_server_config_t config;
  pthread_t thread;
  plt_failure_t failure;
} host_t;

struct serving {
  plt_wire_t *wire;
  host_t hosts[SERVERS_MAX];
  uint32_t servers;
  atomic_bool stop;
  char *text; /* the job file */
  char run_dir[64];
};

static inline void *host_main(void *argument) {
  host_t *host = argument;
  plt_failure_keep(&host->failure, plt_server_run(host->all->wire, host->listener, &host->config));
  return NULL;
}

/* `like` has what is not of all: workers, consistency, what is restored, times. */
static inline void serving_start(serving_t *s, uint32_t servers, plt_server_config_t like) {
  plt_secret_t *secret;
  plt_door_t doors[SERVERS_MAX] = {0};
  s->wire = plt_wire_create();
  s->servers = servers;
  atomic_store(&s->stop, false);
  cr_assert_eq(plt_secret_create(PLT_SECURITY_TOKEN, &secret), PLT_OK);
  plt_wire_secure(s->wire, secret);
  for (uint32_t i = 0; i < servers; i++) {
    host_t *host = &s->hosts[i];
    *host = (host_t){.all = s, .config = like};
    host->config.number = i;
    host->config.servers = servers;
    host->config.job = 99;
    host->config.stop = &s->stop;
    cr_assert_eq(plt_listener_open(s->wire, "tcp://127.0.0.1:*", &host->listener), PLT_OK);
    snprintf(doors[i].host, sizeof doors[i].host, "here");
    snprintf(doors[i].tcp, sizeof doors[i].tcp, "%s", plt_listener_address(host->listener));
    cr_assert_eq(pthread_create(&host->thread, NULL, host_main, host), 0);
  }
  plt_job_card_t card = {.job = 99,
                         .generation = like.generation,
                         .workers = like.workers,
                         .servers = servers,
                         .alone = like.alone,
                         .staleness = like.staleness,
                         .secret = secret,
                         .doors = doors};
  s->text = plt_job_card_to_text(&card);
  plt_secret_destroy(&secret);
}

/* Waits for all servers; the status of server 0. */
static inline plt_status_t serving_end(serving_t *s, bool stop) {
  if (stop) atomic_store(&s->stop, true);
  for (uint32_t i = 0; i < s->servers; i++) {
    pthread_join(s->hosts[i].thread, NULL);
    plt_listener_close(&s->hosts[i].listener);
  }
  plt_wire_destroy(&s->wire);
  free(s->text);
  return s->hosts[0].failure.status;
}

static inline plateau_options_t options_of(const serving_t *s, uint32_t worker) {
  return (plateau_options_t){.job_text = s->text, .worker = worker, .deadline_s = 20};
}

static inline plateau_t *enter(const serving_t *s, uint32_t worker) {
  plateau_t *job = NULL;
  plateau_options_t options = options_of(s, worker);
  cr_assert_eq(plateau_connect(&options, &job), PLATEAU_OK, "%s", plateau_error());
  return job;
}

static inline uint32_t declare(plateau_t *job) {
  uint32_t table;
  plateau_table_t spec = {.name = "rows", .rows = ROWS, .dim = DIM, .init = PLATEAU_NORMAL, .scale = 1, .seed = 3};
  cr_assert_eq(plateau_declare(job, &spec, &table), PLATEAU_OK, "%s", plateau_error());
  return table;
}

/* A worker of a job, as a thread. */
typedef struct member {
  const serving_t *s;
  uint32_t worker, workers;
  void *result; /* of `bytes`; what the thread leaves */
} member_t;

enum { MEMBERS_MAX = 8 };

/* A job of so many servers and workers; all leave the same result, which is copied into `result`. */
static inline void serving_train(uint32_t servers, uint32_t workers, void *(*train)(void *member), void *result,
                                 size_t bytes) {
  serving_t s = {0};
  pthread_t threads[MEMBERS_MAX];
  member_t members[MEMBERS_MAX];
  cr_assert_leq(workers, MEMBERS_MAX);
  char *results = plt_mem_zalloc(workers, bytes);
  serving_start(&s, servers, (plt_server_config_t){.workers = workers});
  for (uint32_t w = 0; w < workers; w++) {
    members[w] = (member_t){.s = &s, .worker = w, .workers = workers, .result = results + w * bytes};
    cr_assert_eq(pthread_create(&threads[w], NULL, train, &members[w]), 0);
  }
  for (uint32_t w = 0; w < workers; w++) pthread_join(threads[w], NULL);
  cr_expect_eq(serving_end(&s, false), PLT_OK);
  for (uint32_t w = 1; w < workers; w++) cr_expect_arr_eq(results + w * bytes, results, bytes);
  memcpy(result, results, bytes);
  free(results);
}

/* A call fails so, with a sentence that holds `what`. */
#define EXPECT_FAILS(call, status, what)                                                                    \
  do {                                                                                                      \
    int got_ = (call);                                                                                      \
    cr_expect_eq(got_, status, "%s: %s instead of %s: %s", #call, plateau_status_name(got_),                \
                 plateau_status_name(status), plateau_error());                                             \
    cr_expect(strstr(plateau_error(), what) != NULL, "%s: no \"%s\" in: %s", #call, what, plateau_error()); \
  } while (0)
#define EXPECT_OK(call) cr_assert_eq((call), PLATEAU_OK, "%s: %s", #call, plateau_error())

#endif
