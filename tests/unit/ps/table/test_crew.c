/* Rows that the threads of a crew step and read: the bits of a table that its owner works on alone, in every step, with
 * every optimizer, births and an image under way among them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/rng.h"
#include "common/threads.h"
#include "proto/parts.h"
#include "proto/shard.h"
#include "ps/optimizers/registry.h"
#include "ps/table/image.h"
#include "ps/table/table.h"

/* A push of most rows is worth a crew with any optimizer: 1400 rows of 256 columns or more. */
enum { ROWS = 1700, COLS = 256, SHARD = 1, SHARDS = 2, LANES = 3, STEPS = 14, PIECES = 3 };

static uint32_t draw(uint32_t a, uint32_t b) { return plt_rng_draw(plt_rng_key(5, "crew", 0), a, b, 0, 0).word[0]; }

typedef struct push {
  uint64_t *keys;
  void *values;
  size_t n;
} push_t;

/* Some rows of the shard that are new, and most that were there; few in every fifth step: not worth a crew. */
static push_t draw_push(uint32_t t, plt_wire_type_t type) {
  push_t push = {.keys = plt_mem_alloc((size_t)ROWS * sizeof(uint64_t)),
                 .values = plt_mem_alloc((size_t)ROWS * COLS * sizeof(float))};
  float row[COLS];
  for (uint64_t key = SHARD; key < 2 * ROWS; key += SHARDS) {
    if (draw(t, (uint32_t)key) % (t % 5 == 4 ? 100 : 20) == 0 || (t % 5 == 4 && key > 200)) continue;
    for (uint32_t c = 0; c < COLS; c++)
      row[c] = 1e-3f * (float)((int32_t)(((uint32_t)key * 2654435761u + c * 40503u + t * 977u) % 2001) - 1000);
    plt_shard_encode(row, COLS, type, (char *)push.values + push.n * COLS * plt_shard_value_bytes(type));
    push.keys[push.n++] = key;
  }
  return push;
}

static plt_table_t *make(const char *optimizer, bool dense, double decay) {
  plt_table_spec_t spec = {.name = "user",
                           .rows = (uint64_t)2 * ROWS,
                           .cols = COLS,
                           .init = {PLT_INIT_NORMAL, 0.1},
                           .seed = 7,
                           .decay = (float)decay};
  plt_table_t *table;
  snprintf(spec.optimizer, sizeof spec.optimizer, "%s", optimizer);
  if (dense) strcpy(spec.settings, "sweep: dense\n");
  cr_assert_eq(plt_table_create(&spec, SHARD, SHARDS, &table), PLT_OK, "%s", plt_fail_text());
  return table;
}

static void step(plt_table_t *table, uint32_t t, const push_t *push, plt_wire_type_t type) {
  plt_rows_t pieces[PIECES];
  for (uint32_t p = 0; p < PIECES; p++) {
    plt_piece_t piece = plt_piece_of(push->n, p, PIECES);
    pieces[p] = (plt_rows_t){.keys = push->keys + piece.begin,
                             .values = (char *)push->values + piece.begin * COLS * plt_shard_value_bytes(type),
                             .n = (size_t)(piece.end - piece.begin)};
  }
  plt_table_step_pieces(table, t % 3 == 0 ? 0.05 : 0.02, pieces, PIECES, type);
}

/* All rows of the shard, born or not, as values of the type. */
static void *read_all(plt_table_t *table, plt_wire_type_t type) {
  uint64_t keys[ROWS];
  for (uint64_t i = 0; i < ROWS; i++) keys[i] = i * SHARDS + SHARD;
  void *values = plt_mem_zalloc((size_t)ROWS * COLS, sizeof(float));
  plt_table_read_as(table, keys, ROWS, type, values);
  return values;
}

static void expect_same(plt_table_t *got, plt_table_t *want, plt_wire_type_t type, const char *what) {
  char *a = read_all(got, type), *b = read_all(want, type);
  cr_assert_eq(memcmp(a, b, ROWS * COLS * plt_shard_value_bytes(type)), 0, "%s", what);
  cr_assert_eq(plt_table_stored(got), plt_table_stored(want), "%s", what);
  free(a);
  free(b);
}

static void both(const char *optimizer, bool dense, double decay, plt_wire_type_t type) {
  plt_crew_t *crew = plt_crew_create(LANES);
  plt_table_t *alone = make(optimizer, dense, decay), *shared = make(optimizer, dense, decay);
  for (uint32_t t = 0; t < STEPS; t++) {
    char what[96];
    push_t push = draw_push(t, type);
    snprintf(what, sizeof what, "%s%s, step %u", optimizer, dense ? ", dense" : "", t);
    if (t == 2) plt_table_share(shared, crew); /* from then on, with a past */
    step(alone, t, &push, type);
    step(shared, t, &push, type);
    expect_same(shared, alone, type, what);
    free(push.keys);
    free(push.values);
  }
  plt_table_destroy(&alone);
  plt_table_destroy(&shared);
  plt_crew_destroy(&crew);
}

Test(crew, every_optimizer) {
  for (size_t i = 0; plt_optimizers[i] != NULL; i++) both(plt_optimizers[i]->name, false, 0, PLT_WIRE_F32);
}

Test(crew, sweeps) {
  both("sgd", true, 0, PLT_WIRE_F32);
  both("adam", true, 0, PLT_WIRE_BF16);
}

Test(crew, decay_and_short_values) {
  both("adam", false, 0, PLT_WIRE_BF16);
  both("adagrad", false, 0.125, PLT_WIRE_F32);
}

/* What an image has of the moment at which it was taken, while threads step on. */
Test(crew, images) {
  plt_crew_t *crew = plt_crew_create(LANES);
  plt_table_t *table = make("adam", false, 0), *twin = make("adam", false, 0), *back = make("adam", false, 0);
  plt_table_share(table, crew);
  for (uint32_t t = 0; t < 4; t++) {
    push_t push = draw_push(t, PLT_WIRE_F32);
    step(table, t, &push, PLT_WIRE_F32);
    step(twin, t, &push, PLT_WIRE_F32);
    free(push.keys);
    free(push.values);
  }
  plt_image_t *image = plt_table_image(table);
  for (uint32_t t = 5; t < 8; t++) {
    push_t push = draw_push(t, PLT_WIRE_F32);
    step(table, t, &push, PLT_WIRE_F32);
    free(push.keys);
    free(push.values);
  }
  size_t state = plt_table_state_floats(table), got;
  uint64_t keys[64], last[64];
  float *values = plt_mem_alloc((size_t)64 * COLS * sizeof(float)), *states = plt_mem_alloc(64 * state * sizeof(float));
  while ((got = plt_image_sweep(image, 64, keys, last, values, states)) > 0)
    plt_table_restore_rows(back, got, keys, last, values, states);
  plt_table_restore_state(back, plt_image_state(image));
  plt_image_release(&image);
  expect_same(back, twin, PLT_WIRE_F32, "image");
  free(values);
  free(states);
  plt_table_destroy(&table);
  plt_table_destroy(&twin);
  plt_table_destroy(&back);
  plt_crew_destroy(&crew);
}
