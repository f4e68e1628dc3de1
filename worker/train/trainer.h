/* trainer.h - the training loop of one worker.
 *
 *   make batch t+1 ─▶ exchange (push t, pull t+1) ─▶ gradients of t+1 ─▶ ...        one exchange per batch
 *   end of an epoch: sums, evaluation, early stopping, checkpoint
 *
 * All workers take the same decisions from the same sums, so nothing needs to be agreed on. Worker 0 also keeps the
 * journal, orders checkpoints and publishes them.
 *
 * Threads    one call per worker.
 * Errors     PLT_ERR_NAN before a bad push; PLT_ERR_PREEMPTED when the plan was interrupted (a checkpoint was made);
 *            what client, checkpoints and journal report. */
#ifndef PLT_WORKER_TRAIN_TRAINER_H
#define PLT_WORKER_TRAIN_TRAINER_H

#include "worker/train/journal.h"

typedef struct plt_training {
  plt_journal_t *journal;  /* worker 0's; NULL for others */
  plt_progress_t progress; /* worker 0: where the loop ended */
  uint64_t clock;          /* worker 0: of the last checkpoint */
} plt_training_t;

/* A task; context: plt_training_t of this worker. */
plt_status_t plt_train(plt_session_t *session, void *training);

#endif
