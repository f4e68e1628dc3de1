/* split_write.c - see split.h: the folder of a split. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io/fileio.h"
#include "common/io/mapped.h"
#include "common/mem.h"
#include "common/real.h"
#include "launch/data/inter_write.h"
#include "launch/data/split.h"
#include "worker/data/features.h"

static plt_status_t copy_file(const char *from, const char *to) {
  void *map = NULL;
  size_t bytes = 0;
  PLT_TRY(plt_file_map(from, &map, &bytes));
  plt_status_t status = plt_file_publish(to, map, bytes);
  plt_file_unmap(map, bytes);
  return status;
}

/* A link is made beside its place and renamed, so that what is there is replaced. Two links of one file are not renamed
 * over each other, so the one beside may still be there. */
static plt_status_t link_file(const char *from, const char *to) {
  char *beside = plt_path_temporary(to);
  unlink(beside);
  bool is_linked = linkat(AT_FDCWD, from, AT_FDCWD, beside, AT_SYMLINK_FOLLOW) == 0;
  plt_status_t status = PLT_OK;
  if (is_linked && rename(beside, to) != 0) status = plt_fail_errno(PLT_ERR_CREATE, "%s: cannot rename", beside);
  if (is_linked) unlink(beside);
  free(beside);
  return is_linked ? status : copy_file(from, to); /* another file system, or one without links */
}

static plt_status_t take_feature(const char *source, const char *out, const char *name) {
  char from[PLT_PATH_MAX], to[PLT_PATH_MAX];
  PLT_TRY(plt_path_join(source, name, from));
  PLT_TRY(plt_path_join(out, name, to));
  return link_file(from, to);
}

static plt_status_t take_features(const char *source, const char *out, size_t *features) {
  char **names = NULL;
  size_t n = 0;
  PLT_TRY(plt_dir_list(source, &names, &n));
  plt_status_t status = PLT_OK;
  *features = 0;
  for (size_t i = 0; i < n && status == PLT_OK; i++) {
    if (!plt_feature_is_name(names[i])) continue;
    status = take_feature(source, out, names[i]);
    ++*features;
  }
  plt_names_free(&names, n);
  return status;
}

/* A packed file of that name would be read in place of the text. */
static plt_status_t check_no_pack(const char *out, const char *name) {
  char path[PLT_PATH_MAX];
  PLT_TRY(plt_path_file(out, name, PLT_PACK_SUFFIX, path));
  if (!plt_path_exists(path)) return PLT_OK;
  return plt_fail(PLT_ERR_CREATE, "%s: a packed file of an older set would be read in place of the new text; remove it",
                  path);
}

static plt_status_t write_readme(const plt_split_t *split, const plt_interactions_t *rows, const char *out) {
  char valid[PLT_REAL_TEXT], test[PLT_REAL_TEXT], shift[PLT_REAL_TEXT], strength[PLT_REAL_TEXT];
  char *text = plt_mem_print(
      "Interactions of %s, cut anew by\n"
      "  plateau data split DIR -o OUT --shift popularity --seed %llu --valid %s --test %s --shift-share %s \\\n"
      "    --strength %s --keep-user %u --keep-item %u\n\n"
      "x_label: 0 training, 1 validation, 2 test, 3 shift (taken with weights of the items' popularity to the -%s).\n"
      "Features are those of that folder, as links where the file system has them: do not change them in place.\n",
      rows->source, (unsigned long long)split->seed, plt_real_text(split->valid, valid),
      plt_real_text(split->test, test), plt_real_text(split->shift, shift), plt_real_text(split->strength, strength),
      split->keep_user, split->keep_item, strength);
  return plt_folder_tell(out, &text);
}

plt_status_t plt_split_write(const plt_split_t *split, const plt_interactions_t *rows, const char *source,
                             const char *out, size_t *features) {
  char path[PLT_PATH_MAX];
  PLT_TRY(check_no_pack(out, rows->name));
  PLT_TRY(plt_path_file(out, rows->name, PLT_INTER_SUFFIX, path));
  PLT_TRY(plt_inter_write(rows, path));
  PLT_TRY(take_features(source, out, features));
  return write_readme(split, rows, out);
}
