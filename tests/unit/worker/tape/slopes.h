/* slopes.h - derivatives of 3 times a loss, so that the slope that comes in counts, against a twin's in double. */
#ifndef PLT_TESTS_SLOPES_H
#define PLT_TESTS_SLOPES_H

#include <criterion/criterion.h>
#include <math.h>
#include <stddef.h>

/* Each within so much of the largest; `want` of the loss itself. */
static inline void expect_slopes(double tolerance, size_t n, const float *got, const double *want) {
  double largest = 0;
  for (size_t k = 0; k < n; k++) largest = fmax(largest, 3 * fabs(want[k]));
  for (size_t k = 0; k < n; k++)
    cr_assert(fabs((double)got[k] - 3 * want[k]) <= tolerance * largest, "slope %zu is %g, not %g", k, (double)got[k],
              3 * want[k]);
}

#endif
