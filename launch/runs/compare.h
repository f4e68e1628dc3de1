/* compare.h - runs beside each other: groups of runs that differ in their seed only, the options in which groups
 * differ, means over seeds, and tests over users against the first group.
 *
 * Ownership  the caller clears a comparison; it borrows the runs.
 * Threads    one owner.
 * Errors     those of users.h.
 * Source     docs/compare.md. */
#ifndef PLT_LAUNCH_RUNS_COMPARE_H
#define PLT_LAUNCH_RUNS_COMPARE_H

#include "launch/runs/paired.h"
#include "launch/runs/run.h"
#include "launch/runs/sheet.h"

typedef struct plt_group {
  char name[16]; /* "A", "B" ... "Z", "A2" ... */
  const plt_run_t **runs;
  size_t n;
  char *identity; /* of all that makes results: equal within a group */
} plt_group_t;

/* A metric of a group against that of the first: mean of the users' differences. */
typedef struct plt_difference {
  bool is_there;
  size_t runs, first_runs; /* that have values of users */
  plt_paired_t paired;
  double holm; /* p_flip, of all groups together */
} plt_difference_t;

typedef struct plt_comparison {
  plt_group_t *groups;
  size_t n_groups;
  char **keys; /* options in which groups differ */
  size_t n_keys;
  char **metrics; /* that people are shown */
  size_t n_metrics;
  const char *part;              /* that is tested: "test", or "valid" where no run has that */
  plt_difference_t *differences; /* [n_groups, n_metrics] */
} plt_comparison_t;

/* Of n finished runs. metrics: "recall@20,ndcg@20", or NULL for eval.metric of the first run and its ndcg.
 * PLT_ERR_USAGE where there is no run, or no metric is named. */
plt_status_t plt_compare(const plt_run_t *const *runs, size_t n, const char *metrics, plt_comparison_t *out);
void plt_comparison_clear(plt_comparison_t *comparison);

/* Mean and deviation of a part's metric over a group's runs; returns how many have it. */
size_t plt_group_metric(const plt_group_t *group, const char *part, const char *metric, double *mean,
                        double *deviation);
/* The same of seconds, gradients or epochs of the final event. */
size_t plt_group_end(const plt_group_t *group, const char *key, double *mean, double *deviation);

/* What people are shown: groups with their options; metrics; differences. The caller destroys them. */
plt_sheet_t *plt_comparison_groups(const plt_comparison_t *comparison);
plt_sheet_t *plt_comparison_metrics(const plt_comparison_t *comparison);
plt_sheet_t *plt_comparison_differences(const plt_comparison_t *comparison);
/* All three one below the other, the last where it has rows; format: table or Markdown. */
void plt_comparison_print(const plt_comparison_t *comparison, plt_sheet_format_t format, FILE *out);
/* For programs: a row per group, part and metric, with all figures. */
plt_sheet_t *plt_comparison_all(const plt_comparison_t *comparison);

#endif
