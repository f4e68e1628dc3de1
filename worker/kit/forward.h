/* forward.h - a leaf's forward pass: the model's programme on the nodes of the leaf's closure, then its loss.
 *
 *   rows pulled ─▶ state by state: hop (closure's matrix) ─▶ model's function ─▶ rows at the state's set
 *                                          └─▶ of those, the rows at sets of states made from it, and at the own nodes
 *
 * Threads    one owner.
 * Source     docs/decisions/relations-and-hops.md. */
#ifndef PLT_WORKER_KIT_FORWARD_H
#define PLT_WORKER_KIT_FORWARD_H

#include "worker/graph/closure.h"
#include "worker/kit/adversary.h"
#include "worker/kit/model.h"

typedef struct plt_leaf_pass {
  const plt_dataset_t *data;
  plt_closure_t *closure;
  plt_samples_t samples; /* without nodes */
  plt_draws_t draws;
  plt_adversary_t *adversary; /* NULL: features are as they are */
  bool ranks;                 /* only the ranking part of the loss (plt_model_ops_t.rank) */
} plt_leaf_pass_t;

/* The loss of a leaf, [1, 1]; table[t]: the rows of table t at its set, or all rows of a dense one. */
plt_var_t plt_model_loss(const plt_model_t *model, plt_tape_t *tape, const plt_leaf_pass_t *leaf,
                         const plt_var_t *table);

#endif
