/* fuzz_manifest.c - a checkpoint's manifest and the link that names it. Input: the target of `last`, form feed, the
 * text of manifest.json. A text that begins with "{" and lacks a check gets the right one, so that what lies behind it
 * is reached. The files that a manifest may name exist inside the checkpoint and outside: what loads lies inside. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io/manifest.h"
#include "common/mem.h"
#include "tests/fuzz/fuzz.h"

static const char *const parts[] = {"server-0.h5", "server-1.h5"};
static const char contents[] = "rows";

static void make_run(void) {
  static const char *const places[] = {"checkpoints/1", "checkpoints", "elsewhere", "."};
  char name[64];
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
      snprintf(name, sizeof name, "%s/%s", places[i], parts[k]);
      fuzz_write(name, contents, sizeof contents - 1);
    }
  }
}

/* The manifest, with its check put in where it has none. */
static void write_manifest(char *text) {
  char *whole =
      text[0] == '{' && strstr(text, "check") == NULL
          ? plt_mem_print("%s, \"check\": \"%016llx\"}", text, (unsigned long long)plt_hash64(0, text, strlen(text)))
          : plt_mem_strdup(text);
  fuzz_write("checkpoints/1/manifest.json", whole, strlen(whole));
  fuzz_write("elsewhere/manifest.json", whole, strlen(whole));
  free(whole);
}

static void link_last(const char *target) {
  char path[PLT_PATH_MAX];
  fuzz_remove("checkpoints/last");
  FUZZ_CHECK(plt_path_join(fuzz_folder(), "checkpoints/last", path) == PLT_OK);
  if (symlink(target, path) != 0) FUZZ_CHECK(target[0] == '\0' || strlen(target) > 4000);
}

static void check_loaded(const plt_manifest_t *manifest, const char *dir) {
  char *inside = plt_mem_print("%s/checkpoints/1", fuzz_folder());
  FUZZ_CHECK(strcmp(dir, inside) == 0 && manifest->clock == 1 && manifest->n_parts > 0);
  for (size_t i = 0; i < manifest->n_parts; i++) {
    FUZZ_CHECK(strcmp(manifest->parts[i].file, parts[0]) == 0 || strcmp(manifest->parts[i].file, parts[1]) == 0);
    FUZZ_CHECK(manifest->parts[i].bytes == sizeof contents - 1);
  }
  free(inside);
}

/* What was loaded can be published, and loads again as it was. */
static void publish_again(plt_manifest_t manifest) {
  char dir[PLT_PATH_MAX];
  plt_manifest_t again;
  manifest.clock = 2;
  FUZZ_CHECK(plt_manifest_make_part(fuzz_folder(), 2, dir) == PLT_OK);
  for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
    char name[64];
    snprintf(name, sizeof name, "checkpoints/2.part/%s", parts[k]);
    fuzz_write(name, contents, sizeof contents - 1);
  }
  FUZZ_CHECK(plt_manifest_publish(fuzz_folder(), &manifest, true) == PLT_OK);
  FUZZ_CHECK(plt_manifest_load(fuzz_folder(), "best", &again, dir) == PLT_OK);
  FUZZ_CHECK(again.job == manifest.job && again.generation == manifest.generation && again.epoch == manifest.epoch);
  FUZZ_CHECK(again.n_parts == manifest.n_parts);
  FUZZ_CHECK(memcmp(again.parts, manifest.parts, again.n_parts * sizeof *again.parts) == 0);
  plt_manifest_clear(&again);
  FUZZ_CHECK(plt_dir_remove(dir) == PLT_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  static bool made;
  char dir[PLT_PATH_MAX];
  plt_manifest_t manifest;
  if (!made) make_run();
  made = true;
  char *target = fuzz_take_text(&data, &n);
  char *text = plt_mem_alloc(n + 1);
  if (n > 0) memcpy(text, data, n);
  text[n] = '\0';
  write_manifest(text);
  link_last(target);
  if (plt_manifest_load(fuzz_folder(), "last", &manifest, dir) == PLT_OK) {
    check_loaded(&manifest, dir);
    plt_manifest_clear(&manifest);
  }
  if (plt_manifest_load_verified(fuzz_folder(), "last", &manifest, dir) == PLT_OK) { /* whatever the hashes are */
    check_loaded(&manifest, dir);
    plt_manifest_clear(&manifest);
  }
  if (plt_manifest_load(fuzz_folder(), "1", &manifest, dir) == PLT_OK) {
    check_loaded(&manifest, dir);
    publish_again(manifest);
    plt_manifest_clear(&manifest);
  }
  free(text);
  free(target);
  return 0;
}
