/* task.c - see task.h. */
#include "launch/commands/task.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "launch/cluster/cluster.h"
#include "launch/commands/arguments.h"
#include "launch/job/run_dir.h"
#include "launch/job/sets.h"
#include "launch/tasks/registry.h"

/* ---- arguments ---- */

typedef struct arguments {
  char **runs; /* [n_runs] */
  size_t n_runs;
  const char *run_dir; /* of the call at hand */
  const char *choice;  /* "best", "last" or NULL */
  bool contradicts;    /* both were asked for */
  plt_sets_t sets;     /* --set, --servers */
  plt_sets_t options;  /* of the task */
} arguments_t;

/* getopt's values of options of the task begin here, in the order of the rows. */
enum { FIRST_ROW = 256 };

static void choose(arguments_t *a, const char *choice) {
  a->contradicts = a->contradicts || (a->choice != NULL && strcmp(a->choice, choice) != 0);
  a->choice = choice;
}

/* What all these commands take. */
static bool take_common(arguments_t *a, int c) {
  switch (c) {
    case 'B': choose(a, "best"); return true;
    case 'L': choose(a, "last"); return true;
    case 's': plt_sets_add(&a->sets, NULL, optarg); return true;
    case 'S': plt_sets_add(&a->sets, "cluster.servers", optarg); return true;
    case 'A': return true; /* cluster.h */
    default: return false;
  }
}

static bool take_option(arguments_t *a, const plt_option_table_t *table, int c) {
  for (size_t i = 0; i < table->n_rows; i++) {
    const plt_option_t *row = &table->rows[i];
    if (c != FIRST_ROW + (int)i && (row->letter == 0 || c != row->letter)) continue;
    plt_sets_add(&a->options, plt_task_option_name(row), row->type == PLT_OPT_BOOL ? "true" : optarg);
    return true;
  }
  return false;
}

static plt_status_t parse_with(int argc, char **argv, const plt_task_t *task, const char *letters,
                               const struct option *options, arguments_t *a) {
  for (int c; (c = plt_arguments_next(argc, argv, letters, options)) != -1;)
    if (!take_common(a, c) && !take_option(a, &task->options, c)) return plt_arguments_fault(argv);
  if (task->several == NULL || argc - optind < 2)
    PLT_TRY(plt_arguments_positional(argc, argv, "a run directory", &a->run_dir));
  a->runs = argv + optind;
  a->n_runs = (size_t)(argc - optind);
  return PLT_OK;
}

static plt_status_t parse(int argc, char **argv, const plt_task_t *task, arguments_t *a) {
  static const struct option common[] = {{"best", no_argument, NULL, 'B'},
                                         {"last", no_argument, NULL, 'L'},
                                         {"set", required_argument, NULL, 's'},
                                         {"servers", required_argument, NULL, 'S'},
                                         {"alone", no_argument, NULL, 'A'}};
  enum { COMMON = sizeof common / sizeof *common };
  const plt_option_table_t *table = &task->options;
  struct option *options = plt_mem_zalloc(COMMON + table->n_rows + 1, sizeof *options);
  char *letters = plt_mem_zalloc(2 * table->n_rows + 1, 1), *end = letters;
  memcpy(options, common, sizeof common);
  for (size_t i = 0; i < table->n_rows; i++) {
    const plt_option_t *row = &table->rows[i];
    bool takes = row->type != PLT_OPT_BOOL;
    options[COMMON + i] =
        (struct option){plt_task_option_name(row), takes ? required_argument : no_argument, NULL, FIRST_ROW + (int)i};
    if (row->letter == 0) continue;
    *end++ = row->letter;
    if (takes) *end++ = ':';
  }
  plt_status_t status = parse_with(argc, argv, task, letters, options, a);
  free(options);
  free(letters);
  return status;
}

/* What is wrong with the options is told before anything is opened. */
static plt_status_t check_options(const plt_task_t *task, const arguments_t *a) {
  plt_config_t *values;
  if (a->contradicts) return plt_fail(PLT_ERR_USAGE, "%s: --best and --last: one of the two", task->name);
  PLT_TRY(plt_task_options(task, a->options.text, a->options.n, &values));
  plt_config_destroy(&values);
  return PLT_OK;
}

/* ---- the run ---- */

/* The job, which takes the configuration of the run, and the checkpoint chosen. */
static plt_status_t make_job(const plt_rendezvous_t *rv, const arguments_t *a, plt_config_t **config, plt_job_t **job,
                             plt_restore_t *restore) {
  char name[PLT_CHECKPOINT_NAME_MAX];
  if (rv != NULL) PLT_TRY(plt_cluster_shape(rv, *config));
  PLT_TRY(plt_restore_choose(a->run_dir, a->choice, name));
  PLT_TRY(plt_restore_load(a->run_dir, name, restore));
  PLT_TRY(plt_job_create(config, false, job));
  (*job)->plan.run_dir = NULL; /* nothing is written there */
  PLT_TRY(plt_warm_start_check_grown(*job, a->run_dir, restore));
  return rv == NULL ? plt_job_open_relations(*job, NULL) : PLT_OK;
}

/* What the model sees, or computes, otherwise than in training gives figures of another model: not in silence. */
static void warn_of_changes(const char *run_dir, const plt_config_t *config) {
  plt_config_t *was = NULL;
  if (plt_run_dir_config(run_dir, NULL, 0, &was) != PLT_OK) return; /* which was well with --set */
  char *lines = plt_config_differences(config, was, false), *rest = NULL;
  for (char *line = lines == NULL ? NULL : strtok_r(lines, "\n", &rest); line != NULL;
       line = strtok_r(NULL, "\n", &rest))
    if (strncmp(line, "model.", 6) == 0 || strncmp(line, "data.features", 13) == 0 ||
        strncmp(line, "data.missing", 12) == 0)
      plt_log(PLT_LOG_WARN, "the tables were trained otherwise: %s", line);
  free(lines);
  plt_config_destroy(&was);
}

/* The run as a task wants it: one server unless more are asked for, no proxy. rv NULL: one worker. */
static plt_status_t open_run(const plt_rendezvous_t *rv, const arguments_t *a, plt_job_t **job,
                             plt_restore_t *restore) {
  plt_sets_t sets = {0};
  plt_config_t *config = NULL;
  plt_sets_add(&sets, NULL, rv == NULL ? "cluster.workers=1" : "cluster.workers=null");
  plt_sets_add(&sets, NULL, "cluster.servers=1");
  plt_sets_add(&sets, NULL, "cluster.proxy=null");   /* of the training's */
  plt_sets_add(&sets, NULL, "cluster.threads=null"); /* this machine's cores, not those of the training's */
  for (size_t i = 0; i < a->sets.n; i++) {
    if (strncmp(a->sets.text[i], "eval.topk=", strlen("eval.topk=")) == 0)
      plt_sets_add(&sets, NULL, "eval.metric=null"); /* the run's may be at a K that is not asked for */
    plt_sets_add(&sets, NULL, a->sets.text[i]);
  }
  plt_status_t status = plt_run_dir_config(a->run_dir, sets.text, sets.n, &config);
  if (status == PLT_OK && a->sets.n > 0) warn_of_changes(a->run_dir, config);
  if (status == PLT_OK) status = make_job(rv, a, &config, job, restore);
  plt_config_destroy(&config);
  plt_sets_clear(&sets);
  return status;
}

static plt_status_t do_task(plt_rendezvous_t *rv, const plt_task_t *task, const arguments_t *a) {
  plt_job_t *job = NULL;
  plt_restore_t restore = {0};
  char run_dir[PLT_PATH_MAX];
  plt_status_t status = open_run(rv, a, &job, &restore);
  if (status == PLT_OK && realpath(a->run_dir, run_dir) == NULL)
    status = plt_fail_errno(PLT_ERR_USAGE, "%s", a->run_dir);
  plt_work_t work = {.task = task,
                     .run_dir = run_dir,
                     .restore = &restore,
                     .options = a->options.text,
                     .n_options = a->options.n,
                     .sets = a->sets.text,
                     .n_sets = a->sets.n};
  if (status == PLT_OK) status = rv == NULL ? plt_work_here(job, &work) : plt_cluster_lead(rv, job, &work);
  plt_job_destroy(&job);
  plt_restore_clear(&restore);
  return status;
}

/* ---- what plateau serve left ---- */

/* The directory itself, or a checkpoint in it. */
static bool is_served(const char *path) {
  char run_dir[PLT_PATH_MAX], name[PLT_CHECKPOINT_NAME_MAX];
  return plt_run_dir_is_served(path) || (plt_restore_split(path, run_dir, name) && plt_run_dir_is_served(run_dir));
}

static plt_status_t open_served(const arguments_t *a, plt_restore_t *restore) {
  char name[PLT_CHECKPOINT_NAME_MAX], run_dir[PLT_PATH_MAX];
  bool any;
  if (!plt_run_dir_is_served(a->run_dir) && a->choice != NULL)
    return plt_fail(PLT_ERR_USAGE, "export: %s is one checkpoint: --%s goes with a directory", a->run_dir, a->choice);
  if (!plt_run_dir_is_served(a->run_dir)) return plt_restore_load_path(a->run_dir, true, restore, run_dir);
  PLT_TRY(plt_manifest_any(a->run_dir, &any));
  if (!any)
    return plt_fail(PLT_ERR_CHECKPOINT, "%s has no checkpoint: its workers order them (plateau_checkpoint)",
                    a->run_dir);
  PLT_TRY(plt_restore_choose(a->run_dir, a->choice, name));
  return plt_restore_load(a->run_dir, name, restore);
}

static plt_status_t do_served(const plt_task_t *task, const arguments_t *a) {
  plt_config_t *options;
  plt_restore_t restore = {0};
  if (a->sets.n > 0)
    return plt_fail(PLT_ERR_USAGE, "%s: %s is of plateau serve: --set and --servers go with runs of plateau train",
                    task->name, a->run_dir);
  PLT_TRY(plt_task_options(task, a->options.text, a->options.n, &options));
  plt_status_t status = open_served(a, &restore);
  if (status == PLT_OK) status = task->served(&restore, options);
  plt_restore_clear(&restore);
  plt_config_destroy(&options);
  return status;
}

/* ---- several runs ---- */

/* The last part of a path; free it. */
static char *name_of(const char *path) {
  size_t end = strlen(path);
  while (end > 1 && path[end - 1] == '/') end--;
  size_t begin = end;
  while (begin > 0 && path[begin - 1] != '/') begin--;
  return plt_mem_print("%.*s", (int)(end - begin), path + begin);
}

static plt_status_t check_names(const plt_task_t *task, const char *const *names, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (strchr(names[i], ',') != NULL)
      return plt_fail(PLT_ERR_USAGE, "%s: %s: a comma in the name of a run: give one run at a time", task->name,
                      names[i]);
    for (size_t j = 0; j < i; j++)
      if (strcmp(names[i], names[j]) == 0)
        return plt_fail(PLT_ERR_USAGE, "%s: two runs are called %s: their files would be one", task->name, names[i]);
  }
  return PLT_OK;
}

static plt_status_t do_call(const plt_task_t *task, const arguments_t *a, const plt_several_t *all) {
  plt_config_t *options;
  arguments_t call = *a;
  plt_sets_t more = {0};
  call.run_dir = a->runs[all->i];
  call.options = (plt_sets_t){0};
  PLT_TRY(plt_task_options(task, a->options.text, a->options.n, &options));
  plt_status_t status = task->several(all, options, &more);
  plt_config_destroy(&options);
  for (size_t i = 0; i < a->options.n; i++) plt_sets_add(&call.options, NULL, a->options.text[i]);
  for (size_t i = 0; i < more.n; i++) plt_sets_add(&call.options, NULL, more.text[i]);
  if (status == PLT_OK) status = do_task(NULL, task, &call);
  plt_sets_clear(&call.options);
  plt_sets_clear(&more);
  return status;
}

static plt_status_t do_several(const plt_rendezvous_t *rv, const plt_task_t *task, const arguments_t *a) {
  if (rv != NULL) return plt_fail(PLT_ERR_USAGE, "%s: under a launcher one run at a time", task->name);
  char **names = plt_mem_zalloc(a->n_runs, sizeof *names);
  for (size_t i = 0; i < a->n_runs; i++) names[i] = name_of(a->runs[i]);
  plt_several_t all = {.names = (const char *const *)names, .n = a->n_runs};
  plt_status_t status = check_names(task, all.names, all.n);
  for (; all.i < all.n && status == PLT_OK; all.i++) status = do_call(task, a, &all);
  for (size_t i = 0; i < a->n_runs; i++) free(names[i]);
  free(names);
  return status;
}

static plt_status_t lead(plt_rendezvous_t *rv, int argc, char **argv) {
  const plt_task_t *task = plt_task_find(argv[0]);
  arguments_t a = {0};
  plt_status_t status = parse(argc, argv, task, &a);
  if (status == PLT_OK) status = check_options(task, &a);
  if (status == PLT_OK)
    status = a.n_runs > 1                                   ? do_several(rv, task, &a)
             : task->served != NULL && is_served(a.run_dir) ? do_served(task, &a)
                                                            : do_task(rv, task, &a);
  plt_sets_clear(&a.sets);
  plt_sets_clear(&a.options);
  return status;
}

static plt_status_t run(int argc, char **argv) { return plt_cluster_command(argc, argv, lead); }

plt_command_t plt_command_of_task(const plt_task_t *task) {
  return (plt_command_t){.name = task->name, .summary = task->summary, .task = task, .run = run};
}
