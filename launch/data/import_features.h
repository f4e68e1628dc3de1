/* import_features.h - features by the ids of their owner, put in the order of imported items.
 *
 *   a .npy and its ids      row r of the array is of the id in line r of a text file
 *   a table                 the first column is the id, all others are numbers; a first line without numbers is a
 *                           header
 *
 * Items without a row get NaN, which is what a missing modality is (docs/data.md, "Missing items").
 *
 * Ownership  the caller's.
 * Threads    one caller.
 * Units      a table's values are held at once, 4 bytes each; rows of a .npy are copied one by one.
 * Errors     PLT_ERR_USAGE for what is no NAME=FILE; PLT_ERR_DATA for files that do not fit, for bad lines beyond those
 *            that are tolerated, and when no id is one of the items; PLT_ERR_IO, PLT_ERR_CREATE, PLT_ERR_SPACE. */
#ifndef PLT_LAUNCH_DATA_IMPORT_FEATURES_H
#define PLT_LAUNCH_DATA_IMPORT_FEATURES_H

#include "launch/data/import.h"

typedef struct plt_import_feature {
  char *name; /* becomes NAME_feat.npy */
  char *file;
  char *ids; /* NULL: a table */
} plt_import_feature_t;

/* "text=emb.npy,ids.txt", "price=items.csv". Free it. */
plt_status_t plt_import_feature_parse(const char *text, plt_import_feature_t *out);
void plt_import_feature_free(plt_import_feature_t *feature);

/* Writes NAME_feat.npy into a folder and says in one line what there was. */
plt_status_t plt_import_feature_write(const plt_import_feature_t *feature, const plt_import_side_t *items,
                                      plt_bad_rule_t rule, const char *folder);

#endif
