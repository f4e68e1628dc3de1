/* restore.h - the checkpoint of a run directory that a job begins with.
 *
 * Ownership  a restore that is given owns its manifest; a zeroed one is not given, and to be cleared all the same.
 * Threads    any; a restore that was loaded is only read until it is cleared.
 * Errors     PLT_ERR_CHECKPOINT; those of reading a manifest (common/io/manifest.h). */
#ifndef PLT_LAUNCH_JOB_RESTORE_H
#define PLT_LAUNCH_JOB_RESTORE_H

#include "common/io/manifest.h"

enum { PLT_CHECKPOINT_NAME_MAX = 32 }; /* bytes of "best", "last" or a clock */

typedef struct plt_restore {
  bool given;
  bool is_warm;      /* of another run, for a new one to begin with (warm_start.h) */
  bool values_alone; /* warm: its optimizers begin anew */
  char dir[PLT_PATH_MAX];
  plt_manifest_t manifest;
} plt_restore_t;

/* The checkpoint that `choice` means: "best", "last", or NULL: best if validation chose one, else last. */
plt_status_t plt_restore_choose(const char *run_dir, const char *choice, char name[PLT_CHECKPOINT_NAME_MAX]);
/* Loads the checkpoint of that name. What "best" and "last" link to is verified; what is named by its clock was by
 * whoever gave its name. "": nothing is given. */
plt_status_t plt_restore_load(const char *run_dir, const char *name, plt_restore_t *restore);
/* The run of RUN/checkpoints/NAME, and NAME; false: the path is no such one. Nothing is looked for. */
bool plt_restore_split(const char *path, char run_dir[PLT_PATH_MAX], char name[PLT_CHECKPOINT_NAME_MAX]);
/* RUN/checkpoints/NAME, whichever run that is, into run_dir; verifies: the files' hashes, too, else their sizes. */
plt_status_t plt_restore_load_path(const char *path, bool verifies, plt_restore_t *restore, char run_dir[PLT_PATH_MAX]);
/* The name under which plt_restore_load() finds it again, "" if it is not given. */
void plt_restore_name(const plt_restore_t *restore, char name[PLT_CHECKPOINT_NAME_MAX]);
void plt_restore_clear(plt_restore_t *restore);

#endif
