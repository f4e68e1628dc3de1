/* chart.c - see chart.h. */
#include "launch/runs/chart.h"

#include <math.h>
#include <string.h>

#include "launch/runs/page.h"

/* Of the drawing, in units of a screen of a phone: there a unit is a pixel, on a desk a little more. */
enum { WIDTH = 360, HEIGHT = 230, LEFT = 52, RIGHT = 10, TOP = 26, BOTTOM = 34, POINTS_MAX = 400, COLOURS = 8 };

typedef struct axis {
  double low, high, step;
} axis_t;

/* Ticks at multiples of 1, 2 or 5 times a power of ten, some five of them. */
static axis_t axis_of(double low, double high) {
  if (!(high > low)) {
    double room = low == 0 ? 1 : fabs(low) / 10;
    low -= room;
    high += room;
  }
  double rough = (high - low) / 4, power = pow(10, floor(log10(rough))), ratio = rough / power;
  double step = power * (ratio < 1.5 ? 1 : ratio < 3.5 ? 2 : ratio < 7.5 ? 5 : 10);
  return (axis_t){floor(low / step + 1e-9) * step, ceil(high / step - 1e-9) * step, step};
}

static double tick_at(const axis_t *axis, int i) { return (ceil(axis->low / axis->step - 1e-9) + i) * axis->step; }

static double at_x(const axis_t *x, double value) {
  return LEFT + (value - x->low) / (x->high - x->low) * (WIDTH - LEFT - RIGHT);
}

static double at_y(const axis_t *y, double value) {
  return HEIGHT - BOTTOM - (value - y->low) / (y->high - y->low) * (HEIGHT - TOP - BOTTOM);
}

static void put_number(double value, double step, FILE *out) {
  double size = fmax(fabs(value), step);
  if (fabs(value) < step * 1e-6) value = 0;
  if (size >= 1e9 || size < 1e-4)
    fprintf(out, "%.2g", value);
  else if (size >= 1e6)
    fprintf(out, "%.4gM", value / 1e6);
  else if (size >= 1e4)
    fprintf(out, "%.4gk", value / 1000);
  else
    fprintf(out, "%.4g", value);
}

static void put_axes(const plt_chart_t *chart, const axis_t *x, const axis_t *y, FILE *out) {
  fprintf(out, "<text class=\"h\" x=\"0\" y=\"14\">");
  plt_page_text(chart->title, out);
  fputs("</text>\n", out);
  for (int i = 0; tick_at(y, i) <= y->high + y->step * 1e-6; i++) {
    double value = tick_at(y, i), at = at_y(y, value);
    fprintf(out, "<path class=\"g\" d=\"M%d %.1fH%d\"/><text class=\"t\" text-anchor=\"end\" x=\"%d\" y=\"%.1f\">",
            LEFT, at, WIDTH - RIGHT, LEFT - 5, at + 4);
    put_number(value, y->step, out);
    fputs("</text>\n", out);
  }
  for (int i = 0; tick_at(x, i) <= x->high + x->step * 1e-6; i++) {
    double value = tick_at(x, i);
    fprintf(out, "<text class=\"t\" text-anchor=\"middle\" x=\"%.1f\" y=\"%d\">", at_x(x, value), HEIGHT - BOTTOM + 15);
    put_number(value, x->step, out);
    fputs("</text>\n", out);
  }
  fprintf(out, "<text class=\"t\" text-anchor=\"end\" x=\"%d\" y=\"%d\">", WIDTH - RIGHT, HEIGHT - 4);
  plt_page_text(chart->x_label, out);
  fputs("</text>\n", out);
}

/* Some hundreds of points are as many as can be seen; the last one is among them. */
static void put_line(const plt_series_t *s, const axis_t *x, const axis_t *y, FILE *out) {
  size_t stride = s->n / POINTS_MAX + 1, points = 0;
  double last_x = 0, last_y = 0;
  fprintf(out, "<path class=\"l s%zu%s\" d=\"", s->colour % COLOURS, s->colour >= COLOURS ? " dash" : "");
  for (size_t i = 0; i < s->n; i++) {
    if ((i % stride != 0 && i + 1 != s->n) || !isfinite(s->x[i]) || !isfinite(s->y[i])) continue;
    last_x = at_x(x, s->x[i]);
    last_y = at_y(y, s->y[i]);
    fprintf(out, "%c%.1f %.1f", points++ == 0 ? 'M' : 'L', last_x, last_y);
  }
  fputs("\"><title>", out);
  plt_page_text(s->name, out);
  fputs("</title></path>\n", out);
  if (points == 1)
    fprintf(out, "<circle class=\"f%zu\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>\n", s->colour % COLOURS, last_x, last_y);
}

/* Least and most of what there is to draw; false: nothing. */
static bool find_range(const plt_chart_t *chart, double x[2], double y[2]) {
  x[0] = y[0] = INFINITY;
  x[1] = y[1] = -INFINITY;
  for (size_t s = 0; s < chart->n; s++)
    for (size_t i = 0; i < chart->series[s].n; i++) {
      double at = chart->series[s].x[i], value = chart->series[s].y[i];
      if (!isfinite(at) || !isfinite(value)) continue;
      x[0] = fmin(x[0], at);
      x[1] = fmax(x[1], at);
      y[0] = fmin(y[0], value);
      y[1] = fmax(y[1], value);
    }
  if (chart->from_zero) y[0] = fmin(y[0], 0);
  return x[0] <= x[1];
}

void plt_chart_lines(const plt_chart_t *chart, FILE *out) {
  double range_x[2], range_y[2];
  if (!find_range(chart, range_x, range_y)) return;
  axis_t x = axis_of(range_x[0], range_x[1]), y = axis_of(range_y[0], range_y[1]);
  if (range_x[1] > range_x[0]) { /* lines take the whole width */
    x.low = range_x[0];
    x.high = range_x[1];
  }
  fprintf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, HEIGHT);
  plt_page_text(chart->title, out);
  fputs("\">\n", out);
  put_axes(chart, &x, &y, out);
  for (size_t i = 0; i < chart->n_marks; i++)
    if (chart->marks[i] >= x.low && chart->marks[i] <= x.high)
      fprintf(out, "<path class=\"m\" d=\"M%.1f %dV%d\"/>\n", at_x(&x, chart->marks[i]), TOP, HEIGHT - BOTTOM);
  for (size_t s = 0; s < chart->n; s++) put_line(&chart->series[s], &x, &y, out);
  fputs("</svg>\n", out);
}

/* ---- bars ---- */

void plt_chart_key(const char *name, size_t colour, FILE *out) {
  fprintf(out, "<span class=\"k\"><i class=\"b%zu%s\"></i>", colour % COLOURS, colour >= COLOURS ? " dash" : "");
  plt_page_text(name, out);
  fputs("</span>\n", out);
}

void plt_chart_bar(const char *name, const double *values, const char *const *names, size_t n, FILE *out) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += values[i] > 0 ? values[i] : 0;
  fputs("<div class=\"row\"><span>", out);
  plt_page_text(name, out);
  fputs("</span><div class=\"bar\">", out);
  for (size_t i = 0; i < n && sum > 0; i++) {
    double share = values[i] > 0 ? 100 * values[i] / sum : 0;
    if (share < 0.05) continue;
    fprintf(out, "<i class=\"b%zu\" style=\"width:%.2f%%\" title=\"", i % COLOURS, share);
    plt_page_text(names[i], out);
    fprintf(out, " %.1f %%\"></i>", share);
  }
  fputs("</div></div>\n", out);
}

/* ---- fields ---- */

/* One path for each of some shades, the squares of a line side by side as one. */
void plt_chart_field(const char *title, const double *values, size_t n, double full, double range, FILE *out) {
  enum { SIDE = 240, SHADES = 12, AT_X = 60 };
  double least = INFINITY, side = (double)SIDE / (double)n;
  for (size_t i = 0; i < n * n; i++) least = fmin(least, values[i]);
  fprintf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\"><text class=\"h\" x=\"0\" y=\"14\">", WIDTH, SIDE + TOP + 22);
  plt_page_text(title, out);
  fputs("</text>\n", out);
  for (int shade = 1; shade <= SHADES; shade++) {
    fprintf(out, "<path class=\"f0\" fill-opacity=\"%.2f\" d=\"", (double)shade / SHADES);
    for (size_t i = 0; i < n * n; i++) {
      double share = isfinite(values[i]) ? fmin(1, (values[i] - least) / full) : 1;
      size_t line = i / n + 1;
      if ((int)ceil(share * SHADES - 1e-9) != shade) continue;
      fprintf(out, "M%.1f %.1fh%.2fv%.2fh-%.2fz", AT_X + (double)(i % n) * side, TOP + SIDE - (double)line * side, side,
              side, side);
    }
    fputs("\"/>\n", out);
  }
  fprintf(out, "<rect class=\"o\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>", AT_X, TOP, SIDE, SIDE);
  fprintf(out, "<circle class=\"c\" cx=\"%d\" cy=\"%d\" r=\"3\"/>", AT_X + SIDE / 2, TOP + SIDE / 2);
  fprintf(out, "<text class=\"t\" x=\"%d\" y=\"%d\">-%g</text>", AT_X, TOP + SIDE + 16, range);
  fprintf(out, "<text class=\"t\" text-anchor=\"end\" x=\"%d\" y=\"%d\">%g</text></svg>\n", AT_X + SIDE,
          TOP + SIDE + 16, range);
}
