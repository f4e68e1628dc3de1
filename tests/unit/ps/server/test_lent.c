/* Memory that a worker lends: nonsense about it is refused, what lies there is used, and an answer goes there once. */
#include <stdio.h>
#include <unistd.h>

#include "common/io/fileio.h"
#include "proto/wire/region.h"
#include "tests/unit/ps/server/honest.h"

enum { N = 4, ROOM = 1 << 16, BYTES = N * COLS * sizeof(float), PULLED_AT = PLT_REGION_FIRST + 4096 };
static const uint64_t keys[N] = {0, 2, 4, 6};

typedef struct lending {
  raw_t *raw;
  char folder[64];
  plt_region_t *region;
} lending_t;

static plt_header_t offer_of(lending_t *l, uint32_t number) {
  plt_region_offer_t offer = plt_region_offer(l->region);
  plt_header_t lend = raw_say(l->raw, PLT_VERB_LEND, 0);
  lend.table = number;
  lend.who = (uint32_t)offer.descriptor;
  lend.bytes = offer.bytes;
  lend.salt = offer.mark;
  return lend;
}

static void expect_answer(lending_t *l, plt_header_t lend, bool taken, const char *text) {
  plt_header_t answer = raw_ask(l->raw, 0, &lend);
  cr_assert_eq(answer.verb, PLT_VERB_LEND, "%s", answer.text);
  cr_assert_eq(answer.status == PLT_OK, taken, "%s", answer.text);
  if (text != NULL) cr_assert_not_null(strstr(answer.text, text), "\"%s\" is not in \"%s\"", text, answer.text);
}

static lending_t begin(const char *transport) {
  lending_t l = {.folder = "/tmp/plateau-lent-XXXXXX"};
  char endpoint[128];
  cr_assert_not_null(mkdtemp(l.folder));
  snprintf(endpoint, sizeof endpoint, strcmp(transport, "ipc") == 0 ? "ipc://%s/raw" : "inproc://raw", l.folder);
  l.raw = raw_start_at(endpoint, 1, false);
  join(l.raw, 1);
  cr_assert_eq(plt_region_create(ROOM, &l.region), PLT_OK, "%s", plt_fail_text());
  return l;
}

static void end(lending_t *l) {
  raw_end(l->raw, false);
  plt_region_destroy(&l->region);
  cr_assert_eq(plt_dir_remove(l->folder), PLT_OK);
}

/* A push of ones at `at` of region `number`, and a pull of the same keys. */
static plt_header_t step_at(lending_t *l, uint64_t clock, uint32_t number, uint64_t at, uint64_t pulled_at) {
  static plt_section_t sections[2];
  static const plt_block_loss_t loss = {{0, 1}, 1};
  sections[0] = (plt_section_t){.kind = PLT_SECTION_PUSH,
                                .span = {0, 1},
                                .n = N,
                                .cols = COLS,
                                .keys = keys,
                                .lent = true,
                                .region = number,
                                .at = at};
  sections[1] =
      (plt_section_t){.kind = PLT_SECTION_PULL, .n = N, .keys = keys, .lent = true, .region = number, .at = pulled_at};
  plt_header_t step = raw_say(l->raw, PLT_VERB_STEP, 0);
  step.pushes = true;
  step.clock = clock;
  step.eta = 1;
  step.losses = &loss;
  step.n_losses = 1;
  step.sections = sections;
  step.n_sections = 2;
  return step;
}

static void expect_values(const void *values, float want) {
  for (size_t i = 0; i < N * COLS; i++) {
    float got;
    memcpy(&got, (const char *)values + i * sizeof got, sizeof got);
    cr_assert_eq(got, want);
  }
}

Test(server_lent, nonsense_is_refused_and_ends_nothing) {
  lending_t l = begin("ipc");
  plt_header_t lend = offer_of(&l, 1);
  expect_answer(&l, lend, false, "0 is the next");
  lend = offer_of(&l, 0), lend.who = UINT32_MAX;
  expect_answer(&l, lend, false, NULL);
  lend = offer_of(&l, 0), lend.who = 0;
  expect_answer(&l, lend, false, "no memory that was lent");
  lend = offer_of(&l, 0), lend.salt++;
  expect_answer(&l, lend, false, "announced");
  lend = offer_of(&l, 0), lend.bytes = UINT64_MAX;
  expect_answer(&l, lend, false, "cannot be lent");
  plt_header_t step = step_at(&l, 0, 0, PLT_REGION_FIRST, PULLED_AT);
  raw_expect(l.raw, 0, &step, PLT_VERB_REFUSED, "not in the memory"); /* before anything was lent */
  expect_answer(&l, offer_of(&l, 0), true, NULL);
  expect_answer(&l, offer_of(&l, 0), true, NULL); /* again */
  static const uint64_t wrong[] = {0, PLT_REGION_FIRST - 1, ROOM * 2, UINT64_MAX, UINT64_MAX - BYTES + 1};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    step = step_at(&l, 0, 0, wrong[i], PULLED_AT);
    raw_expect(l.raw, 0, &step, PLT_VERB_REFUSED, "not in the memory");
    step = step_at(&l, 0, 0, PLT_REGION_FIRST, wrong[i]);
    raw_expect(l.raw, 0, &step, PLT_VERB_REFUSED, "not in the memory");
  }
  step = step_at(&l, 0, 7, PLT_REGION_FIRST, PULLED_AT);
  raw_expect(l.raw, 0, &step, PLT_VERB_REFUSED, "not in the memory");
  end(&l);
}

Test(server_lent, nobody_lends_who_is_not_known) {
  lending_t l = begin("inproc");
  expect_answer(&l, offer_of(&l, 0), false, "which process");
  end(&l);
}

Test(server_lent, values_are_taken_and_an_answer_is_put_there_once) {
  lending_t l = begin("ipc");
  expect_answer(&l, offer_of(&l, 0), true, NULL);
  float *pushed = plt_region_at(l.region, PLT_REGION_FIRST, BYTES);
  const char *place = plt_region_at(l.region, PULLED_AT, BYTES);
  for (size_t i = 0; i < N * COLS; i++) pushed[i] = 1;
  plt_header_t step = step_at(&l, 0, 0, PLT_REGION_FIRST, PULLED_AT);
  plt_region_open(l.region, step.request);
  plt_header_t answer = raw_ask(l.raw, 0, &step);
  cr_assert_eq(answer.verb, PLT_VERB_ROWS, "%s", answer.text);
  cr_assert(answer.sections[0].lent && answer.sections[0].at == PULLED_AT);
  expect_values(place, -1);
  answer = raw_ask(l.raw, 0, &step); /* the answer was lost: the push does not count again, the rows come in frames */
  cr_assert(answer.verb == PLT_VERB_ROWS && !answer.sections[0].lent);
  expect_values(answer.sections[0].values, -1);
  cr_assert(plt_region_close(l.region));
  step = step_at(&l, 1, 0, PLT_REGION_FIRST, PULLED_AT); /* nobody wants its answer there any more */
  answer = raw_ask(l.raw, 0, &step);
  cr_assert(answer.verb == PLT_VERB_ROWS && !answer.sections[0].lent);
  expect_values(answer.sections[0].values, -2);
  expect_values(place, -1);
  end(&l);
}

/* A place at the very end has no room: the server knows how wide rows are. */
Test(server_lent, rows_that_have_no_room_come_in_frames) {
  lending_t l = begin("ipc");
  expect_answer(&l, offer_of(&l, 0), true, NULL);
  memset(plt_region_at(l.region, PLT_REGION_FIRST, BYTES), 0, BYTES);
  plt_header_t step = step_at(&l, 0, 0, PLT_REGION_FIRST, plt_region_bytes(l.region) - BYTES + 1);
  plt_region_open(l.region, step.request);
  plt_header_t answer = raw_ask(l.raw, 0, &step);
  cr_assert(answer.verb == PLT_VERB_ROWS && !answer.sections[0].lent, "%s", answer.text);
  end(&l);
}
