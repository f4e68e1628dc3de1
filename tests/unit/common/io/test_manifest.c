#include "common/io/manifest.h"

#include <unistd.h>

#include "tests/unit/common/scratch.h"

TestSuite(manifest, .init = scratch_make, .fini = scratch_remove);

/* Two parts with contents that depend on the clock and on `content`, published. */
static void publish(uint64_t clock, const char *content, bool is_best) {
  char dir[PLT_PATH_MAX], path[PLT_PATH_MAX], text[64];
  plt_manifest_part_t parts[2];
  CR_OK(plt_manifest_make_part(scratch, clock, dir));
  for (int i = 0; i < 2; i++) {
    snprintf(parts[i].file, sizeof parts[i].file, "server-%d.h5", i);
    CR_OK(plt_path_join(dir, parts[i].file, path));
    int n = snprintf(text, sizeof text, "%s of server %d at clock %llu", content, i, (unsigned long long)clock);
    CR_OK(plt_file_publish(path, text, (size_t)n));
    CR_OK(plt_hash_file(path, parts[i].hash, &parts[i].bytes));
  }
  plt_manifest_t manifest = {.clock = clock,
                             .job = UINT64_MAX - 1,
                             .generation = 3,
                             .epoch = 2,
                             .products = "oneDNN 2.6.3 for AVX2",
                             .parts = parts,
                             .n_parts = 2};
  CR_OK(plt_manifest_publish(scratch, &manifest, is_best));
}

static bool exists(const char *name) { return plt_path_exists(scratch_path(name)); }

/* The clock of a checkpoint that must load. */
static uint64_t clock_of(const char *name) {
  plt_manifest_t manifest;
  char dir[PLT_PATH_MAX];
  CR_OK(plt_manifest_load(scratch, name, &manifest, dir));
  uint64_t clock = manifest.clock;
  plt_manifest_clear(&manifest);
  return clock;
}

static void expect_damaged(const char *name, const char *cause) {
  plt_manifest_t manifest = {0};
  char dir[PLT_PATH_MAX];
  CR_FAILED_WITH(plt_manifest_load(scratch, name, &manifest, dir), PLT_ERR_CHECKPOINT, cause);
  cr_assert_null(manifest.parts);
}

static void flip(const char *name, long offset) {
  FILE *file = fopen(scratch_path(name), "r+b");
  cr_assert_not_null(file);
  fseek(file, offset, SEEK_SET);
  int c = fgetc(file);
  fseek(file, offset, SEEK_SET);
  fputc(c ^ 1, file);
  fclose(file);
}

Test(manifest, publish_and_load) {
  plt_manifest_t manifest;
  char dir[PLT_PATH_MAX];
  publish(12, "rows", true);
  CR_OK(plt_manifest_load(scratch, "last", &manifest, dir));
  cr_assert_str_eq(dir, scratch_path("checkpoints/12"));
  cr_assert_eq(manifest.clock, 12);
  cr_assert_eq(manifest.job, UINT64_MAX - 1);
  cr_assert_eq(manifest.generation, 3);
  cr_assert_eq(manifest.epoch, 2);
  cr_assert_str_eq(manifest.products, "oneDNN 2.6.3 for AVX2");
  cr_assert_eq(manifest.n_parts, 2);
  cr_assert_str_eq(manifest.parts[1].file, "server-1.h5");
  plt_manifest_clear(&manifest);
  cr_assert_not(exists("checkpoints/12.part"));
  publish(20, "rows", false);
  cr_assert_eq(clock_of("last"), 20);
  cr_assert_eq(clock_of("best"), 12);
  cr_assert_eq(clock_of("12"), 12);
  expect_damaged("13", "checkpoints/13: there is no such checkpoint");
}

/* As the first versions wrote it, byte by byte. */
Test(manifest, old_ones_load) {
  static const char text[] =
      "{\"format\": 1, \"clock\": 1, \"job\": \"04b113048ef17687\", \"generation\": 0, \"epoch\": 1, \"files\": "
      "[\"server-0.h5\"], \"bytes\": [28226], \"xxh3_128\": [\"db7341bae48009b54b37ffe688bbdaa3\"], \"check\": "
      "\"59b708112e6616d4\"}";
  plt_manifest_t manifest;
  char dir[PLT_PATH_MAX];
  CR_OK(plt_dir_create(scratch_path("checkpoints/1")));
  scratch_write_text("checkpoints/1/manifest.json", text);
  scratch_write_text("checkpoints/1/server-0.h5", "");
  cr_assert_eq(truncate(scratch_path("checkpoints/1/server-0.h5"), 28226), 0);
  CR_OK(plt_manifest_load_verified(scratch, "1", &manifest, dir));
  cr_assert_eq(manifest.job, 0x04b113048ef17687);
  cr_assert_str_empty(manifest.products, "of one that does not say it");
  cr_assert_eq(manifest.parts[0].bytes, 28226);
  cr_assert_str_eq(manifest.parts[0].hash, "db7341bae48009b54b37ffe688bbdaa3");
  plt_manifest_clear(&manifest);
}

/* The servers of a run make it together, and none of them its run. */
Test(manifest, a_part_dir_is_made_once_and_only_in_its_run) {
  char dir[PLT_PATH_MAX], run[PLT_PATH_MAX];
  CR_OK(plt_manifest_make_part(scratch, 5, dir));
  scratch_write_text("checkpoints/5.part/server-1.h5", "x");
  CR_OK(plt_manifest_make_part(scratch, 5, dir));
  cr_assert(exists("checkpoints/5.part/server-1.h5"));
  CR_OK(plt_path_join(scratch, "gone", run));
  CR_FAILED_WITH(plt_manifest_make_part(run, 5, dir), PLT_ERR_IO, "gone/checkpoints: cannot create directory");
  cr_assert_not(exists("gone"));
}

Test(manifest, publish_checks_the_parts) {
  char dir[PLT_PATH_MAX];
  plt_manifest_part_t part = {.file = "server-0.h5", .bytes = 3};
  plt_manifest_t manifest = {.clock = 1, .parts = &part, .n_parts = 1};
  CR_OK(plt_manifest_make_part(scratch, 1, dir));
  CR_FAILED_WITH(plt_manifest_publish(scratch, &manifest, false), PLT_ERR_IO, "missing");
  scratch_write_text("checkpoints/1.part/server-0.h5", "toolong");
  CR_FAILED_WITH(plt_manifest_publish(scratch, &manifest, false), PLT_ERR_CHECKPOINT, "has 7 bytes");
  cr_assert_not(exists("checkpoints/1"));
}

Test(manifest, publish_keeps_to_its_directory) {
  static const char *const names[] = {"../server-0.h5", "/etc/hostname", "..", ".", "", ".hidden", "a/b"};
  char dir[PLT_PATH_MAX];
  CR_OK(plt_manifest_make_part(scratch, 1, dir));
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    plt_manifest_part_t part = {0};
    plt_manifest_t manifest = {.clock = 1, .parts = &part, .n_parts = 1};
    strcpy(part.file, names[i]);
    CR_FAILED_WITH(plt_manifest_publish(scratch, &manifest, false), PLT_ERR_CHECKPOINT, "is no name for a file");
  }
}

Test(manifest, links_lead_to_clocks_only) {
  publish(1, "rows", true);
  cr_assert_eq(rename(scratch_path("checkpoints/1"), scratch_path("elsewhere")), 0);
  static const char *const targets[] = {"../elsewhere", "/tmp", ".", "..", "01"};
  for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
    unlink(scratch_path("checkpoints/01"));
    cr_assert_eq(symlink("../elsewhere", scratch_path("checkpoints/01")), 0);
    cr_assert_eq(unlink(scratch_path("checkpoints/last")), 0);
    cr_assert_eq(symlink(targets[i], scratch_path("checkpoints/last")), 0);
    expect_damaged("last", "should name a checkpoint beside it");
  }
  /* A checkpoint that a person moved to another disk is one still. */
  cr_assert_eq(symlink("../elsewhere", scratch_path("checkpoints/1")), 0);
  cr_assert_eq(clock_of("1"), 1);
}

Test(manifest, replaces_the_same_clock) {
  char *text;
  publish(7, "first", true);
  publish(7, "second", false);
  cr_assert_eq(clock_of("7"), 7);
  cr_assert_eq(clock_of("best"), 7);
  CR_OK(plt_file_read(scratch_path("checkpoints/7/server-0.h5"), 100, &text, NULL));
  cr_assert_str_eq(text, "second of server 0 at clock 7");
  free(text);
  cr_assert_not(exists("checkpoints/7.part"));
}

Test(manifest, damage_is_seen) {
  for (uint64_t clock = 1; clock <= 6; clock++) publish(clock, "rows", false);
  cr_assert_eq(truncate(scratch_path("checkpoints/1/server-1.h5"), 5), 0);
  expect_damaged("1", "1/server-1.h5: has 5 bytes, the manifest says 27");
  flip("checkpoints/2/server-0.h5", 3);
  expect_damaged("2", "2/server-0.h5: damaged: its xxh3-128 is");
  cr_assert_eq(unlink(scratch_path("checkpoints/3/server-0.h5")), 0);
  expect_damaged("3", "3/server-0.h5: part of the checkpoint is missing");
  cr_assert_eq(unlink(scratch_path("checkpoints/4/manifest.json")), 0);
  expect_damaged("4", "4/manifest.json: cannot open");
  cr_assert_eq(rename(scratch_path("checkpoints/5"), scratch_path("checkpoints/50")), 0);
  expect_damaged("50", "its manifest is of clock 5");
  cr_assert_eq(clock_of("6"), 6);
}

Test(manifest, every_flipped_byte_of_the_manifest_is_seen) {
  char *text;
  size_t n;
  publish(1, "rows", false);
  CR_OK(plt_file_read(scratch_path("checkpoints/1/manifest.json"), 4096, &text, &n));
  free(text);
  for (size_t i = 0; i < n; i++) {
    flip("checkpoints/1/manifest.json", (long)i);
    expect_damaged("1", "manifest.json: damaged");
    flip("checkpoints/1/manifest.json", (long)i);
  }
  for (size_t cut = n; cut-- > 0;) {
    cr_assert_eq(truncate(scratch_path("checkpoints/1/manifest.json"), (off_t)cut), 0);
    expect_damaged("1", "manifest.json: damaged");
  }
}

Test(manifest, newest_passes_over_damage) {
  plt_manifest_t manifest;
  char dir[PLT_PATH_MAX];
  bool none = false;
  CR_FAILED_WITH(plt_manifest_newest(scratch, &manifest, dir, &none), PLT_ERR_CHECKPOINT, "has no checkpoint");
  cr_assert(none);
  publish(9, "rows", false);
  publish(10, "rows", false);
  publish(100, "rows", false);
  flip("checkpoints/100/server-0.h5", 0);
  CR_OK(plt_manifest_make_part(scratch, 200, dir));
  CR_OK(plt_manifest_newest(scratch, &manifest, dir, &none));
  cr_assert_eq(manifest.clock, 10);
  cr_assert_str_eq(dir, scratch_path("checkpoints/10"));
  cr_assert_not(none);
  plt_manifest_clear(&manifest);
  flip("checkpoints/9/server-0.h5", 0);
  flip("checkpoints/10/server-0.h5", 0);
  CR_FAILED_WITH(plt_manifest_newest(scratch, &manifest, dir, &none), PLT_ERR_CHECKPOINT, "no checkpoint is undamaged");
  cr_assert_not(none);
}

Test(manifest, prune_keeps_the_newest_and_what_links_name) {
  CR_OK(plt_manifest_prune(scratch, 1));
  char dir[PLT_PATH_MAX];
  for (uint64_t clock = 8; clock <= 12; clock++) publish(clock, "rows", clock == 9);
  CR_OK(plt_manifest_make_part(scratch, 13, dir));
  scratch_write_text("checkpoints/13.part/server-0.h5", "half");
  scratch_write_text("checkpoints/notes.txt", "mine");
  CR_OK(plt_manifest_prune(scratch, 2));
  cr_assert_not(exists("checkpoints/8"));
  cr_assert(exists("checkpoints/9"));
  cr_assert_not(exists("checkpoints/10"));
  cr_assert(exists("checkpoints/11"));
  cr_assert(exists("checkpoints/12"));
  cr_assert_not(exists("checkpoints/13.part"));
  cr_assert(exists("checkpoints/notes.txt"));
  CR_OK(plt_manifest_prune(scratch, 0));
  cr_assert_not(exists("checkpoints/11"));
  cr_assert_eq(clock_of("last"), 12);
  cr_assert_eq(clock_of("best"), 9);
}
