/* mirror.c - mirror gradients: on every β-th batch of an epoch a descent step and a shorter step back up
 * (docs/methods/strategies.md 2; Zhong et al., WWW 2024, Algorithm 1). The other batches push g.
 *   combined     one push of α1·g − α2·∇L(w − α1·η·g); under sgd this is the paper's algorithm
 *   sequential   two pushes through the same optimizer state, as the authors' code does: α1·g, then −α2·g at the
 *                weights that gave */
#include <math.h>
#include <string.h>

#include "common/log.h"
#include "worker/math/vectors.h"
#include "worker/strategies/strategy.h"

typedef struct mirror {
  plt_strategy_t base;
  double alpha1, alpha2;
  uint32_t beta;
  bool sequential;
} mirror_t;

static const plt_option_t rows[] = {
    {.key = "strategy.alpha1",
     .type = PLT_OPT_REAL,
     .fallback = "1.0",
     .min = 0,
     .max = INFINITY,
     .above_min = true,
     .help = "Weight of the descent gradient."},
    {.key = "strategy.alpha2",
     .type = PLT_OPT_REAL,
     .fallback = "0.3",
     .min = 0,
     .max = INFINITY,
     .above_min = true,
     .help = "Weight of the mirror gradient; less than strategy.alpha1."},
    {.key = "strategy.beta",
     .type = PLT_OPT_INT,
     .fallback = "3",
     .min = 1,
     .max = 1e9,
     .unit = "batches",
     .help = "The mirror gradient is taken on the batches 0, beta, 2 beta, ... of each epoch."},
    {.key = "strategy.mode",
     .type = PLT_OPT_CHOICE,
     .choices = "combined|sequential",
     .help = "Both gradients in one optimizer step, or in two; combined with sgd, sequential with other optimizers "
             "when not given."},
};

static bool is_sgd(const plt_config_t *config) {
  const char *optimizer = plt_config_text(config, "optimizer.name");
  return optimizer != NULL && strcmp(optimizer, "sgd") == 0;
}

static void settle(plt_config_t *config) {
  if (plt_config_given(config, "strategy.mode")) return;
  plt_config_put(config, "strategy.mode", is_sgd(config) ? "combined" : "sequential");
}

static bool is_sequential(const plt_config_t *config) {
  const char *optimizer = plt_config_text(config, "optimizer.name");
  if (!plt_config_given(config, "strategy.mode")) return !is_sgd(config);
  if (strcmp(plt_config_text(config, "strategy.mode"), "sequential") == 0) return true;
  if (!is_sgd(config)) {
    plt_log(
        PLT_LOG_WARN,
        "strategy.mode combined does next to nothing with optimizer %s: it looks ahead by lr times the gradient, far "
        "less than this optimizer's own step, and what remains is a gradient scaled by alpha1 - alpha2; sequential "
        "does what the authors' code does",
        optimizer == NULL ? "other than sgd" : optimizer);
  }
  return false;
}

static plt_status_t init(plt_strategy_t *self, const plt_config_t *config) {
  mirror_t *mirror = (mirror_t *)self;
  double alpha1 = plt_config_real(config, "strategy.alpha1"), alpha2 = plt_config_real(config, "strategy.alpha2");
  if (!(alpha1 > alpha2 && alpha2 > 0)) {
    return plt_fail(PLT_ERR_USAGE,
                    "strategy.alpha1 is %g and strategy.alpha2 is %g: the step down must be the longer one, "
                    "alpha1 > alpha2 > 0",
                    alpha1, alpha2);
  }
  mirror->alpha1 = alpha1;
  mirror->alpha2 = alpha2;
  mirror->beta = (uint32_t)plt_config_int(config, "strategy.beta");
  mirror->sequential = is_sequential(config);
  return PLT_OK;
}

static bool is_mirrored(const mirror_t *mirror, uint32_t batch) { return batch % mirror->beta == 0; }

static uint32_t phases(const plt_strategy_t *self, uint32_t batch) {
  const mirror_t *mirror = (const mirror_t *)self;
  return mirror->sequential && is_mirrored(mirror, batch) ? 2 : 1;
}

static double gradient(const plt_strategy_t *self, const plt_objective_t *leaf, float *out) {
  const mirror_t *mirror = (const mirror_t *)self;
  double loss = leaf->gradient_at(leaf->context, leaf->w, out);
  if (!is_mirrored(mirror, leaf->batch)) return loss;
  if (mirror->sequential) {
    plt_vector_scale(out, leaf->n, leaf->phase == 0 ? mirror->alpha1 : -mirror->alpha2);
    return loss;
  }
  plt_leaf_step(leaf, -mirror->alpha1, out, leaf->point);
  leaf->gradient_at(leaf->context, leaf->point, leaf->second);
  plt_vector_blend(out, mirror->alpha1, out, -mirror->alpha2, leaf->second, leaf->n);
  return loss;
}

static uint32_t passes(const plt_strategy_t *self, uint32_t batch, uint32_t phase) {
  (void)phase;
  const mirror_t *mirror = (const mirror_t *)self;
  return !mirror->sequential && is_mirrored(mirror, batch) ? 2 : 1;
}

const plt_strategy_ops_t plt_strategy_mirror = {
    .name = "mirror",
    .summary = "every few batches a descent step and a shorter step back up",
    .options = {"strategy mirror", rows, sizeof rows / sizeof *rows},
    .size = sizeof(mirror_t),
    .settle = settle,
    .init = init,
    .phases = phases,
    .gradient = gradient,
    .passes = passes,
};
