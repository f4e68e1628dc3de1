/* rowwise_adagrad.c - Adagrad with one sum per row: s += mean(g^2), w -= eta g / (sqrt(s) + eps).
 * State: s, one float. */
#include <math.h>

#include "ps/optimizers/optimizer.h"

typedef struct rowwise {
  plt_optimizer_t base;
  float eps, initial;
} rowwise_t;

static const plt_option_t rows[] = {
    {.key = "optimizer.eps",
     .type = PLT_OPT_REAL,
     .fallback = "1e-10",
     .min = 1e-30,
     .max = 1,
     .help = "Added to the root of the sum of mean squares."},
    {.key = "optimizer.initial_accumulator",
     .type = PLT_OPT_REAL,
     .fallback = "0",
     .min = 0,
     .max = 1e30,
     .help = "The sum of mean squares that a new row starts with."},
};

static size_t state_floats(const plt_optimizer_t *base) {
  (void)base;
  return 1;
}

static plt_status_t init(plt_optimizer_t *base, const plt_config_t *config) {
  rowwise_t *self = (rowwise_t *)base;
  self->eps = (float)plt_config_real(config, "optimizer.eps");
  self->initial = (float)plt_config_real(config, "optimizer.initial_accumulator");
  return PLT_OK;
}

static void state_init(const plt_optimizer_t *base, float *state) { state[0] = ((const rowwise_t *)base)->initial; }

/* Four sums, so that no addition waits for the one before it. */
static double sum_of_squares(const float *w, const float *g, size_t cols, float decay) {
  double part[4] = {0};
  for (size_t i = 0; i < cols; i++) {
    double d = g[i] + decay * w[i];
    part[i % 4] += d * d;
  }
  return (part[0] + part[1]) + (part[2] + part[3]);
}

static void apply(plt_optimizer_t *base, float *value, float *state, uint64_t last, const float *gradient) {
  const rowwise_t *self = (const rowwise_t *)base;
  float *restrict w = value;
  const float *restrict g = gradient;
  const float decay = (float)base->weight_decay;
  (void)last;
  state[0] += (float)(sum_of_squares(value, gradient, base->cols, decay) / (double)base->cols);
  const float step = base->eta / (sqrtf(state[0]) + self->eps);
  for (size_t i = 0; i < base->cols; i++) w[i] -= step * (g[i] + decay * w[i]);
}

const plt_optimizer_ops_t plt_optimizer_rowwise_adagrad = {
    .name = "rowwise_adagrad",
    .summary = "Adagrad with one sum of squares per row: four bytes of state per row",
    .options = {.title = "optimizer rowwise_adagrad", .rows = rows, .n_rows = sizeof rows / sizeof *rows},
    .state_floats = state_floats,
    .size = sizeof(rowwise_t),
    .init = init,
    .state_init = state_init,
    .apply = apply,
};
