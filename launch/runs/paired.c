/* paired.c - see paired.h. */
#include "launch/runs/paired.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/rng.h"

/* Lentz's algorithm for the continued fraction of the incomplete beta function. */
static double beta_fraction(double a, double b, double x) {
  const double tiny = 1e-300;
  double c = 1, d = 1 - (a + b) * x / (a + 1);
  d = 1 / (fabs(d) < tiny ? tiny : d);
  double value = d;
  for (int m = 1; m <= 1000; m++) {
    double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double terms[2] = {even, odd}, step = 1;
    for (int i = 0; i < 2; i++) {
      d = 1 + terms[i] * d;
      c = 1 + terms[i] / c;
      d = 1 / (fabs(d) < tiny ? tiny : d);
      c = fabs(c) < tiny ? tiny : c;
      step = c * d;
      value *= step;
    }
    if (fabs(step - 1) < 1e-15) break;
  }
  return value;
}

/* The regularised incomplete beta function I_x(a, b). */
static double incomplete_beta(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
  return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double plt_student_two_sided(double t, double freedom) {
  return incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t));
}

/* t of which so much lies outside, on both sides. */
static double student_quantile(double outside, double freedom) {
  double low = 0, high = 1;
  while (plt_student_two_sided(high, freedom) > outside && high < 1e12) high *= 2;
  for (int i = 0; i < 200; i++) {
    double middle = (low + high) / 2;
    *(plt_student_two_sided(middle, freedom) > outside ? &low : &high) = middle;
  }
  return (low + high) / 2;
}

void plt_mean_deviation(const double *values, size_t n, double *mean, double *deviation) {
  double sum = 0, squares = 0;
  for (size_t i = 0; i < n; i++) sum += values[i];
  *mean = n == 0 ? NAN : sum / (double)n;
  for (size_t i = 0; i < n; i++) squares += (values[i] - *mean) * (values[i] - *mean);
  *deviation = n < 2 ? NAN : sqrt(squares / (double)(n - 1));
}

/* Users without a difference have none with the other sign, either: they are passed over. A draw flips 32 signs. */
static double flip_test(const double *differences, size_t n) {
  double *far = plt_mem_alloc((n + 1) * sizeof *far), observed = 0;
  size_t m = 0, as_far = 1;
  for (size_t i = 0; i < n; i++)
    if (differences[i] != 0) far[m++] = differences[i];
  for (size_t i = 0; i < m; i++) observed += far[i];
  double bar = fabs(observed) * (1 - 1e-12); /* sums of one set in another order are equal */
  plt_rng_key_t key = plt_rng_key(1, "signs of differences", 0);
  for (uint32_t flip = 1; flip < PLT_PAIRED_FLIPS; flip++) {
    double sum = 0;
    for (size_t i = 0; i < m; i += 128) {
      plt_rng_block_t block = plt_rng_draw(key, flip, (uint32_t)(i / 128), 0, 0);
      for (size_t k = i; k < m && k < i + 128; k++) {
        bool minus = (block.word[(k - i) / 32] >> ((k - i) % 32) & 1) != 0;
        sum += minus ? -far[k] : far[k];
      }
    }
    as_far += fabs(sum) >= bar;
  }
  free(far);
  return (double)as_far / PLT_PAIRED_FLIPS;
}

plt_paired_t plt_paired_test(const double *differences, size_t n) {
  plt_paired_t result = {.n = n, .low = NAN, .high = NAN, .t = NAN, .p_t = NAN, .p_flip = NAN};
  double deviation;
  plt_mean_deviation(differences, n, &result.mean, &deviation);
  if (n < 2) return result;
  double error = deviation / sqrt((double)n), freedom = (double)(n - 1);
  double reach = student_quantile(0.05, freedom) * error;
  result.low = result.mean - reach;
  result.high = result.mean + reach;
  result.t = error > 0 ? result.mean / error : result.mean == 0 ? 0 : copysign(INFINITY, result.mean);
  result.p_t = error > 0 ? plt_student_two_sided(result.t, freedom) : result.mean == 0 ? 1 : 0;
  result.p_flip = flip_test(differences, n);
  return result;
}

/* The smallest of m is taken m times, the next m - 1 times, and none becomes less than those before. */
void plt_holm(double *p, size_t m) {
  bool *done = plt_mem_zalloc(m + 1, sizeof *done);
  double most = 0;
  for (size_t turn = 0; turn < m; turn++) {
    size_t least = m;
    for (size_t i = 0; i < m; i++)
      if (!done[i] && (least == m || p[i] < p[least])) least = i;
    done[least] = true;
    most = fmax(most, fmin(1, (double)(m - turn) * p[least]));
    p[least] = most;
  }
  free(done);
}
