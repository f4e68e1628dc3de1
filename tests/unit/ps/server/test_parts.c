/* Requests in parts: in any order, often, incomplete, mixed with others and wrong. */
#include "proto/parts.h"
#include "tests/unit/ps/server/honest.h"

enum { PARTS = 3, MINE = ROWS / 2 };

/* A push of all even rows by worker w, every value 1, and a pull of the same: part `part` of it. */
static void send_part(raw_t *raw, uint32_t w, uint64_t clock, uint64_t request, uint32_t part) {
  uint64_t keys[MINE];
  float values[MINE * COLS];
  for (uint64_t i = 0; i < MINE; i++) keys[i] = 2 * i;
  for (int i = 0; i < MINE * COLS; i++) values[i] = 1;
  plt_piece_t piece = plt_piece_of(MINE, part, PARTS);
  size_t n = (size_t)(piece.end - piece.begin);
  plt_block_loss_t loss = {{w, 1}, 2};
  plt_section_t sections[2] = {
      raw_section(raw, PLT_SECTION_PUSH, 0, (plt_leaf_span_t){w, 1}, keys + piece.begin, n, values, COLS),
      raw_section(raw, PLT_SECTION_PULL, 0, (plt_leaf_span_t){0}, keys + piece.begin, n, NULL, 0)};
  plt_header_t header = raw_say(raw, PLT_VERB_STEP, w);
  header.request = request;
  header.part = part;
  header.parts = PARTS;
  header.pushes = true;
  header.clock = clock;
  header.eta = 1;
  header.losses = &loss;
  header.n_losses = part == 0;
  header.sections = sections;
  header.n_sections = 2;
  raw_send(raw, (int)w, &header);
}

/* The next answer is that of `request`: all rows have been pushed `pushes` times. */
static void expect_answer(raw_t *raw, uint32_t w, uint64_t request, int pushes, double loss) {
  plt_header_t answer = raw_hear(raw, (int)w);
  cr_assert_eq(answer.verb, PLT_VERB_ROWS, "%s", answer.text);
  cr_assert_eq(answer.request, request);
  cr_assert(answer.loss == loss && answer.n_sections == 1 && answer.sections[0].n == MINE);
  for (size_t i = 0; i < MINE * COLS; i++) {
    float got;
    memcpy(&got, (const char *)answer.sections[0].values + i * sizeof got, sizeof got);
    cr_assert_eq(got, -(float)pushes);
  }
}

static uint64_t number(raw_t *raw) { return ++raw->request; }

/* Two workers, so that their sections are added; then one is gone, and the other's pieces are taken as they lie. */
Test(server_parts, in_any_order_and_often_they_count_once) {
  raw_t *raw = raw_start(2);
  join(raw, 2);
  uint64_t a = number(raw), b = number(raw);
  static const uint32_t order[] = {2, 0, 2, 1};
  for (size_t i = 0; i < 4; i++) send_part(raw, 0, 0, a, order[i]);
  for (uint32_t p = 0; p < PARTS; p++) send_part(raw, 1, 0, b, p);
  expect_answer(raw, 0, a, 2, 4);
  expect_answer(raw, 1, b, 2, 4);
  for (uint32_t p = 0; p < PARTS; p++) send_part(raw, 0, 0, a, p); /* the answer was lost */
  expect_answer(raw, 0, a, 2, 4);
  raw_bye(raw, 1, 1, PLT_OK, "");
  uint64_t c = number(raw);
  for (uint32_t p = PARTS; p-- > 0;) send_part(raw, 0, 1, c, p);
  expect_answer(raw, 0, c, 3, 2);
  raw_bye(raw, 0, 0, PLT_OK, "");
  raw_end(raw, true);
}

/* What is incomplete counts for nothing; what is asked for later is not held up. */
Test(server_parts, what_is_incomplete_is_forgotten) {
  raw_t *raw = raw_start(1);
  join(raw, 1);
  uint64_t lost = number(raw);
  send_part(raw, 0, 0, lost, 0);
  send_part(raw, 0, 0, lost, 2);
  settle(raw, 0);
  float rows[ROWS][COLS];
  read_rows(raw, 0, 0, 0, rows);
  cr_assert_eq(rows[2][0], 0);
  uint64_t again = number(raw);
  for (uint32_t p = 0; p < PARTS; p++) send_part(raw, 0, 0, again, p);
  expect_answer(raw, 0, again, 1, 2);
  uint64_t open = number(raw); /* never completed: the server must end without it */
  send_part(raw, 0, 1, open, 1);
  leave(raw, 1);
}

Test(server_parts, what_cannot_be_joined_is_refused) {
  raw_t *raw = raw_start(1);
  join(raw, 1);
  uint64_t request = number(raw);
  send_part(raw, 0, 0, request, 0);
  send_part(raw, 0, 7, request, 1); /* of another clock */
  send_part(raw, 0, 0, request, 2);
  plt_header_t answer = raw_hear(raw, 0);
  cr_assert_eq(answer.verb, PLT_VERB_REFUSED);
  cr_assert_not_null(strstr(answer.text, "parts of a message differ"), "%s", answer.text);
  plt_header_t read = raw_say(raw, PLT_VERB_READ, 0);
  read.parts = 2;
  raw_expect(raw, 0, &read, PLT_VERB_REFUSED, "only a STEP may come in parts");
  request = number(raw);
  for (uint32_t p = 0; p < PARTS; p++) send_part(raw, 0, 0, request, p);
  expect_answer(raw, 0, request, 1, 2);
  leave(raw, 1);
}
