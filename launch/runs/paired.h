/* paired.h - whether two lists of values of the same users differ by more than chance.
 *
 * Threads    pure functions.
 * Source     Student's paired t-test; the randomisation test of paired differences (Fisher 1935; Smucker, Allan and
 *            Carterette, CIKM 2007, for metrics of rankings). Incomplete beta function by its continued fraction. */
#ifndef PLT_LAUNCH_RUNS_PAIRED_H
#define PLT_LAUNCH_RUNS_PAIRED_H

#include <stddef.h>

enum { PLT_PAIRED_FLIPS = 10000 };

typedef struct plt_paired {
  size_t n;
  double mean;      /* of the differences */
  double low, high; /* interval of 95 % around it, by t */
  double t;
  double p_t;    /* two-sided, n - 1 degrees of freedom */
  double p_flip; /* two-sided: share of PLT_PAIRED_FLIPS draws of signs whose mean is as far from 0, itself counted */
} plt_paired_t;

/* Of differences [n]. Without any that is not 0 both p are 1; NaN where n < 2. The draws are always the same. */
plt_paired_t plt_paired_test(const double *differences, size_t n);
/* P(|T| > |t|) of Student's distribution. */
double plt_student_two_sided(double t, double freedom);

/* Mean and standard deviation (n - 1) of values; the deviation of less than two is NaN. */
void plt_mean_deviation(const double *values, size_t n, double *mean, double *deviation);

/* p values of m tests together, by Holm: in place. */
void plt_holm(double *p, size_t m);

#endif
