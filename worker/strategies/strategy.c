/* strategy.c - see strategy.h. */
#include "worker/strategies/strategy.h"

#include <math.h>
#include <string.h>

#include "worker/math/kernels.h"

extern const plt_strategy_ops_t plt_strategy_plain, plt_strategy_bsam, plt_strategy_bsam_plus, plt_strategy_mirror;

const plt_strategy_ops_t *const plt_strategies[] = {&plt_strategy_plain, &plt_strategy_bsam, &plt_strategy_bsam_plus,
                                                    &plt_strategy_mirror, NULL};

static const plt_option_t rows[] = {
    {.key = "strategy.name",
     .type = PLT_OPT_CHOICE,
     .fallback = "plain",
     .choices = "plain|bsam|bsam+|mirror",
     .help = "How the gradient that is pushed is made from a batch."},
};

const plt_option_table_t plt_strategy_options = {"strategy", rows, sizeof rows / sizeof *rows};

const plt_strategy_ops_t *plt_strategy_find(const char *name) {
  for (size_t i = 0; plt_strategies[i] != NULL; i++) {
    if (strcmp(plt_strategies[i]->name, name) == 0) return plt_strategies[i];
  }
  return NULL;
}

plt_status_t plt_strategy_create(const plt_config_t *config, plt_strategy_t **out) {
  const char *name = plt_config_text(config, "strategy.name");
  const plt_strategy_ops_t *ops = plt_strategy_find(name);
  if (ops == NULL) return plt_fail(PLT_ERR_USAGE, "strategy.name: there is no strategy \"%s\"", name);
  return ops->create(config, out);
}

void plt_strategy_destroy(plt_strategy_t **strategy) {
  if (*strategy == NULL) return;
  (*strategy)->ops->destroy(*strategy);
  *strategy = NULL;
}

uint32_t plt_strategy_phases(const plt_strategy_t *strategy, uint32_t batch) {
  return strategy->ops->phases == NULL ? 1 : strategy->ops->phases(strategy, batch);
}

/* ---- vectors ---- */

double plt_vector_norm(const float *x, size_t n) { return sqrt(plt_kernel_sum_squares(NULL, x, n)); }

void plt_vector_scale(float *x, size_t n, double factor) {
  for (size_t i = 0; i < n; i++) x[i] = (float)(factor * x[i]);
}

void plt_vector_blend(float *out, double a, const float *x, double b, const float *y, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = (float)(a * x[i] + b * y[i]);
}

void plt_vector_clip(float *g, size_t n, double limit) {
  if (limit == 0) return;
  double factor = limit / (plt_vector_norm(g, n) + 1e-6);
  if (factor < 1) plt_vector_scale(g, n, factor);
}

/* x - x is 0 exactly where x is finite, so the loop has no branch and vectorises. */
bool plt_vector_is_finite(const float *x, size_t n) {
  int bad = 0;
  for (size_t i = 0; i < n; i++) bad |= x[i] - x[i] != 0;
  return !bad;
}
