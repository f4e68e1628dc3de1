/* adam_core.c - see adam_core.h.
 *
 * The arithmetic is that of floats, as in PyTorch, which takes half of the time of double's, and what its rounding
 * missed is added where that counts: to movements, because a row that moves by many learning rates would lose more than
 * the closed form does, and to what is left of v, because 0.999 as a float would bias it by 1e-5. */
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
  const double eps = plt_config_real(config, "optimizer.eps");
  self->push = (plt_adam_push_t){
      .rest1 = (float)(1 - self->beta1), .rest2 = (float)(1 - self->beta2), .eps = (float)eps, .l2 = (float)l2};
  self->fuses = plt_vector_fuses();
  self->moved = plt_mem_zalloc(base->cols, sizeof(double));
  self->ratio = plt_mem_zalloc(base->cols, sizeof(double));
  self->still = plt_mem_zalloc(base->cols, sizeof(double));
  return plt_adam_gap_create(self->beta1, self->beta2, eps, decay, &self->gap);
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
  self->push.step = (float)(eta / (1 - pow(self->beta1, (double)t)));
  self->push.unbias = (float)(1 / sqrt(1 - pow(self->beta2, (double)t)));
  self->push.keep = plt_adam_gap_keep(self->gap, eta);
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

/* A number of more digits than a float: the sum of both. */
typedef struct wide {
  float head, rest;
} wide_t;

/* a b, whole. */
__attribute__((always_inline)) static inline wide_t product(bool fuses, float a, float b) {
  float head = a * b;
  return (wide_t){head, -missed(fuses, a, b, head)};
}

/* a + b.head + b.rest - c, for c of a float's digits: what a + b.head misses, too. Source: Knuth, TAOCP 2, 4.2.2. */
__attribute__((always_inline)) static inline float sum_less(float a, wide_t b, float c) {
  float sum = a + b.head, of_b = sum - a, rest = (a - (sum - of_b)) + (b.head - of_b);
  return sum + (rest + (b.rest - c));
}

/* How far an element moved: the hot path. 1 / (s + shift) is `near` (1 + off): near is the quotient of floats, off what
 * root, sum and quotient missed by rounding, to some 2^-32. The higher terms of the polynomial are a few hundredths of
 * the first, so float does for them, and near for u. */
__attribute__((always_inline)) static inline wide_t moved_by_eight(bool fuses, plt_adam_series_t t, float m, float v) {
  float root = sqrtf(v), sum = root + t.shift, near = 1 / sum;
  float of_root = missed(fuses, root, root, v) * about_half_over(root);
  float back = sum - root, of_sum = (root - (sum - back)) + (t.shift - back) + t.shift_rest;
  float off = missed(fuses, sum, near, 1) - (of_sum + of_root) * near;
  float u = t.shift_twice * near - 1;
  float u2 = u * u, low = (t.t1 + t.t2 * u) + (t.t3 + t.t4 * u) * u2, high = (t.t5 + t.t6 * u) + t.t7 * u2;
  float higher = u * (low + high * (u2 * u2));
  wide_t ratio = product(fuses, m, near), first = product(fuses, ratio.head, t.t0);
  float rest = ratio.head * (higher + (t.t0 * off + t.t0_rest));
  return (wide_t){first.head, rest + (ratio.rest * t.t0 + first.rest)};
}

__attribute__((always_inline)) static inline void move_by_eight(bool fuses, const plt_adam_move_t *move, size_t cols,
                                                                const float *restrict m, const float *restrict v,
                                                                double *restrict moved) {
  const plt_adam_series_t series = *move->series;
  const double later = move->later;
  for (size_t i = 0; i < cols; i++) {
    wide_t by = moved_by_eight(fuses, series, m[i], v[i]);
    moved[i] = later * ((double)by.head + by.rest);
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

static plt_adam_push_t push_of(const plt_adam_t *self, plt_adam_decay_t decay, double left) {
  const double keep2 = self->beta2 * decay.v;
  plt_adam_push_t push = self->push;
  push.keep1 = (float)(self->beta1 * decay.m);
  push.keep2 = (float)keep2;
  push.keep2_rest = (float)(keep2 - push.keep2);
  push.kept = left * push.keep;
  return push;
}

/* m and v of an element after gradient d; returns how far the step takes w back. */
__attribute__((always_inline)) static inline float step_back(const plt_adam_push_t *push, float d, float *m, float *v) {
  float mean = push->keep1 * *m + push->rest1 * d;
  float square = push->keep2 * *v + (push->keep2_rest * *v + push->rest2 * (d * d));
  *m = mean;
  *v = square;
  return push->step * (mean / (sqrtf(square) * push->unbias + push->eps));
}

PLT_VECTOR_CLONES static void push_moved(const plt_adam_push_t *push, size_t cols, const double *restrict moved,
                                         const float *restrict g, float *restrict w, float *restrict m,
                                         float *restrict v) {
  const plt_adam_push_t p = *push;
  for (size_t i = 0; i < cols; i++) {
    float back = step_back(&p, g[i] + p.l2 * w[i], &m[i], &v[i]);
    w[i] = (float)(p.kept * w[i] + (p.keep * moved[i] - back));
  }
}

/* Rows that do not decay and move by 8 terms, which most are: movement and step at once, and movement and value. */
static bool is_usual(const plt_adam_t *self, const plt_adam_move_t *move) {
  return move->terms == PLT_ADAM_SHORT && move->kept == 1 && self->push.keep == 1 && self->push.l2 == 0;
}

__attribute__((always_inline)) static inline void push_usual(bool fuses, const plt_adam_push_t *push,
                                                             const plt_adam_series_t *series, size_t cols,
                                                             const float *restrict g, float *restrict w,
                                                             float *restrict m, float *restrict v) {
  const plt_adam_push_t p = *push;
  const plt_adam_series_t t = *series;
  for (size_t i = 0; i < cols; i++) {
    wide_t by = moved_by_eight(fuses, t, m[i], v[i]);
    w[i] = sum_less(w[i], by, step_back(&p, g[i], &m[i], &v[i]));
  }
}

PLT_VECTOR_CLONES static void push_fused(const plt_adam_push_t *push, const plt_adam_series_t *series, size_t cols,
                                         const float *g, float *w, float *m, float *v) {
  push_usual(true, push, series, cols, g, w, m, v);
}

PLT_VECTOR_CLONES static void push_unfused(const plt_adam_push_t *push, const plt_adam_series_t *series, size_t cols,
                                           const float *g, float *w, float *m, float *v) {
  push_usual(false, push, series, cols, g, w, m, v);
}

__attribute__((always_inline)) static inline void value_usual(bool fuses, const plt_adam_series_t *series, size_t cols,
                                                              const float *restrict w, const float *restrict m,
                                                              const float *restrict v, float *restrict out) {
  const plt_adam_series_t t = *series;
  for (size_t i = 0; i < cols; i++) out[i] = sum_less(w[i], moved_by_eight(fuses, t, m[i], v[i]), 0);
}

PLT_VECTOR_CLONES static void value_fused(const plt_adam_series_t *series, size_t cols, const float *w, const float *m,
                                          const float *v, float *out) {
  value_usual(true, series, cols, w, m, v, out);
}

PLT_VECTOR_CLONES static void value_unfused(const plt_adam_series_t *series, size_t cols, const float *w,
                                            const float *m, const float *v, float *out) {
  value_usual(false, series, cols, w, m, v, out);
}

void plt_adam_apply(plt_optimizer_t *base, float *value, float *state, uint64_t last, const float *gradient) {
  plt_adam_t *self = (plt_adam_t *)base;
  float *m = state, *v = state + base->cols;
  plt_adam_move_t move = plt_adam_gap_move(self->gap, last, base->t - 1);
  plt_adam_push_t push = push_of(self, plt_adam_gap_decay(self->gap, last == 0 ? 0 : base->t - 1 - last), move.kept);
  if (is_usual(self, &move))
    (self->fuses ? push_fused : push_unfused)(&push, move.series, base->cols, gradient, value, m, v);
  else
    push_moved(&push, base->cols, moved_by(self, &move, state), gradient, value, m, v);
}

PLT_VECTOR_CLONES static void add(size_t cols, double kept, const float *restrict w, const double *restrict moved,
                                  float *restrict out) {
  for (size_t i = 0; i < cols; i++) out[i] = (float)(kept * w[i] + moved[i]);
}

void plt_adam_value(plt_optimizer_t *base, const float *value, const float *state, uint64_t last, float *out) {
  plt_adam_t *self = (plt_adam_t *)base;
  plt_adam_move_t move = plt_adam_gap_move(self->gap, last, base->t);
  if (is_usual(self, &move)) {
    (self->fuses ? value_fused : value_unfused)(move.series, base->cols, value, state, state + base->cols, out);
    return;
  }
  const double *moved = moved_by(self, &move, state);
  if (moved == self->still && move.kept == 1) {
    memcpy(out, value, base->cols * sizeof *out);
  } else {
    add(base->cols, move.kept, value, moved, out);
  }
}
