/* Images: what a sweep sees is the table of one moment, whatever the owner does meanwhile. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/mem.h"
#include "common/rng.h"
#include "ps/table/image.h"

enum { ROWS = 30000, COLS = 7, AT_ONCE = 1024, STATE_MAX = 2 * COLS };

static uint32_t draw(uint32_t a, uint32_t b) { return plt_rng_draw(plt_rng_key(3, "image", 0), a, b, 0, 0).word[0]; }

static plt_table_t *table_of(const char *optimizer, bool dense) {
  plt_table_spec_t spec = {.name = "user", .rows = ROWS, .cols = COLS, .init = {PLT_INIT_NORMAL, 0.1}, .seed = 9};
  plt_table_t *table;
  strcpy(spec.optimizer, optimizer);
  if (dense) strcpy(spec.settings, "sweep: dense");
  cr_assert_eq(plt_table_create(&spec, 1, 2, &table), PLT_OK);
  return table;
}

/* One step over some rows of shard 1 of 2. */
static void step(plt_table_t *table, uint32_t t) {
  static uint64_t keys[ROWS];
  static float values[ROWS][COLS];
  uint64_t key = 1 + 2 * (draw(t, 0) % 40);
  size_t n = 0;
  for (; key < ROWS; key += 2 * (1 + draw(t, (uint32_t)key) % 60)) {
    for (uint32_t c = 0; c < COLS; c++) values[n][c] = (float)plt_rng_unit(draw(t, c)) - 0.4f;
    keys[n++] = key;
  }
  plt_table_step(table, 0.01, (plt_rows_t){keys, values, n});
}

/* All that a sweep tells. */
typedef struct seen {
  size_t n;
  uint64_t keys[ROWS], last[ROWS];
  float values[ROWS * COLS], state[ROWS * STATE_MAX];
} seen_t;

typedef struct sweeper {
  plt_image_t *image;
  seen_t *seen;
  long pause_ns;
} sweeper_t;

static void *sweep(void *argument) {
  sweeper_t *self = argument;
  seen_t *seen = self->seen;
  size_t got, state = plt_image_state_floats(self->image);
  while ((got = plt_image_sweep(self->image, AT_ONCE, seen->keys + seen->n, seen->last + seen->n,
                                seen->values + seen->n * COLS, seen->state + seen->n * state)) > 0) {
    seen->n += got;
    if (self->pause_ns > 0) nanosleep(&(struct timespec){.tv_nsec = self->pause_ns}, NULL);
  }
  plt_image_swept(self->image);
  return NULL;
}

static void expect_same(const seen_t *a, const seen_t *b) {
  cr_assert_eq(a->n, b->n);
  cr_assert_eq(memcmp(a->keys, b->keys, a->n * sizeof *a->keys), 0);
  cr_assert_eq(memcmp(a->last, b->last, a->n * sizeof *a->last), 0);
  cr_assert_eq(memcmp(a->values, b->values, a->n * COLS * sizeof(float)), 0);
  cr_assert_eq(memcmp(a->state, b->state, sizeof a->state), 0);
}

/* Sweeps slow and quick, while rows are stepped, assigned and born, equal a sweep that nothing disturbed. */
Test(image, is_of_one_moment_while_the_table_changes) {
  const char *optimizers[] = {"sgd", "momentum", "adam"};
  const long pauses[] = {0, 20 * 1000, 500 * 1000};
  for (size_t o = 0; o < 3; o++) {
    plt_table_t *table = table_of(optimizers[o], o == 2);
    seen_t *want = plt_mem_zalloc(1, sizeof *want), *got = plt_mem_zalloc(1, sizeof *got);
    uint32_t t = 0;
    for (size_t round = 0; round < 3; round++) {
      for (int i = 0; i < 5; i++) step(table, ++t);
      memset(want, 0, sizeof *want);
      memset(got, 0, sizeof *got);
      sweeper_t still = {plt_table_image(table), want, 0};
      sweep(&still);
      plt_image_release(&still.image);
      cr_assert_eq(want->n, plt_table_stored(table));

      sweeper_t moving = {plt_table_image(table), got, pauses[round]};
      pthread_t thread;
      cr_assert_eq(pthread_create(&thread, NULL, sweep, &moving), 0);
      for (int i = 0; i < 30; i++) {
        uint64_t key = 1 + 2 * (uint64_t)(draw(t, 7) % (ROWS / 2));
        float row[COLS] = {1, 2, 3};
        step(table, ++t);
        plt_table_assign(table, &key, 1, row);
      }
      pthread_join(thread, NULL);
      cr_assert_eq(plt_image_state(moving.image).t, t - 30);
      if (round == 2) cr_assert_gt(plt_image_copied(moving.image), 0);
      plt_image_release(&moving.image);
      expect_same(want, got);
    }
    free(want);
    free(got);
    plt_table_destroy(&table);
  }
}

/* A sweep that is given up leaves copies and states behind: the next image knows nothing of them. */
Test(image, given_up_half_way_leaves_nothing) {
  plt_table_t *table = table_of("momentum", false);
  seen_t *want = plt_mem_zalloc(1, sizeof *want), *got = plt_mem_zalloc(1, sizeof *got);
  for (uint32_t t = 1; t < 10; t++) step(table, t);
  plt_image_t *image = plt_table_image(table);
  plt_image_sweep(image, AT_ONCE, got->keys, got->last, got->values, got->state);
  step(table, 10);
  plt_image_swept(image);
  step(table, 11);
  plt_image_release(&image);
  memset(got, 0, sizeof *got);
  sweeper_t first = {plt_table_image(table), want, 0};
  sweep(&first);
  plt_image_release(&first.image);
  sweeper_t second = {plt_table_image(table), got, 0};
  step(table, 12); /* all before the sweep: it reads copies only, where rows changed */
  sweep(&second);
  plt_image_release(&second.image);
  expect_same(want, got);
  free(want);
  free(got);
  plt_table_destroy(&table);
}

Test(image, of_an_empty_table_has_no_rows) {
  plt_table_t *table = table_of("adam", false);
  plt_image_t *image = plt_table_image(table);
  uint64_t key, last;
  float row[COLS * 4];
  step(table, 1); /* born after the image: not in it */
  cr_assert_eq(plt_image_rows(image), 0);
  cr_assert_eq(plt_image_sweep(image, AT_ONCE, &key, &last, row, row), 0);
  plt_image_release(&image);
  plt_table_destroy(&table);
}
