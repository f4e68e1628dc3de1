/* epochs.h - the epochs of a slot until there are enough: their batches, sums, evaluation, early stopping, checkpoints.
 *
 * All workers take the same decisions from the same sums, so nothing needs to be agreed on.
 *
 * Threads    the trainer's owner; all workers at the same time, each in its own.
 * Errors     those of together.h and alone.h, of plt_evaluate(), of the journal and of checkpoints (save.h).
 * Source     docs/methods/evaluation.md 3. */
#ifndef PLT_WORKER_TRAIN_EPOCHS_H
#define PLT_WORKER_TRAIN_EPOCHS_H

#include "worker/train/state.h"

/* From where t->p stands in t->plan until epochs, patience or steps end it. */
plt_status_t plt_trainer_run_epochs(plt_trainer_t *t);
/* The same with steps of another kind than batches of samples and the model's loss; bsp only. */
plt_status_t plt_trainer_run_epochs_of(plt_trainer_t *t, const plt_steps_t *steps);

#endif
