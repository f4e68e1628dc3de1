/* ftrl.c - FTRL-Proximal, per element (McMahan et al. 2013, algorithm 1), alpha = eta:
 *
 *   n' = n + g^2,  sigma = (beta + sqrt n') / eta' - (beta + sqrt n) / eta,  z' = z + g - sigma w,
 *   w' = 0 where |z'| <= l1, else -(z' - sign(z') l1) / ((beta + sqrt n') / eta' + l2)
 *
 * With a constant learning rate sigma is the paper's (sqrt n' - sqrt n) / alpha. With a schedule, eta is that of
 * the step in which the row was last pushed: then l1 = l2 = 0 is gradient descent with steps eta / (beta + sqrt n)
 * whatever the schedule, while the paper's form would shrink all weights along with alpha. A step at rate 0 is none.
 *
 * The paper starts from w = 0. A row here is born or assigned with a value: an element that never had a gradient
 * (n = 0) has the z that gives this value. State: z, n. */
#include <math.h>

#include "ps/optimizers/optimizer.h"

typedef struct ftrl {
  plt_optimizer_t base;
  float beta, l1, l2;
  const plt_eta_history_t *history;
} ftrl_t;

static const plt_option_t rows[] = {
    {.key = "optimizer.beta",
     .type = PLT_OPT_REAL,
     .fallback = "1",
     .min = 0,
     .max = 1e6,
     .help = "Damps the first steps: a step is lr / (beta + the root of the sum of squares)."},
    {.key = "optimizer.l1",
     .type = PLT_OPT_REAL,
     .fallback = "0",
     .min = 0,
     .max = 1e6,
     .help = "Elements whose gradients add up to no more become zero."},
    {.key = "optimizer.l2",
     .type = PLT_OPT_REAL,
     .fallback = "0",
     .min = 0,
     .max = 1e6,
     .help = "Pulls towards zero; of all steps together, as l1."},
};

static size_t state_floats(const plt_optimizer_t *base) { return 2 * base->cols; }

static plt_status_t init(plt_optimizer_t *base, const plt_config_t *config) {
  ftrl_t *self = (ftrl_t *)base;
  self->beta = (float)plt_config_real(config, "optimizer.beta");
  self->l1 = (float)plt_config_real(config, "optimizer.l1");
  self->l2 = (float)plt_config_real(config, "optimizer.l2");
  return PLT_OK;
}

static void begin(plt_optimizer_t *base, uint64_t t, const plt_eta_history_t *history) {
  (void)t;
  ((ftrl_t *)base)->history = history;
}

static void apply(plt_optimizer_t *base, float *value, float *state, uint64_t last, const float *gradient) {
  const ftrl_t *self = (const ftrl_t *)base;
  float *restrict w = value, *restrict z = state, *restrict n = state + base->cols;
  const float *restrict g = gradient;
  const float before = last == 0 ? base->eta : (float)plt_eta_history_at(self->history, last);
  const float rate = 1 / base->eta, decay = (float)base->weight_decay;
  const float beta = self->beta, l1 = self->l1, l2 = self->l2;
  if (isinf(rate)) return;
  const bool is_known = !isinf(1 / before); /* the rate that z goes with; else w says what z is, unless it is 0 */
  const float rate_before = is_known ? 1 / before : 0;
  for (size_t i = 0; i < base->cols; i++) {
    float d = g[i] + decay * w[i], square = n[i] + d * d;
    float was = (beta + sqrtf(n[i])) * rate_before, is = (beta + sqrtf(square)) * rate;
    float sign = w[i] == 0 ? 0 : copysignf(l1, w[i]);
    float sum = d + (n[i] > 0 && (is_known || w[i] == 0) ? z[i] - (is - was) * w[i] : -(is + l2) * w[i] - sign);
    float rest = fabsf(sum) - l1, now = -copysignf(rest < 0 ? 0 : rest, sum) / (is + l2);
    z[i] = sum;
    n[i] = square;
    w[i] = square == 0 ? w[i] : now; /* without a gradient so far: as born, to the bit */
  }
}

const plt_optimizer_ops_t plt_optimizer_ftrl = {
    .name = "ftrl",
    .summary = "FTRL-Proximal: Adagrad's steps with l1 that makes elements zero",
    .options = {.title = "optimizer ftrl", .rows = rows, .n_rows = sizeof rows / sizeof *rows},
    .state_floats = state_floats,
    .size = sizeof(ftrl_t),
    .init = init,
    .begin = begin,
    .apply = apply,
};
