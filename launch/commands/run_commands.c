/* run_commands.c - plateau evaluate, export, recommend (see run_commands.h). */
#include "launch/commands/run_commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launch/commands/command.h"
#include "launch/job/outcome.h"
#include "launch/job/run_dir.h"
#include "worker/rank/export.h"

bool plt_run_options_take(plt_run_options_t *options, int c) {
  switch (c) {
    case 'B': options->choice = "best"; return true;
    case 'L': options->choice = "last"; return true;
    case 's': plt_sets_add(&options->sets, NULL, optarg); return true;
    case 'S': plt_sets_add(&options->sets, "cluster.servers", optarg); return true;
    default: return false;
  }
}

plt_status_t plt_run_open(const plt_rendezvous_t *rv, const char *run_dir, const plt_run_options_t *options,
                          plt_job_t **job, plt_restore_t *restore) {
  plt_sets_t sets = {0};
  plt_config_t *config = NULL;
  bool is_best;
  plt_sets_add(&sets, NULL, rv == NULL ? "cluster.workers=1" : "cluster.workers=null");
  plt_sets_add(&sets, NULL, "cluster.servers=1");
  plt_sets_add(&sets, NULL, "cluster.proxy=null");   /* of the training's */
  plt_sets_add(&sets, NULL, "cluster.threads=null"); /* this machine's cores, not those of the training's */
  for (size_t i = 0; i < options->sets.n; i++) plt_sets_add(&sets, NULL, options->sets.text[i]);
  plt_status_t status = plt_run_dir_config(run_dir, sets.text, sets.n, &config);
  if (status == PLT_OK && rv != NULL) status = plt_cluster_shape(rv, config);
  if (status == PLT_OK) status = plt_outcome_choose(run_dir, options->choice, restore, &is_best);
  if (status == PLT_OK) status = plt_job_create(&config, job);
  if (status == PLT_OK) {
    (*job)->plan.run_dir = NULL;
    (*job)->plan.init_from = NULL;
    if (rv == NULL) plt_job_open_relations(*job, NULL);
  } else {
    plt_restore_clear(restore);
  }
  plt_config_destroy(&config);
  plt_sets_clear(&sets);
  return status;
}

static plt_status_t evaluate(const plt_job_t *job, const plt_restore_t *restore, const plt_runtime_t *task) {
  plt_outcome_t outcome = {
      .parts = {
          [PLT_PART_VALID] = strcmp(task->split, "test") != 0, [PLT_PART_TEST] = strcmp(task->split, "valid") != 0}};
  PLT_TRY(plt_outcome_evaluate(job, restore, &outcome));
  plt_outcome_tell(&job->plan.topk, &outcome, strcmp(task->output, "json") == 0);
  return PLT_OK;
}

/* In this process. */
static plt_status_t run_embedded(const plt_job_t *job, const plt_restore_t *restore, const plt_runtime_t *task) {
  plt_recommend_t recommend = {.path = task->output, .k = task->topk};
  plt_export_t export = {.directory = task->output, .vectors = task->vectors};
  switch (task->task) {
    case PLT_TASK_EXPORT: return plt_job_run_embedded(job, restore, plt_export, (void *[]){&export});
    case PLT_TASK_RECOMMEND: return plt_job_run_embedded(job, restore, plt_recommend, (void *[]){&recommend});
    default: return evaluate(job, restore, task);
  }
}

/* Over the ranks of a launcher. */
static plt_status_t run_cluster(plt_rendezvous_t *rv, const plt_job_t *job, const char *run_dir,
                                const plt_run_options_t *options, const plt_restore_t *restore, plt_runtime_t task) {
  char clock[32], path[PLT_PATH_MAX];
  if (realpath(run_dir, path) == NULL) return plt_fail_errno(PLT_ERR_USAGE, "%s", run_dir);
  snprintf(clock, sizeof clock, "%" PRIu64, restore->manifest.clock);
  task.run_dir = path;
  task.restore = clock;
  task.job = job->id;
  task.servers = job->plan.servers;
  task.workers = job->plan.workers;
  task.alone = job->plan.alone;
  task.staleness = job->plan.staleness;
  task.sets = (char **)(uintptr_t)options->sets.text;
  task.n_sets = options->sets.n;
  return plt_cluster_lead(rv, job, &task);
}

static void tell_export(const plt_job_t *job, const plt_runtime_t *task) {
  const plt_dataset_t *data = job->data;
  for (plt_side_t side = PLT_SIDE_USER; side < PLT_SIDES && task->vectors; side++)
    printf("%s/%s  %" PRIu32 " x %zu\n", task->output, plt_export_vectors_file(side),
           side == PLT_SIDE_USER ? data->users : data->items, job->plan.model->score_cols);
  for (size_t t = 0; t < job->plan.model->n_tables && !task->vectors; t++)
    printf("%s/%s.npy  %" PRIu64 " x %" PRIu32 "\n", task->output, job->plan.specs[t].name, job->plan.specs[t].rows,
           job->plan.specs[t].cols);
}

/* Opens the run, does the task, closes it. */
static plt_status_t with_run(plt_rendezvous_t *rv, const char *run_dir, const plt_run_options_t *options,
                             const plt_runtime_t *task) {
  plt_job_t *job = NULL;
  plt_restore_t restore = {0};
  PLT_TRY(plt_run_open(rv, run_dir, options, &job, &restore));
  plt_status_t status =
      rv == NULL ? run_embedded(job, &restore, task) : run_cluster(rv, job, run_dir, options, &restore, *task);
  if (status == PLT_OK && task->task == PLT_TASK_EXPORT) tell_export(job, task);
  plt_job_destroy(&job);
  plt_restore_clear(&restore);
  return status;
}

static char no_text[] = "";

/* ---- evaluate ---- */

static plt_status_t lead_evaluate(plt_rendezvous_t *rv, int argc, char **argv) {
  static const struct option options[] = {
      PLT_RUN_OPTIONS, {"split", required_argument, NULL, 'p'}, {"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
  static char json[] = "json";
  plt_run_options_t common = {0};
  plt_runtime_t task = {.task = PLT_TASK_EVALUATE, .split = no_text, .output = no_text};
  const char *run_dir;
  plt_status_t status = PLT_OK;
  for (int c; (c = plt_arguments_next(argc, argv, "", options)) != -1 && status == PLT_OK;) {
    if (c == 'p')
      task.split = optarg;
    else if (c == 'j')
      task.output = json;
    else if (!plt_run_options_take(&common, c))
      status = plt_arguments_fault(argv);
  }
  if (status == PLT_OK && task.split[0] != '\0' && strcmp(task.split, "valid") != 0 && strcmp(task.split, "test") != 0)
    status = plt_fail(PLT_ERR_USAGE, "evaluate: --split is valid or test, not \"%s\"", task.split);
  if (status == PLT_OK) status = plt_arguments_positional(argc, argv, "a run directory", &run_dir);
  if (status == PLT_OK) status = with_run(rv, run_dir, &common, &task);
  plt_sets_clear(&common.sets);
  return status;
}

static plt_status_t run_evaluate(int argc, char **argv) { return plt_cluster_command(argc, argv, lead_evaluate); }

const plt_command_t plt_command_evaluate = {
    .name = "evaluate",
    .summary = "rank all items with the tables of a run",
    .usage =
        "usage: plateau evaluate RUN [--best | --last] [--split valid|test] [--json] [--servers N] [--set KEY=VALUE]\n"
        "\n" PLT_RUN_USAGE
        "  --split PART     one part only\n"
        "  --json           one JSON object instead of the table\n"
        "\n"
        "Example: plateau evaluate runs/quickstart-20261121-101500 --split test\n",
    .run = run_evaluate,
};

/* ---- export ---- */

static plt_status_t lead_export(plt_rendezvous_t *rv, int argc, char **argv) {
  static const struct option options[] = {PLT_RUN_OPTIONS,
                                          {"output", required_argument, NULL, 'o'},
                                          {"vectors", no_argument, NULL, 'v'},
                                          {NULL, 0, NULL, 0}};
  plt_run_options_t common = {0};
  plt_runtime_t task = {.task = PLT_TASK_EXPORT, .split = no_text};
  const char *run_dir;
  plt_status_t status = PLT_OK;
  for (int c; (c = plt_arguments_next(argc, argv, "o:", options)) != -1 && status == PLT_OK;) {
    if (c == 'o')
      task.output = optarg;
    else if (c == 'v')
      task.vectors = true;
    else if (!plt_run_options_take(&common, c))
      status = plt_arguments_fault(argv);
  }
  if (status == PLT_OK) status = plt_arguments_positional(argc, argv, "a run directory", &run_dir);
  if (status == PLT_OK && task.output == NULL)
    status = plt_fail(PLT_ERR_USAGE, "export: needs -o DIR, where the .npy files go");
  if (status == PLT_OK) status = with_run(rv, run_dir, &common, &task);
  plt_sets_clear(&common.sets);
  return status;
}

static plt_status_t run_export(int argc, char **argv) { return plt_cluster_command(argc, argv, lead_export); }

const plt_command_t plt_command_export = {
    .name = "export",
    .summary = "write the tables or final vectors of a run as .npy files",
    .usage =
        "usage: plateau export RUN -o DIR [--vectors] [--best | --last] [--servers N] [--set KEY=VALUE]\n"
        "\n"
        "Writes DIR/TABLE.npy, float32, row = id; init.from reads the same.\n"
        "\n"
        "  -o, --output DIR where to\n"
        "  --vectors        user_vectors.npy and item_vectors.npy instead of the tables: the model's last\n"
        "                   representations, whose products are the scores\n" PLT_RUN_USAGE
        "\n"
        "Example: plateau export runs/quickstart-20261121-101500 -o tables\n",
    .run = run_export,
};

/* ---- recommend ---- */

static plt_status_t read_topk(const char *text, uint32_t *out) {
  char *end;
  long k = strtol(text, &end, 10);
  if (*text == '\0' || *end != '\0' || k < 1 || k > 100000)
    return plt_fail(PLT_ERR_USAGE, "recommend: --topk is a whole number from 1 to 100000, not \"%s\"", text);
  *out = (uint32_t)k;
  return PLT_OK;
}

static plt_status_t lead_recommend(plt_rendezvous_t *rv, int argc, char **argv) {
  static const struct option options[] = {PLT_RUN_OPTIONS,
                                          {"output", required_argument, NULL, 'o'},
                                          {"topk", required_argument, NULL, 'k'},
                                          {NULL, 0, NULL, 0}};
  static char to_stdout[] = "-";
  plt_run_options_t common = {0};
  plt_runtime_t task = {.task = PLT_TASK_RECOMMEND, .split = no_text, .output = to_stdout, .topk = 20};
  const char *run_dir;
  plt_status_t status = PLT_OK;
  for (int c; (c = plt_arguments_next(argc, argv, "o:k:", options)) != -1 && status == PLT_OK;) {
    if (c == 'o')
      task.output = optarg;
    else if (c == 'k')
      status = read_topk(optarg, &task.topk);
    else if (!plt_run_options_take(&common, c))
      status = plt_arguments_fault(argv);
  }
  if (status == PLT_OK) status = plt_arguments_positional(argc, argv, "a run directory", &run_dir);
  if (status == PLT_OK) status = with_run(rv, run_dir, &common, &task);
  plt_sets_clear(&common.sets);
  return status;
}

static plt_status_t run_recommend(int argc, char **argv) { return plt_cluster_command(argc, argv, lead_recommend); }

const plt_command_t plt_command_recommend = {
    .name = "recommend",
    .summary = "write the best items of every user as TSV",
    .usage =
        "usage: plateau recommend RUN [-k N] [-o FILE] [--best | --last] [--servers N] [--set KEY=VALUE]\n"
        "\n"
        "One line per user and item: user, item, rank (from 1), score. Training items are left out.\n"
        "\n"
        "  -k, --topk N     items per user (20)\n"
        "  -o, --output F   a file instead of standard output\n" PLT_RUN_USAGE
        "\n"
        "Example: plateau recommend runs/quickstart-20261121-101500 -k 10 -o top10.tsv\n",
    .run = run_recommend,
};
