/* names.c - see names.h. */
#include "launch/tasks/names.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/mem.h"

static plt_status_t check(const char *task, const char *path, const plt_idmap_t *map, uint32_t ids, const char *what) {
  if (plt_idmap_count(map) >= ids) return PLT_OK;
  return plt_fail(PLT_ERR_DATA,
                  "%s: %s: has %" PRIu32 " names, the data have %" PRIu32
                  " %ss: of other data? --ids number does "
                  "without it",
                  task, path, plt_idmap_count(map), ids, what);
}

static plt_status_t open_map(const plt_dataset_t *data, const char *task, const char *file, uint32_t ids, bool is_user,
                             bool must, plt_idmap_t **out) {
  char *path = plt_dataset_beside(data, file);
  plt_status_t status = PLT_OK;
  bool is_there = plt_path_exists(path);
  if (is_there) status = plt_idmap_read(path, is_user ? "userID" : "itemID", out);
  if (status != PLT_OK) plt_fail_within(status, "%s", task);
  if (status == PLT_OK && is_there) status = check(task, path, *out, ids, is_user ? "user" : "item");
  if (!is_there && must)
    status = plt_fail(PLT_ERR_DATA, "%s: --ids original: %s is not there; `plateau data import` writes it", task, path);
  free(path);
  return status;
}

plt_status_t plt_names_open(const plt_dataset_t *data, const char *task, const char *kind, plt_names_t *out) {
  bool must = strcmp(kind, "original") == 0;
  *out = (plt_names_t){0};
  if (strcmp(kind, "number") == 0) return PLT_OK;
  plt_status_t status = open_map(data, task, PLT_IDMAP_USERS, data->users, true, must, &out->user);
  if (status == PLT_OK) status = open_map(data, task, PLT_IDMAP_ITEMS, data->items, false, must, &out->item);
  if (status != PLT_OK) plt_names_clear(out);
  return status;
}

void plt_names_clear(plt_names_t *names) {
  plt_idmap_destroy(&names->item);
  plt_idmap_destroy(&names->user);
}
