/* work.c - see work.h. */
#include "launch/tasks/work.h"

#include "launch/job/embedded.h"
#include "launch/tasks/registry.h"

plt_turn_t plt_turn_first(const plt_work_t *work) {
  plt_turn_t turn = {.task = work->task};
  plt_restore_name(work->restore, turn.start);
  return turn;
}

plt_status_t plt_turn_next(const plt_turn_t *turn, const plt_standing_t *end, const char *run_dir, plt_turn_t *next,
                           bool *over) {
  *over = turn->task->then == NULL;
  if (*over) return PLT_OK;
  plt_turn_t follower = {.task = plt_task_find(turn->task->then), .before = *end};
  PLT_TRY(plt_restore_choose(run_dir, NULL, follower.start));
  *next = follower;
  return PLT_OK;
}

plt_status_t plt_turn_play(plt_session_t *session, void *call_of) {
  const plt_task_call_t *call = call_of;
  return call->turn->task->run(session, call);
}

static plt_status_t play_here(const plt_job_t *job, const plt_work_t *work, const plt_turn_t *turn,
                              const plt_restore_t *restore, plt_standing_t *end) {
  plt_config_t *options;
  size_t n_options = turn->task == work->task ? work->n_options : 0;
  PLT_TRY(plt_task_options(turn->task, work->options, n_options, &options));
  plt_task_call_t call = {.job = job, .turn = turn, .options = options, .quiet = work->quiet, .end = end};
  plt_status_t status = plt_embedded_run(job, restore->given ? restore : &job->warm.restore, plt_turn_play, &call);
  plt_config_destroy(&options);
  return status;
}

/* Plays a turn on the tables of `restore`; *turn is the next one then and *own its checkpoint, or *over. */
static plt_status_t take_turn(const plt_job_t *job, const plt_work_t *work, const plt_restore_t *restore,
                              plt_turn_t *turn, plt_restore_t *own, bool *over) {
  plt_standing_t end = {0};
  PLT_TRY(play_here(job, work, turn, restore, &end));
  PLT_TRY(plt_turn_next(turn, &end, work->run_dir, turn, over));
  plt_restore_clear(own);
  return *over ? PLT_OK : plt_restore_load(work->run_dir, turn->start, own);
}

plt_status_t plt_work_here(const plt_job_t *job, const plt_work_t *work) {
  plt_turn_t turn = plt_turn_first(work);
  plt_restore_t own = {0};
  bool over = false;
  plt_status_t status = take_turn(job, work, work->restore, &turn, &own, &over);
  while (status == PLT_OK && !over) status = take_turn(job, work, &own, &turn, &own, &over);
  plt_restore_clear(&own);
  return status;
}
