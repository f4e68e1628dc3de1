/* bsam_plus.c - bsam with the gradient at w mixed in (docs/methods/strategies.md 1: our reading): pushes (1 − λ)·g +
 * λ·g', with g' as in bsam.c. */
#include "worker/math/vectors.h"
#include "worker/strategies/strategy.h"

typedef struct bsam_plus {
  plt_strategy_t base;
  double rho, lambda;
} bsam_plus_t;

static const plt_option_t rows[] = {
    PLT_STRATEGY_RHO_OPTION,
    {.key = "strategy.lambda",
     .type = PLT_OPT_REAL,
     .fallback = "0.5",
     .min = 0,
     .max = 1,
     .help = "Share of the gradient at the perturbed weights in the mixed loss."},
};

static plt_status_t init(plt_strategy_t *self, const plt_config_t *config) {
  bsam_plus_t *bsam = (bsam_plus_t *)self;
  bsam->rho = plt_config_real(config, "strategy.rho");
  bsam->lambda = plt_config_real(config, "strategy.lambda");
  return PLT_OK;
}

static double gradient(const plt_strategy_t *self, const plt_objective_t *leaf, float *out) {
  const bsam_plus_t *bsam = (const bsam_plus_t *)self;
  double loss = plt_leaf_ascend(leaf, bsam->rho, out);
  leaf->gradient_at(leaf->context, leaf->point, leaf->second);
  plt_vector_blend(out, 1 - bsam->lambda, out, bsam->lambda, leaf->second, leaf->n);
  return loss;
}

static uint32_t passes(const plt_strategy_t *self, uint32_t batch, uint32_t phase) {
  (void)self, (void)batch, (void)phase;
  return 2;
}

const plt_strategy_ops_t plt_strategy_bsam_plus = {
    .name = "bsam+",
    .summary = "the gradients at the weights and at the worst nearby weights, mixed",
    .options = {"strategy bsam+", rows, sizeof rows / sizeof *rows},
    .size = sizeof(bsam_plus_t),
    .init = init,
    .gradient = gradient,
    .passes = passes,
};
