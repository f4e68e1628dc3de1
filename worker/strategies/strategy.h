/* strategy.h - how the gradient that is pushed for one leaf is made: plain, bsam, bsam+, mirror.
 *
 * A leaf's w is one flat vector: all rows it touches and all dense parameters. A strategy asks for the loss
 * gradient at w and at perturbed copies of w; w itself is never changed.
 *
 * Exchanges  a batch takes `phases` exchanges with the servers: 1, but 2 on the β-th batches of a sequential
 *            mirror. plain, bsam, bsam+ and combined mirror cost the same messages and bytes.
 * A new strategy is one file and one row in list.h; registry.h has them by name.
 * Threads    read-only after init.
 * Errors     init: PLT_ERR_USAGE. gradient has none: the caller looks whether loss and gradient are finite.
 * Source     docs/methods/strategies.md. */
#ifndef PLT_WORKER_STRATEGIES_STRATEGY_H
#define PLT_WORKER_STRATEGIES_STRATEGY_H

#include <math.h>

#include "common/options/options.h"

/* The loss and its gradient (overwritten) at the point w; n floats each. The same draws at every call. */
typedef double (*plt_gradient_fn)(void *context, const float *w, float *gradient);

/* A run of w whose learning rate is not that of the step. */
typedef struct plt_lr_span {
  size_t n;     /* floats, from where the span before ends */
  double scale; /* of leaf->eta */
} plt_lr_span_t;

typedef struct plt_objective {
  plt_gradient_fn gradient_at;
  void *context;
  size_t n;       /* floats in w */
  const float *w; /* as pulled */
  float *point;   /* [n], scratch: a perturbed copy of w */
  float *second;  /* [n], scratch: the gradient there */
  uint32_t batch; /* of the epoch, from 0; in ssp and asp of the worker's own batches in it */
  uint32_t phase; /* of the batch, from 0 */
  double eta;     /* learning rate of this step */
  /* Where tables have learning rates of their own: the whole of w; NULL: eta is everyone's. */
  const plt_lr_span_t *spans;
  size_t n_spans;
} plt_objective_t;

typedef struct plt_strategy plt_strategy_t; /* a strategy's own object begins with this */

/* All but init and clear are called while training only, in the worker's own thread, by many workers of a process at
 * once: self is shared and read-only. Required: name, summary, gradient. */
typedef struct plt_strategy_ops {
  const char *name;
  const char *summary;        /* half a sentence, for help */
  plt_option_table_t options; /* rows "strategy.<key>"; default: none */
  size_t size;                /* of the strategy's own object; default: a base alone */
  /* When a configuration is read: puts the options of this table that were not given and follow from others, so that
   * config.yaml has every option as it was used. May read optimizer.name. Default: nothing. */
  void (*settle)(plt_config_t *config);
  /* When a job is made, once per process, in its main thread: reads its options into the object, which is zero but for
   * the base. May read optimizer.name. Default: nothing. PLT_ERR_USAGE; clear is called then too. */
  plt_status_t (*init)(plt_strategy_t *self, const plt_config_t *config);
  /* At the job's end, in its main thread: gives back what the object holds. Default: nothing. */
  void (*clear)(plt_strategy_t *self);
  /* Before each batch, and for batch 0 when a job is made: the batch's exchanges. Default: 1. */
  uint32_t (*phases)(const plt_strategy_t *self, uint32_t batch);
  /* Once per leaf and phase, leaf after leaf: fills `gradient` [n] and returns the model's loss at w. May use `point`
   * and `second` as it likes; leaf->gradient_at works with the worker's crew of threads. Required. */
  double (*gradient)(const plt_strategy_t *self, const plt_objective_t *leaf, float *gradient);
  /* After each batch and phase, whether the worker had a leaf of it or not: the calls of gradient_at per leaf, for
   * equal-effort comparisons. Default: 1. */
  uint32_t (*passes)(const plt_strategy_t *self, uint32_t batch, uint32_t phase);
} plt_strategy_ops_t;

struct plt_strategy {
  const plt_strategy_ops_t *ops;
};

void plt_strategy_destroy(plt_strategy_t **strategy);
/* The ops of the same names, or their defaults. */
uint32_t plt_strategy_phases(const plt_strategy_t *strategy, uint32_t batch);
uint32_t plt_strategy_passes(const plt_strategy_t *strategy, uint32_t batch, uint32_t phase);

/* ---- for strategy files ---- */
/* The ascent step that sharpness-aware strategies begin with: the gradient g at w, and into leaf->point w + rho g/|g|.
 * Returns the loss at w. */
double plt_leaf_ascend(const plt_objective_t *leaf, double rho, float *g);
/* Its row, strategy.rho. */
#define PLT_STRATEGY_RHO_OPTION                                                                 \
  {                                                                                             \
    .key = "strategy.rho", .type = PLT_OPT_REAL, .fallback = "0.05", .min = 0, .max = INFINITY, \
    .help = "Length of the ascent step, over all rows and dense parameters of a leaf together." \
  }
/* out = w + factor * eta * g, with each table's own learning rate; out may be g. */
void plt_leaf_step(const plt_objective_t *leaf, double factor, const float *g, float *out);

#endif
