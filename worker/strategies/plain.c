/* plain.c - the loss gradient as it is: one pass. */
#include "worker/strategies/strategy.h"

static double gradient(const plt_strategy_t *self, const plt_objective_t *leaf, float *out) {
  (void)self;
  return leaf->gradient_at(leaf->context, leaf->w, out);
}

const plt_strategy_ops_t plt_strategy_plain = {
    .name = "plain",
    .summary = "the loss gradient as it is",
    .options = {"strategy plain", NULL, 0},
    .gradient = gradient,
};
