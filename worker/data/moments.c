/* moments.c - see moments.h. */
#include "worker/data/moments.h"

#include <math.h>

void plt_moments_add(plt_moments_t *moments, const float *row, size_t cols) {
  uint64_t n = 0;
  double sum = 0, squares = 0;
  for (size_t c = 0; c < cols; c++) {
    if (!isfinite(row[c])) continue;
    n++;
    sum += (double)row[c];
  }
  if (n == 0) return;
  double mean = sum / (double)n, step = mean - moments->mean;
  for (size_t c = 0; c < cols; c++)
    if (isfinite(row[c])) squares += ((double)row[c] - mean) * ((double)row[c] - mean);
  double all = (double)(moments->n + n);
  moments->squares += squares + step * step * (double)moments->n * (double)n / all;
  moments->mean += step * (double)n / all;
  moments->n += n;
}

double plt_moments_deviation(const plt_moments_t *moments) {
  return moments->n > 0 ? sqrt(moments->squares / (double)moments->n) : NAN;
}
