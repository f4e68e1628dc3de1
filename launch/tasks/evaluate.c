/* evaluate.c - the metrics of a checkpoint's tables, on standard output. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "launch/tasks/outcome.h"
#include "launch/tasks/task.h"

static const plt_option_t rows[] = {
    {.key = "evaluate.split",
     .type = PLT_OPT_CHOICE,
     .fallback = "all",
     .choices = PLT_PART_CHOICES,
     .placeholder = "PART",
     .help = "The part of the data whose pairs are to be found; all: those that the data have, both: valid and test."},
    {.key = "evaluate.slices",
     .type = PLT_OPT_BOOL,
     .fallback = "false",
     .help = "The metrics of popular and of rare items apart, too: of three lots of items, each with a third of the "
             "training pairs."},
    {.key = "evaluate.per-user",
     .type = PLT_OPT_TEXT,
     .fallback = "\"\"",
     .placeholder = "FILE",
     .help =
         "The metrics of each user, too, a line each, as TSV. `plateau compare` tests differences by them where FILE "
         "is users.tsv in the run directory."},
    {.key = "evaluate.json",
     .type = PLT_OPT_BOOL,
     .fallback = "false",
     .help = "One JSON object instead of the table."},
};

/* A part that is asked for by name must be there. */
static plt_status_t choose(const plt_session_t *session, const char *split, plt_outcome_t *outcome) {
  const plt_dataset_t *data = session->plan->data;
  plt_part_choose(split, outcome->parts);
  for (plt_part_t part = PLT_PART_VALID; part < PLT_PARTS; part++)
    if (strcmp(split, plt_part_keys[part]) == 0 && data->part[part].n == 0)
      return plt_fail(PLT_ERR_DATA, "evaluate: --split %s: %s has no %s pairs (x_label %d)", split, data->source,
                      plt_part_names[part], part);
  return PLT_OK;
}

/* With the metrics of each user into `path`, which is opened first: an evaluation may take long. */
static plt_status_t evaluate_users(plt_session_t *session, const plt_task_call_t *call, const char *path,
                                   plt_outcome_t *outcome) {
  plt_user_metrics_t users[PLT_PARTS] = {{0}};
  FILE *file = session->worker == 0 ? fopen(path, "w") : NULL;
  if (session->worker == 0 && file == NULL) return plt_fail_errno(PLT_ERR_CREATE, "evaluate: --per-user: %s", path);
  outcome->users = users;
  plt_status_t status = plt_outcome_evaluate(session, call->quiet, outcome);
  if (status == PLT_OK && file != NULL) plt_outcome_print_users(file, &session->plan->topk, outcome);
  bool failed = file != NULL && ferror(file) != 0;
  failed = (file != NULL && fclose(file) != 0) || failed;
  if (failed && status == PLT_OK) status = plt_fail_errno(PLT_ERR_IO, "evaluate: --per-user: %s: cannot write", path);
  for (plt_part_t part = 0; part < PLT_PARTS; part++) plt_user_metrics_clear(&users[part]);
  outcome->users = NULL;
  return status;
}

static plt_status_t run(plt_session_t *session, const plt_task_call_t *call) {
  plt_outcome_t outcome = {0};
  bool slices = plt_config_bool(call->options, "evaluate.slices");
  const char *per_user = plt_config_text(call->options, "evaluate.per-user");
  PLT_TRY(choose(session, plt_config_text(call->options, "evaluate.split"), &outcome));
  PLT_TRY(*per_user == '\0' ? plt_outcome_evaluate(session, call->quiet, &outcome)
                            : evaluate_users(session, call, per_user, &outcome));
  if (session->worker != 0) return PLT_OK;
  if (plt_config_bool(call->options, "evaluate.json")) {
    plt_outcome_print_json(stdout, &session->plan->topk, &outcome, slices, session->clock);
    return PLT_OK;
  }
  char at[64];
  plt_progress_describe(&session->progress, at, sizeof at);
  printf("tables %s, clock %" PRIu64 "\n", at, session->clock);
  plt_outcome_print(stdout, &session->plan->topk, &outcome);
  if (slices) plt_outcome_print_slices(stdout, &session->plan->topk, &outcome);
  return PLT_OK;
}

const plt_task_t plt_task_evaluate = {
    .name = "evaluate",
    .summary = "rank all items with the tables of a run",
    .example = "runs/quickstart-20261121-101500 --split test",
    .options = {"evaluate", rows, sizeof rows / sizeof *rows},
    .run = run,
};
