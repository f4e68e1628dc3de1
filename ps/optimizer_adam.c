/* optimizer_adam.c - Adam that equals dense Adam, in which every row moves in every step, at the cost of the rows
 * touched (METHODS 3). State: m, v. A row is stored as of its last push; its movement since then is computed when
 * it is read or pushed again (adam_gap.h), and only a push stores it. Bias correction and step as in PyTorch.
 *
 * All arithmetic between two stores is in double: in float the movement of a row, up to 60 learning rates, would
 * lose more than the closed form does. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "ps/adam_gap.h"
#include "ps/optimizer_list.h"

typedef struct adam {
  plt_optimizer_t base;
  double beta1, beta2, eps;
  double step, unbias; /* of step t: eta / (1 - beta1^t), 1 / sqrt(1 - beta2^t) */
  plt_adam_gap_t *gap;
  double *moved; /* cols: scratch, how far a row moved */
  double *still; /* cols zeros */
} adam_t;

static const plt_option_t rows[] = {
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

static size_t state_floats(const plt_optimizer_t *base) { return 2 * base->cols; }

static plt_status_t create(const plt_table_spec_t *spec, plt_optimizer_t **out) {
  plt_adam_gap_t *gap;
  double beta1 = plt_optimizer_setting(&plt_optimizer_adam, spec, "beta1");
  double beta2 = plt_optimizer_setting(&plt_optimizer_adam, spec, "beta2");
  double eps = plt_optimizer_setting(&plt_optimizer_adam, spec, "eps");
  if (plt_table_spec_setting(spec, "weight_decay", 0) > 0)
    return plt_fail(PLT_ERR_USAGE,
                    "table %s: weight_decay has no sparse form with optimizer.name: adam; use adamw (decoupled decay) "
                    "or optimizer.sweep: dense (every row in every step)",
                    spec->name);
  PLT_TRY(plt_adam_gap_create(beta1, beta2, eps, spec->name, &gap));
  adam_t *self = plt_mem_zalloc(1, sizeof *self);
  self->beta1 = beta1;
  self->beta2 = beta2;
  self->eps = eps;
  self->gap = gap;
  self->moved = plt_mem_zalloc(spec->cols, sizeof(double));
  self->still = plt_mem_zalloc(spec->cols, sizeof(double));
  *out = &self->base;
  return PLT_OK;
}

static void destroy(plt_optimizer_t *base) {
  adam_t *self = (adam_t *)base;
  plt_adam_gap_destroy(&self->gap);
  free(self->moved);
  free(self->still);
  free(self);
}

static void begin(plt_optimizer_t *base, uint64_t t, const plt_eta_history_t *history) {
  adam_t *self = (adam_t *)base;
  plt_adam_gap_begin(self->gap, t, history);
  if (t == 0) return;
  self->step = plt_eta_history_at(history, t) / (1 - pow(self->beta1, (double)t));
  self->unbias = 1 / sqrt(1 - pow(self->beta2, (double)t));
}

/* moved[cols] by the polynomial of 8 terms: the hot loop of reads. Estrin's order keeps the chain short. */
static void move_short(const plt_adam_move_t *move, size_t cols, const float *restrict m, const float *restrict v,
                       double *restrict moved) {
  const double shift = move->shift, t0 = move->sum[0], t1 = move->sum[1], t2 = move->sum[2], t3 = move->sum[3];
  const double t4 = move->sum[4], t5 = move->sum[5], t6 = move->sum[6], t7 = move->sum[7];
  for (size_t i = 0; i < cols; i++) {
    double s = sqrt((double)v[i]), inverse = 1 / (s + shift), u = (shift - s) * inverse, u2 = u * u;
    double low = (t0 + t1 * u) + (t2 + t3 * u) * u2, high = (t4 + t5 * u) + (t6 + t7 * u) * u2;
    moved[i] = -(double)m[i] * inverse * (low + high * (u2 * u2));
  }
}

static void move_long(const plt_adam_move_t *move, size_t cols, const float *m, const float *v, double *moved) {
  for (size_t i = 0; i < cols; i++) {
    double s = sqrt((double)v[i]), inverse = 1 / (s + move->shift), u = (move->shift - s) * inverse, sum = 0;
    for (size_t p = move->terms; p-- > 0;) sum = sum * u + move->sum[p];
    moved[i] = -(double)m[i] * inverse * sum;
  }
}

static void move_steps(const plt_adam_move_t *move, size_t cols, const float *m, const float *v, double *moved) {
  for (size_t i = 0; i < cols; i++) {
    double s = sqrt((double)v[i]), sum = 0;
    for (size_t j = 0; j < move->steps; j++) sum += move->weight[j] / (s + move->root[j]);
    moved[i] = -(double)m[i] * sum;
  }
}

/* How far the row moved: scratch memory of self. */
static const double *moved_by(adam_t *self, const plt_adam_move_t *move, const float *state) {
  size_t cols = self->base.cols;
  const float *m = state, *v = state + cols;
  if (move->terms == PLT_ADAM_SHORT) {
    move_short(move, cols, m, v, self->moved);
  } else if (move->terms > 0) {
    move_long(move, cols, m, v, self->moved);
  } else if (move->steps > 0) {
    move_steps(move, cols, m, v, self->moved);
  } else {
    return self->still;
  }
  return self->moved;
}

static void apply(plt_optimizer_t *base, float *value, float *state, uint64_t last, const float *gradient) {
  adam_t *self = (adam_t *)base;
  plt_adam_move_t move = plt_adam_gap_move(self->gap, last, base->t - 1);
  const double *restrict moved = moved_by(self, &move, state);
  float *restrict w = value, *restrict m = state, *restrict v = state + base->cols;
  const float *restrict g = gradient;
  const double keep1 = self->beta1 * move.decay1, keep2 = self->beta2 * move.decay2;
  const double rest1 = 1 - self->beta1, rest2 = 1 - self->beta2;
  const double step = self->step, unbias = self->unbias, eps = self->eps;
  for (size_t i = 0; i < base->cols; i++) {
    double d = g[i], mean = keep1 * m[i] + rest1 * d, square = keep2 * v[i] + rest2 * (d * d);
    w[i] = (float)(w[i] + moved[i] - step * mean / (sqrt(square) * unbias + eps));
    m[i] = (float)mean;
    v[i] = (float)square;
  }
}

static void value_now(plt_optimizer_t *base, const float *value, const float *state, uint64_t last, float *out) {
  adam_t *self = (adam_t *)base;
  plt_adam_move_t move = plt_adam_gap_move(self->gap, last, base->t);
  const double *restrict moved = moved_by(self, &move, state);
  const float *restrict w = value;
  float *restrict now = out;
  if (moved == self->still) {
    memcpy(out, value, base->cols * sizeof *out);
  } else {
    for (size_t i = 0; i < base->cols; i++) now[i] = (float)(w[i] + moved[i]);
  }
}

const plt_optimizer_ops_t plt_optimizer_adam = {
    .name = "adam",
    .summary = "Adam in which every row moves in every step, computed only for the rows that are touched",
    .options = {.title = "optimizer adam", .rows = rows, .n_rows = sizeof rows / sizeof *rows},
    .state_floats = state_floats,
    .create = create,
    .destroy = destroy,
    .begin = begin,
    .apply = apply,
    .value = value_now,
};
