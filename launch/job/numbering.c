/* numbering.c - see numbering.h. */
#include "launch/job/numbering.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/io/fileio.h"
#include "common/io/json.h"
#include "worker/data/idmap.h"

enum { FORMAT = 1, FILE_BYTES_MAX = 1 << 16 };

typedef struct side {
  const char *key, *map;
} side_t;

static const side_t sides[] = {{"users", PLT_IDMAP_USERS}, {"items", PLT_IDMAP_ITEMS}};
enum { SIDES = sizeof sides / sizeof *sides };

static plt_status_t add_side(plt_json_t *json, const plt_dataset_t *data, const side_t *side, bool *any) {
  char hex[PLT_HASH_HEX], *path = plt_dataset_beside(data, side->map);
  uint64_t bytes;
  plt_status_t status = PLT_OK;
  bool is_there = plt_path_exists(path);
  *any = *any || is_there;
  if (is_there) status = plt_hash_file(path, hex, &bytes);
  if (is_there && status == PLT_OK) {
    plt_json_t *object = plt_json_add_object(json, side->key);
    plt_json_int(object, "bytes", (int64_t)bytes);
    plt_json_text(object, "xxh3", hex);
  }
  free(path);
  return status;
}

static plt_status_t publish(const plt_json_t *json, bool any, const char *path) {
  if (!any)
    return remove(path) == 0 || errno == ENOENT ? PLT_OK : plt_fail_errno(PLT_ERR_IO, "%s: cannot remove", path);
  char *text = plt_json_print(json);
  plt_status_t status = plt_file_publish(path, text, strlen(text));
  free(text);
  return status;
}

plt_status_t plt_numbering_keep(const plt_dataset_t *data, const char *run_dir) {
  char path[PLT_PATH_MAX];
  bool any = false;
  PLT_TRY(plt_path_join(run_dir, PLT_IDS_FILE, path));
  plt_json_t *json = plt_json_create();
  plt_json_int(json, "format", FORMAT);
  plt_status_t status = PLT_OK;
  for (size_t i = 0; i < SIDES && status == PLT_OK; i++) status = add_side(json, data, &sides[i], &any);
  if (status == PLT_OK) status = publish(json, any, path);
  plt_json_destroy(&json);
  return status;
}

static plt_status_t check_map(const plt_json_t *then, const side_t *side, const char *map, const char *run_dir) {
  char hex[PLT_HASH_HEX];
  uint64_t bytes, got;
  const char *was = plt_json_get_text(plt_json_find(then, "xxh3"));
  if (was == NULL || !plt_json_get_uint(plt_json_find(then, "bytes"), INT64_MAX, &bytes))
    return plt_fail(PLT_ERR_DATA, "%s/" PLT_IDS_FILE ": %s are not told as bytes and xxh3", run_dir, side->key);
  if (!plt_path_exists(map)) return PLT_OK;
  PLT_TRY(plt_hash_head(map, bytes, hex, &got));
  if (got == bytes && strcmp(hex, was) == 0) return PLT_OK;
  return plt_fail(PLT_ERR_DATA,
                  "%s: %s have other numbers than in %s, whose tables are keyed by them; plateau data import --extend "
                  "OLD keeps the numbers of the folder OLD",
                  map, side->key, run_dir);
}

plt_status_t plt_numbering_check(const plt_dataset_t *data, const char *run_dir) {
  char path[PLT_PATH_MAX];
  plt_json_t *json;
  plt_status_t status = PLT_OK;
  PLT_TRY(plt_path_join(run_dir, PLT_IDS_FILE, path));
  if (!plt_path_exists(path)) return PLT_OK;
  PLT_TRY(plt_json_read(path, FILE_BYTES_MAX, &json));
  for (size_t i = 0; i < SIDES && status == PLT_OK; i++) {
    const plt_json_t *then = plt_json_find(json, sides[i].key);
    char *map = plt_dataset_beside(data, sides[i].map);
    if (then != NULL) status = check_map(then, &sides[i], map, run_dir);
    free(map);
  }
  plt_json_destroy(&json);
  return status;
}
