/* chart.h - pictures within a page: lines and fields as SVG, shares as bars. Colours are the page's (page.h): c0 to c7
 * by number, and what stands on the page's ground, so that they follow light and dark.
 *
 * Ownership  everything is borrowed.
 * Threads    any.
 * Errors     none; whoever closes the file learns of those. */
#ifndef PLT_LAUNCH_RUNS_CHART_H
#define PLT_LAUNCH_RUNS_CHART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct plt_series {
  const char *name; /* shown where a pointer rests on the line */
  size_t colour;
  const double *x, *y; /* [n]; what is not finite is left out */
  size_t n;
} plt_series_t;

typedef struct plt_chart {
  const char *title, *x_label;
  const plt_series_t *series;
  size_t n;
  const double *marks; /* x at which something happened: a line down */
  size_t n_marks;
  bool from_zero;
} plt_chart_t;

/* Nothing without a point. */
void plt_chart_lines(const plt_chart_t *chart, FILE *out);

/* Shares of a row, each in its colour: values [n], names [n]. */
void plt_chart_bar(const char *name, const double *values, const char *const *names, size_t n, FILE *out);
/* A colour with its name. */
void plt_chart_key(const char *name, size_t colour, FILE *out);

/* A field of values [n, n] above the least of them, the more the darker; full: the value of the darkest. */
void plt_chart_field(const char *title, const double *values, size_t n, double full, double range, FILE *out);

#endif
