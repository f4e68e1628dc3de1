/* The client before a server that the test plays itself: one that is deaf, slow, confused or talks of the past. */
#include <unistd.h>

#include "common/time.h"
#include "tests/unit/worker/client/fake.h"

static void be_deaf(fake_t *fake, const plt_route_t *from, const plt_header_t *request, int turn) {
  (void)fake, (void)from, (void)request, (void)turn;
}

static plt_status_t read_row(fake_t *fake, float *row) {
  const uint64_t key = 5;
  return plt_client_read(fake->client, &(plt_pull_t){.table = 1, .cols = 2, .keys = &key, .n = 1, .out = row}, 1);
}

Test(client_retry, the_deadline_names_who_waits_for_whom_and_what) {
  fake_t fake;
  char host[64] = "";
  float row[2];
  gethostname(host, sizeof host - 1);
  start(&fake, be_deaf, 0.5);
  int64_t begin = plt_time_ns();
  cr_assert_eq(read_row(&fake, row), PLT_ERR_DEADLINE);
  double seconds = plt_time_seconds(plt_time_ns() - begin);
  cr_assert(seconds > 0.45 && seconds < 3, "after %g s", seconds);
  EXPECT_TEXT("worker 3", host, "server 0", "inproc://fake", "READ", "0.5 s", "cluster.deadline_s");
  plt_step_result_t result;
  cr_assert_eq(plt_client_step(fake.client, &(plt_step_t){.clock = 17}, &result), PLT_ERR_DEADLINE);
  EXPECT_TEXT("worker 3", "server 0", "STEP of clock 17");
  double values[1] = {1};
  cr_assert_eq(plt_client_sum(fake.client, "metrics", values, 1), PLT_ERR_DEADLINE);
  EXPECT_TEXT("worker 3", "server 0", "metrics");
  end(&fake);
}

static void answer_row(fake_t *fake, const plt_route_t *from, const plt_header_t *request, float value) {
  float *values = plt_pool_take(plt_wire_pool(fake->wire), 8);
  values[0] = values[1] = value;
  plt_section_t rows = {.kind = PLT_SECTION_ROWS, .table = 1, .n = 1, .cols = 2, .values = values};
  say(fake, from, request, (plt_header_t){.verb = PLT_VERB_ROWS, .sections = &rows, .n_sections = 1});
}

static void answer_the_second(fake_t *fake, const plt_route_t *from, const plt_header_t *request, int turn) {
  if (turn > 0) answer_row(fake, from, request, 4.5f);
}

Test(client_retry, a_lost_request_is_sent_again) {
  fake_t fake;
  float row[2];
  start(&fake, answer_the_second, 20);
  cr_assert_eq(read_row(&fake, row), PLT_OK, "%s", plt_fail_text());
  cr_assert(row[0] == 4.5f && row[1] == 4.5f);
  cr_assert_eq(atomic_load(&fake.turns), 2);
  plt_wire_count_t count = plt_client_count(fake.client).wire;
  cr_assert(count.messages_out == 3 && count.messages_in == 2);
  end(&fake);
}

/* Some fast answers first, then one request is lost. */
static void answer_but_for_the_21st(fake_t *fake, const plt_route_t *from, const plt_header_t *request, int turn) {
  if (turn != 20) answer_row(fake, from, request, 1);
}

Test(client_retry, silence_is_noticed_as_soon_as_answers_are_fast) {
  fake_t fake;
  float row[2];
  double least = 1e9;
  for (int attempt = 0; attempt < 5; attempt++) { /* the machine may be busy */
    start(&fake, answer_but_for_the_21st, 20);
    for (int i = 0; i < 20; i++) cr_assert_eq(read_row(&fake, row), PLT_OK);
    int64_t begin = plt_time_ns();
    cr_assert_eq(read_row(&fake, row), PLT_OK, "%s", plt_fail_text());
    double seconds = plt_time_seconds(plt_time_ns() - begin);
    cr_assert(seconds > 0.15, "after %g s", seconds);
    if (seconds < least) least = seconds;
    end(&fake);
  }
  cr_assert(least < 0.5, "after %g s", least);
}

/* Fast answers first; then the third time that it is asked, and of the next request the second. */
static void answer_rarely(fake_t *fake, const plt_route_t *from, const plt_header_t *request, int turn) {
  if (turn < 20 || turn == 22 || turn == 24) answer_row(fake, from, request, 1);
}

static double seconds_to_read(fake_t *fake) {
  float row[2];
  int64_t begin = plt_time_ns();
  cr_assert_eq(read_row(fake, row), PLT_OK, "%s", plt_fail_text());
  return plt_time_seconds(plt_time_ns() - begin);
}

/* Pauses of 0.2 s at least, then of 0.4; and of 0.8 before the next request is asked again, for the answer to one that
 * was repeated tells nothing of how fast the server is (Karn). */
Test(client_retry, pauses_double_and_stay_so_until_an_answer_can_be_measured) {
  fake_t fake;
  start(&fake, answer_rarely, 20);
  for (int i = 0; i < 20; i++) seconds_to_read(&fake);
  double seconds = seconds_to_read(&fake);
  cr_assert(seconds > 0.59, "asked three times within %g s", seconds);
  cr_assert_eq(atomic_load(&fake.turns), 23);
  seconds = seconds_to_read(&fake);
  cr_assert(seconds > 0.79, "asked again after %g s", seconds);
  cr_assert_eq(atomic_load(&fake.turns), 25);
  end(&fake);
}

/* The server got something damaged; whose it was it does not know. */
static void say_again(fake_t *fake, const plt_route_t *from, const plt_header_t *request, int turn) {
  if (turn == 0)
    say(fake, from, request, (plt_header_t){.verb = PLT_VERB_AGAIN, .request = 0 - request->request});
  else
    answer_row(fake, from, request, 3);
}

Test(client_retry, again_means_at_once) {
  fake_t fake;
  float row[2];
  double least = 1e9;
  for (int attempt = 0; attempt < 5; attempt++) {
    start(&fake, say_again, 20);
    int64_t begin = plt_time_ns();
    cr_assert_eq(read_row(&fake, row), PLT_OK, "%s", plt_fail_text());
    double seconds = plt_time_seconds(plt_time_ns() - begin);
    if (seconds < least) least = seconds;
    cr_assert_eq(atomic_load(&fake.turns), 2);
    end(&fake);
  }
  cr_assert(least < 0.1, "after %g s", least);
}

static void say_again_for_ever(fake_t *fake, const plt_route_t *from, const plt_header_t *request, int turn) {
  (void)turn;
  say(fake, from, request, (plt_header_t){.verb = PLT_VERB_AGAIN, .request = 0 - request->request});
}

Test(client_retry, again_for_ever_is_not_a_storm) {
  fake_t fake;
  float row[2];
  start(&fake, say_again_for_ever, 1);
  cr_assert_eq(read_row(&fake, row), PLT_ERR_DEADLINE);
  cr_assert(atomic_load(&fake.turns) < 20, "asked %d times", (int)atomic_load(&fake.turns));
  end(&fake);
}

static void talk_of_the_past(fake_t *fake, const plt_route_t *from, const plt_header_t *request, int turn) {
  (void)turn;
  plt_header_t nonsense = {.verb = PLT_VERB_REFUSED, .status = PLT_ERR_BUG, .text = "not for this request"};
  plt_header_t old = nonsense, foreign = nonsense, late = nonsense;
  old.request = (uint64_t)-1;
  foreign.job = 1;
  late.generation = (uint32_t)-1;
  say(fake, from, request, old);
  say(fake, from, request, foreign);
  say(fake, from, request, late);
  answer_row(fake, from, request, 2);
  say(fake, from, request, nonsense); /* again, when the answer is in: comes with the next request */
}

Test(client_retry, answers_to_other_requests_are_passed_over) {
  fake_t fake;
  float row[2];
  start(&fake, talk_of_the_past, 20);
  for (int i = 0; i < 5; i++) {
    row[0] = 0;
    cr_assert_eq(read_row(&fake, row), PLT_OK, "%s", plt_fail_text());
    cr_assert_eq(row[0], 2);
  }
  cr_assert_eq(atomic_load(&fake.turns), 5);
  end(&fake);
}

static void keep_waiting(fake_t *fake, const plt_route_t *from, const plt_header_t *request, int turn) {
  (void)turn;
  for (int i = 0; i < 3; i++) {
    say(fake, from, request, (plt_header_t){.verb = PLT_VERB_WAIT, .who = 1, .age_ms = 400});
    usleep(600000);
  }
  say(fake, from, request, (plt_header_t){.verb = PLT_VERB_WAIT, .who = 3, .age_ms = 60000}); /* this worker itself */
  answer_row(fake, from, request, 1);
}

Test(client_retry, wait_is_a_sign_of_life) {
  fake_t fake;
  float row[2];
  start(&fake, keep_waiting, 1);
  cr_assert_eq(read_row(&fake, row), PLT_OK, "%s", plt_fail_text());
  cr_assert_eq(atomic_load(&fake.turns), 1, "nothing is asked again meanwhile");
  end(&fake);
}

static void wait_for_a_dead_worker(fake_t *fake, const plt_route_t *from, const plt_header_t *request, int turn) {
  (void)turn;
  say(fake, from, request, (plt_header_t){.verb = PLT_VERB_WAIT, .who = 2, .age_ms = 7000});
}

Test(client_retry, a_wait_beyond_the_deadline_names_the_worker) {
  fake_t fake;
  float row[2];
  start(&fake, wait_for_a_dead_worker, 5);
  cr_assert_eq(read_row(&fake, row), PLT_ERR_DEADLINE);
  EXPECT_TEXT("worker 3", "READ waits for worker 2", "7 s ago", "cluster.deadline_s is 5");
  end(&fake);
}

static void answer_wrongly(fake_t *fake, const plt_route_t *from, const plt_header_t *request, int turn) {
  float *values = plt_pool_take(plt_wire_pool(fake->wire), 64);
  memset(values, 0, 64);
  plt_section_t rows = {.kind = PLT_SECTION_ROWS, .table = 1, .n = 1, .cols = 2, .values = values};
  plt_header_t answer = {.verb = PLT_VERB_ROWS, .sections = &rows, .n_sections = 1};
  switch (turn) {
    case 0: answer.verb = PLT_VERB_DONE; break;
    case 1: rows.table = 2; break;
    case 2: rows.n = 2; break;
    case 3: rows.cols = 3; break;
    case 4: rows.kind = PLT_SECTION_PUSH, rows.span.leaves = 1, rows.n = 0; break;
    default: rows.n = 0; break;
  }
  say(fake, from, request, answer);
}

Test(client_retry, answers_of_another_shape_are_refused) {
  fake_t fake;
  float row[2];
  start(&fake, answer_wrongly, 20);
  for (int i = 0; i < 6; i++) {
    cr_assert_eq(read_row(&fake, row), PLT_ERR_PROTOCOL, "case %d", i);
    EXPECT_TEXT("server 0 answered");
  }
  end(&fake);
}

/* Rows 0 .. 4 with their own number, in three parts: 0, 1 .. 2, 3 .. 4. */
static void answer_part(fake_t *fake, const plt_route_t *from, const plt_header_t *request, uint32_t part,
                        size_t more) {
  size_t first = part == 0 ? 0 : 2 * part - 1, n = (part == 0 ? 1 : 2) + more;
  float *values = plt_pool_take(plt_wire_pool(fake->wire), 2 * n * sizeof *values);
  for (size_t i = 0; i < 2 * n; i++) values[i] = (float)(first + i / 2);
  plt_section_t rows = {.kind = PLT_SECTION_ROWS, .table = 1, .n = n, .cols = 2, .values = values};
  say(fake, from, request,
      (plt_header_t){.verb = PLT_VERB_ROWS, .part = part, .parts = 3, .sections = &rows, .n_sections = 1});
}

/* The first time one is lost; they come in any order, and often. */
static void answer_in_parts(fake_t *fake, const plt_route_t *from, const plt_header_t *request, int turn) {
  answer_part(fake, from, request, 2, 0);
  answer_part(fake, from, request, 0, 0);
  answer_part(fake, from, request, 2, 0);
  if (turn > 0) answer_part(fake, from, request, 1, 0);
  if (turn > 0) answer_part(fake, from, request, 0, 0);
}

static void answer_a_wrong_part(fake_t *fake, const plt_route_t *from, const plt_header_t *request, int turn) {
  (void)turn;
  answer_part(fake, from, request, 1, 1);
}

static plt_status_t read_five(fake_t *fake, float rows[5][2]) {
  static const uint64_t keys[] = {3, 4, 5, 8, 9};
  return plt_client_read(fake->client, &(plt_pull_t){.table = 1, .cols = 2, .keys = keys, .n = 5, .out = rows[0]}, 1);
}

Test(client_retry, an_answer_in_parts_is_there_when_all_are) {
  fake_t fake;
  float rows[5][2] = {{0}};
  start(&fake, answer_in_parts, 20);
  cr_assert_eq(read_five(&fake, rows), PLT_OK, "%s", plt_fail_text());
  for (int i = 0; i < 5; i++) cr_assert(rows[i][0] == (float)i && rows[i][1] == (float)i, "row %d", i);
  cr_assert_eq(atomic_load(&fake.turns), 2);
  end(&fake);
  start(&fake, answer_a_wrong_part, 20);
  cr_assert_eq(read_five(&fake, rows), PLT_ERR_PROTOCOL);
  EXPECT_TEXT("server 0 answered");
  end(&fake);
}

static void refuse_it(fake_t *fake, const plt_route_t *from, const plt_header_t *request, int turn) {
  plt_header_t answer = {.verb = PLT_VERB_REFUSED, .status = turn == 0 ? PLT_ERR_PEER : PLT_OK};
  if (turn == 0) strcpy(answer.text, "worker 1 gave up: the loss is NaN");
  say(fake, from, request, answer);
}

Test(client_retry, a_refusal_is_handed_on) {
  fake_t fake;
  float row[2];
  start(&fake, refuse_it, 20);
  cr_assert_eq(read_row(&fake, row), PLT_ERR_PEER);
  cr_assert_str_eq(plt_fail_text(), "worker 1 gave up: the loss is NaN");
  cr_assert_eq(read_row(&fake, row), PLT_ERR_PROTOCOL, "a refusal that says ok is one all the same");
  EXPECT_TEXT("without a reason");
  end(&fake);
}
