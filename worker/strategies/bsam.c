/* bsam.c - batch-local sharpness-aware minimisation, bsam and bsam+ (METHODS 2: our reading).
 *
 * Ascent and descent use the same leaf: ε = ρ·g/‖g‖ is worked out on the pulled copy, so a batch needs one exchange.
 *   bsam    pushes g' = ∇L(w + ε)
 *   bsam+   pushes (1 − λ)·g + λ·g' */
#include <math.h>
#include <stdlib.h>

#include "common/mem.h"
#include "worker/strategies/strategy.h"

extern const plt_strategy_ops_t plt_strategy_bsam, plt_strategy_bsam_plus;

typedef struct bsam {
  plt_strategy_t base;
  double rho, lambda;
} bsam_t;

enum { BSAM_ROWS = 1, BSAM_PLUS_ROWS = 2 }; /* bsam has the first row, bsam+ both */

static const plt_option_t rows[BSAM_PLUS_ROWS] = {
    {.key = "strategy.rho",
     .type = PLT_OPT_REAL,
     .fallback = "0.05",
     .min = 0,
     .max = INFINITY,
     .help = "Length of the ascent step, over all rows and dense parameters of a leaf together."},
    {.key = "strategy.lambda",
     .type = PLT_OPT_REAL,
     .fallback = "0.5",
     .min = 0,
     .max = 1,
     .help = "Share of the gradient at the perturbed weights in the mixed loss."},
};

static bsam_t *make(const plt_config_t *config, const plt_strategy_ops_t *ops) {
  bsam_t *bsam = plt_mem_zalloc(1, sizeof *bsam);
  bsam->base.ops = ops;
  bsam->rho = plt_config_real(config, "strategy.rho");
  return bsam;
}

static plt_status_t create_bsam(const plt_config_t *config, plt_strategy_t **out) {
  *out = &make(config, &plt_strategy_bsam)->base;
  return PLT_OK;
}

static plt_status_t create_bsam_plus(const plt_config_t *config, plt_strategy_t **out) {
  bsam_t *bsam = make(config, &plt_strategy_bsam_plus);
  bsam->lambda = plt_config_real(config, "strategy.lambda");
  *out = &bsam->base;
  return PLT_OK;
}

static void destroy(plt_strategy_t *self) { free(self); }

/* g into `out`, w + ε into leaf->point; returns the loss at w. */
static double ascend(const bsam_t *bsam, const plt_leaf_problem_t *leaf, float *out) {
  double loss = leaf->gradient_at(leaf->context, leaf->w, out);
  double length = bsam->rho / (plt_vector_norm(out, leaf->n) + 1e-12);
  plt_vector_blend(leaf->point, 1, leaf->w, length, out, leaf->n);
  return loss;
}

static double bsam_gradient(const plt_strategy_t *self, const plt_leaf_problem_t *leaf, float *out) {
  double loss = ascend((const bsam_t *)self, leaf, out);
  leaf->gradient_at(leaf->context, leaf->point, out);
  return loss;
}

static double bsam_plus_gradient(const plt_strategy_t *self, const plt_leaf_problem_t *leaf, float *out) {
  const bsam_t *bsam = (const bsam_t *)self;
  double loss = ascend(bsam, leaf, out);
  leaf->gradient_at(leaf->context, leaf->point, leaf->second);
  plt_vector_blend(out, 1 - bsam->lambda, out, bsam->lambda, leaf->second, leaf->n);
  return loss;
}

static uint32_t passes(const plt_strategy_t *self, uint32_t batch, uint32_t phase) {
  (void)self, (void)batch, (void)phase;
  return 2;
}

const plt_strategy_ops_t plt_strategy_bsam = {
    .name = "bsam",
    .summary = "the gradient at the worst nearby weights of the same batch",
    .options = {"strategy bsam", rows, BSAM_ROWS},
    .create = create_bsam,
    .destroy = destroy,
    .gradient = bsam_gradient,
    .passes = passes,
};

const plt_strategy_ops_t plt_strategy_bsam_plus = {
    .name = "bsam+",
    .summary = "the gradients at the weights and at the worst nearby weights, mixed",
    .options = {"strategy bsam+", rows, BSAM_PLUS_ROWS},
    .create = create_bsam_plus,
    .destroy = destroy,
    .gradient = bsam_plus_gradient,
    .passes = passes,
};
