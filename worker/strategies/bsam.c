/* bsam.c - batch-local sharpness-aware minimisation (docs/methods/strategies.md 1: our reading): pushes g' = ∇L(w + ε).
 *
 * Ascent and descent use the same leaf: ε = ρ·g/‖g‖ is worked out on the pulled copy, so a batch needs one exchange. */
#include "worker/strategies/strategy.h"

typedef struct bsam {
  plt_strategy_t base;
  double rho;
} bsam_t;

static const plt_option_t rows[] = {PLT_STRATEGY_RHO_OPTION};

static plt_status_t init(plt_strategy_t *self, const plt_config_t *config) {
  bsam_t *bsam = (bsam_t *)self;
  bsam->rho = plt_config_real(config, "strategy.rho");
  return PLT_OK;
}

static double gradient(const plt_strategy_t *self, const plt_objective_t *leaf, float *out) {
  double loss = plt_leaf_ascend(leaf, ((const bsam_t *)self)->rho, out);
  leaf->gradient_at(leaf->context, leaf->point, out);
  return loss;
}

static uint32_t passes(const plt_strategy_t *self, uint32_t batch, uint32_t phase) {
  (void)self, (void)batch, (void)phase;
  return 2;
}

const plt_strategy_ops_t plt_strategy_bsam = {
    .name = "bsam",
    .summary = "the gradient at the worst nearby weights of the same batch",
    .options = {"strategy bsam", rows, sizeof rows / sizeof *rows},
    .size = sizeof(bsam_t),
    .init = init,
    .gradient = gradient,
    .passes = passes,
};
