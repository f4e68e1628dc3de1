/* alone.h - the batches of an epoch in ssp and asp: batch b is worker b mod W's, every push is a step.
 *
 *   rows of b ─▶ gradients of b ─▶ push b, keys of the own batch `prefetch` + 1 later ─▶ rows of the next ─▶ ...
 *
 * With prefetch d there are always d + 1 steps under way, so rows travel while gradients are computed. A place holds
 * a batch from the pull of its rows until its push has been sent.
 *
 * Meetings   at the end of the epoch, and where the server calls the workers together because worker 0 asked for a
 *            checkpoint or a stop. All batches before the meeting are done then and none behind it, nothing is under
 *            way, and one sum makes the losses, counts and wishes known to all: so a checkpoint says no more than
 *            (epoch, batch), as in bsp, and can be continued by any number of workers.
 * Rounds     are counted on from slot to slot: those of a slot from the clock at which it began.
 * Threads    the trainer's owner; all workers at the same time, each in its own.
 * Errors     those of plt_compute_gradients() and the client; of checkpoints (save.h); PLT_ERR_PREEMPTED after a
 *            stop.
 * Source     proto/PROTOCOL.md, "Clock"; docs/consistency.md. */
#ifndef PLT_WORKER_TRAIN_ALONE_H
#define PLT_WORKER_TRAIN_ALONE_H

#include "worker/train/state.h"

/* This worker's batches of the epoch, from t->p.batch on; ends with a meeting of all workers. Then t->p and t->clock
 * tell what all have done together. */
plt_status_t plt_trainer_run_alone(plt_trainer_t *t);

#endif
