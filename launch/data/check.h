/* check.h - everything that `plateau data check` finds out about a folder, in one pass that no fault ends.
 *
 * Degrees and density are those of the training pairs. Rows with faults are left out of all figures.
 * Ownership  the caller destroys the report.
 * Threads    one caller. */
#ifndef PLT_LAUNCH_DATA_CHECK_H
#define PLT_LAUNCH_DATA_CHECK_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "worker/data/dataset.h"
#include "worker/data/problem.h"

enum { PLT_PROBLEMS_SHOWN = 20 };

extern const char *const plt_data_part_names[PLT_PARTS]; /* "training", "validation", "test", "shift", in reports */

typedef struct plt_problem_group {
  uint64_t count;
  char *text[PLT_PROBLEMS_SHOWN]; /* the first ones */
} plt_problem_group_t;

typedef struct plt_degrees {
  uint32_t min, max;
  double median;
} plt_degrees_t;

typedef struct plt_feature_report {
  char *name;
  plt_npy_type_t type;
  uint64_t rows, cols, zero_rows;
  uint64_t not_finite; /* values; left out of the four below */
  double min, max, mean, deviation;
} plt_feature_report_t;

typedef struct plt_data_report {
  char *name, *source; /* NULL when the interactions could not be read */
  uint32_t users, items;
  uint64_t pairs[PLT_PARTS];
  uint32_t environments; /* the largest of a training pair + 1; 0: the data have no such column */
  uint64_t *environment; /* training pairs of each */
  double density;        /* all pairs / (users * items) */
  plt_degrees_t user_degree, item_degree;
  uint32_t untrained_users;     /* without training pairs ... */
  uint32_t untrained_evaluated; /* ... but with pairs to evaluate: evaluation leaves them out */
  uint32_t cold_items;          /* without training pairs ... */
  uint32_t cold_evaluated;      /* ... but with pairs to evaluate */
  uint64_t duplicates[PLT_PARTS];
  uint64_t leaks[PLT_PARTS]; /* pairs of this part that are training pairs too */
  plt_feature_report_t *features;
  size_t n_features;
  plt_problem_group_t problems[PLT_PROBLEM_KINDS];
  uint64_t errors, warnings;
} plt_data_report_t;

/* interactions NULL: the only one. features NULL: all *_feat.npy of the folder. */
void plt_data_check(const char *folder, const char *interactions, const char *const *features, size_t n_features,
                    plt_data_report_t **out);
void plt_data_report_destroy(plt_data_report_t **report);

/* A page for people; one JSON object. */
void plt_data_report_print(const plt_data_report_t *report, FILE *out);
void plt_data_report_print_json(const plt_data_report_t *report, FILE *out);

#endif
