/* fake.h - a server that a test plays itself, and a client before it.
 *
 * Threads    the fake's own, which calls its react(); the client is the test's.
 * Errors     a failed assertion ends the test. */
#ifndef PLT_TESTS_UNIT_WORKER_CLIENT_FAKE_H
#define PLT_TESTS_UNIT_WORKER_CLIENT_FAKE_H

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

#include "proto/frame.h"
#include "worker/client/client.h"

enum { JOB = 9, GENERATION = 2 };

typedef struct fake fake_t;
/* What the server does with a request; `turn` counts them. */
typedef void (*fake_fn)(fake_t *fake, const plt_route_t *from, const plt_header_t *request, int turn);

struct fake {
  plt_wire_t *wire;
  plt_listener_t *listener;
  plt_client_t *client;
  fake_fn react;
  atomic_bool stop;
  atomic_int turns; /* requests but for HELLO */
  pthread_t thread;
};

static inline void say(fake_t *fake, const plt_route_t *to, const plt_header_t *request, plt_header_t answer) {
  plt_arena_t *arena = plt_arena_create();
  plt_parcel_t *out = plt_parcel_create();
  answer.version = PLT_PROTOCOL_VERSION;
  answer.job += JOB; /* an offset may be given */
  answer.generation += GENERATION;
  answer.role = PLT_ROLE_SERVER;
  answer.request += request->request;
  cr_assert_eq(plt_frame_encode(&answer, plt_wire_pool(fake->wire), arena, out), PLT_OK);
  cr_assert_eq(plt_listener_send(fake->listener, to, out), PLT_OK);
  plt_parcel_destroy(&out);
  plt_arena_destroy(&arena);
}

static inline void *serve(void *argument) {
  fake_t *fake = argument;
  plt_parcel_t *in = plt_parcel_create();
  plt_arena_t *arena = plt_arena_create();
  while (!atomic_load(&fake->stop)) {
    plt_route_t from;
    plt_header_t request;
    bool got;
    cr_assert_eq(plt_listener_receive(fake->listener, 20, &from, in, &got), PLT_OK);
    if (!got) continue;
    plt_arena_reset(arena);
    cr_assert_eq(plt_frame_decode(in, arena, &request), PLT_OK);
    if (request.verb == PLT_VERB_HELLO)
      say(fake, &from, &request, (plt_header_t){.verb = PLT_VERB_WELCOME, .clock = 6});
    else
      fake->react(fake, &from, &request, atomic_fetch_add(&fake->turns, 1));
  }
  plt_parcel_destroy(&in);
  plt_arena_destroy(&arena);
  return NULL;
}

static inline void start(fake_t *fake, fake_fn react, double deadline_s) {
  static const char *const addresses[] = {"inproc://fake"};
  plt_client_config_t config = {.number = 3,
                                .workers = 4,
                                .servers = addresses,
                                .n_servers = 1,
                                .job = JOB,
                                .generation = GENERATION,
                                .deadline_s = deadline_s};
  uint64_t clock;
  bool resumed;
  plt_progress_t progress;
  *fake = (fake_t){.wire = plt_wire_create(), .react = react};
  cr_assert_eq(plt_listener_open(fake->wire, "inproc://fake", &fake->listener), PLT_OK);
  cr_assert_eq(pthread_create(&fake->thread, NULL, serve, fake), 0);
  cr_assert_eq(plt_client_open(fake->wire, &config, &clock, &resumed, &progress, &fake->client), PLT_OK);
  cr_assert(clock == 6 && !resumed);
}

static inline void end(fake_t *fake) {
  atomic_store(&fake->stop, true);
  pthread_join(fake->thread, NULL);
  plt_client_close(&fake->client);
  plt_client_close(&fake->client);
  plt_listener_close(&fake->listener);
  plt_wire_destroy(&fake->wire);
}

static inline void expect_text(const char *const *parts) {
  for (; *parts != NULL; parts++)
    cr_assert_not_null(strstr(plt_fail_text(), *parts), "\"%s\" is not in \"%s\"", *parts, plt_fail_text());
}

#define EXPECT_TEXT(...) expect_text((const char *const[]){__VA_ARGS__, NULL})

#endif
