/* source.h - which file of a data folder the interactions come from.
 *
 * A folder has NAME.inter (MMRec), NAME.pack (packed from it: pack.h), or train.txt and test.txt (LightGCN). Where the
 * packed form of the only text is there, it is taken. A path may also be that of a packed file: the folder that holds
 * it is meant, and this file of it.
 *
 * Ownership  the caller clears what was found.
 * Threads    any.
 * Errors     PLT_ERR_DATA: nothing there, or several to choose from; PLT_ERR_USAGE: a path too long. */
#ifndef PLT_WORKER_DATA_SOURCE_H
#define PLT_WORKER_DATA_SOURCE_H

#include <stdbool.h>

#include "common/status.h"

#define PLT_PACK_SUFFIX ".pack"
#define PLT_INTER_SUFFIX ".inter"

typedef struct plt_source {
  char *folder;
  char *path; /* of the .inter, the .pack, or of train.txt */
  char *name; /* of that file without its suffix; of the folder when it is LightGCN's */
  bool is_pack;
  char *test_path; /* of test.txt; NULL for another kind */
} plt_source_t;

typedef enum { PLT_SOURCE_ANY, PLT_SOURCE_TEXT /* passes over packed files */ } plt_source_want_t;

/* chosen: a file of the folder, or NULL. */
plt_status_t plt_source_find(const char *path, const char *chosen, plt_source_want_t want, plt_source_t *out);
void plt_source_clear(plt_source_t *source);

/* The names in a folder that end with `suffix`, as "a, b"; "none" if there are none. Free it. */
char *plt_folder_names(const char *folder, const char *suffix);

#endif
