/* What peers of a server have of each other: sums, goodbyes, and word of whom all wait for. */
#include <stdio.h>

#include "tests/unit/ps/server/honest.h"

/* ---- sums ---- */

static void expect_sum(const plt_header_t *answer, const double *want, size_t n) {
  cr_assert_eq(answer->verb, PLT_VERB_SUM, "%s", answer->text);
  cr_assert_eq(answer->n_sums, n);
  for (size_t i = 0; i < n; i++) cr_assert_eq(answer->sums[i], want[i]);
}

Test(server_peers, bad_sums_do_not_spoil_good_ones) {
  raw_t *raw = raw_start(2);
  const double a[20] = {1, 2, 3, [19] = 4}, b[20] = {10, 20, 30, [19] = 40};
  double ab[20];
  for (int i = 0; i < 20; i++) ab[i] = a[i] + b[i];
  join(raw, 2);
  plt_header_t sum = make_sum(raw, 1, "", a, 0);
  raw_expect(raw, 1, &sum, PLT_VERB_REFUSED, "name");
  sum = make_sum(raw, 1, "no numbers", NULL, 0);
  raw_expect(raw, 1, &sum, PLT_VERB_REFUSED, NULL);
  for (int round = 0; round < 3; round++) {
    char name[32];
    snprintf(name, sizeof name, "sum %d", round);
    sum = make_sum(raw, 0, name, a, 20);
    raw_send(raw, 0, &sum);
    raw_send(raw, 0, &sum); /* twice is once */
    settle(raw, 0);
    sum = make_sum(raw, 1, name, b, 19);
    raw_expect(raw, 1, &sum, PLT_VERB_REFUSED, "length");
    sum = make_sum(raw, 1, name, NULL, 0);
    raw_expect(raw, 1, &sum, PLT_VERB_REFUSED, NULL);
    sum = make_sum(raw, 1, "another", b, 20);
    raw_expect(raw, 1, &sum, PLT_VERB_REFUSED, name);
    sum = make_sum(raw, 1, "", b, 20);
    raw_expect(raw, 1, &sum, PLT_VERB_REFUSED, NULL);
    sum = make_sum(raw, 1, name, b, 20);
    plt_header_t answer = raw_ask(raw, 1, &sum);
    expect_sum(&answer, ab, 20);
    answer = raw_hear(raw, 0);
    expect_sum(&answer, ab, 20);
    answer = raw_ask(raw, 1, &sum); /* its answer was lost */
    expect_sum(&answer, ab, 20);
    sum = make_sum(raw, 1, name, b, 3);
    answer = raw_ask(raw, 1, &sum);
    cr_assert(answer.verb == PLT_VERB_REFUSED || answer.n_sums == 20);
  }
  leave(raw, 2);
}

/* ---- goodbyes ---- */

Test(server_peers, a_failure_is_told_to_all_others) {
  raw_t *raw = raw_start(3);
  join(raw, 3);
  send_early_push(raw, 0, 0); /* waits, and hears of it at once */
  raw_bye(raw, 1, 1, PLT_ERR_NAN, "the loss is NaN");
  plt_header_t answer = raw_hear(raw, 0);
  cr_assert_eq(answer.verb, PLT_VERB_REFUSED);
  cr_assert_eq(answer.status, PLT_ERR_PEER);
  cr_assert_not_null(strstr(answer.text, "worker 1 gave up: the loss is NaN"), "%s", answer.text);
  plt_header_t read = raw_say(raw, PLT_VERB_READ, 2); /* hears of it with the next request */
  raw_expect(raw, 2, &read, PLT_VERB_REFUSED, "the loss is NaN");
  raw_bye(raw, 2, 2, PLT_ERR_PEER, "worker 1 gave up"); /* a consequence is not another cause */
  read = raw_say(raw, PLT_VERB_READ, 0);
  raw_expect(raw, 0, &read, PLT_VERB_REFUSED, "worker 1 gave up: the loss is NaN");
  raw_bye(raw, 0, 0, PLT_OK, "");
  raw_end(raw, true);
}

Test(server_peers, who_leaves_in_peace_holds_nobody_back) {
  raw_t *raw = raw_start(3);
  const double values[] = {3};
  join(raw, 3);
  send_early_push(raw, 0, 0);
  send_early_push(raw, 1, 0);
  raw_bye(raw, 2, 2, PLT_OK, "");
  for (uint32_t w = 0; w < 2; w++) {
    plt_header_t answer = raw_hear(raw, (int)w);
    expect_step_answer(&answer, 2, 0, w);
  }
  plt_header_t sum = make_sum(raw, 0, "s", values, 1);
  raw_send(raw, 0, &sum);
  settle(raw, 0);
  raw_bye(raw, 1, 1, PLT_OK, "");
  plt_header_t answer = raw_hear(raw, 0);
  expect_sum(&answer, values, 1);
  raw_bye(raw, 0, 0, PLT_OK, "");
  raw_end(raw, true);
}

/* ---- waiting ---- */

/* For `seconds`, peer hears of nobody but `who`; returns how often. */
static int count_waits(raw_t *raw, int peer, uint32_t who, int seconds) {
  int64_t end = plt_time_ns() + seconds * PLT_NS_PER_S;
  uint64_t age = 0;
  int n = 0;
  for (int64_t left; (left = end - plt_time_ns()) > 0;) {
    plt_header_t header;
    if (!raw_receive(raw, peer, (int)(left / PLT_NS_PER_MS) + 1, &header)) continue;
    cr_assert_eq(header.verb, PLT_VERB_WAIT);
    cr_assert_eq(header.who, who, "who is %u, not %u", header.who, who);
    cr_assert_geq(header.age_ms, age);
    age = header.age_ms;
    n++;
  }
  return n;
}

Test(server_peers, whoever_waits_hears_once_a_second_for_whom) {
  raw_t *raw = raw_start(3);
  const double values[] = {3};
  join(raw, 3);
  send_push(raw, 0, 0);
  send_push(raw, 1, 0);
  int n = count_waits(raw, 0, 2, 3);
  cr_assert(n >= 2 && n <= 4, "%d in 3 s", n);
  send_push(raw, 2, 0);
  for (int p = 0; p < 3; p++) cr_assert_eq(raw_hear(raw, p).verb, PLT_VERB_ROWS);

  /* a sum waits for those who have not sent theirs, whatever their clocks */
  for (uint32_t late = 1; late < 3; late++) {
    for (uint32_t w = 0; w < 3; w++) {
      if (w == late) continue;
      plt_header_t sum = make_sum(raw, w, late == 1 ? "a" : "b", values, 1);
      raw_send(raw, (int)w, &sum);
    }
    n = count_waits(raw, 0, late, 2);
    cr_assert(n >= 1 && n <= 3, "%d in 2 s", n);
    float rows[ROWS][COLS]; /* the late one is at work: it reads */
    read_rows(raw, (int)late, late, 0, rows);
    plt_header_t wait;
    cr_assert(raw_receive(raw, 0, 2000, &wait));
    cr_assert_lt(wait.age_ms, 1500, "age is since the last sign of life, not %llu", (unsigned long long)wait.age_ms);
    plt_header_t sum = make_sum(raw, late, late == 1 ? "a" : "b", values, 1);
    raw_send(raw, (int)late, &sum);
    for (int p = 0; p < 3; p++) cr_assert_eq(raw_hear(raw, p).verb, PLT_VERB_SUM);
  }
  leave(raw, 3);
}
