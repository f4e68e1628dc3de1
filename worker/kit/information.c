/* information.c - see information.h. */
#include "worker/kit/information.h"

#include "worker/kit/kit.h"

static plt_var_t two_layers(plt_tape_t *t, plt_var_t x, plt_var_t w1, plt_var_t b1, plt_var_t w2, plt_var_t b2) {
  return plt_op_linear(t, plt_op_leaky_relu(t, plt_op_linear(t, x, w1, b1), 0), w2, b2);
}

static plt_var_t mean_of(plt_tape_t *t, plt_var_t c, const plt_vclub_t *q) {
  return two_layers(t, c, q->mu1_w, q->mu1_b, q->mu2_w, q->mu2_b);
}

static plt_var_t log_variance_of(plt_tape_t *t, plt_var_t c, const plt_vclub_t *q) {
  return plt_op_tanh(t, two_layers(t, c, q->lv1_w, q->lv1_b, q->lv2_w, q->lv2_b));
}

static plt_var_t square(plt_tape_t *t, plt_var_t x) { return plt_op_mul(t, x, x); }

static plt_var_t precision_of(plt_tape_t *t, plt_var_t log_variance) {
  return plt_op_exp(t, plt_op_scale(t, log_variance, -1));
}

plt_var_t plt_loss_vclub(plt_tape_t *t, plt_var_t c, plt_var_t s, const plt_vclub_t *q, uint32_t shift) {
  size_t n = plt_tape_rows(t, s);
  plt_vclub_t held = {plt_op_stop(t, q->mu1_w), plt_op_stop(t, q->mu1_b), plt_op_stop(t, q->mu2_w),
                      plt_op_stop(t, q->mu2_b), plt_op_stop(t, q->lv1_w), plt_op_stop(t, q->lv1_b),
                      plt_op_stop(t, q->lv2_w), plt_op_stop(t, q->lv2_b)};
  uint32_t *other = plt_tape_index(t, n);
  for (size_t i = 0; i < n; i++) other[i] = (uint32_t)((i + shift) % n);
  plt_var_t mean = mean_of(t, c, &held), precision = precision_of(t, log_variance_of(t, c, &held));
  plt_var_t apart = square(t, plt_op_sub(t, plt_op_gather(t, s, other, n), mean));
  plt_var_t together = square(t, plt_op_sub(t, s, mean));
  plt_var_t sum = plt_op_sum(t, plt_op_mul(t, plt_op_sub(t, apart, together), precision));
  return plt_op_leaky_relu(t, plt_op_scale(t, sum, 0.5f / (float)n), 0);
}

plt_var_t plt_loss_vclub_fit(plt_tape_t *t, plt_var_t c, plt_var_t s, const plt_vclub_t *q) {
  plt_var_t given = plt_op_stop(t, c), log_variance = log_variance_of(t, given, q);
  plt_var_t off = square(t, plt_op_sub(t, plt_op_stop(t, s), mean_of(t, given, q)));
  plt_var_t sum = plt_op_sum(t, plt_op_add(t, plt_op_mul(t, off, precision_of(t, log_variance)), log_variance));
  return plt_op_scale(t, sum, 0.5f / (float)plt_tape_rows(t, s));
}

/* Columns of mean 0 and variance 1 over the rows. */
static plt_var_t standardise(plt_tape_t *t, plt_var_t x) {
  size_t n = plt_tape_rows(t, x);
  float *share = plt_tape_scratch(t, n, 1);
  for (size_t i = 0; i < n; i++) share[i] = 1 / (float)n;
  plt_var_t shares = plt_tape_constant(t, n, 1, share);
  plt_var_t centred = plt_op_add(t, x, plt_op_scale(t, plt_op_matmul_at(t, shares, x), -1));
  plt_var_t variance = plt_op_matmul_at(t, shares, square(t, centred));
  plt_var_t scale = plt_op_exp(t, plt_op_scale(t, plt_op_log(t, plt_op_shift(t, variance, 1e-5f)), -0.5f));
  return plt_op_mul(t, centred, scale);
}

plt_var_t plt_loss_cross_correlation(plt_tape_t *t, plt_var_t c, plt_var_t s) {
  float scale = 1 / (float)plt_tape_rows(t, c);
  plt_var_t correlation = plt_op_scale(t, plt_op_matmul_at(t, standardise(t, c), standardise(t, s)), scale);
  return plt_op_mean(t, square(t, correlation));
}
