/* recommend.c - the best items of every user, as TSV. */
#include "launch/tasks/task.h"
#include "worker/rank/evaluate.h"

static const plt_option_t rows[] = {
    {.key = "recommend.topk",
     .type = PLT_OPT_INT,
     .fallback = "20",
     .min = 1,
     .max = 100000,
     .letter = 'k',
     .placeholder = "N",
     .help = "Items per user."},
    {.key = "recommend.output",
     .type = PLT_OPT_TEXT,
     .fallback = "\"-\"",
     .letter = 'o',
     .placeholder = "FILE",
     .help = "Where to; -: standard output."},
};

static plt_status_t run(plt_session_t *session, const plt_task_call_t *call) {
  plt_recommend_t recommend = {.path = plt_config_text(call->options, "recommend.output"),
                               .k = (uint32_t)plt_config_int(call->options, "recommend.topk")};
  return plt_recommend(session, &recommend);
}

const plt_task_t plt_task_recommend = {
    .name = "recommend",
    .summary = "write the best items of every user as TSV",
    .about = "One line per user and item: user, item, rank (from 1), score. Training items are left out.",
    .example = "runs/quickstart-20261121-101500 -k 10 -o top10.tsv",
    .options = {"recommend", rows, sizeof rows / sizeof *rows},
    .run = run,
};
