/* divide.h - pairs into training, validation and test, as other libraries do.
 *
 *   ratio          each user's pairs in shares (RecBole's RS, group_by user): at random, or by time. With n pairs and
 *                  shares r: c_j = floor(r_j n) for validation and test, the rest is training; then test and after
 *                  it validation get one pair more, if 0 < r_j n < 1 and training keeps one
 *   leave-one-out  each user's last pair is test, the last but one validation (RecBole's LS, valid_and_test); one of
 *                  two pairs is test, a single pair is training
 *   time           all pairs by time in shares (RecBole's RS without groups, order TO), counted as above
 *
 * Pairs are numbered in ascending (user, item): p. "At random" is the ascending order of (u(seed, 1, p), p), the draws
 * of stream.h; by time, pairs of one moment stay in the order of the file.
 *
 * Ownership  rows are the caller's.
 * Threads    one caller.
 * Units      shares are divided by their sum.
 * Errors     PLT_ERR_USAGE: shares that are none.
 * Source     docs/data.md, "Import"; RecBole's Dataset.split_by_ratio and leave_one_out. */
#ifndef PLT_LAUNCH_DATA_DIVIDE_H
#define PLT_LAUNCH_DATA_DIVIDE_H

#include "launch/data/stream.h"
#include "worker/data/interactions.h"

typedef enum { PLT_DIVIDE_RATIO, PLT_DIVIDE_LEAVE_ONE_OUT, PLT_DIVIDE_TIME } plt_divide_kind_t;

enum { PLT_DIVIDE_PARTS = 3 /* training, validation, test */ };

typedef struct plt_divide {
  plt_divide_kind_t kind;
  bool by_time; /* of ratio and leave-one-out: a user's pairs in their order in time, else at random */
  double share[PLT_DIVIDE_PARTS];
  uint64_t seed;
} plt_divide_t;

plt_status_t plt_divide_check(const plt_divide_t *divide);
/* Gives each row its part. rows: ascending (user, item), distinct; time [row.line] of each: needed where the order is
 * that of time. */
void plt_divide_rows(const plt_divide_t *divide, const double *time, plt_interactions_t *rows);

#endif
