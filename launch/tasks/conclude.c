/* conclude.c - the end of a training: what its best tables (or the last, where no validation chose) are worth, told by
 * the last events of metrics.jsonl and, on standard output, by a table. Test and shift are evaluated here, once. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "launch/tasks/outcome.h"
#include "launch/tasks/task.h"
#include "worker/train/journal.h"

/* What training did not tell already, then the end. */
static plt_status_t note(plt_journal_t *journal, const plt_session_t *session, const plt_task_call_t *call,
                         const plt_outcome_t *outcome) {
  const plt_progress_t *tables = &session->progress;
  const plt_standing_t *before = &call->turn->before;
  plt_progress_t end = {.epoch = before->epoch,
                        .gradients = before->gradients,
                        .seconds = before->seconds,
                        .best_epoch = tables->best_epoch};
  for (plt_part_t part = PLT_PART_VALID; part < PLT_PARTS; part++)
    if (outcome->parts[part] && (part != PLT_PART_VALID || session->plan->epochs == 0))
      PLT_TRY(plt_journal_eval(journal, tables->best_epoch, part, &outcome->metrics[part], NULL, -1));
  return plt_journal_final(journal, strcmp(call->turn->start, "best") == 0, &end, outcome->seconds, outcome->parts,
                           outcome->metrics, outcome->breakdowns);
}

static void tell(const plt_session_t *session, const plt_task_call_t *call, const plt_outcome_t *outcome) {
  const plt_plan_t *plan = session->plan;
  const plt_progress_t *tables = &session->progress;
  if (strcmp(call->turn->start, "best") == 0)
    printf("\nbest epoch %" PRIu32 ", chosen by validation %s\n", tables->best_epoch, plan->metric);
  else
    printf("\nafter %" PRIu32 " epochs\n", tables->epoch);
  plt_outcome_print(stdout, &plan->topk, outcome);
  printf("\nrun directory: %s\n", plan->run_dir);
}

static plt_status_t run(plt_session_t *session, const plt_task_call_t *call) {
  plt_outcome_t outcome = {0};
  plt_journal_t *journal;
  memcpy(outcome.parts, session->plan->final_parts, sizeof outcome.parts);
  PLT_TRY(plt_outcome_evaluate(session, "outcome", call->quiet, &outcome));
  if (session->worker != 0) return PLT_OK;
  PLT_TRY(plt_journal_open(session->plan, call->quiet, &journal));
  plt_journal_follow(journal, &session->clock);
  PLT_TRY(plt_journal_close(&journal, note(journal, session, call, &outcome)));
  tell(session, call, &outcome);
  return PLT_OK;
}

const plt_task_t plt_task_conclude = {.name = "conclude", .keeps = true, .run = run};
