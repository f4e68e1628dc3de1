/* evaluate.c - the metrics of a checkpoint's tables, on standard output. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "launch/tasks/outcome.h"
#include "launch/tasks/task.h"

static const plt_option_t rows[] = {
    {.key = "evaluate.split",
     .type = PLT_OPT_CHOICE,
     .fallback = "both",
     .choices = "both|valid|test",
     .placeholder = "PART",
     .help = "The part of the data whose pairs are to be found."},
    {.key = "evaluate.json",
     .type = PLT_OPT_BOOL,
     .fallback = "false",
     .help = "One JSON object instead of the table."},
};

static plt_status_t run(plt_session_t *session, const plt_task_call_t *call) {
  const char *split = plt_config_text(call->options, "evaluate.split");
  plt_outcome_t outcome = {
      .parts = {[PLT_PART_VALID] = strcmp(split, "test") != 0, [PLT_PART_TEST] = strcmp(split, "valid") != 0}};
  PLT_TRY(plt_outcome_evaluate(session, call->quiet, &outcome));
  if (session->worker != 0) return PLT_OK;
  if (plt_config_bool(call->options, "evaluate.json")) {
    plt_outcome_print_json(stdout, &session->plan->topk, &outcome, session->clock);
    return PLT_OK;
  }
  printf("tables of epoch %" PRIu32 ", clock %" PRIu64 "\n", session->progress.epoch, session->clock);
  plt_outcome_print(stdout, &session->plan->topk, &outcome);
  return PLT_OK;
}

const plt_task_t plt_task_evaluate = {
    .name = "evaluate",
    .summary = "rank all items with the tables of a run",
    .example = "runs/quickstart-20261121-101500 --split test",
    .options = {"evaluate", rows, sizeof rows / sizeof *rows},
    .run = run,
};
