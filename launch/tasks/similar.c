/* similar.c - items whose vectors point the same way, as TSV. */
#include "launch/tasks/ids.h"
#include "launch/tasks/names.h"
#include "launch/tasks/task.h"
#include "worker/rank/pairs.h"

static const plt_option_t rows[] = {
    {.key = "similar.items",
     .type = PLT_OPT_TEXT,
     .placeholder = "IDS",
     .help = "Items that are asked about: ids with commas between them, or a file with one id a line."},
    {.key = "similar.topk",
     .type = PLT_OPT_INT,
     .fallback = "10",
     .min = 1,
     .max = 100000,
     .letter = 'k',
     .placeholder = "N",
     .help = "Similar items for each."},
    {.key = "similar.output",
     .type = PLT_OPT_TEXT,
     .fallback = "\"-\"",
     .letter = 'o',
     .placeholder = "FILE",
     .help = "Where to; -: standard output."},
    PLT_NAMES_OPTION("similar.ids"),
};

static plt_status_t find_similar(plt_session_t *session, const plt_task_call_t *call, const plt_names_t *names) {
  plt_id_kind_t item = {"item", session->plan->data->items, names->item};
  plt_ids_t items;
  PLT_TRY(plt_ids_read("similar: --items", plt_config_text(call->options, "similar.items"), &item, &items));
  plt_similar_t similar = {.path = plt_config_text(call->options, "similar.output"),
                           .items = items.id,
                           .n = items.n,
                           .k = (uint32_t)plt_config_int(call->options, "similar.topk"),
                           .names = names->item};
  plt_status_t status = plt_similar(session, &similar);
  plt_ids_clear(&items);
  return status;
}

/* Worker 0 alone asks. */
static plt_status_t run(plt_session_t *session, const plt_task_call_t *call) {
  plt_similar_t none = {.path = plt_config_text(call->options, "similar.output")};
  plt_names_t names;
  if (session->worker != 0) return plt_similar(session, &none);
  PLT_TRY(plt_names_open(session->plan->data, "similar", plt_config_text(call->options, "similar.ids"), &names));
  plt_status_t status = find_similar(session, call, &names);
  plt_names_clear(&names);
  return status;
}

const plt_task_t plt_task_similar = {
    .name = "similar",
    .summary = "write the items that are most like others as TSV",
    .about =
        "By the cosine of items' vectors, whose products with users' are the scores. One line per pair: item, similar "
        "item, rank (from 1), cosine.",
    .example = "runs/quickstart-20261121-101500 --items 5,17 -k 10",
    .options = {"similar", rows, sizeof rows / sizeof *rows},
    .run = run,
};
