/* A server among peers who break every rule: whatever they send, it answers or refuses, and whoever keeps the rules
 * gets exactly the rows that plain arithmetic gives. */
#include <stdio.h>

#include "ps/server/tableset.h"
#include "tests/unit/ps/server/honest.h"

/* ---- who is let in ---- */

Test(server, strangers_are_told_why_not) {
  raw_t *raw = raw_start(2);
  plt_header_t header = raw_say(raw, PLT_VERB_READ, 0);
  raw_expect(raw, 0, &header, PLT_VERB_REFUSED, "HELLO");
  header = raw_say(raw, PLT_VERB_BYE, 0);
  raw_expect(raw, 0, &header, PLT_VERB_REFUSED, "HELLO");
  header = raw_say(raw, PLT_VERB_HELLO, 0);
  header.version++;
  raw_expect(raw, 0, &header, PLT_VERB_REFUSED, "version");
  header = raw_say(raw, PLT_VERB_HELLO, 0);
  header.job++;
  raw_expect(raw, 0, &header, PLT_VERB_REFUSED, "another job");
  for (int step = -1; step <= 1; step += 2) {
    header = raw_say(raw, PLT_VERB_HELLO, 0);
    header.generation += (uint32_t)step;
    raw_expect(raw, 0, &header, PLT_VERB_REFUSED, "generation");
  }
  header = raw_say(raw, PLT_VERB_HELLO, 2);
  raw_expect(raw, 0, &header, PLT_VERB_REFUSED, "no worker");
  header = raw_say(raw, PLT_VERB_HELLO, UINT32_MAX);
  raw_expect(raw, 0, &header, PLT_VERB_REFUSED, "no worker");
  header = raw_say(raw, PLT_VERB_HELLO, 0);
  header.role = PLT_ROLE_SERVER;
  raw_expect(raw, 0, &header, PLT_VERB_REFUSED, "no worker");
  join(raw, 2);
  for (plt_verb_t verb = 1; verb < PLT_VERB_COUNT; verb++) {
    if (verb != PLT_VERB_WELCOME && verb != PLT_VERB_ROWS && verb != PLT_VERB_WAIT && verb != PLT_VERB_REFUSED &&
        verb != PLT_VERB_DONE)
      continue;
    header = raw_say(raw, verb, 1);
    raw_expect(raw, 1, &header, PLT_VERB_REFUSED, NULL);
  }
  honest_clock(raw, 2, 0);
  raw_bye(raw, 1, 1, PLT_OK, "");
  header = raw_say(raw, PLT_VERB_READ, 1);
  raw_expect(raw, 1, &header, PLT_VERB_REFUSED, "goodbye");
  raw_bye(raw, 1, 1, PLT_OK, ""); /* the first answer may have been lost */
  raw_bye(raw, 0, 0, PLT_OK, "");
  raw_end(raw, true);
}

/* ---- declarations ---- */

Test(server, tables_are_declared_once_and_alike) {
  raw_t *raw = raw_start(2);
  raw_hello(raw, 0, 0);
  raw_hello(raw, 1, 1);
  plt_table_spec_t spec = specs[0];
  plt_header_t header = raw_declaration(raw, 0, 1, &spec);
  raw_expect(raw, 0, &header, PLT_VERB_REFUSED, "order");
  header = raw_declaration(raw, 0, UINT32_MAX, &spec);
  raw_expect(raw, 0, &header, PLT_VERB_REFUSED, "order");
  header = raw_say(raw, PLT_VERB_DECLARE, 0);
  raw_expect(raw, 0, &header, PLT_VERB_REFUSED, "without a table");
  strcpy(spec.name, "../sums");
  header = raw_declaration(raw, 0, 0, &spec);
  raw_expect(raw, 0, &header, PLT_VERB_REFUSED, "name");
  spec = specs[0];
  strcpy(spec.optimizer, "newton");
  header = raw_declaration(raw, 0, 0, &spec);
  raw_expect(raw, 0, &header, PLT_VERB_REFUSED, "newton");
  spec = specs[0];
  spec.rows = UINT64_MAX;
  header = raw_declaration(raw, 0, 0, &spec);
  raw_expect(raw, 0, &header, PLT_VERB_REFUSED, "more than a server can hold");
  spec = specs[0];
  for (int i = 0; i < 3; i++) { /* again and again */
    header = raw_declaration(raw, 0, 0, &spec);
    raw_expect(raw, 0, &header, PLT_VERB_DONE, NULL);
  }
  spec.cols++;
  header = raw_declaration(raw, 1, 0, &spec);
  raw_expect(raw, 1, &header, PLT_VERB_REFUSED, "differently");
  spec = specs[0];
  strcpy(spec.settings, "momentum: 0.5");
  header = raw_declaration(raw, 1, 0, &spec);
  raw_expect(raw, 1, &header, PLT_VERB_REFUSED, "differently");
  join(raw, 2);
  honest_clock(raw, 2, 0);
  expect_rows(raw, 2, 1);
  leave(raw, 2);
}

/* ---- pushes ---- */

/* Sends a spoilt push of worker 1, who must be refused with `text`. */
static void refuse_push(raw_t *raw, push_t *push, const char *text) {
  raw_expect(raw, 1, &push->header, PLT_VERB_REFUSED, text);
}

static void replace_values(raw_t *raw, push_t *push, const uint64_t *keys, size_t n, uint32_t cols) {
  static const float zeros[64];
  plt_pool_give((void *)(uintptr_t)push->sections[0].values);
  push->sections[0] =
      raw_section(raw, PLT_SECTION_PUSH, push->sections[0].table, push->sections[0].span, keys, n, zeros, cols);
}

/* Everything that is wrong with one push alone. */
static void send_bad_pushes(raw_t *raw, uint64_t clock) {
  const uint64_t odd[] = {0, 3}, far[] = {0, ROWS}, farther[] = {0, UINT64_MAX - 1};
  push_t push;
  make_push(raw, 1, clock + 1, &push);
  refuse_push(raw, &push, "clock");
  make_push(raw, 1, UINT64_MAX, &push);
  refuse_push(raw, &push, "clock");
  make_push(raw, 1, clock + 1000, &push);
  refuse_push(raw, &push, "clock");
  make_push(raw, 1, clock, &push);
  replace_values(raw, &push, odd, 2, COLS);
  refuse_push(raw, &push, NULL);
  make_push(raw, 1, clock, &push);
  replace_values(raw, &push, far, 2, COLS);
  refuse_push(raw, &push, NULL);
  make_push(raw, 1, clock, &push);
  replace_values(raw, &push, farther, 2, COLS);
  refuse_push(raw, &push, NULL);
  make_push(raw, 1, clock, &push);
  replace_values(raw, &push, push.keys, 2, COLS + 1);
  refuse_push(raw, &push, "columns");
  make_push(raw, 1, clock, &push);
  push.sections[0].table = FROZEN;
  refuse_push(raw, &push, "frozen");
  make_push(raw, 1, clock, &push);
  push.sections[0].table = 3;
  refuse_push(raw, &push, "not declared");
  make_push(raw, 1, clock, &push);
  push.sections[1].table = UINT32_MAX;
  refuse_push(raw, &push, "not declared");
  make_push(raw, 1, clock, &push); /* its own leaf twice */
  plt_section_t twice[] = {push.sections[0], raw_section(raw, PLT_SECTION_PUSH, 0, (plt_leaf_span_t){0, 2}, push.keys,
                                                         2, push.values, COLS)};
  push.header.sections = twice;
  refuse_push(raw, &push, "leaf");
  make_push(raw, 1, clock, &push);
  plt_block_loss_t losses[] = {push.loss, push.loss};
  push.header.losses = losses;
  push.header.n_losses = 2;
  refuse_push(raw, &push, "leaf");
}

Test(server, a_bad_push_leaves_nothing_behind) {
  raw_t *raw = raw_start(2);
  join(raw, 2);
  for (uint64_t clock = 0; clock < 3; clock++) {
    send_bad_pushes(raw, clock); /* before and after the other worker's push */
    send_early_push(raw, 0, clock);
    send_bad_pushes(raw, clock);
    send_push(raw, 1, clock);
    for (uint32_t w = 0; w < 2; w++) {
      plt_header_t answer = raw_hear(raw, (int)w);
      expect_step_answer(&answer, 2, clock, w);
    }
    expect_rows(raw, 2, clock + 1);
  }
  leave(raw, 2);
}

Test(server, the_worker_who_takes_anothers_leaf_is_refused) {
  raw_t *raw = raw_start(2);
  join(raw, 2);
  send_early_push(raw, 0, 0);
  push_t push;
  make_push(raw, 1, 0, &push);
  push.sections[0].span = (plt_leaf_span_t){0, 1};
  refuse_push(raw, &push, "leaf 0");
  make_push(raw, 1, 0, &push);
  push.sections[0].span = (plt_leaf_span_t){0, 2};
  refuse_push(raw, &push, "leaf");
  make_push(raw, 1, 0, &push);
  push.loss.span = (plt_leaf_span_t){0, 4};
  refuse_push(raw, &push, "leaf");
  send_push(raw, 1, 0); /* as it should have been */
  for (uint32_t w = 0; w < 2; w++) {
    plt_header_t answer = raw_hear(raw, (int)w);
    expect_step_answer(&answer, 2, 0, w);
  }
  leave(raw, 2);
}

/* The round points into the message of a counted push: nothing may take its place before the clock is complete. */
Test(server, nothing_replaces_a_push_that_counts) {
  raw_t *raw = raw_start(2);
  join(raw, 2);
  for (uint64_t clock = 0; clock < 4; clock++) {
    push_t push;
    send_early_push(raw, 1, clock);
    make_push(raw, 1, clock + 1, &push); /* the next clock's already, of other leaves */
    push.sections[0].span = push.loss.span = (plt_leaf_span_t){8, 8};
    refuse_push(raw, &push, "clock");
    plt_header_t bare = raw_say(raw, PLT_VERB_STEP, 1);
    bare.clock = clock;
    raw_expect(raw, 1, &bare, PLT_VERB_REFUSED, NULL);
    plt_header_t sum = raw_say(raw, PLT_VERB_SUM, 1);
    sum.sums = (const double[]){1};
    sum.n_sums = 1;
    strcpy(sum.text, "too early");
    raw_expect(raw, 1, &sum, PLT_VERB_REFUSED, NULL);
    for (int i = 0; i < 5; i++) expect_rows(raw, 2, clock); /* messages that overwrite what was let go */
    send_push(raw, 0, clock);
    for (uint32_t w = 0; w < 2; w++) {
      plt_header_t answer = raw_hear(raw, (int)w);
      expect_step_answer(&answer, 2, clock, w);
    }
  }
  leave(raw, 2);
}

Test(server, workers_step_with_one_learning_rate) {
  raw_t *raw = raw_start(2);
  join(raw, 2);
  send_early_push(raw, 0, 0);
  push_t push;
  make_push(raw, 1, 0, &push);
  push.header.eta = 0.5;
  refuse_push(raw, &push, "learning rate");
  send_push(raw, 1, 0);
  plt_header_t answer = raw_hear(raw, 1);
  expect_step_answer(&answer, 2, 0, 1);
  raw_hear(raw, 0);
  leave(raw, 2);
}

Test(server, a_push_counts_once_however_often_it_comes) {
  raw_t *raw = raw_start(3);
  join(raw, 3);
  for (uint64_t clock = 0; clock < 5; clock++) {
    push_t push;
    send_push(raw, 0, clock);
    for (int i = 0; i < 3; i++) send_early_push(raw, 2, clock); /* before the clock is complete */
    make_push(raw, 2, clock, &push);                            /* on another connection, as after a reset */
    raw_send(raw, 3, &push.header);
    uint64_t last = push.header.request;
    read_rows(raw, 3, 2, ADAM, (float[ROWS][COLS]){{0}});
    expect_rows(raw, 3, clock);
    send_push(raw, 1, clock);
    for (int p = 0; p < 4; p++) {
      if (p == 2) continue; /* the answer goes to the last to ask */
      plt_header_t answer = raw_hear(raw, p);
      expect_step_answer(&answer, 3, clock, p == 3 ? 2 : (uint32_t)p);
      if (p == 3) cr_assert_eq(answer.request, last);
    }
    for (int i = 0; i < 3; i++) { /* after: answered at once, from the same tables */
      make_push(raw, 2, clock, &push);
      plt_header_t answer = raw_ask(raw, 2, &push.header);
      expect_step_answer(&answer, 3, clock, 2);
    }
    make_push(raw, 0, clock, &push);
    plt_header_t answer = raw_ask(raw, 0, &push.header);
    expect_step_answer(&answer, 3, clock, 0);
    expect_rows(raw, 3, clock + 1);
  }
  leave(raw, 3);
}

/* ---- bare steps, assignments, resets, checkpoints ---- */

Test(server, bare_steps_are_of_the_clock_of_the_tables) {
  raw_t *raw = raw_start(1);
  join(raw, 1);
  for (uint64_t clock = 0; clock < 3; clock++) {
    plt_header_t bare = raw_say(raw, PLT_VERB_STEP, 0);
    bare.clock = clock + 1;
    raw_expect(raw, 0, &bare, PLT_VERB_REFUSED, "clock");
    bare.clock = clock - 1;
    raw_expect(raw, 0, &bare, PLT_VERB_REFUSED, "clock");
    bare.clock = clock;
    raw_expect(raw, 0, &bare, PLT_VERB_ROWS, NULL);
    honest_clock(raw, 1, clock);
  }
  plt_header_t saved;
  const uint64_t clocks[] = {0, 3, UINT64_MAX};
  for (size_t i = 0; i < 3; i++) {
    saved = raw_say(raw, PLT_VERB_CHECKPOINTED, 0);
    saved.clock = clocks[i];
    raw_expect(raw, 0, &saved, PLT_VERB_REFUSED, "no checkpoint");
  }
  plt_header_t bare = raw_say(raw, PLT_VERB_STEP, 0);
  bare.clock = 3;
  bare.flags = PLT_FLAG_CHECKPOINT;
  raw_expect(raw, 0, &bare, PLT_VERB_ROWS, NULL);
  saved = raw_say(raw, PLT_VERB_CHECKPOINTED, 0);
  saved.clock = 3;
  raw_expect(raw, 0, &saved, PLT_VERB_REFUSED, "run directory");
  leave(raw, 1);
}

Test(server, assignments_are_whole_or_not_at_all) {
  raw_t *raw = raw_start(1);
  float rows[ROWS][COLS];
  const uint64_t keys[] = {4, 6}, odd[] = {4, 7};
  const float values[] = {1, 2, 3, 4, 5, 6};
  plt_leaf_span_t one = {0, 1};
  join(raw, 1);
  plt_header_t assign = raw_say(raw, PLT_VERB_ASSIGN, 0);
  plt_section_t bad_keys[] = {raw_section(raw, PLT_SECTION_PUSH, FROZEN, one, keys, 2, values, COLS),
                              raw_section(raw, PLT_SECTION_PUSH, FROZEN, one, odd, 2, values, COLS)};
  assign.sections = bad_keys;
  assign.n_sections = 2;
  raw_expect(raw, 0, &assign, PLT_VERB_REFUSED, NULL);
  plt_section_t with_pull[] = {raw_section(raw, PLT_SECTION_PUSH, FROZEN, one, keys, 2, values, COLS),
                               raw_section(raw, PLT_SECTION_PULL, FROZEN, one, keys, 2, NULL, 0)};
  assign.sections = with_pull;
  raw_expect(raw, 0, &assign, PLT_VERB_REFUSED, "float32");
  plt_section_t halves[] = {raw_section(raw, PLT_SECTION_PUSH, FROZEN, one, keys, 2, values, COLS),
                            raw_section(raw, PLT_SECTION_PUSH, FROZEN, one, keys, 2, values, COLS)};
  halves[1].type = PLT_WIRE_BF16;
  assign.sections = halves;
  raw_expect(raw, 0, &assign, PLT_VERB_REFUSED, "float32");
  read_rows(raw, 0, 0, FROZEN, rows);
  for (int c = 0; c < COLS; c++) cr_assert(rows[4][c] == 0 && rows[6][c] == 0);
  plt_section_t good = raw_section(raw, PLT_SECTION_PUSH, FROZEN, one, keys, 2, values, COLS);
  assign.request = ++raw->request;
  assign.sections = &good;
  assign.n_sections = 1;
  raw_expect(raw, 0, &assign, PLT_VERB_DONE, NULL);
  read_rows(raw, 0, 0, FROZEN, rows);
  for (int c = 0; c < COLS; c++) cr_assert(rows[4][c] == values[c] && rows[6][c] == values[COLS + c]);
  plt_header_t reset = raw_say(raw, PLT_VERB_RESET, 0);
  reset.table = 3;
  raw_expect(raw, 0, &reset, PLT_VERB_REFUSED, "not declared");
  reset.table = FROZEN;
  raw_expect(raw, 0, &reset, PLT_VERB_DONE, NULL);
  read_rows(raw, 0, 0, FROZEN, rows);
  cr_assert_eq(rows[4][0], 0);
  leave(raw, 1);
}

/* ---- temporary tables ---- */

Test(server, temporary_tables_stand_behind_the_others_and_can_be_dropped) {
  raw_t *raw = raw_start(1);
  join(raw, 1);
  plt_table_spec_t spec = {.name = "layer", .rows = ROWS, .cols = COLS, .frozen = true, .temporary = true};
  plt_header_t header, drop = raw_say(raw, PLT_VERB_DROP, 0);
  float row[COLS] = {1, 2, 3}, rows[ROWS][COLS];
  for (uint32_t turn = 0; turn < 2; turn++) { /* the number is free again, for another shape */
    for (uint32_t t = 3; t < 5; t++) {
      header = raw_declaration(raw, 0, t, &spec);
      raw_expect(raw, 0, &header, PLT_VERB_DONE, NULL);
    }
    header = raw_declaration(raw, 0, 5, &specs[0]);
    raw_expect(raw, 0, &header, PLT_VERB_REFUSED, "behind a temporary one");
    plt_section_t section =
        raw_section(raw, PLT_SECTION_PUSH, 4, (plt_leaf_span_t){0, 1}, (uint64_t[]){6}, 1, row, COLS);
    plt_header_t assign = raw_say(raw, PLT_VERB_ASSIGN, 0);
    assign.sections = &section;
    assign.n_sections = 1;
    raw_expect(raw, 0, &assign, PLT_VERB_DONE, NULL);
    read_rows(raw, 0, 0, 4, rows);
    cr_assert_eq(memcmp(rows[6], row, sizeof row), 0);
    for (uint32_t t = 0; t < 4; t++) {
      drop = raw_say(raw, PLT_VERB_DROP, 0);
      drop.table = t;
      raw_expect(raw, 0, &drop, PLT_VERB_REFUSED, "cannot be dropped");
    }
    for (uint32_t t = 5; t-- > 3;) {
      drop = raw_say(raw, PLT_VERB_DROP, 0);
      drop.table = t;
      raw_expect(raw, 0, &drop, PLT_VERB_DONE, NULL);
      drop = raw_say(raw, PLT_VERB_DROP, 0);
      drop.table = t;
      raw_expect(raw, 0, &drop, PLT_VERB_DONE, NULL); /* it is gone already */
    }
    assign = raw_say(raw, PLT_VERB_ASSIGN, 0);
    section = raw_section(raw, PLT_SECTION_PUSH, 4, (plt_leaf_span_t){0, 1}, (uint64_t[]){6}, 1, row, COLS);
    assign.sections = &section;
    assign.n_sections = 1;
    raw_expect(raw, 0, &assign, PLT_VERB_REFUSED, "not declared");
    strcpy(spec.name, "other");
  }
  honest_clock(raw, 1, 0);
  leave(raw, 1);
}

Test(server, a_checkpoint_has_no_temporary_tables) {
  plt_tableset_t *set;
  plt_table_spec_t spec = {.name = "layer", .rows = ROWS, .cols = COLS, .frozen = true, .temporary = true};
  bool later;
  cr_assert_eq(plt_tableset_create(0, 1, &(plt_start_t){0}, NULL, &set), PLT_OK);
  for (uint32_t t = 0; t < 3; t++) cr_assert_eq(plt_tableset_declare(set, t, &specs[t], false, &later), PLT_OK);
  for (uint32_t t = 3; t < 5; t++) cr_assert_eq(plt_tableset_declare(set, t, &spec, false, &later), PLT_OK);
  cr_assert(plt_tableset_size(set) == 5 && plt_tableset_lasting(set) == 3);
  uint64_t bytes;
  cr_assert_eq(plt_table_expect(&spec, 0, 1, &bytes), PLT_OK);
  plt_tableset_limit(set, 6 * bytes); /* the three others take 1, 1 and 3 times as much at least */
  cr_assert_eq(plt_tableset_declare(set, 5, &spec, false, &later), PLT_ERR_USAGE);
  cr_assert_eq(plt_tableset_drop(set, 4), PLT_OK);
  cr_assert_eq(plt_tableset_drop(set, 3), PLT_OK);
  cr_assert_eq(plt_tableset_declare(set, 3, &spec, false, &later), PLT_OK); /* what was dropped has made room */
  plt_tableset_destroy(&set);
}
