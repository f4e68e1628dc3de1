/* dataset.h - an MMRec folder in memory: training pairs, validation, test and shift items, item features.
 *
 * NAME.inter is tab-separated with a header; the columns userID, itemID and x_label (0 train, 1 validation, 2 test,
 * 3 shift: test pairs of another distribution) are found by name, and environment where there is one. Features are
 * .npy of f2, f4 or f8, row = item id, memory-mapped. A folder without a .inter but with LightGCN's train.txt and
 * test.txt is read as that. NAME.pack (pack.h) is either in binary: it is mapped, and means the same to the bit.
 *
 * Ownership  the caller destroys it; features and packed interactions stay mapped until then.
 * Threads    read-only once open: any number of them.
 * Units      users and items are the largest id + 1 over all parts.
 * Errors     PLT_ERR_DATA with "file:line: cause" for ids out of range, short rows, bad labels, NaN in features,
 *            too few feature rows, no training pairs. Duplicate pairs are counted and kept. PLT_ERR_IO for a file that
 *            cannot be read, PLT_ERR_USAGE for a path that is too long.
 * Source     docs/data.md; MMRec's data format. */
#ifndef PLT_WORKER_DATA_DATASET_H
#define PLT_WORKER_DATA_DATASET_H

#include "common/io/npy.h"
#include "common/options/options.h"
#include "common/threads.h"

/* In the order of x_label. Shift holds test pairs of another distribution: nothing is chosen by it. */
typedef enum { PLT_PART_TRAIN, PLT_PART_VALID, PLT_PART_TEST, PLT_PART_SHIFT, PLT_PARTS } plt_part_t;
extern const char *const plt_part_keys[PLT_PARTS];  /* "train", "valid", "test", "shift", in events and options */
extern const char *const plt_part_names[PLT_PARTS]; /* "train", "validation", "test", "shift", for people */

typedef struct plt_pair {
  uint32_t user, item;
} plt_pair_t;

/* What a choice of evaluated parts means: "all", "both" (validation and test), a part's key, or "none". */
#define PLT_PART_CHOICES "all|both|valid|test|shift"
void plt_part_choose(const char *choice, bool parts[PLT_PARTS]);

/* Items of each user, ascending (duplicates kept), as compressed rows. */
typedef struct plt_user_items {
  uint64_t *offset; /* users + 1; NULL: the part has no pairs */
  uint32_t *item;
  uint64_t n;
} plt_user_items_t;

/* The graph of the training pairs, a repeated pair once, as it was packed: neighbours of users, of items. */
enum { PLT_PACKED_SIDES = 2 };
typedef struct plt_packed_side {
  const uint64_t *offset; /* nodes + 1 */
  const uint32_t *id;     /* of the other side, ascending */
  const float *norm;      /* 1 / sqrt(degree); 0 for a node without edges */
} plt_packed_side_t;
typedef struct plt_packed_edges {
  uint64_t n;
  plt_packed_side_t side[PLT_PACKED_SIDES];
} plt_packed_edges_t;

typedef struct plt_mapping {
  void *map; /* NULL: none */
  size_t bytes;
} plt_mapping_t;

/* How a modality's rows are scaled, in the order of PLT_SCALE_CHOICES (scaling.h). */
typedef enum { PLT_SCALE_NONE, PLT_SCALE_STANDARD, PLT_SCALE_L2, PLT_SCALE_UNIT } plt_scale_t;

/* Items whose row of a feature is NaN throughout. */
typedef struct plt_missing {
  uint32_t n, first;
} plt_missing_t;

typedef struct plt_feature {
  char *name; /* file name without "_feat.npy" */
  char *path;
  plt_npy_t array; /* as the file has them; rows of features: plt_feature_row() in features.h */
  plt_missing_t missing;
  plt_scale_t scale;
  struct plt_scaling *scaling;     /* what makes the rows (scaling.h); NULL: they are as in the file */
  struct plt_disturbed *disturbed; /* what they become then (disturbance.h); NULL: they stay */
} plt_feature_t;

/* Where the figures by which features are scaled may have been kept before (prepare.h). is_whole: all of them are
 * there, so one that is missing is an error; else it is measured. */
typedef struct plt_kept {
  const char *path;
  bool is_whole;
} plt_kept_t;

typedef struct plt_dataset {
  char *name;   /* of the interactions file, without ".inter" or ".pack" */
  char *source; /* its path */
  uint32_t users, items;
  plt_pair_t *train; /* in file order */
  uint64_t n_train;
  uint16_t *environment; /* of each pair of `train`; NULL: the data have no such column */
  uint32_t environments; /* the largest of them + 1; 0: none */
  plt_user_items_t part[PLT_PARTS];
  uint32_t *train_items; /* the items that occur in training, ascending */
  uint32_t n_train_items;
  plt_feature_t *features;
  size_t n_features;
  struct plt_derived *derived; /* of the features (derived.h); NULL: there are none */
  uint64_t duplicates;
  plt_mapping_t pack;       /* the file that all arrays lie in; none: they are the process's own */
  plt_packed_edges_t edges; /* of the packed file; n 0: not known */
} plt_dataset_t;

struct plt_interactions; /* interactions.h */

/* Rows data.*. */
extern const plt_option_table_t plt_dataset_options;

/* path: a folder, or a packed file in it. interactions NULL: the only ones of the folder (source.h). features: file
 * names in order, n 0 for none; as the files have them, every item with a row. */
plt_status_t plt_dataset_open(const char *path, const char *interactions, const char *const *features,
                              size_t n_features, plt_dataset_t **out);
/* The same from a configuration, features as data.scale and data.missing say (prepare.h); kept NULL: nothing is.
 * PLT_ERR_USAGE also when data.path is not given. */
plt_status_t plt_dataset_from_config(const plt_config_t *config, const plt_kept_t *kept, plt_dataset_t **out);
/* What has interactions and no features. Takes and nulls the rows. */
plt_status_t plt_dataset_from_rows(struct plt_interactions **all, plt_dataset_t **out);
void plt_dataset_destroy(plt_dataset_t **data);

/* The path of a file in the folder of the interactions; free it. */
char *plt_dataset_beside(const plt_dataset_t *data, const char *file);
/* Columns of all features together. */
size_t plt_dataset_feature_cols(const plt_dataset_t *data);
/* Features of items, concatenated in order of data.features: n x feature_cols float32 into out; crew may be NULL. */
void plt_dataset_features(plt_crew_t *crew, const plt_dataset_t *data, const uint32_t *items, size_t n, float *out);
/* How many pairs of another part are training pairs, too; *first is the first of them, if there is any. */
uint64_t plt_dataset_leaks(const plt_dataset_t *data, plt_part_t part, plt_pair_t *first);
bool plt_user_items_has(const plt_user_items_t *part, uint32_t user, uint32_t item);

#endif
