/* One clock's pushes of several workers, added slice by slice, by one thread and by a crew: a table that was stepped
 * with the sums of a plain tree, to the bit. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/rng.h"
#include "common/threads.h"
#include "proto/parts.h"
#include "proto/shard.h"
#include "ps/server/round.h"

enum { ROWS = 9000, COLS = 48, WORKERS = 5, PIECES = 3, STEPS = 3 };

static uint32_t draw(uint32_t a, uint32_t b) { return plt_rng_draw(plt_rng_key(6, "round", 0), a, b, 0, 0).word[0]; }

/* What a worker pushes: rows that others push as well, and such that nobody else does. */
typedef struct push {
  uint64_t *keys;
  char *values;
  float *exact; /* the same as float32 */
  const void *pieces[PIECES];
  plt_section_t section;
} push_t;

static push_t make_push(uint32_t t, uint32_t worker, uint32_t share, plt_wire_type_t type) {
  push_t push = {.keys = plt_mem_alloc(ROWS * sizeof(uint64_t)),
                 .values = plt_mem_alloc((size_t)ROWS * COLS * sizeof(float)),
                 .exact = plt_mem_alloc((size_t)ROWS * COLS * sizeof(float))};
  size_t n = 0, bytes = COLS * plt_shard_value_bytes(type);
  for (uint32_t key = 0; key < ROWS; key++) {
    if (share == 0 || draw(t * WORKERS + worker, key) % 100 >= share) continue;
    float *row = push.exact + n * COLS;
    for (uint32_t c = 0; c < COLS; c++)
      row[c] = 1e-3f * (float)((int32_t)((key * 2654435761u + c * 40503u + (t + worker) * 977u) % 2001) - 1000);
    plt_shard_encode(row, COLS, type, push.values + n * bytes);
    plt_shard_decode(push.values + n * bytes, COLS, type, row);
    push.keys[n++] = key;
  }
  push.section = (plt_section_t){.kind = PLT_SECTION_PUSH,
                                 .span = {worker, 1},
                                 .n = n,
                                 .cols = COLS,
                                 .type = type,
                                 .keys = push.keys,
                                 .values = push.values};
  for (uint32_t p = 0; p < PIECES; p++) push.pieces[p] = push.values + plt_piece_of(n, p, PIECES).begin * bytes;
  return push;
}

static void cut_to_pieces(push_t *push) {
  push->section.values = NULL;
  push->section.pieces = push->pieces;
  push->section.n_pieces = PIECES;
}

static void free_push(push_t *push) {
  free(push->keys);
  free(push->values);
  free(push->exact);
}

static plt_table_t *make_table(void) {
  plt_table_spec_t spec = {
      .name = "user", .rows = ROWS, .cols = COLS, .init = {PLT_INIT_NORMAL, 0.1}, .seed = 7, .optimizer = "adagrad"};
  plt_table_t *table;
  cr_assert_eq(plt_table_create(&spec, 0, 1, &table), PLT_OK, "%s", plt_fail_text());
  return table;
}

static void apply(plt_round_t *round, push_t *pushes, plt_table_t *table) {
  for (uint32_t w = 0; w < WORKERS; w++) { /* in any order */
    plt_header_t header = {.sections = &pushes[(w * 3 + 1) % WORKERS].section, .n_sections = 1};
    cr_assert_eq(plt_round_add(round, &header), PLT_OK, "%s", plt_fail_text());
  }
  plt_round_apply(round, &table, 1, 0.05);
  plt_round_clear(round);
}

static void apply_plainly(const push_t *pushes, plt_table_t *table) {
  plt_arena_t *arena = plt_arena_create();
  plt_leaf_span_t spans[WORKERS];
  plt_rows_t parts[WORKERS];
  for (uint32_t w = 0; w < WORKERS; w++) {
    spans[w] = pushes[w].section.span;
    parts[w] = (plt_rows_t){pushes[w].keys, pushes[w].exact, (size_t)pushes[w].section.n};
  }
  plt_table_step(table, 0.05, plt_tree_sum_rows(spans, parts, WORKERS, COLS, arena));
  plt_arena_destroy(&arena);
}

static void expect_same(plt_table_t *got, plt_table_t *want) {
  static uint64_t keys[ROWS];
  static float a[ROWS][COLS], b[ROWS][COLS];
  for (uint64_t i = 0; i < ROWS; i++) keys[i] = i;
  plt_table_read(got, keys, ROWS, a[0]);
  plt_table_read(want, keys, ROWS, b[0]);
  cr_assert_eq(memcmp(a, b, sizeof a), 0);
}

/* share: of the rows that each worker pushes, in percent. */
static void check(size_t lanes, const uint32_t share[WORKERS], plt_wire_type_t type, bool in_pieces) {
  plt_crew_t *crew = lanes > 1 ? plt_crew_create(lanes) : NULL;
  plt_round_t *round = plt_round_create(crew);
  plt_table_t *table = make_table(), *plain = make_table();
  for (uint32_t t = 0; t < STEPS; t++) {
    push_t pushes[WORKERS];
    for (uint32_t w = 0; w < WORKERS; w++) pushes[w] = make_push(t, w, share[w], type);
    for (uint32_t w = 0; w < WORKERS && in_pieces; w += 2) cut_to_pieces(&pushes[w]);
    apply(round, pushes, table);
    apply_plainly(pushes, plain);
    expect_same(table, plain);
    for (uint32_t w = 0; w < WORKERS; w++) free_push(&pushes[w]);
  }
  plt_table_destroy(&table);
  plt_table_destroy(&plain);
  plt_round_destroy(&round);
  plt_crew_destroy(&crew);
}

Test(round, sums_are_those_of_a_plain_tree) {
  static const uint32_t shares[][WORKERS] = {
      {50, 50, 50, 50, 50}, {90, 1, 0, 60, 2}, {0, 0, 0, 0, 3}, {1, 1, 1, 1, 1}, {0, 0, 0, 0, 0}};
  for (size_t lanes = 1; lanes <= 3; lanes += 2) {
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
      check(lanes, shares[i], PLT_WIRE_F32, false);
      check(lanes, shares[i], PLT_WIRE_BF16, i % 2 == 0);
    }
    check(lanes, shares[0], PLT_WIRE_F32, true);
  }
}

Test(round, what_is_pushed_twice_is_refused_as_a_whole) {
  plt_round_t *round = plt_round_create(NULL);
  plt_section_t sections[] = {{.kind = PLT_SECTION_PUSH, .span = {0, 2}},
                              {.kind = PLT_SECTION_PUSH, .span = {2, 2}},
                              {.kind = PLT_SECTION_PUSH, .span = {3, 1}}};
  plt_block_loss_t losses[] = {{{0, 2}, 1}, {{2, 2}, 2}};
  plt_header_t first = {.sections = sections, .n_sections = 1, .losses = losses, .n_losses = 1},
               twice = {.sections = sections + 1, .n_sections = 2, .losses = losses + 1, .n_losses = 1},
               good = {.sections = sections + 1, .n_sections = 1, .losses = losses + 1, .n_losses = 1};
  cr_assert_eq(plt_round_add(round, &first), PLT_OK);
  cr_assert_eq(plt_round_add(round, &twice), PLT_ERR_PROTOCOL);
  cr_assert_eq(plt_round_loss(round), 1, "nothing of it was taken");
  cr_assert_eq(plt_round_add(round, &good), PLT_OK);
  cr_assert_eq(plt_round_loss(round), 3);
  plt_round_destroy(&round);
}
