/* Rows of several parts in the order of their keys: against a table that holds them all, from parts whose keys ascend
 * and from parts whose keys do not, with memory for all rows and for a few. */
#include <criterion/criterion.h>
#include <hdf5.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/rng.h"
#include "proto/shard.h"
#include "ps/checkpoint/ordered.h"
#include "tests/unit/common/scratch.h"

TestSuite(ordered, .init = scratch_make, .fini = scratch_remove);

enum { ROWS = 900, COLS = 3, STEPS = 40, SERVERS_MAX = 5 };

static const plt_table_spec_t spec = {.name = "t",
                                      .rows = ROWS,
                                      .cols = COLS,
                                      .init = {PLT_INIT_NORMAL, 0.1},
                                      .seed = 5,
                                      .optimizer = "adam",
                                      .settings = "beta1: 0.8\neps: 1e-7\n"};

static uint32_t draw(uint32_t a, uint32_t b) { return plt_rng_draw(plt_rng_key(2, "ordered", 0), a, b, 0, 0).word[0]; }

static plt_table_t *train(uint32_t number, uint32_t servers) {
  static uint64_t keys[ROWS];
  static float gradient[ROWS][COLS];
  plt_table_t *table;
  CR_OK(plt_table_create(&spec, number, servers, &table));
  for (uint32_t t = 1; t <= STEPS; t++) {
    size_t n = 0;
    for (uint32_t key = number; key < ROWS; key += servers) {
      if (draw(t, key) % 60 != 0) continue;
      for (uint32_t c = 0; c < COLS; c++) gradient[n][c] = (float)(plt_rng_unit(draw(t * 8 + c, key)) - 0.5);
      keys[n++] = key;
    }
    plt_table_step(table, 0.01, (plt_rows_t){keys, gradient, n});
  }
  return table;
}

/* Turns the rows of a part's column around: another order in the file. */
static void reverse(hid_t file, const char *name, size_t row_bytes, hid_t type) {
  hid_t data = H5Dopen2(file, name, H5P_DEFAULT), space = H5Dget_space(data);
  hsize_t size[2] = {0, 1};
  H5Sget_simple_extent_dims(space, size, NULL);
  char *rows = malloc(size[0] * row_bytes + 1), *turned = malloc(size[0] * row_bytes + 1);
  cr_assert_geq(H5Dread(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, rows), 0);
  for (hsize_t i = 0; i < size[0]; i++) memcpy(turned + i * row_bytes, rows + (size[0] - 1 - i) * row_bytes, row_bytes);
  cr_assert_geq(H5Dwrite(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, turned), 0);
  free(rows);
  free(turned);
  H5Sclose(space);
  H5Dclose(data);
}

static const char *part_path(uint32_t number) {
  char name[32];
  snprintf(name, sizeof name, "part-%" PRIu32 ".h5", number);
  return scratch_path(name);
}

static void write_part(uint32_t number, uint32_t servers, bool turned) {
  plt_checkpoint_head_t head = {.clock = STEPS, .server = number, .servers = servers};
  plt_table_t *table = train(number, servers);
  plt_image_t *image = plt_table_image(table);
  remove(part_path(number));
  CR_OK(plt_checkpoint_write(part_path(number), &head, &image, 1, NULL));
  plt_image_release(&image);
  plt_table_destroy(&table);
  if (!turned) return;
  hid_t file = H5Fopen(part_path(number), H5F_ACC_RDWR, H5P_DEFAULT);
  reverse(file, "/tables/t/keys", sizeof(uint64_t), H5T_NATIVE_UINT64);
  reverse(file, "/tables/t/last", sizeof(uint64_t), H5T_NATIVE_UINT64);
  reverse(file, "/tables/t/value", COLS * sizeof(float), H5T_NATIVE_FLOAT);
  reverse(file, "/tables/t/state", 2 * COLS * sizeof(float), H5T_NATIVE_FLOAT);
  H5Fclose(file);
}

typedef struct parts {
  plt_checkpoint_part_t *part[SERVERS_MAX];
  uint32_t n;
} parts_t;

static parts_t make_parts(uint32_t servers, bool turned) {
  parts_t parts = {.n = servers};
  for (uint32_t s = 0; s < servers; s++) write_part(s, servers, turned);
  for (uint32_t s = 0; s < servers; s++) CR_OK(plt_checkpoint_open(part_path(s), &parts.part[s]));
  return parts;
}

static void close_parts(parts_t *parts) {
  for (uint32_t s = 0; s < parts->n; s++) plt_checkpoint_close(&parts->part[s]);
}

/* All rows in turn, some at a time, beside what the table says of them. */
static void expect_all(plt_ordered_t *ordered, plt_table_t *table) {
  uint64_t keys[7], before = 0, total = 0;
  float values[7 * COLS], wanted[COLS];
  size_t n = 1;
  while (n > 0) {
    CR_OK(plt_ordered_next(ordered, 7, keys, values, &n));
    for (size_t i = 0; i < n; i++, total++) {
      cr_assert(total == 0 || keys[i] > before, "key %" PRIu64 " after %" PRIu64, keys[i], before);
      before = keys[i];
      plt_table_read(table, &keys[i], 1, wanted);
      cr_assert_eq(memcmp(values + i * COLS, wanted, sizeof wanted), 0, "row %" PRIu64, keys[i]);
    }
  }
  cr_assert_eq(total, plt_table_stored(table));
  cr_assert_eq(total, plt_ordered_stored(ordered));
}

static void expect_order(uint32_t servers, bool turned, size_t memory_bytes) {
  plt_table_t *table = train(0, 1);
  plt_ordered_t *ordered;
  float unborn[COLS], wanted[COLS];
  cr_assert_lt(plt_table_stored(table), ROWS);
  parts_t parts = make_parts(servers, turned);
  CR_OK(plt_ordered_create(parts.part, servers, "t", scratch_path("rows"), memory_bytes, &ordered));
  cr_assert_not(plt_path_exists(scratch_path("rows")), "the scratch file has a name");
  expect_all(ordered, table);
  for (uint64_t key = 0; key < ROWS; key++) { /* those that are stored are read, the others born */
    bool is_stored = false;
    for (uint32_t t = 1; t <= STEPS; t++) is_stored = is_stored || draw(t, (uint32_t)key) % 60 == 0;
    if (is_stored) continue;
    plt_ordered_unborn(ordered, key, unborn);
    plt_table_read(table, &key, 1, wanted);
    cr_assert_eq(memcmp(unborn, wanted, sizeof wanted), 0, "unborn row %" PRIu64, key);
  }
  plt_ordered_destroy(&ordered);
  plt_ordered_destroy(&ordered);
  close_parts(&parts);
  plt_table_destroy(&table);
}

Test(ordered, parts_whose_keys_ascend_are_merged) {
  for (uint32_t servers = 1; servers <= SERVERS_MAX; servers += 2) expect_order(servers, false, 1 << 20);
  expect_order(3, false, 1); /* a row of each at a time */
}

Test(ordered, parts_in_another_order_are_sorted) {
  expect_order(1, true, 1 << 20);
  expect_order(SERVERS_MAX, true, 1 << 20);
  expect_order(3, true, 2000); /* many runs, of which none fits */
}

/* Keys of any 64 bits, in the order of a hash; those that nobody has pushed for longer than max_age are forgotten. */
Test(ordered, sparse_keys_are_sorted_and_forgotten) {
  enum { IDS = 300, AGE = 17, SERVERS = 3 };
  plt_table_spec_t ids = spec;
  uint64_t keys[IDS];
  float gradient[IDS][COLS], values[IDS * COLS], wanted[COLS];
  bool is_there[IDS] = {0};
  parts_t parts = {.n = SERVERS};
  plt_table_t *tables[SERVERS];
  ids.rows = 0;
  ids.sparse = (plt_sparse_keys_t){.declared = true, .max_age = AGE};
  for (uint32_t s = 0; s < SERVERS; s++) {
    plt_checkpoint_head_t head = {.clock = STEPS, .server = s, .servers = SERVERS};
    CR_OK(plt_table_create(&ids, s, SERVERS, &tables[s]));
    for (uint32_t t = 1; t <= STEPS; t++) {
      size_t n = 0;
      for (uint64_t i = 0; i < IDS; i++) { /* ascending, up to the largest there is */
        uint64_t key = UINT64_MAX / (IDS - 1) * i + (i == IDS - 1 ? UINT64_MAX % (IDS - 1) : 0);
        if (draw(t, (uint32_t)i) % 20 != 0 || plt_shard_of(key, true, SERVERS) != s) continue;
        for (uint32_t c = 0; c < COLS; c++) gradient[n][c] = (float)(plt_rng_unit(draw(t * 8 + c, (uint32_t)i)) - 0.5);
        keys[n++] = key;
        if (t + AGE >= STEPS) is_there[i] = true;
      }
      plt_table_step(tables[s], 0.01, (plt_rows_t){keys, gradient, n});
    }
    plt_image_t *image = plt_table_image(tables[s]);
    CR_OK(plt_checkpoint_write(part_path(s), &head, &image, 1, NULL));
    plt_image_release(&image);
    CR_OK(plt_checkpoint_open(part_path(s), &parts.part[s]));
  }
  plt_ordered_t *ordered;
  size_t n, at = 0;
  CR_OK(plt_ordered_create(parts.part, SERVERS, "t", scratch_path("rows"), 3000, &ordered));
  CR_OK(plt_ordered_next(ordered, IDS, keys, values, &n));
  cr_assert_eq(n, plt_ordered_stored(ordered));
  for (uint64_t i = 0; i < IDS; i++) {
    uint64_t key = UINT64_MAX / (IDS - 1) * i + (i == IDS - 1 ? UINT64_MAX % (IDS - 1) : 0);
    if (!is_there[i]) continue;
    cr_assert_lt(at, n);
    cr_assert_eq(keys[at], key, "place %zu", at);
    plt_table_read(tables[plt_shard_of(key, true, SERVERS)], &key, 1, wanted);
    cr_assert_eq(memcmp(values + at++ * COLS, wanted, sizeof wanted), 0, "key %" PRIu64, key);
  }
  cr_assert_eq(at, n);
  cr_assert_gt(n, 50);
  cr_assert_lt(n, IDS - 50);
  plt_ordered_destroy(&ordered);
  close_parts(&parts);
  for (uint32_t s = 0; s < SERVERS; s++) plt_table_destroy(&tables[s]);
}

Test(ordered, what_does_not_fit_is_told) {
  plt_ordered_t *ordered;
  parts_t parts = make_parts(2, true);
  plt_checkpoint_part_t *twice[] = {parts.part[1], parts.part[0], parts.part[1]};
  uint64_t keys[ROWS];
  float values[ROWS * COLS];
  size_t n;
  CR_FAILED_WITH(plt_ordered_create(parts.part, 2, "u", scratch_path("rows"), 1 << 20, &ordered), PLT_ERR_CHECKPOINT,
                 "has no table u");
  CR_FAILED_WITH(plt_ordered_create(parts.part, 2, "t", scratch_path("no/rows"), 1 << 20, &ordered), PLT_ERR_CREATE,
                 "cannot create");
  CR_OK(plt_ordered_create(twice, 3, "t", scratch_path("rows"), 1 << 20, &ordered));
  CR_FAILED_WITH(plt_ordered_next(ordered, ROWS, keys, values, &n), PLT_ERR_CHECKPOINT, "is there twice");
  plt_ordered_destroy(&ordered);
  close_parts(&parts);
}
