/* launch.c - plateau launch: the sbatch script or the mpirun command of a training, printed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "launch/batch/script.h"
#include "launch/commands/arguments.h"
#include "launch/commands/command.h"
#include "launch/job/outline.h"
#include "launch/job/run_dir.h"
#include "launch/job/sets.h"

static const plt_option_t rows[] = {
    {.key = "nodes", .type = PLT_OPT_INT, .fallback = "1", .min = 1, .max = 65536, .help = "Machines."},
    {.key = "ranks-per-node",
     .type = PLT_OPT_INT,
     .fallback = "4",
     .min = 1,
     .max = 4096,
     .help = "Servers and workers of each machine together."},
    {.key = "cpus-per-rank",
     .type = PLT_OPT_INT,
     .fallback = "1",
     .min = 1,
     .max = 4096,
     .help = "Cores to which each is bound, and threads of a server or worker (cluster.threads), 128 at most."},
    {.key = "servers",
     .type = PLT_OPT_INT,
     .min = 1,
     .max = PLT_SERVERS_MAX,
     .help = "How many of the ranks are servers. Default: as CONFIG says, else one on each machine."},
    {.key = "time", .type = PLT_OPT_TEXT, .help = "slurm: the limit, 4:00:00. Default: that of the partition."},
    {.key = "partition", .type = PLT_OPT_TEXT, .help = "slurm."},
    {.key = "account", .type = PLT_OPT_TEXT, .help = "slurm."},
    {.key = "grace",
     .type = PLT_OPT_INT,
     .fallback = "180",
     .min = 10,
     .max = 65535,
     .unit = "s",
     .help = "slurm: how long before the limit a checkpoint is made and the job queued again."},
    {.key = "hosts", .type = PLT_OPT_TEXT, .help = "mpirun: the machines, A,B. Default: those that mpirun finds."},
};
enum { ROWS = sizeof rows / sizeof *rows, FIRST_ROW = 256 };
static const plt_option_table_t table = {"options, each --NAME VALUE", rows, ROWS};

typedef struct arguments {
  const char *system, *config;
  plt_sets_t sets;
  plt_config_t *values; /* of the table */
} arguments_t;

static plt_status_t parse(int argc, char **argv, arguments_t *a) {
  struct option options[ROWS + 2] = {{"set", required_argument, NULL, 's'}};
  char origin[64];
  for (int i = 0; i < ROWS; i++) options[i + 1] = (struct option){rows[i].key, required_argument, NULL, FIRST_ROW + i};
  PLT_TRY(plt_config_apply(a->values, &table));
  for (int found; (found = plt_arguments_next(argc, argv, "", options)) != -1;) {
    if (found == 's') {
      plt_sets_add(&a->sets, NULL, optarg);
      continue;
    }
    if (found < FIRST_ROW) return plt_arguments_fault(argv);
    snprintf(origin, sizeof origin, "launch: --%s", rows[found - FIRST_ROW].key);
    PLT_TRY(plt_config_give(a->values, rows[found - FIRST_ROW].key, optarg, origin));
  }
  a->system = optind < argc ? argv[optind] : "";
  if (strcmp(a->system, "slurm") != 0 && strcmp(a->system, "mpirun") != 0)
    return plt_fail(PLT_ERR_USAGE, "launch: for slurm or for mpirun? (see plateau launch --help)");
  optind++;
  return plt_arguments_positional(argc, argv, "a configuration file", &a->config);
}

/* What the other system has no word for. */
static plt_status_t check_system(const arguments_t *a) {
  static const char *const of_slurm[] = {"time", "partition", "account", "grace"};
  if (strcmp(a->system, "slurm") == 0)
    return plt_config_given(a->values, "hosts")
               ? plt_fail(PLT_ERR_USAGE, "launch: --hosts: Slurm chooses the machines; give it to sbatch (--nodelist)")
               : PLT_OK;
  for (size_t i = 0; i < sizeof of_slurm / sizeof *of_slurm; i++)
    if (plt_config_is_set(a->values, of_slurm[i]))
      return plt_fail(PLT_ERR_USAGE, "launch: --%s is of slurm; mpirun has no such thing", of_slurm[i]);
  const char *hosts = plt_config_text(a->values, "hosts");
  int64_t n = 1;
  for (const char *at = hosts; at != NULL && *at != '\0'; at++) n += *at == ',';
  if (hosts != NULL && n != plt_config_int(a->values, "nodes"))
    return plt_fail(PLT_ERR_USAGE, "launch: --hosts names %" PRId64 " machines, --nodes says %" PRId64, n,
                    plt_config_int(a->values, "nodes"));
  return PLT_OK;
}

/* What the script says beside the command. */
static plt_batch_job_t describe(const arguments_t *a, const plt_config_t *config) {
  return (plt_batch_job_t){.nodes = (uint32_t)plt_config_int(a->values, "nodes"),
                           .ranks_per_node = (uint32_t)plt_config_int(a->values, "ranks-per-node"),
                           .cpus_per_rank = (uint32_t)plt_config_int(a->values, "cpus-per-rank"),
                           .time = plt_config_text(a->values, "time"),
                           .partition = plt_config_text(a->values, "partition"),
                           .account = plt_config_text(a->values, "account"),
                           .grace_s = (uint32_t)plt_config_int(a->values, "grace"),
                           .output = "plateau-%j.txt",
                           .run_dir = plt_config_text(config, "run.dir"),
                           .hosts = plt_config_text(a->values, "hosts")};
}

/* The command behind the program's name; free the array. A script says run.dir itself. */
static const char **make_words(const arguments_t *a, const plt_config_t *config, const char *servers,
                               const char *threads, size_t *n) {
  const bool slurm = strcmp(a->system, "slurm") == 0;
  const char **words = plt_mem_alloc((2 * a->sets.n + 8) * sizeof(char *));
  *n = 0;
  words[(*n)++] = "train";
  words[(*n)++] = a->config;
  words[(*n)++] = "--servers";
  words[(*n)++] = servers;
  if (plt_config_int(a->values, "cpus-per-rank") > 1 && !plt_config_is_set(config, "cluster.threads")) {
    words[(*n)++] = "--set";
    words[(*n)++] = threads;
  }
  for (size_t i = 0; i < a->sets.n; i++) {
    if (slurm && strncmp(a->sets.text[i], "run.dir=", strlen("run.dir=")) == 0) continue;
    words[(*n)++] = "--set";
    words[(*n)++] = a->sets.text[i];
  }
  if (!slurm && plt_config_given(config, "run.dir")) words[(*n)++] = "--resume";
  return words;
}

static plt_status_t print(const arguments_t *a, const plt_config_t *config, int64_t servers) {
  plt_batch_job_t batch = describe(a, config);
  char *name = plt_run_dir_name(a->config), *servers_text = plt_mem_print("%" PRId64, servers);
  char *threads = plt_mem_print("cluster.threads=%" PRIu32,
                                batch.cpus_per_rank < PLT_THREADS_MAX ? batch.cpus_per_rank : PLT_THREADS_MAX);
  char *about = plt_mem_print("%" PRId64 " servers and %" PRId64 " workers; made by plateau launch", servers,
                              (int64_t)batch.nodes * batch.ranks_per_node - servers);
  const char **words = make_words(a, config, servers_text, threads, &batch.n_words);
  batch.words = words;
  batch.name = name;
  batch.about = about;
  plt_status_t status =
      strcmp(a->system, "slurm") == 0 ? plt_batch_slurm(&batch, stdout) : plt_batch_mpirun(&batch, stdout);
  free(words);
  free(about);
  free(threads);
  free(servers_text);
  free(name);
  return status;
}

/* A configuration that is wrong is refused now, not when its job comes to its turn. */
static plt_status_t launch(const arguments_t *a) {
  plt_config_t *config = NULL;
  PLT_TRY(check_system(a));
  PLT_TRY(plt_config_load(a->config, a->sets.text, a->sets.n, &config));
  const int64_t nodes = plt_config_int(a->values, "nodes");
  const int64_t ranks = nodes * plt_config_int(a->values, "ranks-per-node");
  int64_t servers = nodes;
  if (plt_config_is_set(config, "cluster.servers")) servers = plt_config_int(config, "cluster.servers");
  if (plt_config_given(a->values, "servers")) servers = plt_config_int(a->values, "servers");
  plt_status_t status = PLT_OK;
  if (servers >= ranks)
    status = plt_fail(PLT_ERR_USAGE,
                      "launch: %" PRId64 " ranks and %" PRId64
                      " servers leave no worker: more --ranks-per-node, or "
                      "fewer --servers",
                      ranks, servers);
  else if (servers > PLT_SERVERS_MAX || ranks - servers > PLT_WORKERS_MAX)
    status = plt_fail(PLT_ERR_USAGE,
                      "launch: %" PRId64 " ranks are %" PRId64 " servers and %" PRId64
                      " workers: at most %d and %d are possible",
                      ranks, servers, ranks - servers, PLT_SERVERS_MAX, PLT_WORKERS_MAX);
  if (status == PLT_OK) status = print(a, config, servers);
  plt_config_destroy(&config);
  return status;
}

static plt_status_t run(int argc, char **argv) {
  arguments_t a = {.values = plt_config_create()};
  plt_status_t status = parse(argc, argv, &a);
  if (status == PLT_OK) status = launch(&a);
  plt_sets_clear(&a.sets);
  plt_config_destroy(&a.values);
  return status;
}

const plt_command_t plt_command_launch = {
    .name = "launch",
    .summary = "print the sbatch script or the mpirun command of a training",
    .usage =
        "usage: plateau launch slurm|mpirun CONFIG.yaml [--nodes N] [--ranks-per-node N] [options] [--set KEY=VALUE]\n"
        "\n"
        "Nothing is started, CONFIG is checked. For slurm a script is printed that outlives its time limit: a "
        "checkpoint\n"
        "before it, queued again, resumed, with the bits of a run that was never stopped. For mpirun it is one "
        "command;\n"
        "with run.dir the same command goes on. A search as an array of jobs: plateau tune --array.\n"
        "\n"
        "  --set KEY=VALUE   an option of the training, as for plateau train; may be repeated\n"
        "\n"
        "Example: plateau launch slurm my.yaml --nodes 4 --ranks-per-node 8 --time 4:00:00 >my.sbatch\n"
        "         sbatch my.sbatch\n\n",
    .flags = &table,
    .run = run,
};
