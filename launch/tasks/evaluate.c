/* evaluate.c - the metrics of a checkpoint's tables, on standard output. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/outfile.h"
#include "common/mem.h"
#include "launch/tasks/curves.h"
#include "launch/tasks/outcome.h"
#include "launch/tasks/picture.h"
#include "launch/tasks/robustness.h"
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
    {.key = "evaluate.noise",
     .type = PLT_OPT_REALS,
     .fallback = "[]",
     .min = 0,
     .max = INFINITY,
     .above_min = true,
     .placeholder = "S,...",
     .help = "Also with normal noise on the features of items, of so many deviations of their modality."},
    {.key = "evaluate.replace",
     .type = PLT_OPT_REALS,
     .fallback = "[]",
     .min = 0,
     .max = 1,
     .above_min = true,
     .placeholder = "S,...",
     .help = "Also with such a share of the items having the features of others."},
    {.key = "evaluate.seeds",
     .type = PLT_OPT_INT,
     .fallback = "5",
     .min = 1,
     .max = 1000,
     .placeholder = "N",
     .help = "Draws of each noise and replacement, with seeds 1 to N."},
    {.key = "evaluate.modalities",
     .type = PLT_OPT_TEXTS,
     .fallback = "[]",
     .placeholder = "NAME,...",
     .help = "Which modalities noise and replacement concern; without it all."},
    {.key = "evaluate.plot",
     .type = PLT_OPT_TEXT,
     .fallback = "\"\"",
     .placeholder = "PICTURE",
     .help = "How the metric of eval.metric falls with them, .svg or .png, by gnuplot (of the test part, where it is "
             "evaluated)."},
    {.key = "evaluate.beside",
     .type = PLT_OPT_TEXTS,
     .fallback = "[]",
     .placeholder = "FILE,...",
     .help = "What --json wrote of other runs, whose curves stand in the picture, too."},
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
  plt_outfile_t out = {0};
  plt_status_t status = session->worker == 0 ? plt_outfile_open(path, &out) : PLT_OK;
  if (status != PLT_OK) return plt_fail_within(status, "evaluate: --per-user");
  outcome->users = users;
  status = plt_outcome_evaluate(session, "outcome", call->quiet, outcome);
  if (status == PLT_OK && out.file != NULL) plt_outcome_print_users(out.file, &session->plan->topk, outcome);
  const bool has_evaluated = status == PLT_OK;
  if (out.file != NULL) status = plt_outfile_close(&out, status);
  if (has_evaluated && status != PLT_OK) plt_fail_within(status, "evaluate: --per-user");
  for (plt_part_t part = 0; part < PLT_PARTS; part++) plt_user_metrics_clear(&users[part]);
  outcome->users = NULL;
  return status;
}

/* The test part, or the first that was evaluated. */
static const char *part_in_picture(const plt_outcome_t *outcome) {
  plt_part_t part = PLT_PART_TEST;
  if (!outcome->parts[part])
    for (part = PLT_PART_VALID; part < PLT_PART_SHIFT && !outcome->parts[part];) part++;
  return plt_part_keys[part];
}

/* ---- pictures ---- */

static plt_status_t check_picture(const plt_session_t *session, const plt_config_t *options,
                                  const plt_robustness_t *robustness) {
  const char *path = plt_config_text(options, "evaluate.plot");
  if (session->worker != 0 || path[0] == '\0') return PLT_OK;
  if (robustness->n == 0)
    return plt_fail(PLT_ERR_USAGE, "evaluate: --plot: draws what --noise and --replace leave; give one of them");
  if (plt_config_list_size(options, "evaluate.beside") >= PLT_CURVES_MAX)
    return plt_fail(PLT_ERR_USAGE, "evaluate: --beside: at most %d files", PLT_CURVES_MAX - 1);
  return plt_picture_check(path);
}

static plt_status_t draw(const plt_session_t *session, const plt_task_call_t *call, const plt_outcome_t *outcome,
                         const plt_json_t *json) {
  const plt_config_t *options = call->options;
  const char *path = plt_config_text(options, "evaluate.plot");
  const plt_curves_of_t of = {session->plan->metric, part_in_picture(outcome)};
  const size_t beside = plt_config_list_size(options, "evaluate.beside");
  plt_curve_t *curves = plt_mem_alloc((beside + 1) * sizeof *curves);
  plt_status_t status = PLT_OK;
  for (size_t i = 0; i < beside && status == PLT_OK; i++)
    status = plt_curve_read(plt_config_list_text(options, "evaluate.beside", i), &of, &curves[i]);
  if (status == PLT_OK)
    status = plt_curve_make(json, plt_config_text(call->job->config, "run.dir"), &of, &curves[beside]);
  if (status == PLT_OK) status = plt_curves_draw(curves, beside + 1, &of, path);
  free(curves);
  return status;
}

/* ---- what is written ---- */

static void print(const plt_session_t *session, const plt_outcome_t *outcome, bool slices,
                  const plt_robustness_t *robustness) {
  const plt_plan_t *plan = session->plan;
  char at[64];
  plt_progress_describe(&session->progress, at, sizeof at);
  printf("tables %s, clock %" PRIu64 "\n", at, session->clock);
  plt_outcome_print(stdout, &plan->topk, outcome);
  if (slices) plt_outcome_print_slices(stdout, &plan->topk, outcome);
  plt_robustness_print(stdout, plan, outcome, robustness);
}

static plt_status_t tell(const plt_session_t *session, const plt_task_call_t *call, const plt_outcome_t *outcome,
                         const plt_robustness_t *robustness) {
  const plt_config_t *options = call->options;
  const bool slices = plt_config_bool(options, "evaluate.slices");
  plt_status_t status = PLT_OK;
  plt_json_t *json = plt_json_create();
  plt_json_int(json, "clock", (int64_t)session->clock);
  plt_outcome_put(&session->plan->topk, outcome, slices, json);
  plt_robustness_put(session->plan, outcome, robustness, json);
  if (plt_config_text(options, "evaluate.plot")[0] != '\0') status = draw(session, call, outcome, json);
  if (!plt_config_bool(options, "evaluate.json"))
    print(session, outcome, slices, robustness);
  else
    plt_json_write(&json, stdout);
  plt_json_destroy(&json);
  return status;
}

static plt_status_t evaluate(plt_session_t *session, const plt_task_call_t *call, plt_robustness_t *robustness) {
  plt_outcome_t outcome = {0};
  PLT_TRY(choose(session, plt_config_text(call->options, "evaluate.split"), &outcome));
  PLT_TRY(check_picture(session, call->options, robustness));
  const char *per_user = plt_config_text(call->options, "evaluate.per-user");
  PLT_TRY(*per_user == '\0' ? plt_outcome_evaluate(session, "outcome", call->quiet, &outcome)
                            : evaluate_users(session, call, per_user, &outcome));
  PLT_TRY(plt_robustness_measure(session, call->quiet, &outcome, robustness));
  return session->worker == 0 ? tell(session, call, &outcome, robustness) : PLT_OK;
}

static plt_status_t run(plt_session_t *session, const plt_task_call_t *call) {
  plt_robustness_t *robustness = plt_mem_alloc(sizeof *robustness);
  plt_status_t status = plt_robustness_read(session, call->options, robustness);
  if (status == PLT_OK) status = evaluate(session, call, robustness);
  plt_robustness_clear(robustness);
  free(robustness);
  return status;
}

const plt_task_t plt_task_evaluate = {
    .name = "evaluate",
    .summary = "rank all items with the tables of a run",
    .example = "runs/quickstart-20261121-101500 --split test",
    .options = {"evaluate", rows, sizeof rows / sizeof *rows},
    .run = run,
};
