/* A table that goes on with the rows of another: against that other one, which went on itself, and against births. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/rng.h"
#include "ps/optimizers/registry.h"
#include "ps/table/table.h"

enum { ROWS = 600, MORE = 250, COLS = 5, SHARD = 1, SHARDS = 3 };

static uint32_t draw(uint32_t a, uint32_t b) { return plt_rng_draw(plt_rng_key(2, "continue", 0), a, b, 0, 0).word[0]; }

static plt_table_t *make(const char *optimizer, uint64_t rows, uint64_t seed) {
  plt_table_spec_t spec = {.name = "user", .rows = rows, .cols = COLS, .init = {PLT_INIT_NORMAL, 0.1}, .seed = seed};
  plt_table_t *table;
  snprintf(spec.optimizer, sizeof spec.optimizer, "%s", optimizer);
  if (strcmp(optimizer, "adamw") == 0) strcpy(spec.settings, "weight_decay: 0.1\n");
  cr_assert_eq(plt_table_create(&spec, SHARD, SHARDS, &table), PLT_OK, "%s", plt_fail_text());
  return table;
}

/* Steps [first, first + n) of a training that pushes rows below `below`. */
static void train(plt_table_t *table, uint32_t first, uint32_t n, uint64_t below) {
  for (uint32_t t = first; t < first + n; t++) {
    uint64_t keys[ROWS + MORE];
    float values[ROWS + MORE][COLS];
    size_t got = 0;
    for (uint64_t key = SHARD; key < below; key += SHARDS) {
      if (draw(t, (uint32_t)key) % 4 != 0) continue;
      for (uint32_t c = 0; c < COLS; c++) values[got][c] = (float)plt_rng_unit(draw(t * 8 + c, (uint32_t)key)) - 0.5f;
      keys[got++] = key;
    }
    plt_table_step(table, t % 3 == 0 ? 0.05 : 0.02, (plt_rows_t){keys, values, got});
  }
}

static void expect_same(plt_table_t *got, plt_table_t *want, uint64_t rows, const char *what) {
  for (uint64_t key = SHARD; key < rows; key += SHARDS) {
    float a[COLS], b[COLS];
    plt_table_read(got, &key, 1, a);
    plt_table_read(want, &key, 1, b);
    cr_assert_arr_eq(a, b, sizeof a, "%s: row %zu", what, (size_t)key);
  }
}

static void expect_born(plt_table_t *got, uint64_t from, const char *what) {
  for (uint64_t key = from; key < ROWS + MORE; key++) {
    float a[COLS], b[COLS];
    if (key % SHARDS != SHARD) continue;
    plt_table_read(got, &key, 1, a);
    plt_table_spec_birth(plt_table_spec(got), plt_table_state(got).salt, key, b);
    cr_assert_arr_eq(a, b, sizeof a, "%s: new row %zu", what, (size_t)key);
  }
}

/* More rows, another seed: old rows are trained on as if nothing had happened, new ones are born now. */
static void go_on(const char *optimizer, uint64_t seed) {
  plt_table_t *old = make(optimizer, ROWS, 9), *now = make(optimizer, ROWS + MORE, seed);
  plt_table_reset(old, 4);
  train(old, 1, 20, ROWS / 2);
  cr_assert_eq(plt_table_continue(now, old, true), PLT_OK, "%s", plt_fail_text());
  cr_assert_eq(plt_table_state(now).t, 20);
  expect_same(now, old, ROWS, optimizer);
  expect_born(now, ROWS, optimizer);
  if (seed == 9) { /* else what was not pushed moves on from the value that it had, not from its birth */
    train(old, 21, 15, ROWS / 2);
    train(now, 21, 15, ROWS / 2);
    expect_same(now, old, ROWS, optimizer);
  }
  plt_table_destroy(&old);
  plt_table_destroy(&now);
}

Test(continue_, every_optimizer_goes_on_and_new_rows_are_born) {
  for (size_t i = 0; plt_optimizers[i] != NULL; i++) {
    go_on(plt_optimizers[i]->name, 9);
    go_on(plt_optimizers[i]->name, 10);
  }
}

Test(continue_, without_state_or_with_another_optimizer_values_alone_are_taken) {
  static const struct {
    const char *before, *after;
    bool with_state;
  } cases[] = {{"adam", "adam", false}, {"adam", "momentum", true}, {"adamw", "sgd", true}, {"sgd", "adamw", false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    plt_table_t *old = make(cases[i].before, ROWS, 9), *now = make(cases[i].after, ROWS + MORE, 9);
    train(old, 1, 20, ROWS);
    cr_assert_eq(plt_table_continue(now, old, cases[i].with_state), PLT_OK, "%s", plt_fail_text());
    cr_assert(plt_table_state(now).t == 0 && plt_table_state(now).history->n == 0);
    expect_same(now, old, ROWS, cases[i].before);
    expect_born(now, ROWS, cases[i].after);
    plt_table_destroy(&old);
    plt_table_destroy(&now);
  }
}

Test(continue_, rows_that_are_no_more_are_left_behind) {
  plt_table_t *old = make("adam", ROWS + MORE, 9), *now = make("adam", ROWS, 9);
  train(old, 1, 9, ROWS + MORE);
  cr_assert_eq(plt_table_continue(now, old, true), PLT_OK);
  expect_same(now, old, ROWS, "fewer rows");
  plt_table_destroy(&old);
  plt_table_destroy(&now);
}

Test(continue_, settings_decide_whether_state_goes_on) {
  plt_table_spec_t a = {.optimizer = "adam", .settings = "beta1: 0.9\n"}, b = a;
  cr_assert(plt_table_state_goes_on(&a, &b));
  strcpy(b.settings, "beta1: 0.8\n");
  cr_assert_not(plt_table_state_goes_on(&a, &b));
  b = a;
  b.frozen = true;
  cr_assert_not(plt_table_state_goes_on(&a, &b));
}

Test(continue_, another_table_is_refused) {
  plt_table_t *old = make("adam", ROWS, 9), *now;
  for (int i = 0; i < 3; i++) {
    plt_table_spec_t other = *plt_table_spec(old);
    if (i == 0) other.cols++;
    if (i == 1) strcpy(other.name, "item");
    cr_assert_eq(plt_table_create(&other, i == 2 ? SHARD + 1 : SHARD, SHARDS, &now), PLT_OK);
    cr_assert_eq(plt_table_continue(now, old, true), PLT_ERR_PROTOCOL, "%d", i);
    plt_table_destroy(&now);
  }
  plt_table_destroy(&old);
}
