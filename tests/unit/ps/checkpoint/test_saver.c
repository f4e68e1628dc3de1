/* A part that is written beside: whole, failed or given up. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ps/checkpoint/saver.h"
#include "tests/unit/common/scratch.h"

enum { ROWS = 60000, COLS = 16 };

TestSuite(saver, .init = scratch_make, .fini = scratch_remove);

static plt_table_t *full_table(void) {
  plt_table_spec_t spec = {
      .name = "user", .rows = ROWS, .cols = COLS, .init = {PLT_INIT_NORMAL, 1}, .seed = 1, .optimizer = "adagrad"};
  plt_table_t *table;
  float row[COLS] = {0};
  cr_assert_eq(plt_table_create(&spec, 0, 1, &table), PLT_OK);
  for (uint64_t key = 0; key < ROWS; key++) {
    row[0] = (float)key;
    plt_table_assign(table, &key, 1, row);
  }
  return table;
}

static plt_saver_report_t wait_for(plt_saver_t *saver) {
  for (int i = 0; i < 60000; i++) {
    plt_saver_report_t report = plt_saver_look(saver);
    if (report.ended) return report;
    nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
  }
  cr_assert(false, "the part is not written within a minute");
  return (plt_saver_report_t){0};
}

/* What is on disk is the table at the beginning, though it changed at once. */
Test(saver, writes_the_table_of_the_beginning) {
  plt_table_t *table = full_table(), *back;
  plt_saver_t *saver = plt_saver_create(scratch);
  plt_checkpoint_head_t head = {.clock = 7, .servers = 1};
  plt_checkpoint_part_t *part;
  char part_dir[PLT_PATH_MAX], path[PLT_PATH_MAX];
  cr_assert_eq(plt_saver_look(saver).clock, UINT64_MAX);
  cr_assert_eq(plt_manifest_part_dir(scratch, 7, part_dir), PLT_OK);
  plt_saver_begin(saver, &head, &table, 1);
  for (uint64_t key = 0; key < ROWS; key++) plt_table_assign(table, &key, 1, (float[COLS]){-1});
  plt_saver_report_t report = wait_for(saver);
  cr_assert_eq(report.status, PLT_OK, "%s", report.text);
  cr_assert_eq(report.clock, 7);
  char hash[PLT_HASH_HEX];
  uint64_t bytes;
  cr_assert_eq(plt_path_join(part_dir, report.part.file, path), PLT_OK);
  cr_assert_eq(plt_hash_file(path, hash, &bytes), PLT_OK);
  cr_assert(bytes == report.part.bytes && strcmp(hash, report.part.hash) == 0);
  cr_assert_eq(plt_table_create(plt_table_spec(table), 0, 1, &back), PLT_OK);
  cr_assert_eq(plt_checkpoint_open(path, &part), PLT_OK);
  cr_assert_eq(plt_checkpoint_restore(part, back), PLT_OK);
  plt_checkpoint_close(&part);
  for (uint64_t key = 0; key < ROWS; key++) {
    float row[COLS];
    plt_table_read(back, &key, 1, row);
    cr_assert_eq(row[0], (float)key);
  }
  plt_saver_begin(saver, &head, &table, 1); /* over what an attempt that was broken off has left */
  report = wait_for(saver);
  cr_assert_eq(report.status, PLT_OK, "%s", report.text);
  plt_table_destroy(&back);
  plt_saver_destroy(&saver);
  plt_table_destroy(&table);
}

static void fails_with(plt_saver_t *saver, plt_status_t status, const char *text) {
  plt_saver_report_t report = wait_for(saver);
  cr_assert_eq(report.status, status, "%s", report.text);
  cr_assert_not_null(strstr(report.text, text), "%s", report.text);
}

/* The failure is kept until asked for, names the file, and the next part is written. */
Test(saver, tells_of_a_failure_and_goes_on) {
  plt_table_t *table = full_table();
  plt_saver_t *saver = plt_saver_create(scratch), *nowhere = plt_saver_create(NULL);
  plt_checkpoint_head_t head = {.clock = 8, .servers = 1};
  char checkpoints[PLT_PATH_MAX];
  plt_saver_begin(nowhere, &head, &table, 1);
  fails_with(nowhere, PLT_ERR_USAGE, "no run directory");
  plt_saver_destroy(&nowhere);
  cr_assert_eq(plt_path_join(scratch, "checkpoints", checkpoints), PLT_OK);
  cr_assert_eq(plt_file_publish(checkpoints, "x", 1), PLT_OK);
  plt_saver_begin(saver, &head, &table, 1);
  fails_with(saver, PLT_ERR_IO, checkpoints);
  cr_assert_eq(plt_dir_remove(checkpoints), PLT_OK);
  head.clock = 9;
  plt_saver_begin(saver, &head, &table, 1);
  plt_saver_report_t report = wait_for(saver);
  cr_assert(report.status == PLT_OK && report.clock == 9, "%s", report.text);
  plt_saver_destroy(&saver);
  plt_table_destroy(&table);
}

/* Neither the directory that is gone nor another in its place gets anything. */
Test(saver, keeps_to_the_run_it_was_made_for) {
  plt_table_t *table = full_table();
  plt_saver_t *saver = plt_saver_create(scratch);
  plt_checkpoint_head_t head = {.clock = 8, .servers = 1};
  char aside[PLT_PATH_MAX];
  snprintf(aside, sizeof aside, "%s.aside", scratch);
  cr_assert_eq(rename(scratch, aside), 0);
  plt_saver_begin(saver, &head, &table, 1);
  fails_with(saver, PLT_ERR_IO, "removed, moved or replaced");
  cr_assert_neq(access(scratch, F_OK), 0);
  cr_assert_eq(plt_dir_create(scratch), PLT_OK);
  plt_saver_begin(saver, &head, &table, 1);
  fails_with(saver, PLT_ERR_IO, "removed, moved or replaced");
  cr_assert_eq(rmdir(scratch), 0, "something was written into it");
  cr_assert_eq(rename(aside, scratch), 0);
  plt_saver_begin(saver, &head, &table, 1);
  cr_assert_eq(wait_for(saver).status, PLT_OK);
  plt_saver_destroy(&saver);
  plt_table_destroy(&table);
}

/* A server that ends does not wait for gigabytes, and leaves no half of a file. */
Test(saver, given_up_leaves_no_file) {
  plt_table_t *table = full_table();
  char part_dir[PLT_PATH_MAX], path[PLT_PATH_MAX];
  cr_assert_eq(plt_manifest_part_dir(scratch, 1, part_dir), PLT_OK);
  cr_assert_eq(plt_path_join(part_dir, "server-0.h5", path), PLT_OK);
  for (int i = 0; i < 20; i++) {
    plt_saver_t *saver = plt_saver_create(scratch);
    plt_checkpoint_head_t head = {.clock = 1, .servers = 1};
    plt_saver_begin(saver, &head, &table, 1);
    nanosleep(&(struct timespec){.tv_nsec = i * 300 * 1000}, NULL);
    plt_saver_destroy(&saver); /* may come too late: then the file is whole */
    plt_checkpoint_part_t *part;
    if (access(path, F_OK) == 0) {
      cr_assert_eq(plt_checkpoint_open(path, &part), PLT_OK, "%s", plt_fail_text());
      plt_checkpoint_close(&part);
    }
  }
  plt_table_destroy(&table);
}
