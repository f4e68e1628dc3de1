/* split.h - `plateau data split`: interactions cut anew into training, validation and test, and a shifted part whose
 * items are taken against their popularity.
 *
 * The n pairs, a repeated one once, are numbered in ascending (user, item); D_i are an item's pairs. Three passes over
 * what is still free, in this order: shift (share `shift`, g = strength, stream 1), test (`test`, g = 0, stream 2),
 * validation (`valid`, g = 0, stream 3). In ascending order of (-ln u(seed, stream, p) * D_i^g, p) a pass takes pair p
 * if then its user has more than keep_user and its item more than keep_item free pairs, until it has floor(share * n).
 * What remains is training. So the shifted part is a weighted sample without replacement (Efraimidis and Spirakis 2006)
 * with weights D^-g, in which an item has a share of about D^(1 - g): g = 0 is no shift, 1 uniform over items (DICE's
 * intervened test, arXiv 2006.11011), 2 inverts popularity.
 *
 * Ownership  rows are the caller's.
 * Threads    one caller.
 * Units      shares of all pairs, from 0 to 1.
 * Errors     PLT_ERR_USAGE: shares that leave nothing for training; PLT_ERR_DATA: no pairs. write: PLT_ERR_CREATE,
 *            PLT_ERR_IO, PLT_ERR_SPACE.
 * Source     docs/data.md, "Distribution shift". */
#ifndef PLT_LAUNCH_DATA_SPLIT_H
#define PLT_LAUNCH_DATA_SPLIT_H

#include "launch/data/stream.h"
#include "worker/data/interactions.h"

typedef struct plt_split {
  uint64_t seed;
  double valid, test, shift; /* shares */
  double strength;
  uint32_t keep_user, keep_item;
} plt_split_t;

typedef struct plt_split_part {
  uint64_t wanted, pairs; /* wanted: of training what remains when no pass falls short */
  double popularity;      /* mean D of the pairs' items; NaN without pairs */
} plt_split_part_t;

typedef struct plt_split_report {
  plt_split_part_t part[PLT_PARTS];
  uint64_t duplicates; /* rows that were dropped */
} plt_split_report_t;

plt_status_t plt_split_check(const plt_split_t *split);
/* Sorts the rows by user and item, drops repeated pairs, and gives each its part. */
plt_status_t plt_split_rows(const plt_split_t *split, plt_interactions_t *rows, plt_split_report_t *report);
/* NAME.inter, the *_feat.npy of `source` (hard links, or copies where there can be none) and README.txt into the
 * existing folder `out`, in which files of the same names are replaced. */
plt_status_t plt_split_write(const plt_split_t *split, const plt_interactions_t *rows, const char *source,
                             const char *out, size_t *features);

#endif
