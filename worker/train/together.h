/* together.h - the batches of an epoch in bsp: all workers compute shares of each batch, whose pushes are one step.
 *
 *   make batch t+1 ─▶ exchange (push t, pull t+1) ─▶ gradients of t+1 ─▶ ...        one exchange per batch
 *
 * Threads    the trainer's owner; all workers at the same time, each in its own.
 * Errors     those of plt_compute_gradients(), the client, checkpoints; PLT_ERR_PREEMPTED after a stop.
 * Source     proto/PROTOCOL.md, "Clock"; docs/methods/determinism.md 3, 4. */
#ifndef PLT_WORKER_TRAIN_TOGETHER_H
#define PLT_WORKER_TRAIN_TOGETHER_H

#include "worker/train/state.h"

/* From t->p.batch on, to the end of the epoch or of the steps. */
plt_status_t plt_trainer_run_together(plt_trainer_t *t);

#endif
