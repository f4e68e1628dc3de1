/* vectors.c - see vectors.h. */
#include "worker/math/vectors.h"

#include <math.h>

#include "worker/math/kernels.h"

double plt_vector_norm(const float *x, size_t n) { return sqrt(plt_kernel_sum_squares(NULL, x, n)); }

void plt_vector_scale(float *x, size_t n, double factor) {
  for (size_t i = 0; i < n; i++) x[i] = (float)(factor * x[i]);
}

void plt_vector_blend(float *out, double a, const float *x, double b, const float *y, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = (float)(a * x[i] + b * y[i]);
}

void plt_vector_clip(float *g, size_t n, double limit) {
  if (limit == 0) return;
  double factor = limit / (plt_vector_norm(g, n) + 1e-6);
  if (factor < 1) plt_vector_scale(g, n, factor);
}

/* x - x is 0 exactly where x is finite, so the loop has no branch and vectorises. */
bool plt_vector_is_finite(const float *x, size_t n) {
  int bad = 0;
  for (size_t i = 0; i < n; i++) bad |= x[i] - x[i] != 0;
  return !bad;
}
