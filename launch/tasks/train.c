/* train.c - training, from where a checkpoint stands or from the beginning. Reports where it ended. */
#include <string.h>

#include "common/io/json.h"
#include "launch/tasks/task.h"
#include "worker/flatness/probe.h"
#include "worker/flatness/sharpness.h"
#include "worker/procedures/trainer.h"
#include "worker/train/undone.h"

static void write_sharpness(const void *context, plt_json_t *event) {
  const plt_sharpness_t *sharpness = context;
  plt_json_int(event, "batches", sharpness->batches);
  plt_json_real(event, "loss", sharpness->loss);
  plt_json_real(event, "gradient", sharpness->gradient);
  plt_json_reals(event, "rho", sharpness->rho, sharpness->n);
  plt_json_reals(event, "ascent", sharpness->ascent, sharpness->n);
  plt_json_reals(event, "random", sharpness->random, sharpness->n);
}

/* plt_trainer_look_fn: how flat the minimum is. Stages that train by other losses have none. */
static plt_status_t look_around(plt_session_t *session, const char *name, plt_journal_t *journal, uint32_t epoch) {
  const plt_plan_t *plan = session->plan;
  plt_sharpness_t sharpness = {.n = plan->n_rho, .batches = plan->rho_batches, .directions = 1, .seed = 1};
  if (!plan->looks_around || !plt_probe_is_possible(session)) return PLT_OK;
  memcpy(sharpness.rho, plan->rho, plan->n_rho * sizeof *plan->rho);
  PLT_TRY(plt_sharpness_measure(session, name, &sharpness));
  return journal == NULL ? PLT_OK : plt_journal_sharpness(journal, epoch, write_sharpness, &sharpness);
}

static plt_status_t run(plt_session_t *session, const plt_task_call_t *call) {
  plt_training_t training = {.look = look_around};
  if (session->worker == 0) {
    /* At the first clock of a stage the epoch that ends there is the stage's before, which is over. */
    bool closed = session->progress.epoch_closed || session->clock == session->progress.begin_clock;
    PLT_TRY(plt_undone_mark(session->plan->run_dir, session->clock, closed));
    PLT_TRY(plt_journal_open(session->plan, call->quiet, &training.journal));
  }
  plt_status_t status = plt_train(session, &training);
  const plt_progress_t *end = &training.progress;
  if (session->worker == 0)
    *call->end = (plt_standing_t){.epoch = end->epoch, .gradients = end->gradients, .seconds = end->seconds};
  bool has_view = session->worker == 0 && training.view.workers > 0;
  if (has_view) plt_journal_view(training.journal, &training.view);
  status = plt_journal_close(&training.journal, status);
  if (has_view) (session->run->log_view ? plt_view_print : plt_view_print_short)(&training.view, stdout);
  return status;
}

/* `plateau train` has a configuration where other tasks have a run: launch/commands/train.c. */
const plt_task_t plt_task_train = {.name = "train", .keeps = true, .saves = true, .then = "conclude", .run = run};
