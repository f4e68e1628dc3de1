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

double plt_leaf_ascend(const plt_objective_t *leaf, double rho, float *g) {
  double loss = leaf->gradient_at(leaf->context, leaf->w, g);
  double length = rho / (plt_vector_norm(g, leaf->n) + 1e-12);
  plt_vector_blend(leaf->point, 1, leaf->w, length, g, leaf->n);
  return loss;
}

void plt_leaf_step(const plt_objective_t *leaf, double factor, const float *g, float *out) {
  const plt_lr_span_t everything = {leaf->n, 1};
  const plt_lr_span_t *spans = leaf->n_spans == 0 ? &everything : leaf->spans;
  size_t n_spans = leaf->n_spans == 0 ? 1 : leaf->n_spans, at = 0;
  for (size_t i = 0; i < n_spans; at += spans[i++].n)
    plt_vector_blend(out + at, 1, leaf->w + at, factor * leaf->eta * spans[i].scale, g + at, spans[i].n);
}
