/* A checkpoint that a server which the test plays itself writes: quickly, slowly, or not at all. */
#include "common/time.h"
#include "tests/unit/worker/client/fake.h"
#include "worker/client/pending.h"

enum { CLOCK = 41, SLOW_TURNS = 9 }; /* of the slow one; with the pauses between them 2 + 4 + ... + 200 ms = 0.65 s */

static void tell_written(fake_t *fake, const plt_route_t *from, const plt_header_t *request, uint64_t bytes) {
  say(fake, from, request, (plt_header_t){.verb = PLT_VERB_CHECKPOINTED, .clock = request->clock, .bytes = bytes});
}

static void tell_whole(fake_t *fake, const plt_route_t *from, const plt_header_t *request) {
  say(fake, from, request,
      (plt_header_t){.verb = PLT_VERB_CHECKPOINTED,
                     .clock = request->clock,
                     .bytes = 4096,
                     .text = "part.h5",
                     .hash = "0123456789abcdef"});
}

static void write_slowly(fake_t *fake, const plt_route_t *from, const plt_header_t *request, int turn) {
  cr_assert(request->verb == PLT_VERB_CHECKPOINTED && request->clock == CLOCK);
  if (turn < SLOW_TURNS)
    tell_written(fake, from, request, 100 * (uint64_t)turn);
  else
    tell_whole(fake, from, request);
}

static void get_stuck(fake_t *fake, const plt_route_t *from, const plt_header_t *request, int turn) {
  tell_written(fake, from, request, turn < 2 ? 100 * (uint64_t)turn : 200);
}

static void answer_something_else(fake_t *fake, const plt_route_t *from, const plt_header_t *request, int turn) {
  (void)turn;
  say(fake, from, request, (plt_header_t){.verb = PLT_VERB_WELCOME});
}

Test(pending, who_waits_waits_for_as_long_as_servers_get_on) {
  fake_t fake;
  bool all;
  plt_pending_t pending = {0};
  start(&fake, write_slowly, 0.35);
  int64_t begin = plt_time_ns();
  plt_pending_begin(&pending, CLOCK, 1);
  cr_assert_eq(plt_pending_poll(&pending, fake.client, true, &all), PLT_OK, "%s", plt_fail_text());
  cr_assert(all);
  cr_assert_gt(plt_time_seconds(plt_time_ns() - begin), 0.35, "longer than the deadline");
  cr_assert_eq(atomic_load(&fake.turns), SLOW_TURNS + 1);
  cr_assert_eq(pending.clock, CLOCK);
  cr_assert_eq(pending.parts[0].bytes, 4096);
  cr_assert_str_eq(pending.parts[0].file, "part.h5");
  cr_assert_str_eq(pending.parts[0].hash, "0123456789abcdef");
  plt_pending_end(&pending);
  end(&fake);
}

Test(pending, who_does_not_wait_asks_only_when_it_is_time) {
  fake_t fake;
  bool all = true;
  plt_pending_t pending = {0};
  start(&fake, write_slowly, 5);
  cr_assert_eq(plt_pending_poll(&pending, fake.client, true, &all), PLT_OK);
  cr_assert(!all, "there is none");
  plt_pending_begin(&pending, CLOCK, 1);
  pending.ask_ns = plt_time_ns() + 60 * PLT_NS_PER_S;
  cr_assert_eq(plt_pending_poll(&pending, fake.client, false, &all), PLT_OK);
  cr_assert(!all && atomic_load(&fake.turns) == 0, "not yet");
  pending.ask_ns = 0;
  cr_assert_eq(plt_pending_poll(&pending, fake.client, false, &all), PLT_OK);
  cr_assert(!all && atomic_load(&fake.turns) == 1, "once");
  cr_assert(pending.under_way && pending.ask_ns > plt_time_ns() - PLT_NS_PER_S);
  plt_pending_end(&pending);
  cr_assert(!pending.under_way && pending.parts == NULL);
  end(&fake);
}

/* Waits for a checkpoint that does not come; returns for how many seconds. */
static double expect_failure(fake_fn react, double deadline_s, plt_status_t expected) {
  fake_t fake;
  bool all;
  plt_pending_t pending = {0};
  start(&fake, react, deadline_s);
  int64_t begin = plt_time_ns();
  plt_pending_begin(&pending, CLOCK, 1);
  cr_assert_eq(plt_pending_poll(&pending, fake.client, true, &all), expected);
  double seconds = plt_time_seconds(plt_time_ns() - begin);
  plt_pending_end(&pending);
  end(&fake);
  return seconds;
}

Test(pending, servers_that_get_no_further_are_named) {
  double seconds = expect_failure(get_stuck, 0.4, PLT_ERR_IO);
  cr_assert(seconds > 0.4 && seconds < 5, "after %g s", seconds);
  EXPECT_TEXT("server 0 has not", "clock 41", "1 of 1 servers", "0.4 s", "cluster.deadline_s");
}

Test(pending, an_answer_to_something_else_is_refused) {
  expect_failure(answer_something_else, 5, PLT_ERR_PROTOCOL);
  EXPECT_TEXT("server 0", "did not say where its checkpoint is");
}
