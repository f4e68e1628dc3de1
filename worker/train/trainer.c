/* trainer.c - see trainer.h. */
#include "worker/train/trainer.h"

#include <stdlib.h>

#include "common/time.h"
#include "worker/train/epochs.h"
#include "worker/train/save.h"

static plt_status_t run(plt_trainer_t *t) {
  PLT_TRY(plt_trainer_run_epochs(t));
  PLT_TRY(plt_trainer_save(t, false));
  return plt_trainer_publish(t, true);
}

plt_status_t plt_train(plt_session_t *session, void *context) {
  const plt_plan_t *plan = session->plan;
  plt_training_t *training = context;
  plt_trainer_t trainer = {.session = session,
                           .plan = plan,
                           .journal = training->journal,
                           .batches = plt_sampler_batches(plan->sampler),
                           .clock = session->clock,
                           .p = session->progress,
                           .published = session->clock,
                           .saved_clock = session->resumed ? session->clock : UINT64_MAX,
                           .saved_closed = session->progress.epoch_closed,
                           .saved_ns = plt_time_ns(),
                           .begin_ns = plt_time_ns(),
                           .begin_seconds = session->progress.seconds};
  plt_trainer_t *t = &trainer;
  /* A resumed run may have been given more epochs. */
  t->p.finished = plan->patience != 0 && t->p.bad_evals >= plan->patience;
  t->maker =
      plt_batch_maker_create(plan, plan->alone ? 0 : session->worker, plan->alone ? 1 : plan->workers, session->crew);
  t->compute = plt_compute_create(plan, session->crew);
  t->batch = plt_batch_create();
  t->next = plt_batch_create();
  plt_status_t status = plt_trainer_mend_links(t);
  /* Before all have been greeted and know where to begin nobody may push. */
  if (status == PLT_OK && plan->alone) status = plt_trainer_barrier(t, "start");
  if (status == PLT_OK) status = run(t);
  if (status != PLT_OK && status != PLT_ERR_PEER) status = plt_trainer_rescue(t, status);
  free(t->order.parts);
  training->clock = t->published;
  training->progress = t->p;
  training->progress.seconds = t->begin_seconds + plt_time_seconds(plt_time_ns() - t->begin_ns);
  plt_batch_destroy(&t->batch);
  plt_batch_destroy(&t->next);
  plt_compute_destroy(&t->compute);
  plt_batch_maker_destroy(&t->maker);
  return status;
}
