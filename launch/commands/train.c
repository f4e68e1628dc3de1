/* train.c - plateau train: from a configuration to a trained, evaluated, checkpointed run. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/log.h"
#include "common/mem.h"
#include "launch/cluster/cluster.h"
#include "launch/commands/arguments.h"
#include "launch/commands/command.h"
#include "launch/host/kernel_set.h"
#include "launch/host/signals.h"
#include "launch/job/features.h"
#include "launch/job/numbering.h"
#include "launch/job/outline.h"
#include "launch/job/run_dir.h"
#include "launch/job/sets.h"
#include "launch/tasks/registry.h"
#include "worker/math/gemm.h"

typedef struct arguments {
  const char *config; /* a file; of a run that is resumed it may be the run directory at first */
  char of_run[PLT_PATH_MAX];
  plt_sets_t sets;
  bool resume, quiet;
} arguments_t;

static plt_status_t parse(int argc, char **argv, arguments_t *a) {
  static const struct option options[] = {
      {"set", required_argument, NULL, 's'},     {"workers", required_argument, NULL, 'w'},
      {"servers", required_argument, NULL, 'S'}, {"epochs", required_argument, NULL, 'e'},
      {"seed", required_argument, NULL, 'i'},    {"resume", no_argument, NULL, 'r'},
      {"quiet", no_argument, NULL, 'q'},         {"log-view", no_argument, NULL, 'v'},
      {"trace", required_argument, NULL, 't'},   {"alone", no_argument, NULL, 'A'},
      {"until", required_argument, NULL, 'u'},   {NULL, 0, NULL, 0}};
  for (int c; (c = plt_arguments_next(argc, argv, "q", options)) != -1;) {
    switch (c) {
      case 's': plt_sets_add(&a->sets, NULL, optarg); break;
      case 'w': plt_sets_add(&a->sets, "cluster.workers", optarg); break;
      case 'S': plt_sets_add(&a->sets, "cluster.servers", optarg); break;
      case 'e': plt_sets_add(&a->sets, "train.epochs", optarg); break;
      case 'i': plt_sets_add(&a->sets, "run.seed", optarg); break;
      case 'v': plt_sets_add(&a->sets, "run.log_view", "true"); break;
      case 't': plt_sets_add(&a->sets, "run.trace", optarg); break;
      case 'u': plt_sets_add(&a->sets, "train.until", optarg); break;
      case 'r': a->resume = true; break;
      case 'q': a->quiet = true; break;
      case 'A': break; /* cluster.h */
      default: return plt_arguments_fault(argv);
    }
  }
  return plt_arguments_positional(argc, argv, "a configuration file", &a->config);
}

/* RUN --resume: the configuration is the run's own. */
static plt_status_t find_config(arguments_t *a) {
  const char *run_dir = a->config;
  if (!plt_path_is_dir(run_dir)) return PLT_OK;
  PLT_TRY(plt_path_join(run_dir, "config.yaml", a->of_run));
  if (plt_run_dir_is_served(run_dir)) return plt_run_dir_find_config(run_dir, a->of_run);
  if (!plt_path_exists(a->of_run))
    return plt_fail(PLT_ERR_USAGE, "%s: is a directory without a config.yaml: neither a configuration nor a run",
                    run_dir);
  if (!a->resume) return plt_fail(PLT_ERR_USAGE, "%s: is a run: --resume goes on with it", run_dir);
  a->config = a->of_run;
  plt_sets_add(&a->sets, "run.dir", run_dir);
  return PLT_OK;
}

/* Free space for one checkpoint, before anything is computed. */
static plt_status_t check_disk(const plt_job_t *job) {
  uint64_t there, needed = plt_job_table_bytes(job);
  PLT_TRY(plt_dir_free_bytes(job->plan.run_dir, &there));
  if (there >= needed) return PLT_OK;
  return plt_fail(PLT_ERR_SPACE, "%s: a checkpoint takes about %.1f MB, the disk has %.1f MB free", job->plan.run_dir,
                  (double)needed / 1e6, (double)there / 1e6);
}

static const char *s_of(uint32_t n) { return n == 1 ? "" : "s"; }

/* Under mpirun the ranks may still agree on less than what runs here: then that is said of its own. */
static void warn_of_products(const char *before) {
  char now[PLT_GEMM_LABEL_MAX];
  plt_gemm_label(now);
  if (before[0] != '\0' && strcmp(before, now) != 0)
    plt_log(PLT_LOG_WARN,
            "the checkpoint was trained with products by %s, this run goes on with %s: its bits may differ from those "
            "of a run that was never stopped",
            before, now);
}

/* What a graph model's leaves cost when each brings all nodes within its hops. */
static void say_closures(const plt_plan_t *plan) {
  const plt_model_layers_t *layers = &plan->model->layers;
  uint32_t leaves = plan->batch_size / plan->micro_batch + (plan->batch_size % plan->micro_batch != 0);
  if (plan->alone ? plan->workers == 1 : leaves == 1) return;
  if (plan->model->exact_only)
    plt_log(PLT_LOG_NOTE,
            "%s takes no fan-out, so each %s brings most of the graph, or all of it; one worker with more threads, and "
            "a train.micro_batch as large as the batch, do that once (docs/multimodal-models.md)",
            plan->model->ops->name, plan->alone ? "worker" : "leaf of a batch");
  if (plan->model->exact_only || layers->n == 0 || layers->n_fanout != 0) return;
  plt_log(PLT_LOG_NOTE,
          "model.fanout is exact: each %s brings all nodes within %zu hops, on small data most of the graph; "
          "more workers help with a fan-out only (docs/graph-models.md)",
          plan->alone ? "worker" : "leaf of a batch", layers->n);
}

/* A final ranking that was asked for, of parts that the data do not have. */
static void say_final(const plt_job_t *job) {
  bool any = false, some = false;
  for (plt_part_t part = 0; part < PLT_PARTS; part++) {
    any = any || job->plan.final_parts[part];
    some = some || (job->plan.final_parts[part] && job->data->part[part].n > 0);
  }
  if (any && !some)
    plt_log(PLT_LOG_WARN, "eval.final: %s: %s has no such pairs, so nothing will be ranked when training has ended",
            plt_config_text(job->config, "eval.final"), job->data->name);
}

static void say_start(const plt_job_t *job, const plt_restore_t *restore) {
  const plt_plan_t *plan = &job->plan;
  char what[128];
  if (job->procedure->is_given) /* each says what it is when it begins */
    snprintf(what, sizeof what, "%zu stages", job->procedure->n_legs);
  else
    snprintf(what, sizeof what, "%s with %s and %s", plan->model->ops->name, plan->strategy->ops->name,
             plan->optimizer);
  plt_log(PLT_LOG_NOTE,
          "%s on %s: %" PRIu32 " users, %" PRIu32 " items, %" PRIu64 " pairs; %" PRIu32 " server%s, %" PRIu32
          " worker%s of %" PRIu32 " thread%s",
          what, job->data->name, job->data->users, job->data->items, job->data->n_train, plan->servers,
          s_of(plan->servers), plan->workers, s_of(plan->workers), plan->threads, s_of(plan->threads));
  plt_log(PLT_LOG_NOTE, "run directory: %s", plan->run_dir);
  if (restore->given)
    plt_log(PLT_LOG_NOTE, "going on with epoch %" PRIu32 " from checkpoint %s", restore->manifest.epoch, restore->dir);
  if (restore->given) warn_of_products(restore->manifest.products);
  if (!restore->given) plt_warm_start_say(job);
  plt_job_say_leaks(job);
  if (!restore->given) plt_job_say_scales(job);
  for (size_t i = 0; i < job->procedure->n_stages; i++) say_closures(&job->procedure->stages[i].plan);
  say_final(job);
  if (job->data->part[PLT_PART_VALID].n == 0)
    plt_log(PLT_LOG_NOTE, "%s has no validation part: no early stopping, the last epoch counts", job->data->name);
}

/* What is there to go on from, and whether there is room to go on. */
static plt_status_t find_start(const plt_job_t *job, bool resumed, plt_restore_t *restore) {
  for (size_t i = 0; i < job->procedure->n_stages; i++)
    PLT_TRY(plt_model_check_products(job->procedure->stages[i].plan.model));
  PLT_TRY(plt_job_check_memory(job));
  if (resumed) {
    bool none;
    plt_status_t status = plt_manifest_newest(job->plan.run_dir, &restore->manifest, restore->dir, &none);
    restore->given = status == PLT_OK;
    if (status != PLT_OK && !none) return status; /* a run that has not got so far begins */
  }
  PLT_TRY(check_disk(job));
  PLT_TRY(plt_manifest_prune(job->plan.run_dir, UINT32_MAX)); /* leftovers of a broken start */
  say_start(job, restore);
  return PLT_OK;
}

static plt_status_t run_job(plt_rendezvous_t *rv, plt_job_t *job, bool resumed, bool quiet) {
  plt_restore_t restore = {0};
  plt_work_t work = {.task = plt_task_find("train"), .run_dir = job->plan.run_dir, .restore = &restore, .quiet = quiet};
  if (!resumed) PLT_TRY(plt_numbering_keep(job->data, job->plan.run_dir));
  if (!resumed) PLT_TRY(plt_job_keep_features(job));
  if (rv == NULL) PLT_TRY(plt_job_open_relations(job, NULL));
  plt_status_t status = find_start(job, resumed, &restore);
  if (rv == NULL) {
    plt_kernel_set_log();
    job->plan.interrupted = plt_signals_watch();
  }
  if (status == PLT_OK) status = rv == NULL ? plt_work_here(job, &work) : plt_cluster_lead(rv, job, &work);
  plt_restore_clear(&restore);
  return status;
}

/* The job, which takes the configuration, and its run directory; *made is one that was made for it alone (free it).
 *
 * The job is made first: a wrong configuration or bad data leaves no run directory behind. Resuming may change the
 * configuration, so it looks at the directory before. */
static plt_status_t make_job(const plt_rendezvous_t *rv, const arguments_t *a, plt_config_t **config, plt_job_t **job,
                             bool *resumed, char **made) {
  if (a->resume && !plt_config_given(*config, "run.dir"))
    return plt_fail(PLT_ERR_USAGE, "--resume needs run.dir: `plateau train RUN --resume`, or --set run.dir=RUN");
  if (rv != NULL) PLT_TRY(plt_cluster_shape(rv, *config));
  PLT_TRY(plt_run_dir_choose(*config, a->config, made));
  if (a->resume) PLT_TRY(plt_run_dir_lock(*config));
  if (a->resume) PLT_TRY(plt_run_dir_resume(*config, resumed));
  PLT_TRY(plt_job_create(config, !*resumed, job));
  return a->resume ? plt_run_dir_go_on((*job)->config, *resumed) : plt_run_dir_begin((*job)->config);
}

/* Everything that can be wrong before there is a run. */
static plt_status_t prepare(const plt_rendezvous_t *rv, const arguments_t *a, plt_job_t **job, bool *resumed) {
  plt_config_t *config = NULL;
  char *made = NULL;
  PLT_TRY(plt_config_load(a->config, a->sets.text, a->sets.n, &config));
  plt_status_t status = make_job(rv, a, &config, job, resumed, &made);
  plt_config_destroy(&config);
  if (status != PLT_OK) plt_job_destroy(job);
  if (status != PLT_OK && made != NULL) plt_run_dir_abandon(made);
  free(made);
  return status;
}

static plt_status_t lead(plt_rendezvous_t *rv, int argc, char **argv) {
  arguments_t a = {0};
  plt_job_t *job = NULL;
  bool resumed = false;
  plt_status_t status = parse(argc, argv, &a);
  if (status == PLT_OK) status = find_config(&a);
  if (status == PLT_OK) status = prepare(rv, &a, &job, &resumed);
  if (status == PLT_OK) {
    char *log = plt_mem_print("%s/logs/launcher-0.txt", job->plan.run_dir);
    plt_log_open(log, true);
    free(log);
    status = run_job(rv, job, resumed, a.quiet);
    if (status != PLT_OK && !a.resume) plt_run_dir_withdraw(job->plan.run_dir, status);
  }
  plt_job_destroy(&job);
  plt_sets_clear(&a.sets);
  return status;
}

static plt_status_t run(int argc, char **argv) {
  plt_signals_prepare();
  return plt_cluster_command(argc, argv, lead);
}

const plt_command_t plt_command_train = {
    .name = "train",
    .summary = "train a model as a configuration says",
    .usage =
        "usage: plateau train CONFIG.yaml [--set KEY=VALUE ...] [--epochs N] [--seed N] [--workers N] [--servers N]\n"
        "                     [--resume] [--quiet] [--log-view] [--trace FILE] [--until STAGE] [--alone]\n"
        "       plateau train RUN --resume [the same]\n"
        "\n"
        "  --set KEY=VALUE  overrides one option; paths are relative to the working directory\n"
        "  --epochs N       the same as --set train.epochs=N\n"
        "  --seed N         the same as --set run.seed=N\n"
        "  --workers N      the same as --set cluster.workers=N\n"
        "  --servers N      the same as --set cluster.servers=N\n"
        "  --resume         goes on from the newest checkpoint of RUN, or of run.dir; starts if there is none\n"
        "  -q, --quiet      no progress\n"
        "  --log-view       at the end, where time went: a table of phases over all workers; the same as\n"
        "                   --set run.log_view=true\n"
        "  --trace FILE     what each worker did when, for ui.perfetto.dev or chrome://tracing; the same as\n"
        "                   --set run.trace=FILE\n"
        "  --until STAGE    of a procedure: stops behind this stage, in a loop also STAGE:ROUND, for --resume to go\n"
        "                   on; the same as --set train.until=STAGE\n"
        "  --alone          one process, whatever launcher or variables of one there are\n"
        "\n"
        "INT, TERM, HUP, XCPU, USR1 or USR2 make a checkpoint and end the run with exit code 75; --resume goes on.\n"
        "All options: plateau help options\n"
        "\n"
        "Example: plateau train examples/quickstart.yaml --set data.path=DIR --set strategy.rho=0.1\n",
    .run = run,
};
