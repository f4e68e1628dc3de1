/* Paired tests against other ways to compute them: Student's p by integration of its density, random signs by all
 * signs there are, Holm by hand. */
#include "launch/runs/paired.h"

#include <criterion/criterion.h>
#include <math.h>

static double density(double t, double freedom) {
  double log_c = lgamma((freedom + 1) / 2) - lgamma(freedom / 2) - 0.5 * log(freedom * acos(-1.0));
  return exp(log_c - (freedom + 1) / 2 * log1p(t * t / freedom));
}

/* Simpson's rule from 0 to t. */
static double outside(double t, double freedom) {
  int steps = 20000;
  double h = t / steps, sum = density(0, freedom) + density(t, freedom);
  for (int i = 1; i < steps; i++) sum += (i % 2 == 1 ? 4 : 2) * density(i * h, freedom);
  return 1 - 2 * sum * h / 3;
}

Test(paired, student_by_integration) {
  const double freedoms[] = {1, 2, 3, 10, 29, 299, 20000}, ts[] = {0.01, 0.5, 1, 1.96, 3.3, 6};
  for (size_t f = 0; f < 7; f++)
    for (size_t i = 0; i < 6; i++) {
      double p = plt_student_two_sided(ts[i], freedoms[f]), q = plt_student_two_sided(-ts[i], freedoms[f]);
      cr_expect_float_eq(p, outside(ts[i], freedoms[f]), 1e-10, "t %g, %g degrees: %.12g", ts[i], freedoms[f], p);
      cr_expect_eq(p, q);
    }
  cr_expect_float_eq(plt_student_two_sided(2, 1), 1 - 2 / acos(-1.0) * atan(2), 1e-13, "one degree is Cauchy's");
  cr_expect_float_eq(plt_student_two_sided(2.228138852, 10), 0.05, 1e-9, "as tables have it");
}

/* All signs of n differences: the share of sums that are as far from 0. */
static double by_all_signs(const double *d, size_t n) {
  double observed = 0;
  size_t as_far = 0;
  for (size_t i = 0; i < n; i++) observed += d[i];
  for (size_t signs = 0; signs < (size_t)1 << n; signs++) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (signs >> i & 1) != 0 ? -d[i] : d[i];
    as_far += fabs(sum) >= fabs(observed) - 1e-12;
  }
  return (double)as_far / (double)((size_t)1 << n);
}

Test(paired, random_signs_by_all_signs) {
  const double lists[][12] = {{0.1, 0.2, -0.05, 0.3, 0.12, 0.02, -0.1, 0.25, 0.4, 0.15, 0, 0},
                              {1, -1, 1, -1, 1, 1, 0, 0, 0, 0, 0, 0},
                              {0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5},
                              {-0.3, 0.1, 0.2, -0.4, 0.1, -0.1, 0.05, 0.2, -0.2, 0.3, 0.1, -0.3}};
  for (size_t k = 0; k < 4; k++) {
    double exact = by_all_signs(lists[k], 12), p = plt_paired_test(lists[k], 12).p_flip;
    double wide = 4.5 * sqrt(exact * (1 - exact) / PLT_PAIRED_FLIPS) + 1.0 / PLT_PAIRED_FLIPS;
    cr_expect_float_eq(p, exact, wide, "list %zu: %g, exactly %g", k, p, exact);
  }
}

Test(paired, interval_and_t) {
  const double d[] = {0.2, 0.1, 0.4, -0.1, 0.15};
  plt_paired_t test = plt_paired_test(d, 5);
  double mean, deviation;
  plt_mean_deviation(d, 5, &mean, &deviation);
  cr_expect_float_eq(mean, 0.15, 1e-15);
  cr_expect_float_eq(deviation, sqrt(0.13 / 4), 1e-15);
  cr_expect_float_eq(test.t, 0.15 / (deviation / sqrt(5)), 1e-12);
  cr_expect_float_eq((test.low + test.high) / 2, mean, 1e-12);
  double reach = (test.high - mean) / (deviation / sqrt(5));
  cr_expect_float_eq(reach, 2.776445105, 1e-8, "4 degrees, 95 %%, as tables have it: %.10g", reach);
}

Test(paired, nothing_to_tell) {
  const double zeros[4] = {0}, same[3] = {0.5, 0.5, 0.5}, one[1] = {3};
  plt_paired_t test = plt_paired_test(zeros, 4);
  cr_expect(test.p_t == 1 && test.p_flip == 1 && test.mean == 0);
  test = plt_paired_test(same, 3);
  cr_expect(test.p_t == 0 && test.low == 0.5 && test.high == 0.5);
  cr_expect_float_eq(test.p_flip, 0.25, 0.02, "of 8 signs two are as far");
  test = plt_paired_test(one, 1);
  cr_expect(isnan(test.p_t) && isnan(test.p_flip) && test.mean == 3);
  double mean, deviation;
  plt_mean_deviation(one, 1, &mean, &deviation);
  cr_expect(mean == 3 && isnan(deviation));
  plt_mean_deviation(one, 0, &mean, &deviation);
  cr_expect(isnan(mean));
}

Test(paired, holm_by_hand) {
  double p[] = {0.01, 0.04, 0.03, 0.9}, want[] = {0.04, 0.09, 0.09, 0.9};
  plt_holm(p, 4);
  for (size_t i = 0; i < 4; i++) cr_expect_float_eq(p[i], want[i], 1e-15, "%zu: %g", i, p[i]);
  double two[] = {0.6, 0.7};
  plt_holm(two, 2);
  cr_expect(two[0] == 1 && two[1] == 1);
}
