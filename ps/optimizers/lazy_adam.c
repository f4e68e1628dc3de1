/* lazy_adam.c - Adam whose rows move, and whose moments decay, only in steps in which they are pushed;
 * the bias correction counts the table's steps (docs/methods/optimizers.md 4). State: m, v. */
#include <math.h>

#include "ps/optimizers/optimizer.h"

typedef struct lazy_adam {
  plt_optimizer_t base;
  double beta1, beta2, eps;
  float step, unbias; /* of step t: eta / (1 - beta1^t), 1 / sqrt(1 - beta2^t) */
} lazy_adam_t;

static const plt_option_t rows[] = {
    {.key = "optimizer.beta1",
     .type = PLT_OPT_REAL,
     .fallback = "0.9",
     .min = 0,
     .max = 0.999999,
     .help = "Decay of the mean of gradients, per push."},
    {.key = "optimizer.beta2",
     .type = PLT_OPT_REAL,
     .fallback = "0.999",
     .min = 0,
     .max = 0.999999,
     .help = "Decay of the mean of squared gradients, per push."},
    {.key = "optimizer.eps",
     .type = PLT_OPT_REAL,
     .fallback = "1e-8",
     .min = 1e-20,
     .max = 1,
     .help = "Added to the root of the mean of squares."},
};

static size_t state_floats(const plt_optimizer_t *base) { return 2 * base->cols; }

static plt_status_t init(plt_optimizer_t *base, const plt_config_t *config) {
  lazy_adam_t *self = (lazy_adam_t *)base;
  self->beta1 = plt_config_real(config, "optimizer.beta1");
  self->beta2 = plt_config_real(config, "optimizer.beta2");
  self->eps = plt_config_real(config, "optimizer.eps");
  return PLT_OK;
}

static void begin(plt_optimizer_t *base, uint64_t t, const plt_eta_history_t *history) {
  lazy_adam_t *self = (lazy_adam_t *)base;
  if (t == 0) return;
  self->step = (float)(plt_eta_history_at(history, t) / (1 - pow(self->beta1, (double)t)));
  self->unbias = (float)(1 / sqrt(1 - pow(self->beta2, (double)t)));
}

static void apply(plt_optimizer_t *base, float *value, float *state, uint64_t last, const float *gradient) {
  const lazy_adam_t *self = (const lazy_adam_t *)base;
  float *restrict w = value, *restrict m = state, *restrict v = state + base->cols;
  const float *restrict g = gradient;
  const float beta1 = (float)self->beta1, beta2 = (float)self->beta2, eps = (float)self->eps;
  const float rest1 = (float)(1 - self->beta1), rest2 = (float)(1 - self->beta2);
  const float step = self->step, unbias = self->unbias, decay = (float)base->weight_decay;
  (void)last;
  for (size_t i = 0; i < base->cols; i++) {
    float d = g[i] + decay * w[i];
    m[i] = beta1 * m[i] + rest1 * d;
    v[i] = beta2 * v[i] + rest2 * (d * d);
    w[i] -= step * m[i] / (sqrtf(v[i]) * unbias + eps);
  }
}

const plt_optimizer_ops_t plt_optimizer_lazy_adam = {
    .name = "lazy_adam",
    .summary = "Adam in which a row stands still between its pushes",
    .options = {.title = "optimizer lazy_adam", .rows = rows, .n_rows = sizeof rows / sizeof *rows},
    .state_floats = state_floats,
    .size = sizeof(lazy_adam_t),
    .init = init,
    .begin = begin,
    .apply = apply,
};
