/* ENTER: the tables of another stage take the values of those there were, now or in a checkpoint. */
#include <stdio.h>
#include <unistd.h>

#include "ps/server/tableset.h"
#include "tests/unit/common/scratch.h"
#include "tests/unit/ps/server/honest.h"

TestSuite(enter, .init = scratch_make, .fini = scratch_remove);

static plt_header_t say_enter(raw_t *raw, uint64_t clock, uint32_t n) {
  plt_header_t enter = raw_say(raw, PLT_VERB_ENTER, 0);
  enter.clock = clock;
  enter.table = n;
  return enter;
}

/* Another order, another optimizer, one table gone, one anew in another shape. */
static plt_table_spec_t next_spec(uint32_t index) {
  plt_table_spec_t spec = specs[index == 0 ? ADAM : index == 1 ? 0 : FROZEN];
  strcpy(spec.optimizer, index == 0 ? "adagrad" : "");
  spec.frozen = index == 1;
  if (index == 2) {
    spec = (plt_table_spec_t){.name = "fixed", .rows = 2 * ROWS, .cols = COLS, .init = {PLT_INIT_NORMAL, 1}, .seed = 4};
    strcpy(spec.optimizer, "adam");
  }
  return spec;
}

static void declare_next(raw_t *raw, uint32_t w, uint32_t index) {
  plt_table_spec_t spec = next_spec(index);
  plt_header_t declare = raw_declaration(raw, w, index, &spec);
  declare.anew = w == 0 && index == 2;
  raw_expect(raw, (int)w, &declare, PLT_VERB_DONE, NULL);
}

static void push_adam(raw_t *raw, uint64_t clock) {
  float gradient[COLS] = {1, 2, 3};
  plt_section_t section =
      raw_section(raw, PLT_SECTION_PUSH, ADAM, (plt_leaf_span_t){0, 1}, (uint64_t[]){6}, 1, gradient, COLS);
  plt_header_t step = raw_say(raw, PLT_VERB_STEP, 0);
  step.pushes = true;
  step.clock = clock;
  step.eta = 0.5;
  step.sections = &section;
  step.n_sections = 1;
  raw_expect(raw, 0, &step, PLT_VERB_ROWS, NULL);
}

Test(enter, tables_are_exchanged_for_others_with_their_values) {
  raw_t *raw = raw_start(2);
  float sums[ROWS][COLS], moments[ROWS][COLS], now[ROWS][COLS], born[COLS];
  join(raw, 2);
  for (uint64_t clock = 0; clock < 3; clock++) honest_clock(raw, 2, clock);
  plt_header_t bye = raw_say(raw, PLT_VERB_BYE, 1); /* alone from here: one worker's push is a step */
  raw_expect(raw, 1, &bye, PLT_VERB_DONE, NULL);
  for (uint64_t clock = 3; clock < 9; clock++) push_adam(raw, clock);
  read_rows(raw, 0, 0, 0, sums);
  read_rows(raw, 0, 0, ADAM, moments);
  plt_header_t enter = say_enter(raw, 9, 3);
  raw_expect(raw, 0, &enter, PLT_VERB_DONE, NULL);
  for (uint32_t t = 0; t < 3; t++) {
    if (t == 1) raw_expect(raw, 0, &enter, PLT_VERB_REFUSED, "since");
    declare_next(raw, 0, t);
  }
  read_rows(raw, 0, 0, 0, now);
  cr_assert_arr_eq(now, moments, sizeof now);
  read_rows(raw, 0, 0, 1, now);
  cr_assert_arr_eq(now, sums, sizeof now);
  plt_table_spec_t fresh = next_spec(2);
  for (uint64_t salt = 0; salt < 3; salt++) {
    plt_header_t reset = raw_say(raw, PLT_VERB_RESET, 0);
    reset.table = 2;
    reset.salt = salt;
    if (salt > 0) raw_expect(raw, 0, &reset, PLT_VERB_DONE, NULL);
    read_rows(raw, 0, 0, 2, now);
    plt_table_spec_birth(&fresh, salt, 8, born);
    cr_assert_arr_eq(now[8], born, sizeof born);
  }
  plt_section_t push = raw_section(raw, PLT_SECTION_PUSH, 1, (plt_leaf_span_t){0, 1}, (uint64_t[]){6}, 1, born, COLS);
  plt_header_t step = raw_say(raw, PLT_VERB_STEP, 0);
  step.pushes = true;
  step.clock = 9;
  step.sections = &push;
  step.n_sections = 1;
  raw_expect(raw, 0, &step, PLT_VERB_REFUSED, "frozen");
  raw_bye(raw, 0, 0, PLT_OK, "");
  raw_end(raw, true);
}

Test(enter, what_does_not_fit_is_refused) {
  raw_t *raw = raw_start(2);
  join(raw, 2);
  honest_clock(raw, 2, 0);
  send_early_push(raw, 1, 1);
  plt_header_t enter = say_enter(raw, 1, 3);
  raw_expect(raw, 0, &enter, PLT_VERB_REFUSED, "under way");
  send_push(raw, 0, 1);
  for (uint32_t w = 0; w < 2; w++) {
    plt_header_t answer = raw_hear(raw, (int)w);
    expect_step_answer(&answer, 2, 1, w);
  }
  enter = say_enter(raw, 0, 3);
  raw_expect(raw, 0, &enter, PLT_VERB_REFUSED, "run directory");
  plt_table_spec_t layer = {.name = "layer", .rows = ROWS, .cols = COLS, .frozen = true, .temporary = true};
  plt_header_t declare = raw_declaration(raw, 0, 3, &layer), drop;
  raw_expect(raw, 0, &declare, PLT_VERB_DONE, NULL);
  enter = say_enter(raw, 2, 3);
  raw_expect(raw, 0, &enter, PLT_VERB_REFUSED, "temporary");
  drop = raw_say(raw, PLT_VERB_DROP, 0);
  drop.table = 3;
  raw_expect(raw, 0, &drop, PLT_VERB_DONE, NULL);
  expect_rows(raw, 2, 2); /* nothing has happened */
  enter = say_enter(raw, 2, 2);
  raw_expect(raw, 0, &enter, PLT_VERB_DONE, NULL);
  plt_table_spec_t other = specs[0];
  other.cols++;
  declare = raw_declaration(raw, 0, 0, &other);
  raw_expect(raw, 0, &declare, PLT_VERB_REFUSED, "cannot take");
  strcpy(other.name, "other");
  declare = raw_declaration(raw, 0, 0, &other);
  raw_expect(raw, 0, &declare, PLT_VERB_REFUSED, "no table other");
  enter = say_enter(raw, 2, 2);
  raw_expect(raw, 0, &enter, PLT_VERB_REFUSED, "still being declared");
  for (uint32_t w = 0; w < 2; w++)
    for (uint32_t t = 0; t < 2; t++) declare_next(raw, w, t);
  plt_table_spec_t spec = next_spec(2);
  declare = raw_declaration(raw, 1, 1, &spec);
  raw_expect(raw, 1, &declare, PLT_VERB_REFUSED, "differently");
  leave(raw, 2);
}

/* ---- from a checkpoint, whatever the number of servers ---- */

static void declare(plt_tableset_t *set, uint32_t index, const plt_table_spec_t *spec, bool anew) {
  bool later = true;
  while (later) {
    cr_assert_eq(plt_tableset_declare(set, index, spec, anew, &later), PLT_OK, "%s", plt_fail_text());
    while (plt_tableset_is_reading(set)) usleep(1000);
  }
}

static void step_all(plt_tableset_t *set, uint32_t number, uint32_t servers, uint32_t t) {
  float gradient[COLS] = {1, (float)t, -2};
  for (uint32_t table = 0; table < 3; table += 2) {
    uint64_t key = (7 * t + table) % ROWS;
    bool here = key % servers == number;
    plt_table_step(plt_tableset_table(set, table), 0.1, (plt_rows_t){&key, gradient, here});
  }
}

static void read_key(plt_tableset_t *const *sets, uint32_t servers, uint32_t table, uint64_t key, float *out) {
  plt_table_read(plt_tableset_table(sets[key % servers], table), &key, 1, out);
}

static void write_checkpoint(plt_tableset_t *const *sets, uint32_t servers, plt_manifest_t *manifest) {
  manifest->n_parts = servers;
  manifest->parts = plt_mem_zalloc(servers, sizeof *manifest->parts);
  for (uint32_t s = 0; s < servers; s++) {
    plt_image_t *images[3];
    plt_checkpoint_head_t head = {.clock = 20, .server = s, .servers = servers};
    snprintf(manifest->parts[s].file, sizeof manifest->parts[s].file, "server-%u.h5", s);
    for (int t = 0; t < 3; t++) images[t] = plt_table_image(plt_tableset_tables(sets[s])[t]);
    cr_assert_eq(plt_checkpoint_write(scratch_path(manifest->parts[s].file), &head, images, 3, NULL), PLT_OK);
    for (int t = 0; t < 3; t++) plt_image_release(&images[t]);
  }
}

Test(enter, values_of_a_checkpoint) {
  enum { WRITE = 3 };
  static float want[2][ROWS][COLS];
  float got[COLS];
  plt_tableset_t *sets[WRITE];
  plt_manifest_t manifest = {0};
  for (uint32_t s = 0; s < WRITE; s++) {
    cr_assert_eq(plt_tableset_create(s, WRITE, &(plt_start_t){0}, NULL, &sets[s]), PLT_OK);
    for (uint32_t t = 0; t < 3; t++) declare(sets[s], t, &specs[t], false);
    for (uint32_t t = 1; t <= 20; t++) step_all(sets[s], s, WRITE, t);
  }
  for (uint64_t key = 0; key < ROWS; key++) {
    read_key(sets, WRITE, ADAM, key, want[0][key]);
    read_key(sets, WRITE, 0, key, want[1][key]);
  }
  write_checkpoint(sets, WRITE, &manifest);
  for (uint32_t servers = 1; servers <= WRITE; servers += 2) { /* others, and the same that wrote it */
    plt_tableset_t *these[WRITE];
    for (uint32_t s = 0; s < servers; s++) {
      if (servers == WRITE) {
        these[s] = sets[s];
      } else {
        cr_assert_eq(plt_tableset_create(s, servers, &(plt_start_t){0}, NULL, &these[s]), PLT_OK);
        for (uint32_t t = 0; t < 3; t++) declare(these[s], t, &specs[t], false);
      }
      for (uint32_t t = 21; t <= 40; t++) step_all(these[s], s, servers, t); /* which is given up */
      cr_assert_eq(plt_tableset_enter(these[s], 3, scratch, &manifest), PLT_OK, "%s", plt_fail_text());
      for (uint32_t t = 0; t < 3; t++) {
        plt_table_spec_t spec = next_spec(t);
        declare(these[s], t, &spec, t == 2);
      }
    }
    for (uint32_t table = 0; table < 2; table++)
      for (uint64_t key = 0; key < ROWS; key++) {
        read_key(these, servers, table, key, got);
        cr_assert_arr_eq(got, want[table][key], sizeof got);
      }
    for (uint32_t s = 0; s < servers; s++) plt_tableset_destroy(&these[s]);
  }
  plt_manifest_clear(&manifest);
}
