/* forecast.h - how long a procedure may take, said before the time is spent: how often it passes over the training
 * pairs, and once its first stage has ended how long the rest takes at that speed.
 *
 * Threads    worker 0's.
 * Units      passes over the training pairs; a step of a mask stage counts as two batches of each environment. */
#ifndef PLT_WORKER_PROCEDURES_FORECAST_H
#define PLT_WORKER_PROCEDURES_FORECAST_H

#include "worker/train/state.h"

/* Tells people the stages of a procedure and the passes of each. */
void plt_forecast_tell_plan(const plt_plan_t *plan);
/* The same after a leg that took so long for so many passes: what is left at that speed. */
void plt_forecast_tell_rest(const plt_trainer_t *t, double passes, int64_t took_ns);

#endif
