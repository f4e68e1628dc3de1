/* momentum.c - v = mu v + g, w -= eta v: PyTorch's form, without dampening. A row that is not pushed
 * stands still, and so does its v. State: v. */
#include "ps/optimizers/optimizer.h"

typedef struct momentum {
  plt_optimizer_t base;
  float momentum;
} momentum_t;

static const plt_option_t rows[] = {
    {.key = "optimizer.momentum",
     .type = PLT_OPT_REAL,
     .fallback = "0.9",
     .min = 0,
     .max = 0.999999,
     .help = "Share of the last update that is made again; rows that are not pushed stand still."},
};

static size_t state_floats(const plt_optimizer_t *base) { return base->cols; }

static plt_status_t init(plt_optimizer_t *base, const plt_config_t *config) {
  momentum_t *self = (momentum_t *)base;
  self->momentum = (float)plt_config_real(config, "optimizer.momentum");
  return PLT_OK;
}

static void apply(plt_optimizer_t *base, float *value, float *state, uint64_t last, const float *gradient) {
  const momentum_t *self = (const momentum_t *)base;
  float *restrict w = value, *restrict v = state;
  const float *restrict g = gradient;
  const float eta = base->eta, decay = (float)base->weight_decay, momentum = self->momentum;
  (void)last;
  for (size_t i = 0; i < base->cols; i++) {
    v[i] = momentum * v[i] + (g[i] + decay * w[i]);
    w[i] -= eta * v[i];
  }
}

const plt_optimizer_ops_t plt_optimizer_momentum = {
    .name = "momentum",
    .summary = "stochastic gradient descent with momentum",
    .options = {.title = "optimizer momentum", .rows = rows, .n_rows = sizeof rows / sizeof *rows},
    .state_floats = state_floats,
    .size = sizeof(momentum_t),
    .init = init,
    .apply = apply,
};
