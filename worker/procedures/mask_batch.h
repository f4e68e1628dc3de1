/* mask_batch.h - the batches of a mask stage: in each step one of every environment (docs/methods/invrl.md 3).
 *
 * An environment whose pairs are used up begins again, in another order; so an epoch has as many steps as the largest
 * has batches. With a replay batches and noise come from files.
 *
 * Ownership  the source owns what it reads; a batch lives until plt_mask_source_reset().
 * Threads    one owner.
 * Errors     PLT_ERR_DATA for files that do not fit; those of the client. */
#ifndef PLT_WORKER_PROCEDURES_MASK_BATCH_H
#define PLT_WORKER_PROCEDURES_MASK_BATCH_H

#include "worker/math/invariance.h"
#include "worker/procedures/labels.h"

typedef struct plt_mask_source plt_mask_source_t;

/* sigma: standard deviation of the noise of gates. */
plt_status_t plt_mask_source_create(plt_trainer_t *t, double sigma, plt_mask_source_t **out);
void plt_mask_source_destroy(plt_mask_source_t **source);
uint32_t plt_mask_source_environments(const plt_mask_source_t *source);
/* Of an epoch. */
uint32_t plt_mask_source_steps(const plt_mask_source_t *source);
/* Samples of environment e in a step; 0: it has none. */
uint32_t plt_mask_source_samples(const plt_mask_source_t *source, uint32_t step, uint32_t e);
/* The batch of environment e, which has samples. */
plt_status_t plt_mask_source_make(plt_mask_source_t *source, uint32_t epoch, uint32_t step, uint32_t e,
                                  plt_invariance_batch_t *out);
/* Forgets all batches that were made. */
void plt_mask_source_reset(plt_mask_source_t *source);

#endif
