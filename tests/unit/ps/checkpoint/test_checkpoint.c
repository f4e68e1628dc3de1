/* Parts written and restored, into other numbers of servers too; files that are cut, foreign or do not fit; disks
 * that fill up at any point. */
#include <criterion/criterion.h>
#include <hdf5.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/rng.h"
#include "ps/checkpoint/checkpoint.h"
#include "tests/unit/common/scratch.h"

enum { ROWS = 3000, COLS = 6, BIAS_COLS = 3, N_TABLES = 3 };

/* HDF5 loses its memory of a file that could not be closed. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libhdf5"; }

static plt_table_spec_t specs[N_TABLES] = {
    {.name = "user",
     .rows = ROWS,
     .cols = COLS,
     .init = {PLT_INIT_NORMAL, 0.1},
     .seed = 5,
     .optimizer = "adam",
     .settings = "beta1: 0.8\neps: 1e-7\n"},
    {.name = "bias", .rows = 1, .cols = BIAS_COLS, .init = {PLT_INIT_ZERO, 0}, .seed = 5, .optimizer = "sgd"},
    {.name = "environment", .rows = 2 * ROWS, .cols = 1, .init = {PLT_INIT_UNIFORM, 2}, .seed = 5, .frozen = true}};

typedef struct server {
  plt_table_t *tables[N_TABLES];
} server_t;

static server_t server_create(uint32_t number, uint32_t servers) {
  server_t server;
  for (int i = 0; i < N_TABLES; i++)
    cr_assert_eq(plt_table_create(&specs[i], number, servers, &server.tables[i]), PLT_OK, "%s", plt_fail_text());
  return server;
}

static void server_destroy(server_t *server) {
  for (int i = 0; i < N_TABLES; i++) plt_table_destroy(&server->tables[i]);
}

static uint32_t draw(uint32_t a, uint32_t b) { return plt_rng_draw(plt_rng_key(2, "part", 0), a, b, 0, 0).word[0]; }

/* Steps t of a run, as each server sees them: its share of the keys. */
static void train(server_t *servers, uint32_t n_servers, uint32_t from, uint32_t to) {
  static uint64_t keys[ROWS];
  static float gradient[ROWS][COLS];
  for (uint32_t t = from; t <= to; t++) {
    for (uint32_t s = 0; s < n_servers; s++) {
      size_t n = 0;
      for (uint32_t key = s; key < ROWS; key += n_servers) {
        if (draw(t, key) % 50 != 0) continue;
        for (int c = 0; c < COLS; c++) gradient[n][c] = (float)(plt_rng_unit(draw(t * 8 + (uint32_t)c, key)) - 0.5);
        keys[n++] = key;
      }
      plt_table_step(servers[s].tables[0], 0.01 / (1 + t / 40), (plt_rows_t){keys, gradient, n});
      uint64_t only = 0, label = t * 77 % (2 * ROWS);
      for (uint32_t c = 0; c < BIAS_COLS; c++) gradient[0][c] = (float)plt_rng_unit(draw(t, 100000 + c));
      plt_table_step(servers[s].tables[1], 0.1, (plt_rows_t){&only, gradient, s == 0});
      plt_table_assign(servers[s].tables[2], &label, label % n_servers == s, gradient);
    }
  }
}

static void read_all(server_t *servers, uint32_t n_servers, float *out) {
  for (int i = 0; i < N_TABLES; i++) {
    for (uint64_t key = 0; key < specs[i].rows; key++, out += specs[i].cols)
      plt_table_read(servers[key % n_servers].tables[i], &key, 1, out);
  }
}

enum { ALL = ROWS * COLS + BIAS_COLS + 2 * ROWS };

static plt_checkpoint_head_t head_of(uint32_t server, uint32_t servers) {
  plt_checkpoint_head_t head = {.job = 0xfedcba9876543210,
                                .generation = 3,
                                .clock = 90,
                                .server = server,
                                .servers = servers,
                                .progress = {.stage = 1,
                                             .begin_clock = 40,
                                             .epoch = 2,
                                             .batch = 7,
                                             .phase = 1,
                                             .epoch_closed = true,
                                             .loss_sum = 0.1,
                                             .gradients = 180,
                                             .best = 0.25,
                                             .best_epoch = 1,
                                             .best_clock = 60,
                                             .has_best = true,
                                             .bad_evals = 4,
                                             .seconds = 12.5}};
  return head;
}

static plt_status_t write_tables(const char *path, const plt_checkpoint_head_t *head, plt_table_t *const *tables,
                                 size_t n) {
  plt_image_t *images[N_TABLES] = {0};
  for (size_t i = 0; i < n; i++) images[i] = plt_table_image(tables[i]);
  plt_status_t status = plt_checkpoint_write(path, head, images, n, NULL);
  for (size_t i = 0; i < n; i++) plt_image_release(&images[i]);
  return status;
}

static void write_part(const char *path, server_t *server, uint32_t number, uint32_t servers) {
  plt_checkpoint_head_t head = head_of(number, servers);
  cr_assert_eq(write_tables(path, &head, server->tables, N_TABLES), PLT_OK, "%s", plt_fail_text());
}

TestSuite(checkpoint, .init = scratch_make, .fini = scratch_remove);

/* Three servers write, two restore and go on: the bits of a run of one server that was never interrupted. */
Test(checkpoint, another_number_of_servers_continues_with_the_same_bits) {
  static float want[ALL], got[ALL];
  server_t whole = server_create(0, 1), three[3], two[2];
  const char *names[] = {"server-0.h5", "server-1.h5", "server-2.h5"};
  train(&whole, 1, 1, 90);
  for (uint32_t s = 0; s < 3; s++) three[s] = server_create(s, 3);
  train(three, 3, 1, 90);
  for (uint32_t s = 0; s < 3; s++) write_part(scratch_path(names[s]), &three[s], s, 3);
  for (uint32_t s = 0; s < 2; s++) {
    two[s] = server_create(s, 2);
    for (int p = 0; p < 3; p++) {
      plt_checkpoint_part_t *part;
      cr_assert_eq(plt_checkpoint_open(scratch_path(names[p]), &part), PLT_OK, "%s", plt_fail_text());
      for (int i = 0; i < N_TABLES; i++)
        cr_assert_eq(plt_checkpoint_restore(part, two[s].tables[i]), PLT_OK, "%s", plt_fail_text());
      plt_checkpoint_close(&part);
    }
  }
  for (int later = 0; later < 2; later++) {
    read_all(&whole, 1, want);
    read_all(two, 2, got);
    cr_assert_arr_eq(want, got, sizeof want);
    train(&whole, 1, 91, 150);
    train(two, 2, 91, 150);
  }
  server_destroy(&whole);
  for (uint32_t s = 0; s < 3; s++) server_destroy(&three[s]);
  for (uint32_t s = 0; s < 2; s++) server_destroy(&two[s]);
}

Test(checkpoint, head_and_specs_come_back) {
  server_t servers[2] = {server_create(0, 2), server_create(1, 2)};
  plt_checkpoint_head_t want = head_of(0, 2);
  plt_checkpoint_part_t *part;
  train(servers, 2, 1, 20);
  write_part(scratch_path("a.h5"), &servers[0], 0, 2);
  cr_assert_eq(plt_checkpoint_open(scratch_path("a.h5"), &part), PLT_OK, "%s", plt_fail_text());
  const plt_checkpoint_head_t *head = plt_checkpoint_head(part);
  cr_assert(head->job == want.job && head->generation == 3 && head->clock == 90 && head->servers == 2);
  const plt_progress_t *p = &head->progress;
  cr_assert(p->stage == 1 && p->begin_clock == 40 && p->epoch == 2 && p->batch == 7 && p->phase == 1 &&
            p->epoch_closed && !p->finished);
  cr_assert(p->loss_sum == 0.1 && p->gradients == 180 && p->best == 0.25 && p->best_epoch == 1);
  cr_assert(p->best_clock == 60 && p->has_best && p->bad_evals == 4 && p->seconds == 12.5);
  cr_assert_eq(plt_checkpoint_tables(part), N_TABLES);
  for (size_t i = 0; i < N_TABLES; i++) {
    plt_table_spec_t spec;
    uint64_t t, stored;
    cr_assert_eq(plt_checkpoint_table(part, i, &spec, &t, &stored), PLT_OK);
    cr_assert(plt_table_spec_equal(&spec, &specs[i]), "table %zu in the order of declaration", i);
    cr_assert_eq(t, i == 2 ? 0 : 20);
    cr_assert_eq(stored, plt_table_stored(servers[0].tables[i]));
  }
  plt_table_spec_t spec;
  uint64_t t, stored;
  cr_assert_eq(plt_checkpoint_table(part, N_TABLES, &spec, &t, &stored), PLT_ERR_CHECKPOINT);
  plt_checkpoint_close(&part);
  plt_checkpoint_close(&part);
  server_destroy(&servers[0]);
  server_destroy(&servers[1]);
}

/* Rows that nobody stored are born of the salt of the last RESET, before and after a restart. */
Test(checkpoint, a_reset_comes_back) {
  server_t server = server_create(0, 1), back = server_create(0, 1);
  static float want[ALL], got[ALL];
  plt_checkpoint_part_t *part;
  train(&server, 1, 1, 20);
  plt_table_reset(server.tables[0], 7);
  train(&server, 1, 21, 25);
  write_part(scratch_path("a.h5"), &server, 0, 1);
  cr_assert_eq(plt_checkpoint_open(scratch_path("a.h5"), &part), PLT_OK, "%s", plt_fail_text());
  for (int i = 0; i < N_TABLES; i++) cr_assert_eq(plt_checkpoint_restore(part, back.tables[i]), PLT_OK);
  plt_checkpoint_close(&part);
  cr_assert(plt_table_state(back.tables[0]).salt == 7 && plt_table_state(back.tables[0]).t == 5);
  for (int later = 0; later < 2; later++) {
    read_all(&server, 1, want);
    read_all(&back, 1, got);
    cr_assert_arr_eq(want, got, sizeof want);
    train(&server, 1, 26, 60);
    train(&back, 1, 26, 60);
  }
  server_destroy(&server);
  server_destroy(&back);
}

static const char *const since_3[] = {"sparse", "admit_pushes", "admit_share", "max_age", "max_rows"};

/* As plateau wrote it before there were procedures: no begin_clock; and before sparse keys. */
Test(checkpoint, formats_1_and_2_are_read_and_a_later_one_refused) {
  server_t server = server_create(0, 1);
  plt_checkpoint_part_t *part;
  train(&server, 1, 1, 20);
  for (uint32_t format = 0; format < 5; format++) {
    write_part(scratch_path("a.h5"), &server, 0, 1);
    hid_t file = H5Fopen(scratch_path("a.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
    hid_t attribute = H5Aopen(file, "format", H5P_DEFAULT);
    cr_assert(H5Awrite(attribute, H5T_NATIVE_UINT32, &format) >= 0);
    H5Aclose(attribute);
    if (format < 2) cr_assert(H5Adelete_by_name(file, "progress", "begin_clock", H5P_DEFAULT) >= 0);
    for (size_t i = 0; i < 5 && format < 3; i++)
      cr_assert(H5Adelete_by_name(file, "tables/user", since_3[i], H5P_DEFAULT) >= 0);
    cr_assert(H5Fclose(file) >= 0);
    plt_status_t status = plt_checkpoint_open(scratch_path("a.h5"), &part);
    cr_assert_eq(status, format >= 1 && format <= 3 ? PLT_OK : PLT_ERR_CHECKPOINT, "%u", format);
    if (status == PLT_OK) {
      const plt_progress_t *p = &plt_checkpoint_head(part)->progress;
      cr_assert(p->begin_clock == (format == 1 ? 0 : 40) && p->epoch == 2 && p->seconds == 12.5);
      plt_checkpoint_close(&part);
    } else {
      cr_assert_not_null(strstr(plt_fail_text(), "reads 1 to 3"), "%s", plt_fail_text());
    }
    unlink(scratch_path("a.h5"));
  }
  server_destroy(&server);
}

Test(checkpoint, empty_tables_and_more_than_a_block_of_rows) {
  plt_table_spec_t spec = {
      .name = "wide", .rows = 20000, .cols = 100, .init = {PLT_INIT_NORMAL, 1}, .seed = 1, .optimizer = "adagrad"};
  plt_table_t *tables[1], *copy;
  plt_checkpoint_head_t head = head_of(1, 2);
  plt_checkpoint_part_t *part;
  static float value[100], back[100];
  cr_assert_eq(plt_table_create(&spec, 1, 2, &tables[0]), PLT_OK);
  for (int round = 0; round < 2; round++) {
    const char *path = scratch_path(round == 0 ? "empty.h5" : "full.h5");
    cr_assert_eq(write_tables(path, &head, tables, 1), PLT_OK, "%s", plt_fail_text());
    cr_assert_eq(plt_checkpoint_open(path, &part), PLT_OK, "%s", plt_fail_text());
    cr_assert_eq(plt_table_create(&spec, 1, 2, &copy), PLT_OK);
    cr_assert_eq(plt_checkpoint_restore(part, copy), PLT_OK, "%s", plt_fail_text());
    cr_assert_eq(plt_table_stored(copy), round * 10000);
    for (uint64_t key = 1; key < 20000; key += 2) {
      plt_table_read(tables[0], &key, 1, value);
      plt_table_read(copy, &key, 1, back);
      cr_assert_arr_eq(value, back, sizeof value);
      value[key % 100] = (float)key;
      plt_table_assign(tables[0], &key, 1, value);
    }
    plt_table_destroy(&copy);
    plt_checkpoint_close(&part);
  }
  plt_table_destroy(&tables[0]);
}

/* Rows of 8 bytes in every column: one less than a chunk holds, as many, one more. */
Test(checkpoint, as_many_rows_as_a_chunk_holds) {
  enum { CHUNK_ROWS = 32768 };
  plt_table_spec_t spec = {
      .name = "pairs", .rows = CHUNK_ROWS + 1, .cols = 2, .init = {PLT_INIT_ZERO, 0}, .optimizer = "adagrad"};
  plt_checkpoint_head_t head = head_of(0, 1);
  for (uint64_t n = CHUNK_ROWS - 1; n <= CHUNK_ROWS + 1; n++) {
    plt_table_t *tables[1], *copy;
    plt_checkpoint_part_t *part;
    char name[32];
    snprintf(name, sizeof name, "%d.h5", (int)n);
    cr_assert_eq(plt_table_create(&spec, 0, 1, &tables[0]), PLT_OK);
    for (uint64_t key = 0; key < n; key++) plt_table_assign(tables[0], &key, 1, (float[]){(float)key, -(float)key});
    cr_assert_eq(write_tables(scratch_path(name), &head, tables, 1), PLT_OK, "%d rows: %s", (int)n, plt_fail_text());
    cr_assert_eq(plt_checkpoint_open(scratch_path(name), &part), PLT_OK, "%d rows: %s", (int)n, plt_fail_text());
    cr_assert_eq(plt_table_create(&spec, 0, 1, &copy), PLT_OK);
    cr_assert_eq(plt_checkpoint_restore(part, copy), PLT_OK, "%d rows: %s", (int)n, plt_fail_text());
    cr_assert_eq(plt_table_stored(copy), n);
    for (uint64_t key = 0; key < n; key++) {
      float row[2];
      plt_table_read(copy, &key, 1, row);
      cr_assert(row[0] == (float)key && row[1] == -(float)key, "%d rows: row %d", (int)n, (int)key);
    }
    plt_checkpoint_close(&part);
    plt_table_destroy(&copy);
    plt_table_destroy(&tables[0]);
  }
}

Test(checkpoint, an_existing_file_is_not_touched) {
  server_t server = server_create(0, 1);
  plt_checkpoint_head_t head = head_of(0, 1);
  FILE *file = fopen(scratch_path("a.h5"), "w");
  fputs("mine", file);
  fclose(file);
  cr_assert_eq(write_tables(scratch_path("a.h5"), &head, server.tables, N_TABLES), PLT_ERR_IO);
  struct stat info;
  cr_assert(stat(scratch_path("a.h5"), &info) == 0 && info.st_size == 4);
  cr_assert_eq(write_tables(scratch_path("no/a.h5"), &head, server.tables, N_TABLES), PLT_ERR_IO);
  cr_assert_not_null(strstr(plt_fail_text(), "No such file"), "%s", plt_fail_text());
  server_destroy(&server);
}

Test(checkpoint, cut_and_foreign_files_are_refused) {
  server_t server = server_create(0, 1);
  plt_checkpoint_part_t *part = NULL;
  struct stat info;
  train(&server, 1, 1, 5);
  write_part(scratch_path("a.h5"), &server, 0, 1);
  cr_assert_eq(stat(scratch_path("a.h5"), &info), 0);
  for (off_t size = info.st_size - 1; size > 0; size -= 1 + size / 3) {
    cr_assert_eq(truncate(scratch_path("a.h5"), size), 0);
    cr_assert_eq(plt_checkpoint_open(scratch_path("a.h5"), &part), PLT_ERR_CHECKPOINT);
    cr_assert_not_null(strstr(plt_fail_text(), "a.h5"));
  }
  cr_assert_eq(plt_checkpoint_open(scratch_path("none.h5"), &part), PLT_ERR_CHECKPOINT);
  hid_t file = H5Fcreate(scratch_path("b.h5"), H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(file);
  cr_assert_eq(plt_checkpoint_open(scratch_path("b.h5"), &part), PLT_ERR_CHECKPOINT);
  cr_assert_null(part);
  server_destroy(&server);
}

/* A table of no row and so many columns. */
static void set_cols(hid_t group, uint32_t cols) {
  const char *names[] = {"keys", "last", "value", "state"};
  const hsize_t size[] = {0, cols};
  for (int i = 0; i < 4; i++) {
    cr_assert_geq(H5Ldelete(group, names[i], H5P_DEFAULT), 0);
    hid_t space = H5Screate_simple(i < 2 ? 1 : 2, size, NULL);
    H5Dclose(H5Dcreate2(group, names[i], i < 2 ? H5T_NATIVE_UINT64 : H5T_NATIVE_FLOAT, space, H5P_DEFAULT, H5P_DEFAULT,
                        H5P_DEFAULT));
    H5Sclose(space);
  }
  hid_t attribute = H5Aopen(group, "cols", H5P_DEFAULT);
  H5Awrite(attribute, H5T_NATIVE_UINT32, &cols);
  H5Aclose(attribute);
}

/* Files whose attributes or shapes were changed by hand. */
Test(checkpoint, inconsistent_files_are_refused) {
  server_t server = server_create(0, 1);
  plt_checkpoint_part_t *part = NULL;
  train(&server, 1, 1, 5);
  for (int fault = 0; fault < 7; fault++) {
    write_part(scratch_path("a.h5"), &server, 0, 1);
    hid_t file = H5Fopen(scratch_path("a.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
    hid_t group = H5Gopen2(file, "tables/user", H5P_DEFAULT), attribute, space;
    uint64_t few = 2;
    uint32_t narrow = COLS - 1;
    hsize_t three = 3;
    switch (fault) {
      case 0: H5Adelete(group, "t"); break;
      case 1:
        attribute = H5Aopen(group, "rows", H5P_DEFAULT);
        H5Awrite(attribute, H5T_NATIVE_UINT64, &few);
        H5Aclose(attribute);
        break;
      case 2:
        attribute = H5Aopen(group, "cols", H5P_DEFAULT);
        H5Awrite(attribute, H5T_NATIVE_UINT32, &narrow);
        H5Aclose(attribute);
        break;
      case 3:
        H5Adelete(group, "seed");
        space = H5Screate_simple(1, &three, NULL);
        attribute = H5Acreate2(group, "seed", H5T_NATIVE_UINT64, space, H5P_DEFAULT, H5P_DEFAULT);
        H5Aclose(attribute);
        H5Sclose(space);
        break;
      case 4: H5Ldelete(group, "last", H5P_DEFAULT); break;
      default: set_cols(group, fault == 5 ? 0 : PLT_TABLE_COLS_MAX + 1); break;
    }
    H5Gclose(group);
    H5Fclose(file);
    cr_assert_eq(plt_checkpoint_open(scratch_path("a.h5"), &part), PLT_ERR_CHECKPOINT, "fault %d", fault);
    cr_assert_eq(unlink(scratch_path("a.h5")), 0);
  }
  server_destroy(&server);
}

Test(checkpoint, steps_and_keys_out_of_range_are_refused) {
  server_t server = server_create(0, 1);
  train(&server, 1, 1, 5);
  for (int fault = 0; fault < 3; fault++) {
    const char *names[] = {"tables/user/keys", "tables/user/last", "tables/user/eta_first"};
    plt_checkpoint_part_t *part;
    plt_table_t *table;
    static uint64_t values[ROWS];
    memset(values, 0xff, sizeof values);
    write_part(scratch_path("a.h5"), &server, 0, 1);
    hid_t file = H5Fopen(scratch_path("a.h5"), H5F_ACC_RDWR, H5P_DEFAULT),
          data = H5Dopen2(file, names[fault], H5P_DEFAULT);
    cr_assert_geq(H5Dwrite(data, H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), 0);
    H5Dclose(data);
    H5Fclose(file);
    cr_assert_eq(plt_checkpoint_open(scratch_path("a.h5"), &part), PLT_OK, "%s", plt_fail_text());
    cr_assert_eq(plt_table_create(&specs[0], 0, 1, &table), PLT_OK);
    cr_assert_eq(plt_checkpoint_restore(part, table), PLT_ERR_CHECKPOINT);
    plt_table_destroy(&table);
    plt_checkpoint_close(&part);
    cr_assert_eq(unlink(scratch_path("a.h5")), 0);
  }
  server_destroy(&server);
}

Test(checkpoint, tables_that_do_not_fit_are_refused) {
  server_t server = server_create(0, 1);
  plt_checkpoint_part_t *part;
  train(&server, 1, 1, 5);
  write_part(scratch_path("a.h5"), &server, 0, 1);
  cr_assert_eq(plt_checkpoint_open(scratch_path("a.h5"), &part), PLT_OK);
  for (int fault = 0; fault < 5; fault++) {
    plt_table_spec_t spec = specs[0];
    plt_table_t *table;
    if (fault == 0) spec.rows++;
    if (fault == 1) spec.cols++;
    if (fault == 2) strcpy(spec.optimizer, "lazy_adam");
    if (fault == 3) strcpy(spec.name, "item");
    cr_assert_eq(plt_table_create(&spec, 0, 1, &table), PLT_OK);
    if (fault == 4) plt_table_step(table, 0.1, (plt_rows_t){0}); /* stands at another step */
    cr_assert_eq(plt_checkpoint_restore(part, table), PLT_ERR_CHECKPOINT, "fault %d", fault);
    cr_assert_not_null(strstr(plt_fail_text(), spec.name));
    plt_table_destroy(&table);
  }
  plt_checkpoint_close(&part);
  server_destroy(&server);
}

/* Wherever the limit cuts a write off, it is noticed, and the file is gone. */
Test(checkpoint, a_limit_on_the_file_size_is_noticed_at_every_size) {
  server_t server = server_create(0, 1);
  plt_checkpoint_head_t head = head_of(0, 1);
  struct rlimit limit;
  struct stat info;
  train(&server, 1, 1, 3);
  write_part(scratch_path("a.h5"), &server, 0, 1);
  cr_assert_eq(stat(scratch_path("a.h5"), &info), 0);
  signal(SIGXFSZ, SIG_IGN);
  getrlimit(RLIMIT_FSIZE, &limit);
  for (off_t size = 0; size < info.st_size; size += size < info.st_size - 40 ? 1 + info.st_size / 300 : 1) {
    limit.rlim_cur = (rlim_t)size;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    plt_status_t status = write_tables(scratch_path("b.h5"), &head, server.tables, N_TABLES);
    bool gone = access(scratch_path("b.h5"), F_OK) != 0;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_FSIZE, &limit);
    cr_assert(status == PLT_ERR_IO, "limit %ld of %ld: %s", (long)size, (long)info.st_size, plt_fail_text());
    cr_assert(gone);
  }
  write_part(scratch_path("b.h5"), &server, 0, 1); /* HDF5 works on */
  server_destroy(&server);
}

/* Needs root: a file system of a few pages. */
Test(checkpoint, a_full_disk_is_noticed_at_every_size) {
  server_t server = server_create(0, 1);
  plt_checkpoint_head_t head = head_of(0, 1);
  struct stat info;
  bool full = false;
  train(&server, 1, 1, 3);
  write_part(scratch_path("a.h5"), &server, 0, 1);
  cr_assert_eq(stat(scratch_path("a.h5"), &info), 0);
  cr_assert_eq(mkdir(scratch_path("disk"), 0700), 0);
  for (long pages = 1; pages < (info.st_size + 4095) / 4096; pages++) {
    char options[32];
    snprintf(options, sizeof options, "size=%ld", pages * 4096);
    if (mount("tmpfs", scratch_path("disk"), "tmpfs", 0, options) != 0) {
      full = true; /* not root: the limit above has to do */
      break;
    }
    plt_status_t status = write_tables(scratch_path("disk/b.h5"), &head, server.tables, N_TABLES);
    bool gone = access(scratch_path("disk/b.h5"), F_OK) != 0;
    int closed = umount2(scratch_path("disk"), 0);
    if (closed != 0) umount2(scratch_path("disk"), MNT_DETACH);
    cr_assert_eq(closed, 0, "%ld pages: the failed file is still open", pages);
    cr_assert(status == PLT_ERR_SPACE || status == PLT_ERR_IO, "%ld pages: %d", pages, status);
    cr_assert(gone);
    if (status == PLT_ERR_SPACE) full = true;
  }
  cr_assert(full, "%s", plt_fail_text());
  server_destroy(&server);
}
