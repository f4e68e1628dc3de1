/* honest.h - workers who keep the rules, and what their pushes must come to: three tables, whole numbers, sgd with
 * eta 1 on rows born as zeros, so that every sum is exact. */
#ifndef PLT_TESTS_UNIT_PS_HONEST_H
#define PLT_TESTS_UNIT_PS_HONEST_H

#include "tests/unit/ps/server/raw.h"

enum { ROWS = 40, COLS = 3, FROZEN = 1, ADAM = 2 };

static const plt_table_spec_t specs[] = {
    {.name = "sums", .rows = ROWS, .cols = COLS, .optimizer = "sgd"},
    {.name = "fixed", .rows = ROWS, .cols = COLS, .frozen = true},
    {.name = "moments", .rows = ROWS, .cols = COLS, .init = {PLT_INIT_NORMAL, 0.1}, .seed = 4, .optimizer = "adam"}};

static inline void join(raw_t *raw, uint32_t workers) {
  for (uint32_t w = 0; w < workers; w++) {
    raw_hello(raw, (int)w, w);
    for (uint32_t t = 0; t < 3; t++) {
      plt_header_t declare = raw_declaration(raw, w, t, &specs[t]);
      raw_expect(raw, (int)w, &declare, PLT_VERB_DONE, NULL);
    }
  }
}

static inline void leave(raw_t *raw, uint32_t workers) {
  for (uint32_t w = 0; w < workers; w++) raw_bye(raw, (int)w, w, PLT_OK, "");
  raw_end(raw, true);
}

/* A push of worker w: key 2 * (w + 1) alone and key 0 with everybody; whole numbers, so that sums are exact. */
typedef struct push {
  uint64_t keys[2];
  float values[2 * COLS];
  plt_section_t sections[2];
  plt_block_loss_t loss;
  plt_header_t header;
} push_t;

static inline void make_push(raw_t *raw, uint32_t w, uint64_t clock, push_t *push) {
  *push = (push_t){.keys = {0, 2 * (w + 1)}, .loss = {{w, 1}, 10 * w + (double)clock}};
  for (int i = 0; i < 2 * COLS; i++) push->values[i] = (float)(100 * w + 10 * clock + (unsigned)i);
  push->sections[0] = raw_section(raw, PLT_SECTION_PUSH, 0, (plt_leaf_span_t){w, 1}, push->keys, 2, push->values, COLS);
  push->sections[1] = raw_section(raw, PLT_SECTION_PULL, 0, (plt_leaf_span_t){0}, push->keys, 2, NULL, 0);
  push->header = raw_say(raw, PLT_VERB_STEP, w);
  push->header.pushes = true;
  push->header.clock = clock;
  push->header.eta = 1;
  push->header.losses = &push->loss;
  push->header.n_losses = 1;
  push->header.sections = push->sections;
  push->header.n_sections = 2;
}

static inline void send_push(raw_t *raw, uint32_t w, uint64_t clock) {
  push_t push;
  make_push(raw, w, clock, &push);
  raw_send(raw, (int)w, &push.header);
}

/* What `workers` honest workers have made of the table after `clocks` clocks (sgd with eta 1, born as zeros). */
static inline void naive_rows(uint32_t workers, uint64_t clocks, float rows[ROWS][COLS]) {
  memset(rows, 0, sizeof(float[ROWS][COLS]));
  for (uint64_t t = 0; t < clocks; t++)
    for (uint32_t w = 0; w < workers; w++)
      for (unsigned c = 0; c < COLS; c++) {
        rows[0][c] -= (float)(100 * w + 10 * t + c);
        rows[2 * (w + 1)][c] -= (float)(100 * w + 10 * t + COLS + c);
      }
}

/* All even rows of a table by READ. */
static inline void read_rows(raw_t *raw, int peer, uint32_t w, uint32_t table, float rows[ROWS][COLS]) {
  uint64_t keys[ROWS / 2];
  for (uint64_t k = 0; k < ROWS / 2; k++) keys[k] = 2 * k;
  plt_section_t pull = raw_section(raw, PLT_SECTION_PULL, table, (plt_leaf_span_t){0}, keys, ROWS / 2, NULL, 0);
  plt_header_t read = raw_say(raw, PLT_VERB_READ, w);
  read.sections = &pull;
  read.n_sections = 1;
  plt_header_t answer = raw_ask(raw, peer, &read);
  cr_assert_eq(answer.verb, PLT_VERB_ROWS, "%s", answer.text);
  cr_assert(answer.n_sections == 1 && answer.sections[0].n == ROWS / 2 && answer.sections[0].cols == COLS);
  memset(rows, 0, sizeof(float[ROWS][COLS]));
  for (int k = 0; k < ROWS / 2; k++)
    memcpy(rows[2 * k], (const char *)answer.sections[0].values + (size_t)k * sizeof rows[0], sizeof rows[0]);
}

static inline void expect_rows(raw_t *raw, uint32_t workers, uint64_t clocks) {
  float want[ROWS][COLS], got[ROWS][COLS];
  naive_rows(workers, clocks, want);
  read_rows(raw, 0, 0, 0, got);
  for (int k = 0; k < ROWS; k++)
    for (int c = 0; c < COLS; c++)
      cr_assert_eq(got[k][c], want[k][c], "row %d: %g, not %g", k, (double)got[k][c], (double)want[k][c]);
}

static inline void expect_step_answer(const plt_header_t *answer, uint32_t workers, uint64_t clock, uint32_t w) {
  float want[ROWS][COLS], got[2][COLS];
  double loss = 0;
  naive_rows(workers, clock + 1, want);
  cr_assert_eq(answer->verb, PLT_VERB_ROWS, "%s", answer->text);
  cr_assert_eq(answer->clock, clock + 1);
  memcpy(got, answer->sections[0].values, sizeof got);
  cr_assert_eq(memcmp(got[0], want[0], sizeof got[0]), 0);
  cr_assert_eq(memcmp(got[1], want[2 * (w + 1)], sizeof got[1]), 0);
  for (uint32_t other = 0; other < workers; other++) loss += 10 * other + (double)clock;
  cr_assert(answer->has_loss && answer->loss == loss);
}

/* Returns when the server has handled all that this worker sent. */
static inline void settle(raw_t *raw, uint32_t w) { read_rows(raw, (int)w, w, ADAM, (float[ROWS][COLS]){{0}}); }

/* A push that does not complete its clock. */
static inline void send_early_push(raw_t *raw, uint32_t w, uint64_t clock) {
  send_push(raw, w, clock);
  settle(raw, w);
}

/* One clock of honest workers. */
static inline void honest_clock(raw_t *raw, uint32_t workers, uint64_t clock) {
  for (uint32_t w = 0; w < workers; w++) send_push(raw, w, clock);
  for (uint32_t w = 0; w < workers; w++) {
    plt_header_t answer = raw_hear(raw, (int)w);
    expect_step_answer(&answer, workers, clock, w);
  }
}

static inline plt_header_t make_sum(raw_t *raw, uint32_t w, const char *name, const double *values, size_t n) {
  plt_header_t sum = raw_say(raw, PLT_VERB_SUM, w);
  strcpy(sum.text, name);
  sum.sums = values;
  sum.n_sums = n;
  return sum;
}

#endif
