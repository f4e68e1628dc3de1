/* save.h - checkpoints: worker 0 orders them, servers write their parts while training goes on, worker 0 collects the
 * parts and publishes them.
 *
 *   order (a flag on the clock, or a bare STEP between two) ─▶ ask now and then ─▶ all parts are written ─▶ publish
 *
 * One order is under way at a time; the next waits for it.
 *
 * Threads    the trainer's owner.
 * Errors     PLT_ERR_SPACE, PLT_ERR_IO of a server's part, or when none of it gets written for cluster.deadline_s;
 *            those of publishing (manifest.h), of the client and the journal. stop: PLT_ERR_PREEMPTED when all went
 *            well. */
#ifndef PLT_WORKER_TRAIN_SAVE_H
#define PLT_WORKER_TRAIN_SAVE_H

#include "worker/train/state.h"

/* What worker 0 asks for with a push: a checkpoint that is due, a stop. Nothing while an order is under way. */
uint32_t plt_trainer_flags(const plt_trainer_t *t);
/* The servers have taken the order of a checkpoint of t->clock. */
void plt_trainer_ordered(plt_trainer_t *t, bool is_best);
/* Between two steps: worker 0 orders a checkpoint of the tables as they are, unless there is one. In ssp and asp the
 * others must not push before plt_trainer_barrier(). */
plt_status_t plt_trainer_save(plt_trainer_t *t, bool is_best);
/* Publishes what is under way, if it is written or once it is. */
plt_status_t plt_trainer_publish(plt_trainer_t *t, bool wait);
/* The same after a failure, which is returned. */
plt_status_t plt_trainer_rescue(plt_trainer_t *t, plt_status_t status);
/* What a crash between publishing and linking left undone. */
plt_status_t plt_trainer_mend_links(const plt_trainer_t *t);
/* Publishes the checkpoint that was made and returns PLT_ERR_PREEMPTED. */
plt_status_t plt_trainer_stop(plt_trainer_t *t);

#endif
