/* score.c - scores of given pairs of users and items, as TSV. */
#include <stdlib.h>

#include "launch/tasks/ids.h"
#include "launch/tasks/names.h"
#include "launch/tasks/task.h"
#include "worker/rank/pairs.h"

static const plt_option_t rows[] = {
    {.key = "score.pairs",
     .type = PLT_OPT_TEXT,
     .placeholder = "FILE",
     .help =
         "Pairs, a line each: user and item with a tab, a comma or a space between them. What follows is passed over, "
         "and so is a first line without a user, a header."},
    {.key = "score.output",
     .type = PLT_OPT_TEXT,
     .fallback = "\"-\"",
     .letter = 'o',
     .placeholder = "FILE",
     .help = "Where to; -: standard output."},
    PLT_NAMES_OPTION("score.ids"),
};

static plt_status_t score_pairs(plt_session_t *session, const plt_task_call_t *call, const plt_names_t *names) {
  const plt_dataset_t *data = session->plan->data;
  plt_id_kind_t user = {"user", data->users, names->user}, item = {"item", data->items, names->item};
  plt_id_pairs_t pairs;
  PLT_TRY(plt_id_pairs_read("score: --pairs", plt_config_text(call->options, "score.pairs"), &user, &item, &pairs));
  plt_score_t score = {.path = plt_config_text(call->options, "score.output"),
                       .users = pairs.user,
                       .items = pairs.item,
                       .n = pairs.n,
                       .user_names = names->user,
                       .item_names = names->item};
  plt_status_t status = plt_score(session, &score);
  plt_id_pairs_clear(&pairs);
  return status;
}

/* Worker 0 alone asks. */
static plt_status_t run(plt_session_t *session, const plt_task_call_t *call) {
  plt_score_t none = {.path = plt_config_text(call->options, "score.output")};
  plt_names_t names;
  if (session->worker != 0) return plt_score(session, &none);
  PLT_TRY(plt_names_open(session->plan->data, "score", plt_config_text(call->options, "score.ids"), &names));
  plt_status_t status = score_pairs(session, call, &names);
  plt_names_clear(&names);
  return status;
}

const plt_task_t plt_task_score = {
    .name = "score",
    .summary = "write the scores of given pairs of users and items as TSV",
    .about = "One line per pair, in the order of the file: user, item, score.",
    .example = "runs/quickstart-20261121-101500 --pairs pairs.tsv -o scores.tsv",
    .options = {"score", rows, sizeof rows / sizeof *rows},
    .run = run,
};
