/* report.h - runs as one page: what differs, curves, where time went, servers, recoveries, flatness.
 *
 *   report.c        runs, groups, metrics, curves, configurations
 *   report_time.c   phases, workers, servers, recoveries
 *   report_keys.c   which group has which colour
 *   report_flat.c   files of landscape, sharpness and evaluate --noise that lie in the run directories
 *
 * Ownership  everything is borrowed.
 * Threads    one owner.
 * Errors     those of compare.h; files within a run that cannot be read are left out with a warning.
 * Source     docs/compare.md, "A page". */
#ifndef PLT_LAUNCH_RUNS_REPORT_H
#define PLT_LAUNCH_RUNS_REPORT_H

#include "launch/runs/chart.h"
#include "launch/runs/compare.h"

typedef struct plt_report {
  const plt_run_t *const *runs;
  size_t n;
  plt_comparison_t comparison; /* of all runs, those without an end too */
  size_t *colour;              /* [n]: the run's group */
} plt_runs_report_t;

/* metrics: as in plt_compare(). */
plt_status_t plt_report_write(const plt_run_t *const *runs, size_t n, const char *metrics, FILE *out);

void plt_report_time(const plt_runs_report_t *report, FILE *out);
void plt_report_servers(const plt_runs_report_t *report, FILE *out);
void plt_report_recoveries(const plt_runs_report_t *report, FILE *out);
void plt_report_flatness(const plt_runs_report_t *report, FILE *out);
/* Which group has which colour. */
void plt_report_keys(const plt_runs_report_t *report, FILE *out);

#endif
