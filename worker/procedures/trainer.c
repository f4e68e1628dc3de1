/* trainer.c - see trainer.h. */
#include "worker/procedures/trainer.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/time.h"
#include "worker/procedures/forecast.h"
#include "worker/procedures/handover.h"
#include "worker/procedures/stage.h"
#include "worker/session/procedure.h"
#include "worker/train/epochs.h"
#include "worker/train/save.h"

static void tell_leg(const plt_trainer_t *t) {
  const plt_plan_t *plan = t->plan;
  char text[128];
  if (!plt_trainer_is_first(t) || plan->leg == NULL || plan->procedure == NULL || !plan->procedure->is_given) return;
  plt_leg_describe(plan->leg, text, sizeof text);
  plt_log(PLT_LOG_NOTE, "stage %zu of %zu, %s: %s with %s and %s", plt_procedure_number(plan->procedure, plan->leg) + 1,
          plan->procedure->n_legs, text, plan->model->ops->name, plan->strategy->ops->name, plan->optimizer);
}

/* The slots of a leg, then the checkpoint of its end. */
static plt_status_t run_leg(plt_trainer_t *t) {
  const plt_leg_t *leg = t->plan->leg;
  tell_leg(t);
  if (t->journal != NULL) plt_journal_enter(t->journal, t->plan);
  PLT_TRY(leg == NULL ? plt_trainer_run_epochs(t) : leg->stage->kind->run(t));
  PLT_TRY(plt_trainer_save(t, false));
  return plt_trainer_publish(t, true);
}

/* So many legs are done: whether the run was to do no more. */
static bool is_wanted_end(const plt_trainer_t *t, size_t done) {
  const plt_procedure_t *procedure = t->plan->procedure;
  if (procedure == NULL || done <= t->plan->last_leg) return false;
  if (plt_trainer_is_first(t))
    plt_log(PLT_LOG_NOTE, "stopped behind stage %zu of %zu, as train.until says; --resume goes on", done,
            procedure->n_legs);
  return true;
}

static plt_status_t run(plt_trainer_t *t) {
  const plt_procedure_t *procedure = t->plan->procedure;
  bool is_first_leg = true;
  if (plt_trainer_is_first(t)) plt_forecast_tell_plan(t->plan);
  if (procedure != NULL && is_wanted_end(t, plt_procedure_number(procedure, t->plan->leg))) return PLT_OK;
  PLT_TRY(plt_trainer_mend_links(t));
  /* Before all have been greeted and know where to begin nobody may push. */
  if (t->plan->alone) PLT_TRY(plt_trainer_barrier(t, "start"));
  for (;;) {
    int64_t begin_ns = plt_time_ns();
    uint32_t epochs = t->p.epoch;
    PLT_TRY(run_leg(t));
    const plt_leg_t *next = procedure == NULL ? NULL : plt_procedure_next(procedure, t->plan->leg);
    if (next == NULL || plt_trainer_is_used_up(t) ||
        is_wanted_end(t, plt_procedure_number(procedure, t->plan->leg) + 1))
      return PLT_OK;
    if (is_first_leg && plt_trainer_is_first(t))
      plt_forecast_tell_rest(t, (double)t->p.epoch - epochs, plt_time_ns() - begin_ns);
    is_first_leg = false;
    PLT_TRY(plt_trainer_hand_over(t, next));
  }
}

static plt_status_t run_traced(plt_trainer_t *t) {
  const plt_session_t *session = t->session;
  const char *file = session->run->trace;
  if (file != NULL) PLT_TRY(plt_trace_open(file, session->client, session->worker, &t->view.trace));
  return run(t);
}

/* Worker 0 ends its trace last: it takes the others' in. */
static plt_status_t gather_view(plt_trainer_t *t, plt_view_t *view) {
  const plt_session_t *session = t->session;
  if (!plt_trainer_is_first(t)) plt_trace_close(&t->view.trace, 1);
  return plt_view_gather(&t->view, session->client, session->worker, t->plan->workers, view);
}

plt_status_t plt_train(plt_session_t *session, void *context) {
  plt_training_t *training = context;
  plt_trainer_t trainer = {.session = session,
                           .plan = session->plan,
                           .journal = training->journal,
                           .look = training->look,
                           .clock = session->clock,
                           .p = session->progress,
                           .published = session->clock,
                           .saved_clock = session->resumed ? session->clock : UINT64_MAX,
                           .saved_closed = session->progress.epoch_closed,
                           .saved_slot = session->progress.stage,
                           .saved_ns = plt_time_ns(),
                           .begin_ns = plt_time_ns(),
                           .begin_seconds = session->progress.seconds};
  plt_trainer_t *t = &trainer;
  plt_view_begin(&t->view, session->client);
  if (t->journal != NULL) plt_journal_follow(t->journal, &t->clock);
  plt_status_t status = run_traced(t);
  if (status != PLT_OK && status != PLT_ERR_PEER) status = plt_trainer_rescue(t, status);
  if (status == PLT_OK) status = gather_view(t, &training->view);
  plt_trace_close(&t->view.trace, status == PLT_OK ? t->plan->workers : 1);
  if (t->journal != NULL) plt_journal_follow(t->journal, NULL);
  plt_pending_end(&t->order.pending);
  training->clock = t->published;
  training->progress = t->p;
  training->progress.seconds = t->begin_seconds + plt_time_seconds(plt_time_ns() - t->begin_ns);
  return status;
}
