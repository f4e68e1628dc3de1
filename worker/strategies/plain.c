/* plain.c - the loss gradient as it is: one pass. */
#include <stdlib.h>

#include "common/mem.h"
#include "worker/strategies/strategy.h"

static plt_status_t create(const plt_config_t *config, plt_strategy_t **out) {
  (void)config;
  *out = plt_mem_zalloc(1, sizeof **out);
  return PLT_OK;
}

static void destroy(plt_strategy_t *self) { free(self); }

static double gradient(const plt_strategy_t *self, const plt_leaf_problem_t *leaf, float *out) {
  (void)self;
  return leaf->gradient_at(leaf->context, leaf->w, out);
}

static uint32_t passes(const plt_strategy_t *self, uint32_t batch, uint32_t phase) {
  (void)self, (void)batch, (void)phase;
  return 1;
}

const plt_strategy_ops_t plt_strategy_plain = {
    .name = "plain",
    .summary = "the loss gradient as it is",
    .options = {"strategy plain", NULL, 0},
    .create = create,
    .destroy = destroy,
    .gradient = gradient,
    .passes = passes,
};
