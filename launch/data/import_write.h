/* import_write.h - the folder of an import: NAME.inter or NAME.pack, the maps of ids (worker/data/idmap.h), features,
 * README.txt.
 *
 * Ownership  takes the rows of what was imported.
 * Threads    one caller; packing has `threads` of its own.
 * Errors     PLT_ERR_CREATE, PLT_ERR_IO, PLT_ERR_SPACE; those of features. */
#ifndef PLT_LAUNCH_DATA_IMPORT_WRITE_H
#define PLT_LAUNCH_DATA_IMPORT_WRITE_H

#include "launch/data/import_features.h"

typedef struct plt_import_folder {
  const char *path; /* it exists */
  const plt_import_feature_t *features;
  size_t n_features;
  plt_bad_rule_t bad; /* of each file of features */
  bool packs;
  size_t threads;
  const char *command; /* what the README says was done */
} plt_import_folder_t;

/* Whether what an older set left in a folder would be read with the new one: PLT_ERR_CREATE. */
plt_status_t plt_import_folder_check(const plt_import_folder_t *folder);
plt_status_t plt_import_write(const plt_import_folder_t *folder, plt_imported_t *imported);

#endif
