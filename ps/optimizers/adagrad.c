/* adagrad.c - s += g^2, w -= eta g / (sqrt(s) + eps), per element. State: s. */
#include <math.h>

#include "ps/optimizers/optimizer.h"

typedef struct adagrad {
  plt_optimizer_t base;
  float eps, initial;
} adagrad_t;

static const plt_option_t rows[] = {
    {.key = "optimizer.eps",
     .type = PLT_OPT_REAL,
     .fallback = "1e-10",
     .min = 1e-30,
     .max = 1,
     .help = "Added to the root of the sum of squares."},
    {.key = "optimizer.initial_accumulator",
     .type = PLT_OPT_REAL,
     .fallback = "0",
     .min = 0,
     .max = 1e30,
     .help = "The sum of squares that a new row starts with."},
};

static size_t state_floats(const plt_optimizer_t *base) { return base->cols; }

static plt_status_t init(plt_optimizer_t *base, const plt_config_t *config) {
  adagrad_t *self = (adagrad_t *)base;
  self->eps = (float)plt_config_real(config, "optimizer.eps");
  self->initial = (float)plt_config_real(config, "optimizer.initial_accumulator");
  return PLT_OK;
}

static void state_init(const plt_optimizer_t *base, float *state) {
  const adagrad_t *self = (const adagrad_t *)base;
  for (size_t i = 0; i < base->cols; i++) state[i] = self->initial;
}

static void apply(plt_optimizer_t *base, float *value, float *state, uint64_t last, const float *gradient) {
  const adagrad_t *self = (const adagrad_t *)base;
  float *restrict w = value, *restrict s = state;
  const float *restrict g = gradient;
  const float eta = base->eta, eps = self->eps, decay = (float)base->weight_decay;
  (void)last;
  for (size_t i = 0; i < base->cols; i++) {
    float d = g[i] + decay * w[i];
    s[i] += d * d;
    w[i] -= eta * d / (sqrtf(s[i]) + eps);
  }
}

const plt_optimizer_ops_t plt_optimizer_adagrad = {
    .name = "adagrad",
    .summary = "Adagrad: steps shrink with the sum of squared gradients of each element",
    .options = {.title = "optimizer adagrad", .rows = rows, .n_rows = sizeof rows / sizeof *rows},
    .state_floats = state_floats,
    .size = sizeof(adagrad_t),
    .init = init,
    .state_init = state_init,
    .apply = apply,
};
