/* sgd.c - w -= eta g. The simplest optimizer: the pattern for new ones. No state. */
#include <stdlib.h>

#include "common/mem.h"
#include "ps/optimizers/optimizer.h"

static size_t state_floats(const plt_optimizer_t *base) {
  (void)base;
  return 0;
}

static plt_status_t create(const plt_table_spec_t *spec, plt_optimizer_t **out) {
  (void)spec;
  *out = plt_mem_zalloc(1, sizeof **out);
  return PLT_OK;
}

static void destroy(plt_optimizer_t *base) { free(base); }

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
    .state_floats = state_floats,
    .create = create,
    .destroy = destroy,
    .apply = apply,
};
