/* ssp and asp through clients and servers: every push adds one to its worker's own row, so the rows that come back
 * tell exactly which pushes they hold. Workers sleep at random, have unequal numbers of batches, prefetch, and meet. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/rng.h"
#include "proto/frame.h"
#include "ps/server/server.h"
#include "worker/client/client.h"

enum { WORKERS_MAX = 4, SERVERS = 2 };

typedef struct job {
  uint32_t workers, batches, epochs, prefetch, slow, slow_us, fails_at;
  uint64_t staleness;
  bool faulty; /* messages are lost, doubled and overtake each other */
  plt_wire_t *wire;
  plt_listener_t *listeners[SERVERS];
  const char *addresses[SERVERS];
  uint64_t meetings; /* worker 0's */
} job_t;

typedef struct worker {
  job_t *job;
  uint32_t number;
  pthread_t thread;
  plt_client_t *client;
  uint64_t round, met, called;
  float rows[PLT_STEPS_MAX][WORKERS_MAX];
  plt_exchange_t *steps[PLT_STEPS_MAX];
  uint64_t begun, finished; /* steps */
  uint64_t lead;            /* how far another worker was behind a pull's clock, at most */
  plt_status_t status;
  char text[256];
} worker_t;

typedef struct server {
  job_t *job;
  pthread_t thread;
  plt_server_config_t config;
  plt_listener_t *listener;
  plt_status_t status;
} server_t;

/* Stands before a server and mistreats STEPs and their answers. */
typedef struct proxy {
  job_t *job;
  uint32_t number, draws;
  pthread_t thread;
  atomic_bool stop;
  plt_listener_t *listener;
  plt_links_t *links[WORKERS_MAX]; /* one per worker */
  plt_route_t routes[WORKERS_MAX];
  plt_parcel_t *held[WORKERS_MAX]; /* lets the next one of this worker pass first */
  plt_parcel_t *old[WORKERS_MAX];  /* comes again much later */
  bool holds[WORKERS_MAX], remembers[WORKERS_MAX];
  plt_parcel_t *in;
  uint64_t faults;
} proxy_t;

static const uint64_t all_keys[WORKERS_MAX] = {0, 1, 2, 3};

static void sleep_us(uint32_t us) { nanosleep(&(struct timespec){0, (long)us * 1000}, NULL); }

static uint64_t own_batches(const job_t *job, uint32_t w) {
  return w < job->batches ? (job->batches - 1 - w) / job->workers + 1 : 0;
}
static uint64_t rounds(const job_t *job) { return own_batches(job, 0); }

static plt_status_t wrong(const char *what, uint64_t is, uint64_t expected) {
  return plt_fail(PLT_ERR_NAN, "%s: %lu, expected %lu", what, (unsigned long)is, (unsigned long)expected);
}

/* The pushes of worker v in this epoch that a row holds. */
static uint64_t held(const worker_t *w, const float *rows, uint32_t v, uint32_t epoch) {
  return (uint64_t)rows[v] - epoch * own_batches(w->job, v);
}

static plt_status_t begin_step(worker_t *w, plt_step_t *step, bool pulls) {
  plt_pull_t pull = {0, 1, all_keys, w->job->workers, w->rows[w->begun % PLT_STEPS_MAX]};
  step->pull = &pull;
  step->n_pull = pulls ? 1 : 0;
  return plt_client_step_begin(w->client, step, &w->steps[w->begun++ % PLT_STEPS_MAX]);
}

static plt_status_t finish_step(worker_t *w) {
  plt_step_result_t result;
  PLT_TRY(plt_client_step_finish(w->client, &w->steps[w->finished++ % PLT_STEPS_MAX], &result));
  if (result.meet > w->called) w->called = result.meet;
  return PLT_OK;
}

static plt_status_t finish_all(worker_t *w) {
  while (w->finished < w->begun) PLT_TRY(finish_step(w));
  return PLT_OK;
}

static plt_status_t barrier(worker_t *w, const char *name, uint64_t clock) {
  char text[64];
  double one = 1;
  snprintf(text, sizeof text, "%s %lu", name, (unsigned long)clock);
  return plt_client_sum(w->client, text, &one, 1);
}

/* All have pushed what is before `round` in this epoch, and nothing else. */
static plt_status_t meet(worker_t *w, uint32_t epoch, uint64_t round) {
  const job_t *job = w->job;
  float rows[WORKERS_MAX];
  PLT_TRY(finish_all(w));
  PLT_TRY(barrier(w, "meeting", epoch * rounds(job) + round));
  PLT_TRY(plt_client_read(w->client, &(plt_pull_t){0, 1, all_keys, job->workers, rows}, 1));
  for (uint32_t v = 0; v < job->workers; v++) {
    uint64_t expected = own_batches(job, v) < round ? own_batches(job, v) : round;
    if (held(w, rows, v, epoch) != expected) return wrong("pushes at a meeting", held(w, rows, v, epoch), expected);
  }
  PLT_TRY(barrier(w, "seen", epoch * rounds(job) + round));
  w->met = w->called;
  if (w->number == 0) w->job->meetings++;
  return PLT_OK;
}

static plt_status_t check_rows(worker_t *w, const float *rows, uint32_t epoch, uint64_t b) {
  const job_t *job = w->job;
  for (uint32_t v = 0; v < job->workers; v++) {
    uint64_t has = held(w, rows, v, epoch), own = own_batches(job, v);
    uint64_t bound = v == w->number ? job->prefetch : job->staleness;
    uint64_t least = bound >= b ? 0 : b - bound;
    if (has < (least < own ? least : own)) return wrong("too early: pushes of another worker", has, least);
    if (has < own && v != w->number && b > has && b - has > w->lead) w->lead = b - has;
  }
  return PLT_OK;
}

static plt_status_t push(worker_t *w, uint32_t epoch, uint64_t b) {
  const job_t *job = w->job;
  uint64_t key = w->number;
  float minus_one = -1;
  plt_push_t push = {.table = 0, .cols = 1, .span = {0, 1}, .keys = &key, .values = &minus_one, .n = 1};
  uint32_t random = plt_rng_draw(plt_rng_key(3, "sleep", w->number), epoch, (uint32_t)b, 0, 0).word[0];
  plt_step_t step = {.pushes = true, .clock = w->round++, .eta = 1, .push = &push, .n_push = 1};
  if (w->number == job->slow) sleep_us(job->slow_us);
  if (random % 4 == 0) sleep_us(random % 1000);
  if (w->number == 0 && random % 5 == 1) step.flags = PLT_FLAG_CHECKPOINT;
  step.ahead = job->prefetch;
  bool more = b + job->prefetch + 1 < own_batches(job, w->number);
  if (!more) step.ahead = 0;
  return begin_step(w, &step, more);
}

static bool is_called(const worker_t *w, uint64_t end) { return w->called > w->met && w->called < end; }

static plt_status_t run_epoch(worker_t *w, uint32_t epoch) {
  const job_t *job = w->job;
  uint64_t own = own_batches(job, w->number), base = epoch * rounds(job), end = base + rounds(job);
  w->round = w->met = w->called = base;
  w->begun = w->finished = 0;
  for (uint32_t ahead = 0; ahead <= job->prefetch && ahead < own; ahead++)
    PLT_TRY(begin_step(w, &(plt_step_t){.clock = base, .ahead = ahead}, true));
  for (uint64_t b = 0; b < own; b++) {
    while (w->finished <= b) PLT_TRY(finish_step(w));
    PLT_TRY(check_rows(w, w->rows[b % PLT_STEPS_MAX], epoch, b));
    if (job->fails_at != 0 && w->number == 1 && b == job->fails_at) return plt_fail(PLT_ERR_DATA, "worker 1 fails");
    if (is_called(w, end) && w->round >= w->called) PLT_TRY(meet(w, epoch, w->called - base));
    PLT_TRY(push(w, epoch, b));
  }
  PLT_TRY(finish_all(w));
  if (is_called(w, end)) PLT_TRY(meet(w, epoch, w->called - base));
  if (w->round < end) {
    PLT_TRY(begin_step(w, &(plt_step_t){.clock = end}, false));
    PLT_TRY(finish_all(w));
    if (is_called(w, end)) PLT_TRY(meet(w, epoch, w->called - base));
  }
  return meet(w, epoch, end - base);
}

static plt_status_t run_worker(worker_t *w) {
  plt_table_spec_t spec = {.name = "t", .rows = WORKERS_MAX, .cols = 1, .optimizer = "sgd"};
  PLT_TRY(plt_client_declare(w->client, 0, &spec, 1));
  PLT_TRY(barrier(w, "start", 0));
  for (uint32_t epoch = 0; epoch < w->job->epochs; epoch++) PLT_TRY(run_epoch(w, epoch));
  return PLT_OK;
}

static void *worker_main(void *argument) {
  worker_t *w = argument;
  plt_client_config_t config = {.number = w->number,
                                .workers = w->job->workers,
                                .servers = w->job->addresses,
                                .n_servers = SERVERS,
                                .job = 7,
                                .generation = 1,
                                .deadline_s = 20};
  uint64_t clock;
  bool resumed;
  plt_progress_t progress;
  w->status = plt_client_open(w->job->wire, &config, &clock, &resumed, &progress, &w->client);
  if (w->status != PLT_OK) return NULL;
  w->status = run_worker(w);
  snprintf(w->text, sizeof w->text, "%s", plt_fail_text());
  plt_client_bye(w->client, w->status, w->text);
  plt_client_close(&w->client);
  return NULL;
}

static void *server_main(void *argument) {
  server_t *s = argument;
  s->status = plt_server_run(s->job->wire, s->listener, &s->config);
  return NULL;
}

/* ---- the proxy ---- */

static bool happens(proxy_t *p, uint32_t one_in) {
  bool does = plt_rng_draw(plt_rng_key(4, "proxy", p->number), p->draws++, 0, 0, 0).word[0] % one_in == 0;
  p->faults += does;
  return does;
}

static void swap(plt_parcel_t **a, plt_parcel_t **b) {
  plt_parcel_t *was = *a;
  *a = *b;
  *b = was;
}

static void to_server(proxy_t *p, const plt_header_t *header, const plt_route_t *from) {
  uint32_t w = header->number;
  p->routes[w] = *from;
  if (header->verb != PLT_VERB_STEP) {
    plt_links_send(p->links[w], 0, p->in);
    return;
  }
  if (happens(p, 300)) return; /* lost */
  if (!p->holds[w] && happens(p, 8)) {
    swap(&p->held[w], &p->in);
    p->holds[w] = true;
    return;
  }
  plt_links_send(p->links[w], 0, p->in);
  if (happens(p, 5)) plt_links_send(p->links[w], 0, p->in);
  if (p->remembers[w] && happens(p, 6)) {
    plt_links_send(p->links[w], 0, p->old[w]);
    p->remembers[w] = false;
  } else if (!p->remembers[w]) {
    swap(&p->old[w], &p->in);
    p->remembers[w] = true;
  }
}

/* Whoever was held back goes on at the next occasion. */
static void let_go(proxy_t *p) {
  for (uint32_t w = 0; w < p->job->workers; w++) {
    if (p->holds[w]) plt_links_send(p->links[w], 0, p->held[w]);
    p->holds[w] = false;
  }
}

static void to_worker(proxy_t *p, uint32_t w, plt_arena_t *arena) {
  plt_header_t header;
  if (plt_frame_decode(p->in, arena, &header) == PLT_OK && header.verb == PLT_VERB_ROWS) {
    if (happens(p, 300)) return;
    if (happens(p, 10)) plt_listener_send(p->listener, &p->routes[w], p->in);
  }
  plt_listener_send(p->listener, &p->routes[w], p->in);
}

static void *proxy_main(void *argument) {
  proxy_t *p = argument;
  plt_arena_t *arena = plt_arena_create();
  while (!atomic_load(&p->stop)) {
    plt_route_t from;
    plt_header_t header;
    size_t server;
    bool got = false;
    plt_listener_receive(p->listener, 1, &from, p->in, &got);
    if (got && plt_frame_decode(p->in, arena, &header) == PLT_OK) to_server(p, &header, &from);
    if (!got || happens(p, 4)) let_go(p);
    for (uint32_t w = 0; w < p->job->workers; w++)
      for (got = true; got && plt_links_receive(p->links[w], 0, &server, p->in, &got) == PLT_OK && got;)
        to_worker(p, w, arena);
    plt_arena_reset(arena);
  }
  plt_arena_destroy(&arena);
  return NULL;
}

static void begin_proxy(proxy_t *p, job_t *job, uint32_t number) {
  char endpoint[64];
  *p = (proxy_t){.job = job, .number = number, .in = plt_parcel_create()};
  for (uint32_t w = 0; w < job->workers; w++) {
    cr_assert_eq(plt_links_open(job->wire, &job->addresses[number], 1, &p->links[w]), PLT_OK);
    p->held[w] = plt_parcel_create();
    p->old[w] = plt_parcel_create();
  }
  snprintf(endpoint, sizeof endpoint, "inproc://proxy-%u", number);
  cr_assert_eq(plt_listener_open(job->wire, endpoint, &p->listener), PLT_OK);
  job->addresses[number] = plt_listener_address(p->listener);
  pthread_create(&p->thread, NULL, proxy_main, p);
}

static void end_proxy(proxy_t *p) {
  atomic_store(&p->stop, true);
  pthread_join(p->thread, NULL);
  for (uint32_t w = 0; w < p->job->workers; w++) {
    plt_links_close(&p->links[w]);
    plt_parcel_destroy(&p->held[w]);
    plt_parcel_destroy(&p->old[w]);
  }
  plt_parcel_destroy(&p->in);
  plt_listener_close(&p->listener);
  cr_assert_gt(p->faults, 100);
}

/* ---- jobs ---- */

static void run_job(job_t *job, worker_t *workers) {
  proxy_t proxies[SERVERS];
  server_t servers[SERVERS];
  job->wire = plt_wire_create();
  for (uint32_t s = 0; s < SERVERS; s++) {
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "inproc://consistency-%u", s);
    cr_assert_eq(plt_listener_open(job->wire, endpoint, &job->listeners[s]), PLT_OK);
    job->addresses[s] = plt_listener_address(job->listeners[s]);
    servers[s] = (server_t){.job = job, .listener = job->listeners[s]};
    servers[s].config = (plt_server_config_t){.number = s,
                                              .servers = SERVERS,
                                              .workers = job->workers,
                                              .alone = true,
                                              .staleness = job->staleness,
                                              .job = 7,
                                              .generation = 1};
    pthread_create(&servers[s].thread, NULL, server_main, &servers[s]);
    if (job->faulty) begin_proxy(&proxies[s], job, s);
  }
  for (uint32_t w = 0; w < job->workers; w++) {
    workers[w] = (worker_t){.job = job, .number = w};
    pthread_create(&workers[w].thread, NULL, worker_main, &workers[w]);
  }
  for (uint32_t w = 0; w < job->workers; w++) pthread_join(workers[w].thread, NULL);
  for (uint32_t s = 0; s < SERVERS; s++) {
    pthread_join(servers[s].thread, NULL);
    if (job->faulty) end_proxy(&proxies[s]);
    cr_assert_eq(servers[s].status, PLT_OK);
    plt_listener_close(&job->listeners[s]);
  }
  plt_wire_destroy(&job->wire);
}

static void check_job(job_t job, uint64_t least_meetings) {
  worker_t workers[WORKERS_MAX];
  run_job(&job, workers);
  for (uint32_t w = 0; w < job.workers; w++) {
    cr_assert_eq(workers[w].status, PLT_OK, "worker %u: %s", w, workers[w].text);
    if (job.staleness < UINT64_MAX) cr_assert_leq(workers[w].lead, job.staleness);
  }
  cr_assert_geq(job.meetings, least_meetings);
}

enum { NOBODY = 99 };

Test(consistency, pulls_hold_what_the_bound_promises, .timeout = 40) {
  for (uint32_t workers = 1; workers <= WORKERS_MAX; workers++)
    for (uint32_t s = 0; s < 4; s++)
      check_job((job_t){.workers = workers,
                        .batches = 17 + workers,
                        .epochs = 3,
                        .prefetch = workers == 1 ? 0 : s,
                        .staleness = s,
                        .slow = NOBODY},
                3);
}

Test(consistency, asp_with_prefetch_meets_too, .timeout = 40) {
  for (uint32_t workers = 2; workers <= WORKERS_MAX; workers++)
    check_job(
        (job_t){.workers = workers, .batches = 41, .epochs = 3, .prefetch = 1, .staleness = UINT64_MAX, .slow = NOBODY},
        4);
}

Test(consistency, lost_doubled_and_overtaking_messages_change_nothing, .timeout = 100) {
  for (uint32_t asp = 0; asp < 2; asp++)
    check_job((job_t){.workers = 3,
                      .batches = 100,
                      .epochs = 3,
                      .prefetch = asp ? 1 : 2,
                      .staleness = asp ? UINT64_MAX : 2,
                      .slow = NOBODY,
                      .faulty = true},
              3);
}

Test(consistency, more_workers_than_batches, .timeout = 20) {
  check_job((job_t){.workers = 4, .batches = 2, .epochs = 5, .prefetch = 1, .staleness = 1, .slow = NOBODY}, 5);
}

/* The last worker sleeps before every push. */
Test(consistency, a_slow_worker_is_waited_for_in_ssp_and_not_in_asp, .timeout = 40) {
  job_t job = {.workers = 3, .batches = 60, .epochs = 1, .prefetch = 1, .staleness = 2, .slow = 2, .slow_us = 5000};
  worker_t workers[WORKERS_MAX];
  run_job(&job, workers);
  for (uint32_t w = 0; w < 3; w++) cr_assert_eq(workers[w].status, PLT_OK, "worker %u: %s", w, workers[w].text);
  cr_assert_eq(workers[1].lead, 2); /* as far as it may, no further */
  job.staleness = UINT64_MAX;
  job.meetings = 0;
  job.workers = 2; /* worker 0 asks for meetings, where all wait: with slow worker 0 the other is free until then */
  job.slow = 0;
  job.batches = 20;
  run_job(&job, workers);
  for (uint32_t w = 0; w < 2; w++) cr_assert_eq(workers[w].status, PLT_OK, "worker %u: %s", w, workers[w].text);
  cr_assert_gt(workers[1].lead, 2);
}

Test(consistency, a_failing_worker_ends_all, .timeout = 40) {
  for (uint32_t asp = 0; asp < 2; asp++) {
    job_t job = {.workers = 4, .batches = 400, .epochs = 2, .prefetch = 1, .slow = NOBODY, .fails_at = 5};
    worker_t workers[WORKERS_MAX];
    job.staleness = asp ? UINT64_MAX : 2;
    run_job(&job, workers);
    for (uint32_t w = 0; w < 4; w++)
      cr_assert_eq(workers[w].status, w == 1 ? PLT_ERR_DATA : PLT_ERR_PEER, "worker %u: %s", w, workers[w].text);
    cr_assert(strstr(workers[3].text, "worker 1 fails") != NULL, "%s", workers[3].text);
  }
}
