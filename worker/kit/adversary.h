/* adversary.h - features disturbed as the loss likes least, for adversarial training (docs/methods/models.md 16; Tang
 * et al., "AMR", TKDE 32(5), 2020): of one leaf and pass, which is run three times.
 *
 *   measure   the ranking loss, features as variables ─▶ its derivative by each item's features, over all places
 *   settle    delta: that derivative, brought to length eps; a constant from here on
 *   disturb   the ranking loss again, at features + delta, its gradient by the weights
 *   and the loss itself, at features as they are, by who calls
 *
 * Features are those that a model takes: where it brings them to length 1, delta is added to that.
 * Memory     beside the tape's: a row of all modalities for each distinct item that a leaf reads.
 * Threads    one owner, that of the tape. */
#ifndef PLT_WORKER_KIT_ADVERSARY_H
#define PLT_WORKER_KIT_ADVERSARY_H

#include "worker/kit/nodes.h"

typedef struct plt_adversary plt_adversary_t;

plt_adversary_t *plt_adversary_create(void);
void plt_adversary_destroy(plt_adversary_t **adversary);

/* Begins a pass that measures; forgets the leaf before. */
void plt_adversary_measure(plt_adversary_t *adversary);
/* After the backward pass, before the tape is reset: makes delta, and the next pass disturbs. false: no features were
 * read, and there is nothing to disturb. */
bool plt_adversary_settle(plt_adversary_t *adversary, const plt_dataset_t *data, float eps);
/* The features x at items, of modalities from `first` on, as the pass has them: [n, cols of x]. In the same order in
 * both passes. */
plt_var_t plt_adversary_features(plt_adversary_t *adversary, const plt_nodes_t *nodes, size_t first,
                                 const plt_lazy_t *x);

#endif
