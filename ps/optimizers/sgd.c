/* sgd.c - w -= eta g. The simplest optimizer: the pattern for new ones. No state. */
#include "ps/optimizers/optimizer.h"

static void apply(plt_optimizer_t *base, float *value, float *state, uint64_t last, const float *gradient) {
  float *restrict w = value;
  const float *restrict g = gradient;
  const float eta = base->eta, decay = (float)base->weight_decay;
  (void)state;
  (void)last;
  for (size_t i = 0; i < base->cols; i++) w[i] -= eta * (g[i] + decay * w[i]);
}

const plt_optimizer_ops_t plt_optimizer_sgd = {
    .name = "sgd",
    .summary = "stochastic gradient descent",
    .options = {.title = "optimizer sgd"},
    .apply = apply,
};
