/* import_write.c - see import_write.h. */
#include "launch/data/import_write.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "launch/data/inter_write.h"
#include "worker/data/features.h"

static bool is_written(const plt_import_folder_t *folder, const char *file) {
  for (size_t i = 0; i < folder->n_features; i++) {
    size_t length = strlen(folder->features[i].name);
    if (strncmp(file, folder->features[i].name, length) == 0 && strcmp(file + length, PLT_FEATURE_SUFFIX) == 0)
      return true;
  }
  return false;
}

/* Features in the order of other ids, and the other form of the interactions. */
static plt_status_t check_file(const plt_import_folder_t *folder, const char *name, const char *file) {
  char *other = plt_mem_print("%s%s", name, folder->packs ? PLT_INTER_SUFFIX : PLT_PACK_SUFFIX);
  plt_status_t status = PLT_OK;
  if ((plt_feature_is_name(file) && !is_written(folder, file)) || strcmp(file, other) == 0)
    status = plt_fail(PLT_ERR_CREATE, "%s/%s: of an older set, and would be read with the new one; remove it",
                      folder->path, file);
  free(other);
  return status;
}

plt_status_t plt_import_folder_check(const plt_import_folder_t *folder) {
  char *name = NULL, **files = NULL;
  size_t n = 0;
  PLT_TRY(plt_folder_name(folder->path, &name));
  plt_status_t status = plt_dir_list(folder->path, &files, &n);
  for (size_t i = 0; i < n && status == PLT_OK; i++) status = check_file(folder, name, files[i]);
  plt_names_free(&files, n);
  free(name);
  return status;
}

static plt_status_t write_map(const plt_import_side_t *side, const char *column, const char *folder, const char *file) {
  char path[PLT_PATH_MAX];
  PLT_TRY(plt_path_join(folder, file, path));
  return plt_idmap_write(side->names, side->kept, side->n, column, path);
}

static plt_status_t write_readme(const plt_import_folder_t *folder, const plt_imported_t *imported) {
  char *text = plt_mem_print("Interactions of %" PRIu32 " users and %" PRIu32
                             " items, made by\n  %s\n\n"
                             "x_label: 0 training, 1 validation, 2 test. Ids count from 0; " PLT_IDMAP_USERS
                             " and " PLT_IDMAP_ITEMS "\nhave the original ones, a tab and the number in each line.\n",
                             imported->user.n, imported->item.n, folder->command);
  return plt_folder_tell(folder->path, &text);
}

static plt_status_t write_interactions(const plt_import_folder_t *folder, plt_imported_t *imported) {
  char *name = NULL;
  PLT_TRY(plt_folder_name(folder->path, &name));
  plt_status_t status = plt_folder_write(folder->path, name, &imported->rows, folder->packs, folder->threads);
  free(name);
  return status;
}

/* Those of an older set would lie beside new names and features if what follows came to nothing. */
static plt_status_t remove_interactions(const char *folder) {
  static const char *const suffixes[] = {PLT_INTER_SUFFIX, PLT_PACK_SUFFIX};
  char *name = NULL, path[PLT_PATH_MAX];
  PLT_TRY(plt_folder_name(folder, &name));
  plt_status_t status = PLT_OK;
  for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes && status == PLT_OK; i++) {
    status = plt_path_file(folder, name, suffixes[i], path);
    if (status == PLT_OK && unlink(path) != 0 && errno != ENOENT)
      status = plt_fail_errno(PLT_ERR_CREATE, "%s: cannot be replaced", path);
  }
  free(name);
  return status;
}

/* The interactions go first and come last: a folder without them is no data folder. */
plt_status_t plt_import_write(const plt_import_folder_t *folder, plt_imported_t *imported) {
  PLT_TRY(remove_interactions(folder->path));
  for (size_t i = 0; i < folder->n_features; i++)
    PLT_TRY(plt_import_feature_write(&folder->features[i], &imported->item, folder->bad, folder->path));
  PLT_TRY(write_map(&imported->user, "userID", folder->path, PLT_IDMAP_USERS));
  PLT_TRY(write_map(&imported->item, "itemID", folder->path, PLT_IDMAP_ITEMS));
  PLT_TRY(write_readme(folder, imported));
  return write_interactions(folder, imported);
}
