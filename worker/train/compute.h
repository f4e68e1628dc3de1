/* compute.h - from a batch with its pulled rows to the blocks that are pushed.
 *
 *   per leaf:  w ─▶ strategy ⇄ (model on the tape) ─▶ gradient ─▶ finite? ─▶ clip ─▶ weight
 *   then:      leaves ─▶ tree ─▶ one push per block and table
 *
 * Memory     an arena that is reset by the next call: results are valid until then.
 * Threads    one owner; the kernels use its crew.
 * Errors     PLT_ERR_NAN when a loss or gradient is not finite: nothing is to be pushed then.
 * Source     docs/methods/determinism.md 3; docs/methods/strategies.md. */
#ifndef PLT_WORKER_TRAIN_COMPUTE_H
#define PLT_WORKER_TRAIN_COMPUTE_H

#include "worker/session/plan.h"
#include "worker/train/batch.h"

typedef struct plt_compute plt_compute_t;

plt_compute_t *plt_compute_create(const plt_plan_t *plan, plt_crew_t *crew);
void plt_compute_destroy(plt_compute_t **compute);

typedef struct plt_gradients {
  plt_push_t *push; /* per block and trained table */
  size_t n_push;
  plt_block_loss_t *losses; /* per block, weighted to add up to the step's loss */
  size_t n_losses;
} plt_gradients_t;

/* What the plan's strategy makes of w = objective->w, [objective->n], clipped, into *gradient; false: it or the loss is
 * not finite. The caller has filled the objective but for scratch and learning rates, which come from the tables'
 * rows in w; memory is the arena's. */
bool plt_strategy_descend(const plt_plan_t *plan, const plt_rows_view_t *rows, plt_objective_t *objective,
                          plt_arena_t *arena, float **gradient, double *loss);
/* values: the batch's pulled rows, one vector of batch->floats. */
plt_status_t plt_compute_gradients(plt_compute_t *compute, const plt_batch_t *batch, const float *values,
                                   uint32_t phase, double eta, plt_gradients_t *out);

/* The model's loss of a leaf at the point w [leaf->trained], not weighted, and its gradient of as many, or NULL.
 * values: the leaf's rows as pulled, where what is beside w is read; not w itself. */
double plt_compute_loss_at(plt_compute_t *compute, const plt_leaf_t *leaf, const float *values, const float *w,
                           float *gradient);

#endif
