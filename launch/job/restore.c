/* restore.c - see restore.h. */
#include "launch/job/restore.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

plt_status_t plt_restore_choose(const char *run_dir, const char *choice, char name[PLT_CHECKPOINT_NAME_MAX]) {
  char best[PLT_PATH_MAX];
  PLT_TRY(plt_path_join(run_dir, "checkpoints/best", best));
  bool is_best = choice == NULL ? plt_path_exists(best) : choice[0] == 'b';
  if (is_best && !plt_path_exists(best))
    return plt_fail(PLT_ERR_CHECKPOINT, "%s has no best checkpoint: no validation chose one; use --last", run_dir);
  snprintf(name, PLT_CHECKPOINT_NAME_MAX, "%s", is_best ? "best" : "last");
  return PLT_OK;
}

plt_status_t plt_restore_load(const char *run_dir, const char *name, plt_restore_t *restore) {
  *restore = (plt_restore_t){0};
  if (name[0] == '\0') return PLT_OK;
  bool is_clock = isdigit((unsigned char)name[0]);
  PLT_TRY(is_clock ? plt_manifest_load_verified(run_dir, name, &restore->manifest, restore->dir)
                   : plt_manifest_load(run_dir, name, &restore->manifest, restore->dir));
  restore->given = true;
  return PLT_OK;
}

bool plt_restore_split(const char *path, char run_dir[PLT_PATH_MAX], char name[PLT_CHECKPOINT_NAME_MAX]) {
  static const char between[] = "/checkpoints/";
  const char *at = NULL;
  for (const char *next = path; (next = strstr(next, between)) != NULL; next++) at = next;
  if (at == NULL || at == path || strlen(path) >= PLT_PATH_MAX) return false;
  const char *begin = at + sizeof between - 1;
  size_t length = strcspn(begin, "/");
  if (length == 0 || length >= PLT_CHECKPOINT_NAME_MAX || begin[length + strspn(begin + length, "/")] != '\0')
    return false;
  snprintf(run_dir, PLT_PATH_MAX, "%.*s", (int)(at - path), path);
  snprintf(name, PLT_CHECKPOINT_NAME_MAX, "%.*s", (int)length, begin);
  return true;
}

plt_status_t plt_restore_load_path(const char *path, bool verifies, plt_restore_t *restore,
                                   char run_dir[PLT_PATH_MAX]) {
  char name[PLT_CHECKPOINT_NAME_MAX];
  *restore = (plt_restore_t){0};
  if (!plt_restore_split(path, run_dir, name))
    return plt_fail(PLT_ERR_CHECKPOINT, "%s: is no RUN/checkpoints/NAME", path);
  PLT_TRY(verifies ? plt_manifest_load(run_dir, name, &restore->manifest, restore->dir)
                   : plt_manifest_load_verified(run_dir, name, &restore->manifest, restore->dir));
  restore->given = true;
  return PLT_OK;
}

void plt_restore_name(const plt_restore_t *restore, char name[PLT_CHECKPOINT_NAME_MAX]) {
  name[0] = '\0';
  if (restore->given) snprintf(name, PLT_CHECKPOINT_NAME_MAX, "%" PRIu64, restore->manifest.clock);
}

void plt_restore_clear(plt_restore_t *restore) {
  if (restore->given) plt_manifest_clear(&restore->manifest);
  restore->given = false;
}
