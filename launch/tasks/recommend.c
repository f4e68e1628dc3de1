/* recommend.c - the best items of users, as TSV or lines of JSON. */
#include "worker/rank/recommend.h"

#include <string.h>
#include <unistd.h>

#include "launch/tasks/ids.h"
#include "launch/tasks/names.h"
#include "launch/tasks/task.h"
#include "worker/train/live.h"

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
    {.key = "recommend.users",
     .type = PLT_OPT_TEXT,
     .fallback = "\"\"",
     .placeholder = "IDS",
     .help = "Who is served: ids with commas between them, or a file with one id a line. Without it all who have "
             "training pairs."},
    {.key = "recommend.all-users",
     .type = PLT_OPT_BOOL,
     .fallback = "false",
     .help = "Users without training pairs too, of whom a model may know nothing."},
    {.key = "recommend.items",
     .type = PLT_OPT_TEXT,
     .fallback = "\"\"",
     .placeholder = "IDS",
     .help = "The items that there are to choose from, ids or a file. Without it all."},
    {.key = "recommend.exclude",
     .type = PLT_OPT_TEXT,
     .fallback = "\"\"",
     .placeholder = "IDS",
     .help = "Items that nobody is shown, ids or a file."},
    {.key = "recommend.exclude-split",
     .type = PLT_OPT_CHOICE,
     .fallback = "none",
     .choices = "none|" PLT_PART_CHOICES,
     .placeholder = "PART",
     .help = "A user's items of this part are left out like those of training; both: of valid and test."},
    {.key = "recommend.format",
     .type = PLT_OPT_CHOICE,
     .fallback = "tsv",
     .choices = "tsv|jsonl",
     .placeholder = "FORMAT",
     .help = "A line for each user and item, or an object of JSON for each user."},
    PLT_NAMES_OPTION("recommend.ids"),
};

/* plt_ids_read() of an option, if it is given. */
static plt_status_t read_ids(const plt_config_t *options, const char *key, const char *name, const plt_id_kind_t *kind,
                             plt_ids_t *out) {
  const char *text = plt_config_text(options, key);
  if (text == NULL || text[0] == '\0') return PLT_OK;
  return plt_ids_read(name, text, kind, out);
}

/* Items that are out: those named, and all but those that are in. */
static plt_status_t read_items(const plt_config_t *options, const plt_id_kind_t *items, plt_ids_t *out) {
  plt_ids_t only = {0};
  PLT_TRY(read_ids(options, "recommend.exclude", "recommend: --exclude", items, out));
  PLT_TRY(read_ids(options, "recommend.items", "recommend: --items", items, &only));
  if (only.id != NULL) {
    plt_ids_invert(&only, items->limit);
    plt_ids_unite(out, &only);
  }
  plt_ids_clear(&only);
  return PLT_OK;
}

/* Whom, and from what: worker 0 alone asks. */
static plt_status_t serve(plt_session_t *session, const plt_config_t *options, bool quiet, const plt_names_t *names,
                          plt_recommend_t *recommend) {
  const plt_dataset_t *data = session->plan->data;
  plt_id_kind_t user = {"user", data->users, names->user}, item = {"item", data->items, names->item};
  plt_ids_t users = {0}, items = {0};
  plt_status_t status = read_ids(options, "recommend.users", "recommend: --users", &user, &users);
  if (status == PLT_OK) status = read_items(options, &item, &items);
  recommend->users = users.id;
  recommend->n_users = users.n;
  recommend->items_out = items.id;
  recommend->n_items_out = items.n;
  recommend->user_names = names->user;
  recommend->item_names = names->item;
  plt_live_evaluation_t live;
  bool draws_between_lines = strcmp(recommend->path, "-") == 0 && isatty(STDOUT_FILENO) != 0;
  plt_live_begin();
  recommend->watch = plt_live_watch(&live, quiet || draws_between_lines);
  if (status == PLT_OK) status = plt_recommend(session, recommend);
  plt_live_end();
  plt_ids_clear(&users);
  plt_ids_clear(&items);
  return status;
}

static plt_status_t run(plt_session_t *session, const plt_task_call_t *call) {
  const plt_config_t *options = call->options;
  const char *split = plt_config_text(options, "recommend.exclude-split");
  plt_recommend_t recommend = {.path = plt_config_text(options, "recommend.output"),
                               .k = (uint32_t)plt_config_int(options, "recommend.topk"),
                               .all_users = plt_config_bool(options, "recommend.all-users"),
                               .as_json = strcmp(plt_config_text(options, "recommend.format"), "jsonl") == 0};
  plt_names_t names = {0};
  if (session->worker != 0) return plt_recommend(session, &recommend);
  if (strcmp(split, "none") != 0) plt_part_choose(split, recommend.leaves_out);
  PLT_TRY(plt_names_open(session->plan->data, "recommend", plt_config_text(options, "recommend.ids"), &names));
  plt_status_t status = serve(session, options, call->quiet, &names, &recommend);
  plt_names_clear(&names);
  return status;
}

const plt_task_t plt_task_recommend = {
    .name = "recommend",
    .summary = "write the best items of every user as TSV",
    .about = "One line per user and item: user, item, rank (from 1), score. Training items are left out.",
    .example = "runs/quickstart-20261121-101500 -k 10 -o top10.tsv",
    .options = {"recommend", rows, sizeof rows / sizeof *rows},
    .run = run,
};
