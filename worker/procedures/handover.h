/* handover.h - from the end of one leg to the beginning of the next: its tables take the place of those there are.
 *
 *   all are here ─▶ worker 0: ENTER, DECLARE ..., births ─▶ all go on, at the same clock, in the next leg's first slot
 *
 * The checkpoint of the leg's end is published, and nothing is written down until the first of the next leg is: whoever
 * dies in between begins again with that one, and does the same.
 * A leg that validated hands on the tables of its best checkpoint, any other those there are.
 *
 * Threads    every worker in its own, all of them at the same clock.
 * Errors     PLT_ERR_PREEMPTED when the job is to stop; PLT_ERR_CHECKPOINT when the best checkpoint is damaged;
 *            PLT_ERR_USAGE without a run directory, where it would lie; those of the client and of births
 *            (import.h).
 * Source     docs/decisions/procedures.md. */
#ifndef PLT_WORKER_PROCEDURES_HANDOVER_H
#define PLT_WORKER_PROCEDURES_HANDOVER_H

#include "worker/session/procedure.h"
#include "worker/train/state.h"

/* All workers call. */
plt_status_t plt_trainer_hand_over(plt_trainer_t *t, const plt_leg_t *next);

#endif
