/* strategy.c - see strategy.h. */
#include "worker/strategies/strategy.h"

#include <stdlib.h>

#include "worker/math/vectors.h"

void plt_strategy_destroy(plt_strategy_t **strategy) {
  if (*strategy == NULL) return;
  if ((*strategy)->ops->clear != NULL) (*strategy)->ops->clear(*strategy);
  free(*strategy);
  *strategy = NULL;
}

uint32_t plt_strategy_phases(const plt_strategy_t *strategy, uint32_t batch) {
  return strategy->ops->phases == NULL ? 1 : strategy->ops->phases(strategy, batch);
}

uint32_t plt_strategy_passes(const plt_strategy_t *strategy, uint32_t batch, uint32_t phase) {
  return strategy->ops->passes == NULL ? 1 : strategy->ops->passes(strategy, batch, phase);
}

double plt_leaf_ascend(const plt_leaf_problem_t *leaf, double rho, float *g) {
  double loss = leaf->gradient_at(leaf->context, leaf->w, g);
  double length = rho / (plt_vector_norm(g, leaf->n) + 1e-12);
  plt_vector_blend(leaf->point, 1, leaf->w, length, g, leaf->n);
  return loss;
}
