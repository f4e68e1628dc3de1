/* features.h - the feature matrices of a data folder, one .npy per modality: opening and checking.
 *
 * Ownership  the caller closes what it opened.
 * Threads    any; an open feature is read-only.
 * Errors     PLT_ERR_DATA: a file that is missing or not a 2-d float array; PLT_ERR_USAGE: a path too long. Too few
 *            rows and values that are not finite go to the sink (problem.h), one report per row. */
#ifndef PLT_WORKER_DATA_FEATURES_H
#define PLT_WORKER_DATA_FEATURES_H

#include "worker/data/dataset.h"
#include "worker/data/problem.h"

/* What a feature file's name ends with; the rest is the modality. */
#define PLT_FEATURE_SUFFIX "_feat.npy"

/* "text_feat.npy" of a folder. */
plt_status_t plt_feature_open(const char *folder, const char *file, plt_feature_t *out);
void plt_feature_close(plt_feature_t *feature);
/* A row for each of `items`, all values finite as float32. */
plt_status_t plt_feature_check(const plt_feature_t *feature, uint32_t items, const plt_problem_sink_t *sink);

#endif
