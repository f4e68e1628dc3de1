/* features.h - the feature matrices of a data folder, one .npy per modality: opening and checking.
 *
 * Ownership  the caller closes what it opened.
 * Threads    any; an open feature is read-only.
 * Errors     PLT_ERR_DATA: a file that is missing or not a 2-d float array; PLT_ERR_USAGE: a path too long. Too few
 *            rows, and rows with some values that are not finite, go to the sink (problem.h), one report per row. */
#ifndef PLT_WORKER_DATA_FEATURES_H
#define PLT_WORKER_DATA_FEATURES_H

#include "worker/data/dataset.h"
#include "worker/data/problem.h"
#include "worker/math/lazy.h"

/* What a feature file's name ends with; the rest is the modality. */
#define PLT_FEATURE_SUFFIX "_feat.npy"

bool plt_feature_is_name(const char *file);

/* "text_feat.npy" of a folder. */
plt_status_t plt_feature_open(const char *folder, const char *file, plt_feature_t *out);
void plt_feature_close(plt_feature_t *feature);
/* A row for each of `items`, all values finite as float32, or all of them NaN: those are *missing. */
plt_status_t plt_feature_check(const plt_feature_t *feature, uint32_t items, plt_missing_t *missing,
                               const plt_problem_sink_t *sink);
/* The features of an item, [columns of the file]: the one way by which they are read. */
void plt_feature_row(const plt_feature_t *feature, uint64_t item, float *out);
/* The Euclidean lengths of its first n rows. */
void plt_feature_lengths(const plt_feature_t *feature, uint32_t n, float *out);
/* The deviation of all values of `items` items, measured on at most 4096 of them that lie evenly apart. */
double plt_feature_deviation(const plt_feature_t *feature, uint32_t items);

/* Whether some of n deviations are so far apart that people are told, by a factor of more than 10: which is the least
 * and which the most, of those above 0. */
bool plt_feature_scales_differ(const double *deviation, size_t n, size_t *least, size_t *most);

/* Where the modality of that name stands among the features, into *out. PLT_ERR_USAGE, "WHERE: ..." with the names that
 * there are, if none has it. */
plt_status_t plt_feature_find(const plt_dataset_t *data, const char *where, const char *name, size_t *out);

/* Features of items, modality beside modality. */
typedef struct plt_feature_rows {
  const plt_feature_t *feature; /* [n_features] */
  size_t n_features;
  const uint32_t *items;
  const float *const *scale; /* [n_features][item]: what its row is multiplied by; NULL: nothing */
} plt_feature_rows_t;

/* Of n items, as a matrix whose rows are copied when they are wanted; `rows` and what it names must stay. */
plt_lazy_t plt_feature_rows(const plt_feature_rows_t *rows, size_t n);

#endif
