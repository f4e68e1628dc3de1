/* adam_core.c - see adam_core.h.
 *
 * A movement has more digits than a float: a row that moves by many learning rates would lose more than the closed form
 * does. Its root and quotient are those of floats all the same, which take a third of the time of double ones, with
 * what they missed added to first order. Decay factors are double: 0.999 as a float would bias v by 1e-5. The quotient
 * of the step is in float, as in PyTorch. */
#include "ps/optimizers/adam_core.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/vector.h"

const plt_option_t plt_adam_options[PLT_ADAM_OPTIONS] = {
    {.key = "optimizer.beta1",
     .type = PLT_OPT_REAL,
     .fallback = "0.9",
     .min = 0,
     .max = 0.999999,
     .help = "Decay of the mean of gradients, per step; must stay well below the root of beta2."},
    {.key = "optimizer.beta2",
     .type = PLT_OPT_REAL,
     .fallback = "0.999",
     .min = 0,
     .max = 0.999999,
     .above_min = true,
     .help = "Decay of the mean of squared gradients, per step."},
    {.key = "optimizer.eps",
     .type = PLT_OPT_REAL,
     .fallback = "1e-8",
     .min = 1e-20,
     .max = 1,
     .help = "Added to the root of the mean of squares."},
};

size_t plt_adam_state_floats(const plt_optimizer_t *base) { return 2 * base->cols; }

plt_status_t plt_adam_init(plt_optimizer_t *base, const plt_config_t *config, double l2, double decay) {
  plt_adam_t *self = (plt_adam_t *)base;
  self->beta1 = plt_config_real(config, "optimizer.beta1");
  self->beta2 = plt_config_real(config, "optimizer.beta2");
  self->eps = plt_config_real(config, "optimizer.eps");
  self->l2 = l2;
  self->fuses = plt_vector_fuses();
  self->moved = plt_mem_zalloc(base->cols, sizeof(double));
  self->ratio = plt_mem_zalloc(base->cols, sizeof(double));
  self->still = plt_mem_zalloc(base->cols, sizeof(double));
  return plt_adam_gap_create(self->beta1, self->beta2, self->eps, decay, &self->gap);
}

void plt_adam_clear(plt_optimizer_t *base) {
  plt_adam_t *self = (plt_adam_t *)base;
  plt_adam_gap_destroy(&self->gap);
  free(self->moved);
  free(self->ratio);
  free(self->still);
}

void plt_adam_begin(plt_optimizer_t *base, uint64_t t, const plt_eta_history_t *history) {
  plt_adam_t *self = (plt_adam_t *)base;
  plt_adam_gap_begin(self->gap, t, history);
  if (t == 0) return;
  double eta = plt_eta_history_at(history, t);
  self->step = eta / (1 - pow(self->beta1, (double)t));
  self->unbias = 1 / sqrt(1 - pow(self->beta2, (double)t));
  self->keep = plt_adam_gap_keep(self->gap, eta);
}

/* c - a b, rounded once, by one instruction or through double, where the product is exact: the same bits. */
__attribute__((always_inline)) static inline float missed(bool fuses, float a, float b, float c) {
  return fuses ? fmaf(-a, b, c) : (float)((double)c - (double)a * b);
}

/* 0.5 / x to a 390th, for normal x > 0; finite for 0. */
__attribute__((always_inline)) static inline float about_half_over(float x) {
  uint32_t bits;
  float guess;
  memcpy(&bits, &x, sizeof bits);
  bits = 0x7EF311C7u - bits; /* the exponent negated, the mantissa to a 16th */
  memcpy(&guess, &bits, sizeof guess);
  return 0.5f * guess * (2 - x * guess);
}

/* moved[cols] by the polynomial of 8 terms: the hot loop. 1 / (s + shift) is `near` (1 + off): near is the quotient of
 * floats, off what root, sum and quotient missed by rounding, to some 2^-32. The higher terms of the polynomial are a
 * few hundredths of the first, so float does for them, and near for u. */
__attribute__((always_inline)) static inline void move_by_eight(bool fuses, const plt_adam_move_t *move, size_t cols,
                                                                const float *restrict m, const float *restrict v,
                                                                double *restrict moved) {
  const double later = -move->later, t0 = later * move->sum[0];
  const float shift = (float)move->shift, shift_rest = (float)(move->shift - shift), f0 = (float)t0;
  const float t1 = (float)(later * move->sum[1]), t2 = (float)(later * move->sum[2]);
  const float t3 = (float)(later * move->sum[3]), t4 = (float)(later * move->sum[4]);
  const float t5 = (float)(later * move->sum[5]), t6 = (float)(later * move->sum[6]);
  const float t7 = (float)(later * move->sum[7]);
  for (size_t i = 0; i < cols; i++) {
    float root = sqrtf(v[i]), sum = root + shift, near = 1 / sum;
    float of_root = missed(fuses, root, root, v[i]) * about_half_over(root);
    float back = sum - root, of_sum = (root - (sum - back)) + (shift - back) + shift_rest;
    float off = missed(fuses, sum, near, 1) - (of_sum + of_root) * near;
    float u = 2 * shift * near - 1;
    float u2 = u * u, low = (t1 + t2 * u) + (t3 + t4 * u) * u2, high = (t5 + t6 * u) + t7 * u2;
    float higher = u * (low + high * (u2 * u2));
    moved[i] = (double)m[i] * near * (t0 + (higher + f0 * off));
  }
}

PLT_VECTOR_CLONES static void move_fused(const plt_adam_move_t *move, size_t cols, const float *m, const float *v,
                                         double *moved) {
  move_by_eight(true, move, cols, m, v, moved);
}

PLT_VECTOR_CLONES static void move_unfused(const plt_adam_move_t *move, size_t cols, const float *m, const float *v,
                                           double *moved) {
  move_by_eight(false, move, cols, m, v, moved);
}

/* The same for 32 terms, four at a time over the whole row; u[cols] is scratch. */
PLT_VECTOR_CLONES static void move_long(const plt_adam_move_t *move, size_t cols, const float *restrict m,
                                        const float *restrict v, double *restrict u, double *restrict moved) {
  const double shift = move->shift, later = -move->later;
  for (size_t i = 0; i < cols; i++) {
    double s = sqrt((double)v[i]);
    u[i] = (shift - s) / (shift + s);
    moved[i] = 0;
  }
  for (size_t p = move->terms; p >= 4; p -= 4) {
    const double t3 = move->sum[p - 1], t2 = move->sum[p - 2], t1 = move->sum[p - 3], t0 = move->sum[p - 4];
    for (size_t i = 0; i < cols; i++) moved[i] = (((moved[i] * u[i] + t3) * u[i] + t2) * u[i] + t1) * u[i] + t0;
  }
  for (size_t i = 0; i < cols; i++) moved[i] *= later * (double)m[i] / (sqrt((double)v[i]) + shift);
}

static void move_steps(const plt_adam_move_t *move, size_t cols, const float *m, const float *v, double *moved) {
  for (size_t i = 0; i < cols; i++) {
    double s = sqrt((double)v[i]), sum = 0;
    for (size_t j = 0; j < move->steps; j++) sum += move->weight[j] / (s + move->root[j]);
    moved[i] = -move->later * (double)m[i] * sum;
  }
}

/* How far the row moved: scratch memory of self. */
static const double *moved_by(plt_adam_t *self, const plt_adam_move_t *move, const float *state) {
  size_t cols = self->base.cols;
  const float *m = state, *v = state + cols;
  if (move->terms == PLT_ADAM_SHORT) {
    (self->fuses ? move_fused : move_unfused)(move, cols, m, v, self->moved);
  } else if (move->terms > 0) {
    move_long(move, cols, m, v, self->ratio, self->moved);
  } else if (move->steps > 0) {
    move_steps(move, cols, m, v, self->moved);
  } else {
    return self->still;
  }
  return self->moved;
}

/* The step itself; `left` is what weight decay left of w up to the step before, `decay` that of m and v. */
PLT_VECTOR_CLONES static void push(const plt_adam_t *self, plt_adam_decay_t decay, double left,
                                   const double *restrict moved, const float *restrict g, float *restrict w,
                                   float *restrict m, float *restrict v) {
  const double keep1 = self->beta1 * decay.m, keep2 = self->beta2 * decay.v;
  const double rest1 = 1 - self->beta1, rest2 = 1 - self->beta2, step = self->step, l2 = self->l2;
  const double keep = self->keep, kept = left * keep;
  const float unbias = (float)self->unbias, eps = (float)self->eps;
  for (size_t i = 0; i < self->base.cols; i++) {
    double d = g[i] + l2 * w[i];
    float mean = (float)(keep1 * m[i] + rest1 * d), square = (float)(keep2 * v[i] + rest2 * (d * d));
    m[i] = mean;
    v[i] = square;
    w[i] = (float)(kept * w[i] + (keep * moved[i] - step * (mean / (sqrtf(square) * unbias + eps))));
  }
}

void plt_adam_apply(plt_optimizer_t *base, float *value, float *state, uint64_t last, const float *gradient) {
  plt_adam_t *self = (plt_adam_t *)base;
  plt_adam_move_t move = plt_adam_gap_move(self->gap, last, base->t - 1);
  plt_adam_decay_t decay = plt_adam_gap_decay(self->gap, last == 0 ? 0 : base->t - 1 - last);
  push(self, decay, move.kept, moved_by(self, &move, state), gradient, value, state, state + base->cols);
}

PLT_VECTOR_CLONES static void add(size_t cols, double kept, const float *restrict w, const double *restrict moved,
                                  float *restrict out) {
  for (size_t i = 0; i < cols; i++) out[i] = (float)(kept * w[i] + moved[i]);
}

void plt_adam_value(plt_optimizer_t *base, const float *value, const float *state, uint64_t last, float *out) {
  plt_adam_t *self = (plt_adam_t *)base;
  plt_adam_move_t move = plt_adam_gap_move(self->gap, last, base->t);
  const double *moved = moved_by(self, &move, state);
  if (moved == self->still && move.kept == 1) {
    memcpy(out, value, base->cols * sizeof *out);
  } else {
    add(base->cols, move.kept, value, moved, out);
  }
}
