/* train.c - training, from where a checkpoint stands or from the beginning. Reports where it ended. */
#include "worker/procedures/trainer.h"

#include "launch/tasks/task.h"
#include "worker/train/undone.h"

static plt_status_t run(plt_session_t *session, const plt_task_call_t *call) {
  plt_training_t training = {0};
  if (session->worker == 0) {
    PLT_TRY(plt_undone_mark(session->plan->run_dir, session->clock, session->progress.epoch_closed));
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
