/* curves.h - how a metric falls while features are disturbed, of several runs in one picture.
 *
 *   `plateau evaluate RUN --noise ... --json` ─▶ FILE.json ─▶ curve ┐
 *   the run at hand: the same object ────────────────────────▶ curve ┴▶ picture (picture.h)
 *
 * Threads    any, nothing is shared.
 * Errors     read: PLT_ERR_IO, PLT_ERR_DATA naming the file. draw: those of plt_picture_end(). */
#ifndef PLT_LAUNCH_TASKS_CURVES_H
#define PLT_LAUNCH_TASKS_CURVES_H

#include "common/io/json.h"
#include "launch/tasks/robustness.h"

enum { PLT_CURVES_MAX = 8 };

typedef struct plt_curve_point {
  double amount, mean, deviation;
} plt_curve_point_t;

/* One metric of one part; the first point of a kind that has any is that of amount 0. */
typedef struct plt_curve {
  char name[64];
  size_t n[PLT_DISTURB_KINDS];
  plt_curve_point_t at[PLT_DISTURB_KINDS][PLT_ROBUSTNESS_MAX + 1];
} plt_curve_t;

/* What a picture shows: the metric, of the part with this key. */
typedef struct plt_curves_of {
  const char *metric, *part;
} plt_curves_of_t;

/* file: what json was read from, or a name for people. */
plt_status_t plt_curve_make(const plt_json_t *json, const char *file, const plt_curves_of_t *of, plt_curve_t *out);
plt_status_t plt_curve_read(const char *file, const plt_curves_of_t *of, plt_curve_t *out);
/* A panel per kind that any of n curves has. */
plt_status_t plt_curves_draw(const plt_curve_t *curves, size_t n, const plt_curves_of_t *of, const char *path);

#endif
