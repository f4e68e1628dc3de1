/* export.c - tables or final vectors as .npy files, and a list of them on standard output. */
#include "worker/rank/export.h"

#include <inttypes.h>
#include <stdio.h>

#include "launch/tasks/served.h"
#include "launch/tasks/task.h"

static const plt_option_t rows[] = {
    {.key = "export.output",
     .type = PLT_OPT_TEXT,
     .letter = 'o',
     .placeholder = "DIR",
     .help = "Where to; the directory is made."},
    {.key = "export.vectors",
     .type = PLT_OPT_BOOL,
     .fallback = "false",
     .help = "user_vectors.npy and item_vectors.npy instead of the tables: the model's last representations, whose "
             "products are the scores."},
    {.key = "export.all",
     .type = PLT_OPT_BOOL,
     .fallback = "false",
     .help = "Of plateau serve: every row of a table that is not sparse, as it is born where it was never pushed, "
             "instead of those that are stored; row = key."},
};

static void tell(const plt_plan_t *plan, const plt_export_t *export) {
  for (plt_side_t side = PLT_SIDE_USER; side < PLT_SIDES && export->vectors; side++)
    printf("%s/%s  %" PRIu32 " x %zu\n", export->directory, plt_export_vectors_file(side),
           side == PLT_SIDE_USER ? plan->data->users : plan->data->items, plan->model->score_cols);
  for (size_t t = 0; t < plan->model->n_tables && !export->vectors; t++)
    printf("%s/%s.npy  %" PRIu64 " x %" PRIu32 "\n", export->directory, plan->specs[t].name, plan->specs[t].rows,
           plan->specs[t].cols);
  if (!export->vectors && plt_export_features_file(plan) != NULL)
    printf("%s/%s  how features are scaled\n", export->directory, plt_export_features_file(plan));
}

static plt_status_t run(plt_session_t *session, const plt_task_call_t *call) {
  plt_export_t export = {.directory = plt_config_text(call->options, "export.output"),
                         .vectors = plt_config_bool(call->options, "export.vectors")};
  PLT_TRY(plt_export(session, &export));
  if (session->worker == 0) tell(session->plan, &export);
  return PLT_OK;
}

static plt_status_t run_served(const plt_restore_t *restore, const plt_config_t *options) {
  if (plt_config_bool(options, "export.vectors"))
    return plt_fail(PLT_ERR_USAGE, "export: --vectors: programs that plateau serve works for have no model here");
  return plt_served_export(restore, plt_config_text(options, "export.output"), plt_config_bool(options, "export.all"));
}

const plt_task_t plt_task_export = {
    .name = "export",
    .summary = "write the tables or final vectors of a run as .npy files",
    .about =
        "Writes DIR/TABLE.npy, float32, row = id; init.from reads the same. RUN may be a directory of plateau serve, "
        "or a checkpoint in it, RUN/checkpoints/CLOCK: then DIR/TABLE.npy has the rows that are stored, in the order "
        "of their keys, and DIR/TABLE.keys.npy, uint64, these keys; the same bytes for any number of servers.",
    .example = "runs/quickstart-20261121-101500 -o tables",
    .options = {"export", rows, sizeof rows / sizeof *rows},
    .served = run_served,
    .run = run,
};
