/* Who is who: processes of one number, told apart by their marks, and what a server publishes for whom. */
#include "tests/unit/ps/server/raw.h"

static plt_header_t hello(raw_t *raw, uint64_t mark, bool anew) {
  plt_header_t header = raw_say(raw, PLT_VERB_HELLO, 0);
  header.salt = mark;
  header.anew = anew;
  return header;
}

Test(succession, another_process_of_the_same_number) {
  raw_t *raw = raw_start(1);
  plt_header_t first = hello(raw, 5, false), other = hello(raw, 6, false), heir = hello(raw, 6, true);
  raw_expect(raw, 0, &first, PLT_VERB_WELCOME, NULL);
  raw_expect(raw, 0, &first, PLT_VERB_WELCOME, NULL); /* asked again */
  raw_expect(raw, 1, &other, PLT_VERB_REFUSED, "connected as worker 0 already");
  plt_header_t step = raw_say(raw, PLT_VERB_STEP, 0);
  raw_expect(raw, 0, &step, PLT_VERB_ROWS, NULL); /* the first is none the worse for it */
  plt_header_t welcome = raw_ask(raw, 1, &heir);
  cr_assert_eq(welcome.verb, PLT_VERB_WELCOME);
  cr_expect_gt(welcome.salt, step.request);
  cr_expect_eq(raw_ask(raw, 1, &heir).salt, welcome.salt); /* asked again: the same */
  step = raw_say(raw, PLT_VERB_STEP, 0);
  raw_expect(raw, 0, &step, PLT_VERB_REFUSED, "another process has taken the number");
  plt_header_t bye = raw_say(raw, PLT_VERB_BYE, 0);
  bye.status = PLT_ERR_PEER;
  raw_expect(raw, 0, &bye, PLT_VERB_REFUSED, "another process has taken the number"); /* ends nothing */
  step.request = welcome.salt + 1;
  raw_expect(raw, 1, &step, PLT_VERB_ROWS, NULL);
  raw_end(raw, false);
}

/* Without marks, as workers of plateau train have it, a process may greet again. */
Test(succession, no_mark_is_a_mark) {
  raw_t *raw = raw_start(1);
  plt_header_t first = hello(raw, 0, false), again = hello(raw, 0, false), other = hello(raw, 1, false);
  raw_expect(raw, 0, &first, PLT_VERB_WELCOME, NULL);
  raw_expect(raw, 1, &again, PLT_VERB_WELCOME, NULL);
  raw_expect(raw, 2, &other, PLT_VERB_REFUSED, "already");
  raw_end(raw, false);
}

Test(succession, none_in_asp) {
  raw_t *raw = raw_start_as(1, true);
  plt_header_t first = hello(raw, 1, false), heir = hello(raw, 2, true);
  raw_expect(raw, 0, &first, PLT_VERB_WELCOME, NULL);
  raw_expect(raw, 1, &heir, PLT_VERB_REFUSED, "cannot come back in ssp and asp");
  raw_end(raw, false);
}

/* A push waits for the other worker; its sender comes back and asks to hear of it: often, and no more than may wait. */
Test(succession, an_heir_waits_for_the_round) {
  raw_t *raw = raw_start(2);
  plt_header_t first = hello(raw, 1, false), heir = hello(raw, 2, true), second = raw_say(raw, PLT_VERB_HELLO, 1);
  raw_expect(raw, 0, &first, PLT_VERB_WELCOME, NULL);
  raw_expect(raw, 2, &second, PLT_VERB_WELCOME, NULL);
  plt_header_t push = raw_say(raw, PLT_VERB_STEP, 0), other = raw_say(raw, PLT_VERB_STEP, 1);
  push.pushes = other.pushes = true;
  push.eta = other.eta = 1;
  raw_send(raw, 0, &push);
  plt_header_t waits, welcome;
  cr_assert(raw_receive(raw, 0, RAW_PATIENCE_MS, &waits));
  cr_assert_eq(waits.verb, PLT_VERB_WAIT); /* it is in the round */
  welcome = raw_ask(raw, 1, &heir);
  cr_assert_eq(welcome.verb, PLT_VERB_WELCOME, "%s", welcome.text);
  cr_expect_eq(welcome.clock, 1);
  plt_header_t bare = raw_say(raw, PLT_VERB_STEP, 0);
  bare.clock = 1;
  for (uint64_t i = 1; i <= PLT_STEPS_MAX + 2; i++) {
    bare.request = welcome.salt + i;
    raw_send(raw, 1, &bare);
    raw_send(raw, 1, &bare); /* the same again is one */
  }
  size_t refused = 0, rows = 0;
  while (refused < 6) refused += raw_hear(raw, 1).verb == PLT_VERB_REFUSED; /* the push and four more are kept */
  raw_expect(raw, 2, &other, PLT_VERB_ROWS, NULL);
  while (rows < PLT_STEPS_MAX - 1) rows += raw_hear(raw, 1).verb == PLT_VERB_ROWS;
  raw_end(raw, false);
}

Test(succession, publishing_needs_a_directory) {
  raw_t *raw = raw_start(1);
  plt_header_t first = hello(raw, 1, false);
  raw_expect(raw, 0, &first, PLT_VERB_WELCOME, NULL);
  plt_header_t part = raw_say(raw, PLT_VERB_PUBLISH, 0);
  part.who = 2;
  strcpy(part.text, "server-0.h5");
  strcpy(part.hash, "00000000000000000000000000000000");
  raw_expect(raw, 0, &part, PLT_VERB_REFUSED, "run directory");
  raw_end(raw, false);
}
