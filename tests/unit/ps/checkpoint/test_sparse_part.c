/* Parts of a table with sparse keys: written by two servers, read by three; counts and files that cannot be. */
#include <criterion/criterion.h>
#include <hdf5.h>
#include <stdlib.h>
#include <string.h>

#include "common/rng.h"
#include "proto/shard.h"
#include "ps/checkpoint/checkpoint.h"
#include "tests/unit/common/scratch.h"

enum { IDS = 3000, COLS = 6, TO = 3 };

static char path[2][PLT_PATH_MAX];

static void make_paths(void) {
  scratch_make();
  for (int s = 0; s < 2; s++) strcpy(path[s], scratch_path(s == 0 ? "0.h5" : "1.h5"));
}

TestSuite(sparse_part, .init = make_paths, .fini = scratch_remove);

static uint32_t draw(uint32_t a, uint32_t b) { return plt_rng_draw(plt_rng_key(2, "part", 0), a, b, 0, 0).word[0]; }

static uint64_t id_of(uint32_t i) { return (UINT64_MAX / IDS) * i + 3; }

static const plt_table_spec_t spec = {.name = "ids",
                                      .cols = COLS,
                                      .init = {PLT_INIT_NORMAL, 0.1},
                                      .seed = 5,
                                      .optimizer = "adam",
                                      .sparse = {.declared = true, .admit_pushes = 3, .max_age = 50}};

static void push(plt_table_t *table, uint32_t number, uint32_t servers, uint32_t t) {
  static uint64_t keys[IDS];
  static float gradient[IDS][COLS];
  size_t n = 0;
  for (uint32_t i = 0; i < IDS; i++) {
    if (plt_shard_of(id_of(i), true, servers) != number || draw(t, i) % 3 != 0) continue;
    for (int c = 0; c < COLS; c++) gradient[n][c] = (float)(plt_rng_unit(draw(t * 8 + (uint32_t)c, i)) - 0.5);
    keys[n++] = id_of(i);
  }
  plt_table_step(table, 0.01, (plt_rows_t){keys, gradient, n});
}

static void expect_same(plt_table_t *const *a, uint32_t a_servers, plt_table_t *const *b, uint32_t b_servers) {
  for (uint32_t i = 0; i < IDS; i++) {
    uint64_t key = id_of(i);
    plt_table_t *x = a[plt_shard_of(key, true, a_servers)], *y = b[plt_shard_of(key, true, b_servers)];
    float want[COLS], got[COLS];
    plt_table_read(x, &key, 1, want);
    plt_table_read(y, &key, 1, got);
    cr_assert_arr_eq(want, got, sizeof want, "key %llu", (unsigned long long)key);
    cr_assert_eq(plt_table_missing(x, &key, 1), plt_table_missing(y, &key, 1));
  }
}

static void create(const plt_table_spec_t *of, uint32_t servers, plt_table_t **tables) {
  for (uint32_t s = 0; s < servers; s++)
    cr_assert_eq(plt_table_create(of, s, servers, &tables[s]), PLT_OK, "%s", plt_fail_text());
}

static void destroy(uint32_t servers, plt_table_t **tables) {
  for (uint32_t s = 0; s < servers; s++) plt_table_destroy(&tables[s]);
}

/* The parts of two servers as they are after five steps; the tables go on meanwhile, and are after six. */
static void write_parts(plt_table_t **from) {
  create(&spec, 2, from);
  for (uint32_t s = 0; s < 2; s++) {
    plt_checkpoint_head_t head = {.job = 1, .clock = 5, .server = s, .servers = 2};
    for (uint32_t t = 1; t <= 5; t++) push(from[s], s, 2, t);
    plt_image_t *image = plt_table_image(from[s]);
    cr_assert_gt(plt_image_rows(plt_image_counted(image)), IDS / 8);
    cr_assert_gt(plt_image_rows(image), IDS / 16);
    push(from[s], s, 2, 6);
    cr_assert_eq(plt_checkpoint_write(path[s], &head, &image, 1, NULL), PLT_OK, "%s", plt_fail_text());
    plt_image_release(&image);
  }
}

Test(sparse_part, other_servers_go_on_with_rows_and_counts) {
  plt_table_t *from[2], *to[TO];
  plt_checkpoint_part_t *part;
  write_parts(from);
  create(&spec, TO, to);
  for (uint32_t p = 0; p < 2; p++) {
    cr_assert_eq(plt_checkpoint_open(path[p], &part), PLT_OK, "%s", plt_fail_text());
    for (uint32_t s = 0; s < TO; s++) cr_assert_eq(plt_checkpoint_restore(part, to[s]), PLT_OK, "%s", plt_fail_text());
    plt_checkpoint_close(&part);
  }
  for (uint32_t t = 6; t <= 70; t++) {
    for (uint32_t s = 0; s < TO; s++) push(to[s], s, TO, t);
    for (uint32_t s = 0; s < 2 && t > 6; s++) push(from[s], s, 2, t);
    if (t < 9 || t == 70) expect_same(from, 2, to, TO);
  }
  destroy(2, from);
  destroy(TO, to);
}

static void expect_refused(const plt_table_spec_t *of, const char *text) {
  plt_checkpoint_part_t *part;
  plt_table_t *table;
  create(of, 1, &table);
  cr_assert_eq(plt_checkpoint_open(path[0], &part), PLT_OK, "%s", plt_fail_text());
  cr_assert_eq(plt_checkpoint_restore(part, table), PLT_ERR_CHECKPOINT);
  cr_assert_not_null(strstr(plt_fail_text(), text), "%s", plt_fail_text());
  plt_checkpoint_close(&part);
  plt_table_destroy(&table);
}

Test(sparse_part, what_does_not_fit_is_refused) {
  static const float none[IDS];
  plt_table_t *from[2];
  plt_table_spec_t numbered = spec;
  write_parts(from);
  destroy(2, from);
  numbered.sparse = (plt_sparse_keys_t){0};
  numbered.rows = IDS;
  expect_refused(&numbered, "sparse keys there");
  hid_t file = H5Fopen(path[0], H5F_ACC_RDWR, H5P_DEFAULT);
  hid_t data = H5Dopen2(file, "tables/ids/counted/value", H5P_DEFAULT);
  cr_assert_geq(H5Dwrite(data, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, none), 0);
  H5Dclose(data);
  H5Fclose(file);
  expect_refused(&spec, "no numbers of pushes");
  file = H5Fopen(path[0], H5F_ACC_RDWR, H5P_DEFAULT);
  cr_assert_geq(H5Ldelete(file, "tables/ids/counted/last", H5P_DEFAULT), 0);
  H5Fclose(file);
  expect_refused(&spec, "last");
}
