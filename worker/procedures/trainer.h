/* trainer.h - one worker's training: the legs of a procedure, from where a checkpoint stands to the end.
 *
 *   leg: its kind runs its slots ─▶ checkpoint of its end ─▶ hand-over to the next (handover.h) ─▶ leg ...
 *
 * Worker 0 also keeps the journal, orders checkpoints and publishes them.
 *
 * Threads    one call per worker.
 * Errors     PLT_ERR_NAN before a bad push; PLT_ERR_PREEMPTED when the plan was interrupted (a checkpoint was made);
 *            what client, checkpoints and journal report. */
#ifndef PLT_WORKER_PROCEDURES_TRAINER_H
#define PLT_WORKER_PROCEDURES_TRAINER_H

#include "worker/train/journal.h"
#include "worker/train/state.h"
#include "worker/train/view.h"

typedef struct plt_training {
  plt_journal_t *journal;   /* worker 0's; NULL for others */
  plt_progress_t progress;  /* worker 0: where the loop ended */
  uint64_t clock;           /* worker 0: of the last checkpoint */
  plt_trainer_look_fn look; /* asked after the epochs that eval.every names; NULL: nobody */
  plt_view_t view;          /* where time went; of a training that came to its end */
} plt_training_t;

/* A plt_session_fn; context: plt_training_t of this worker. */
plt_status_t plt_train(plt_session_t *session, void *context);

#endif
