/* Messages that come twice, late or in another order than they were sent: they change nothing, and nobody who waits is
 * forgotten for them. */
#include <stdio.h>

#include "tests/unit/ps/server/honest.h"

static const float seven[COLS] = {7, 7, 7};

/* ASSIGN of seven to key 0. */
static plt_header_t make_assignment(raw_t *raw, uint32_t w, uint64_t *key, plt_section_t *section) {
  *key = 0;
  *section = raw_section(raw, PLT_SECTION_PUSH, 0, (plt_leaf_span_t){0, 1}, key, 1, seven, COLS);
  plt_header_t assign = raw_say(raw, PLT_VERB_ASSIGN, w);
  assign.sections = section;
  assign.n_sections = 1;
  return assign;
}

/* The same message once more: its values' buffer went with the first. */
static void renew(raw_t *raw, uint64_t *key, plt_section_t *section) {
  *section = raw_section(raw, PLT_SECTION_PUSH, 0, (plt_leaf_span_t){0, 1}, key, 1, seven, COLS);
}

static float row_0(raw_t *raw, uint32_t w) {
  float rows[ROWS][COLS];
  read_rows(raw, (int)w, w, 0, rows);
  return rows[0][0];
}

Test(late, an_assignment_is_done_once) {
  raw_t *raw = raw_start_as(2, true);
  uint64_t key;
  plt_section_t section;
  join(raw, 2);
  plt_header_t assign = make_assignment(raw, 0, &key, &section);
  raw_expect(raw, 0, &assign, PLT_VERB_DONE, NULL);
  send_push(raw, 1, 0); /* another worker has gone on: -100 */
  cr_assert_eq(raw_hear(raw, 1).verb, PLT_VERB_ROWS);
  cr_assert_eq(row_0(raw, 1), 7 - 100);
  renew(raw, &key, &section);
  raw_expect(raw, 0, &assign, PLT_VERB_DONE, NULL); /* its answer may have been lost */
  cr_assert_eq(row_0(raw, 1), 7 - 100);
  settle(raw, 0);
  renew(raw, &key, &section);
  raw_expect(raw, 0, &assign, PLT_VERB_REFUSED, "since"); /* it comes after what was asked later */
  cr_assert_eq(row_0(raw, 1), 7 - 100);
  leave(raw, 2);
}

Test(late, a_reset_is_done_once) {
  raw_t *raw = raw_start_as(2, true);
  join(raw, 2);
  plt_header_t reset = raw_say(raw, PLT_VERB_RESET, 0);
  raw_expect(raw, 0, &reset, PLT_VERB_DONE, NULL);
  send_push(raw, 1, 0);
  cr_assert_eq(raw_hear(raw, 1).verb, PLT_VERB_ROWS);
  raw_expect(raw, 0, &reset, PLT_VERB_DONE, NULL);
  cr_assert_eq(row_0(raw, 1), -100);
  settle(raw, 0);
  raw_expect(raw, 0, &reset, PLT_VERB_REFUSED, "since");
  cr_assert_eq(row_0(raw, 1), -100);
  leave(raw, 2);
}

/* What was refused is not done when it comes again. */
Test(late, a_refusal_stays_one) {
  raw_t *raw = raw_start(1);
  join(raw, 1);
  plt_header_t reset = raw_say(raw, PLT_VERB_RESET, 0);
  reset.table = 9;
  for (int i = 0; i < 3; i++) raw_expect(raw, 0, &reset, PLT_VERB_REFUSED, "not declared");
  leave(raw, 1);
}

static void sum_both(raw_t *raw, const char *name) {
  const double one = 1;
  plt_header_t sum = make_sum(raw, 0, name, &one, 1);
  raw_send(raw, 0, &sum);
  settle(raw, 0);
  sum = make_sum(raw, 1, name, &one, 1);
  plt_header_t answer = raw_ask(raw, 1, &sum);
  cr_assert(answer.verb == PLT_VERB_SUM && answer.sums[0] == 2, "%s: %s", name, answer.text);
  answer = raw_hear(raw, 0);
  cr_assert(answer.verb == PLT_VERB_SUM && answer.sums[0] == 2, "%s: %s", name, answer.text);
}

Test(late, an_old_sum_is_not_opened_again) {
  raw_t *raw = raw_start(2);
  const double one = 1;
  join(raw, 2);
  plt_header_t old = make_sum(raw, 1, "a", &one, 1);
  plt_header_t first = make_sum(raw, 0, "a", &one, 1);
  raw_send(raw, 0, &first);
  raw_ask(raw, 1, &old);
  raw_hear(raw, 0);
  plt_header_t answer = raw_ask(raw, 1, &old); /* at once: answered again */
  cr_assert(answer.verb == PLT_VERB_SUM && answer.sums[0] == 2);
  sum_both(raw, "b");
  raw_expect(raw, 1, &old, PLT_VERB_REFUSED, "since");
  sum_both(raw, "c"); /* would be refused if "a" was under way */
  leave(raw, 2);
}

/* Its answer was lost, and the other has gone on to the next sum. */
Test(late, the_sum_before_is_still_known) {
  raw_t *raw = raw_start(2);
  const double one = 1, two[] = {2, 3};
  join(raw, 2);
  sum_both(raw, "a");
  plt_header_t first = make_sum(raw, 0, "b", &one, 1);
  raw_send(raw, 0, &first);
  settle(raw, 0);
  plt_header_t lost = make_sum(raw, 1, "b", &one, 1);
  raw_ask(raw, 1, &lost);
  raw_hear(raw, 0);
  plt_header_t next = make_sum(raw, 0, "c", two, 2);
  raw_send(raw, 0, &next);
  settle(raw, 0);
  for (int i = 0; i < 3; i++) {
    plt_header_t answer = raw_ask(raw, 1, &lost);
    cr_assert(answer.verb == PLT_VERB_SUM && answer.n_sums == 1 && answer.sums[0] == 2, "%s", answer.text);
  }
  plt_header_t last = make_sum(raw, 1, "c", two, 2);
  plt_header_t answer = raw_ask(raw, 1, &last);
  cr_assert(answer.verb == PLT_VERB_SUM && answer.sums[0] == 4 && answer.sums[1] == 6, "%s", answer.text);
  answer = raw_hear(raw, 0);
  cr_assert(answer.verb == PLT_VERB_SUM && answer.sums[1] == 6);
  sum_both(raw, "d");
  leave(raw, 2);
}

/* A push of the last clock, delayed, meets its worker's next request. */
Test(late, an_old_push_does_not_displace_what_waits) {
  raw_t *raw = raw_start(2);
  const double one = 1;
  push_t old, other;
  join(raw, 2);
  make_push(raw, 0, 0, &old);
  raw_send(raw, 0, &old.header);
  send_push(raw, 1, 0);
  for (int p = 0; p < 2; p++) cr_assert_eq(raw_hear(raw, p).verb, PLT_VERB_ROWS);
  plt_header_t sum = make_sum(raw, 0, "s", &one, 1);
  raw_send(raw, 0, &sum);
  uint64_t request = old.header.request;
  make_push(raw, 0, 0, &old);
  old.header.request = request;
  raw_send(raw, 0, &old.header);
  plt_header_t answer = raw_hear(raw, 0);
  cr_assert(answer.verb == PLT_VERB_REFUSED && answer.request == request, "%s", answer.text);
  plt_header_t last = make_sum(raw, 1, "s", &one, 1);
  cr_assert_eq(raw_ask(raw, 1, &last).verb, PLT_VERB_SUM);
  answer = raw_hear(raw, 0);
  cr_assert(answer.verb == PLT_VERB_SUM && answer.request == sum.request && answer.sums[0] == 2);
  make_push(raw, 1, 1, &other);
  raw_send(raw, 1, &other.header);
  settle(raw, 1);
  request = old.header.request;
  make_push(raw, 0, 0, &old); /* even while the next clock is open */
  old.header.request = request;
  raw_expect(raw, 0, &old.header, PLT_VERB_REFUSED, "since");
  send_push(raw, 0, 1);
  for (uint32_t w = 0; w < 2; w++) {
    answer = raw_hear(raw, (int)w);
    expect_step_answer(&answer, 2, 1, w);
  }
  leave(raw, 2);
}

/* Where workers step alone, two STEPs may come in any order, each any number of times. */
Test(late, pushes_of_asp_in_any_order) {
  raw_t *raw = raw_start_as(1, true);
  push_t push;
  uint64_t requests[4];
  join(raw, 1);
  for (uint64_t t = 0; t < 4; t++) requests[t] = ++raw->request;
  const uint64_t order[] = {1, 1, 3, 0, 0, 2, 1, 3, 0, 2};
  for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
    make_push(raw, 0, order[i], &push);
    push.header.request = requests[order[i]];
    raw_send(raw, 0, &push.header);
  }
  for (int i = 0; i < 9; i++) { /* the one that came again while it waited is answered once */
    plt_header_t answer = raw_hear(raw, 0);
    cr_assert_eq(answer.verb, PLT_VERB_ROWS, "%s", answer.text);
  }
  expect_rows(raw, 1, 4);
  leave(raw, 1);
}

/* asp: others may be under way when a worker is welcomed; all servers must tell it the same clock. */
Test(late, who_comes_late_is_told_where_all_began) {
  raw_t *raw = raw_start_as(2, true);
  for (uint32_t t = 0; t < 3; t++) {
    if (t == 0) raw_hello(raw, 0, 0);
    plt_header_t declare = raw_declaration(raw, 0, t, &specs[t]);
    raw_expect(raw, 0, &declare, PLT_VERB_DONE, NULL);
  }
  send_push(raw, 0, 0);
  cr_assert_eq(raw_hear(raw, 0).verb, PLT_VERB_ROWS);
  plt_header_t hello = raw_say(raw, PLT_VERB_HELLO, 1);
  plt_header_t answer = raw_ask(raw, 1, &hello);
  cr_assert(answer.verb == PLT_VERB_WELCOME && answer.clock == 0, "%d", (int)answer.clock);
  leave(raw, 2);
}

/* The server has no run directory: it says so of the checkpoint that it took last, and knows no other. */
static void expect_last_checkpoint(raw_t *raw, uint64_t clock) {
  plt_header_t ask = raw_say(raw, PLT_VERB_CHECKPOINTED, 0);
  ask.clock = clock;
  raw_expect(raw, 0, &ask, PLT_VERB_REFUSED, "no run directory");
}

/* An order between two steps: the tables have gone on when it comes again, and another was given since. */
Test(late, a_checkpoint_is_ordered_once) {
  raw_t *raw = raw_start_as(1, true);
  plt_header_t orders[2];
  join(raw, 1);
  for (uint64_t t = 0; t < 2; t++) {
    send_push(raw, 0, t);
    cr_assert_eq(raw_hear(raw, 0).verb, PLT_VERB_ROWS);
    orders[t] = raw_say(raw, PLT_VERB_STEP, 0);
    orders[t].clock = t + 1;
    orders[t].flags = PLT_FLAG_CHECKPOINT;
    raw_expect(raw, 0, &orders[t], PLT_VERB_ROWS, NULL);
    expect_last_checkpoint(raw, t + 1);
  }
  send_push(raw, 0, 2);
  cr_assert_eq(raw_hear(raw, 0).verb, PLT_VERB_ROWS);
  for (int t = 1; t >= 0; t--) {
    raw_expect(raw, 0, &orders[t], PLT_VERB_ROWS, NULL);
    expect_last_checkpoint(raw, 2);
  }
  leave(raw, 1);
}

/* ---- who waits is told so ---- */

static double seconds_to_wait(raw_t *raw, int peer, uint64_t request) {
  plt_header_t header;
  int64_t begin = plt_time_ns();
  cr_assert(raw_receive(raw, peer, RAW_PATIENCE_MS, &header));
  cr_assert(header.verb == PLT_VERB_WAIT && header.request == request && header.who == 1, "%s",
            plt_verb_name(header.verb));
  return plt_time_seconds(plt_time_ns() - begin);
}

Test(late, who_waits_hears_so_soon_and_at_once_when_it_asks_again) {
  raw_t *raw = raw_start(2);
  push_t push;
  join(raw, 2);
  make_push(raw, 0, 0, &push);
  uint64_t request = push.header.request;
  raw_send(raw, 0, &push.header);
  double first = seconds_to_wait(raw, 0, request);
  cr_assert(first > 0.05, "%g s", first); /* how late it may be depends on the machine */
  make_push(raw, 0, 0, &push);
  push.header.request = request;
  raw_send(raw, 0, &push.header);
  double again = seconds_to_wait(raw, 0, request);
  double next = seconds_to_wait(raw, 0, request);
  cr_assert(next > 0.5 && again < next, "%g s, %g s", again, next);
  send_push(raw, 1, 0);
  for (uint32_t w = 0; w < 2; w++) {
    plt_header_t answer = raw_hear(raw, (int)w);
    expect_step_answer(&answer, 2, 0, w);
  }
  leave(raw, 2);
}
