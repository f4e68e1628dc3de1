/* strategy.c - see strategy.h. */
#include "worker/strategies/strategy.h"

#include "worker/math/vectors.h"

uint32_t plt_strategy_phases(const plt_strategy_t *strategy, uint32_t batch) {
  return strategy->ops->phases == NULL ? 1 : strategy->ops->phases(strategy, batch);
}

double plt_leaf_ascend(const plt_leaf_problem_t *leaf, double rho, float *g) {
  double loss = leaf->gradient_at(leaf->context, leaf->w, g);
  double length = rho / (plt_vector_norm(g, leaf->n) + 1e-12);
  plt_vector_blend(leaf->point, 1, leaf->w, length, g, leaf->n);
  return loss;
}
