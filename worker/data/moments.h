/* moments.h - mean and deviation of many values, row by row in double. Rows are merged in (Chan, Golub and LeVeque
 * 1979), so that a large offset costs no digits; what is not finite is left out.
 * Threads    one owner at a time.
 * Determinism  a function of the rows and their order.
 * Source     Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm", 1979. */
#ifndef PLT_WORKER_DATA_MOMENTS_H
#define PLT_WORKER_DATA_MOMENTS_H

#include <stddef.h>
#include <stdint.h>

/* Of the values so far; zeroed: none. */
typedef struct plt_moments {
  uint64_t n;
  double mean, squares; /* squares: sum of squared deviations from the mean */
} plt_moments_t;

void plt_moments_add(plt_moments_t *moments, const float *row, size_t cols);
/* The root of the mean squared deviation; NaN of no values. */
double plt_moments_deviation(const plt_moments_t *moments);

#endif
