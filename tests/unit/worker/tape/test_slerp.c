/* test_slerp.c - spherical interpolation: the golden mixes of raw control points with their gradients, and derivatives
 * by central differences of a twin in double, at nearly parallel rows too. */
#include "tests/unit/worker/golden.h"
#include "tests/unit/worker/naive.h"
#include "worker/tape/tape.h"

static void check_golden(const char *name,
                         plt_var_t (*mix)(plt_tape_t *t, const plt_var_t *points, size_t n, plt_var_t share)) {
  char value_name[64], gradient_name[64];
  snprintf(value_name, sizeof value_name, "expect_%s", name);
  snprintf(gradient_name, sizeof gradient_name, "expect_grad_%s", name);
  golden_t points = golden_read("spherical-mix", "points"), share = golden_read("spherical-mix", "lambda");
  golden_t weights = golden_read("spherical-mix", "weights"), value = golden_read("spherical-mix", value_name);
  golden_t gradient = golden_read("spherical-mix", gradient_name);
  size_t modalities = points.rows, items = value.rows, d = value.cols, each = items * d;
  cr_assert(modalities > 2 && points.cols == each && gradient.cols == each && weights.cols == d);
  float *got = calloc(modalities * each, sizeof *got);
  plt_tape_t *t = plt_tape_create(NULL);
  plt_var_t q[8];
  for (size_t m = 0; m < modalities; m++)
    q[m] = plt_op_normalise(t, plt_tape_parameter(t, items, d, points.value + m * each, got + m * each));
  plt_var_t mixed = mix(t, q, modalities, plt_tape_constant(t, items, 1, share.value));
  for (size_t k = 0; k < each; k++)
    cr_assert(naive_near(plt_tape_value(t, mixed)[k], value.value[k], 1e-5), "%s: value %zu", name, k);
  plt_tape_backward(t, plt_op_sum(t, plt_op_mul(t, mixed, plt_tape_constant(t, items, d, weights.value))));
  for (size_t k = 0; k < modalities * each; k++)
    cr_assert(naive_near(got[k], gradient.value[k], 1e-5), "%s: gradient %zu is %g, not %g", name, k, (double)got[k],
              (double)gradient.value[k]);
  plt_tape_destroy(&t);
  free(points.value), free(share.value), free(weights.value), free(value.value), free(gradient.value), free(got);
}

Test(slerp, golden_de_casteljau) { check_golden("de_casteljau", plt_op_bezier); }
Test(slerp, golden_nested) { check_golden("nested", plt_op_nested_slerp); }

enum { N = 9, D = 5 };

static double twin(const double *a, const double *b, const float *share, const float *r) {
  double sum = 0;
  for (int i = 0; i < N; i++) {
    double dot = 0, l = share[i];
    for (int j = 0; j < D; j++) dot += a[i * D + j] * b[i * D + j];
    double angle = acos(fmin(fmax(dot, -(1 - 1e-6)), 1 - 1e-6));
    for (int j = 0; j < D; j++)
      sum += r[i * D + j] * (sin(l * angle) * a[i * D + j] + sin((1 - l) * angle) * b[i * D + j]) / sin(angle);
  }
  return sum;
}

/* Row 0: b is a; row 1: b is -a; the others are as they come. All operands' derivatives, with those of the cosine where
 * it is not clamped. */
Test(slerp, derivatives) {
  naive_rng_t rng = {3};
  float x[2][N * D], share[N], g[2][N * D] = {{0}}, *r = naive_matrix(&rng, N * D, -1, 1);
  double y[2][N * D];
  for (int i = 0; i < N; i++) {
    share[i] = naive_between(&rng, 0, 1);
    for (int m = 0; m < 2; m++) {
      double norm = 0;
      for (int j = 0; j < D; j++) x[m][i * D + j] = naive_between(&rng, -1, 1);
      for (int j = 0; j < D; j++) norm += (double)x[m][i * D + j] * x[m][i * D + j];
      for (int j = 0; j < D; j++) x[m][i * D + j] = (float)(x[m][i * D + j] / sqrt(norm));
    }
  }
  for (int j = 0; j < D; j++) x[1][j] = x[0][j], x[1][D + j] = -x[0][D + j];
  plt_tape_t *t = plt_tape_create(NULL);
  plt_var_t mixed = plt_op_slerp(t, plt_tape_parameter(t, N, D, x[0], g[0]), plt_tape_parameter(t, N, D, x[1], g[1]),
                                 plt_tape_constant(t, N, 1, share));
  plt_tape_backward(t, plt_op_sum(t, plt_op_mul(t, mixed, plt_tape_constant(t, N, D, r))));
  for (int m = 0; m < 2; m++)
    for (int k = 0; k < N * D; k++) y[m][k] = x[m][k];
  for (int m = 0; m < 2; m++) {
    for (int k = 0; k < N * D; k++) {
      const double h = 1e-8, kept = y[m][k];
      y[m][k] = kept + h;
      double above = twin(y[0], y[1], share, r);
      y[m][k] = kept - h;
      double want = (above - twin(y[0], y[1], share, r)) / (2 * h);
      y[m][k] = kept;
      cr_assert(isfinite(g[m][k]));
      cr_assert(naive_near(g[m][k], want, 2e-5), "operand %d, %d: %g, not %g", m, k, (double)g[m][k], want);
    }
  }
  plt_tape_destroy(&t);
  free(r);
}
