/* plan.c - plateau plan: what a training will need and how fast it will be, before it is started anywhere. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "launch/commands/arguments.h"
#include "launch/commands/command.h"
#include "launch/host/limits.h"
#include "launch/job/outline.h"
#include "launch/job/sets.h"
#include "launch/sizing/print.h"

enum { RANKS_MOST = 65536, LIST_MOST = 64 };

static const plt_option_t rows[] = {
    {.key = "workers",
     .type = PLT_OPT_INTS,
     .min = 1,
     .max = PLT_WORKERS_MAX,
     .help = "One number or several, N,N; a row for each with each of --servers. Default: as CONFIG says."},
    {.key = "servers", .type = PLT_OPT_INTS, .min = 1, .max = RANKS_MOST, .help = "The same."},
    {.key = "ranks",
     .type = PLT_OPT_INT,
     .min = 2,
     .max = RANKS_MOST,
     .help = "Also the best split of so many ranks into servers and workers."},
    {.key = "nodes",
     .type = PLT_OPT_INT,
     .fallback = "1",
     .min = 1,
     .max = RANKS_MOST,
     .help = "Machines over which the ranks are spread. With more than one also how training would grow to thousands "
             "of workers on more of them."},
    {.key = "cores",
     .type = PLT_OPT_INT,
     .min = 1,
     .max = 4096,
     .help = "Of each machine, each as fast as those here. Default: those here."},
    {.key = "bandwidth",
     .type = PLT_OPT_REAL,
     .min = 0.001,
     .max = 1e6,
     .unit = "Gbit/s",
     .help = "Of each machine, each way. Default: no limit but what was measured here."},
    {.key = "latency",
     .type = PLT_OPT_REAL,
     .fallback = "0",
     .min = 0,
     .max = 1e6,
     .unit = "us",
     .help = "From one machine to another, on top of what was measured here."},
    {.key = "transport",
     .type = PLT_OPT_CHOICE,
     .choices = "inproc|ipc|tcp",
     .help = "How workers and servers speak: inproc is one process. Default: ipc on one machine, else tcp."},
    {.key = "calibration",
     .type = PLT_OPT_TEXT,
     .help = "A file: measured costs are taken from it if it is there, else kept in it."},
    {.key = "format",
     .type = PLT_OPT_CHOICE,
     .choices = "table|json",
     .fallback = "table",
     .help = "How it is printed."},
};
enum { ROWS = sizeof rows / sizeof *rows, FIRST_ROW = 256 };
static const plt_option_table_t table = {"options, each --NAME VALUE", rows, ROWS};

typedef struct arguments {
  const char *config;
  plt_sets_t sets;
  plt_config_t *values; /* of the table */
} arguments_t;

static plt_status_t give(arguments_t *a, const plt_option_t *row, const char *text) {
  char origin[64];
  snprintf(origin, sizeof origin, "plan: --%s", row->key);
  PLT_TRY(plt_config_give(a->values, row->key, text, origin));
  if (row->type != PLT_OPT_INTS || plt_config_list_size(a->values, row->key) <= LIST_MOST) return PLT_OK;
  return plt_fail(PLT_ERR_USAGE, "%s: %d numbers are the most", origin, LIST_MOST);
}

static plt_status_t parse(int argc, char **argv, arguments_t *a) {
  struct option options[ROWS + 2] = {{"set", required_argument, NULL, 's'}};
  for (int i = 0; i < ROWS; i++) options[i + 1] = (struct option){rows[i].key, required_argument, NULL, FIRST_ROW + i};
  PLT_TRY(plt_config_apply(a->values, &table));
  for (int found; (found = plt_arguments_next(argc, argv, "", options)) != -1;) {
    if (found == 's')
      plt_sets_add(&a->sets, NULL, optarg);
    else if (found >= FIRST_ROW)
      PLT_TRY(give(a, &rows[found - FIRST_ROW], optarg));
    else
      return plt_arguments_fault(argv);
  }
  return plt_arguments_positional(argc, argv, "a configuration file", &a->config);
}

/* Those that were asked for, or the one number of the configuration. */
static size_t read_list(const plt_config_t *values, const char *key, uint32_t fallback, uint32_t list[LIST_MOST]) {
  size_t n = plt_config_given(values, key) ? plt_config_list_size(values, key) : 0;
  for (size_t i = 0; i < n; i++) list[i] = (uint32_t)plt_config_list_int(values, key, i);
  if (n == 0) list[0] = fallback;
  return n == 0 ? 1 : n;
}

/* What the prediction knows nothing of. */
static plt_status_t check_job(const plt_job_t *job) {
  if (job->procedure->is_given)
    return plt_fail(PLT_ERR_USAGE,
                    "plan: the configuration is a training in stages; plan is for one of a single stage");
  if (job->plan.alone)
    return plt_fail(PLT_ERR_USAGE, "%s: plan is for cluster.consistency bsp, not %s",
                    plt_config_origin(job->config, "cluster.consistency"),
                    plt_config_text(job->config, "cluster.consistency"));
  return PLT_OK;
}

/* The job on this machine, as its servers and workers would see it. Leaves are those of the most workers. */
static plt_status_t open_job(const arguments_t *a, plt_job_t **job) {
  uint32_t list[LIST_MOST], most = 1;
  plt_config_t *config = NULL;
  plt_sets_t sets = {0};
  plt_sets_add(&sets, NULL, "cluster.threads=1"); /* unless it says otherwise: of a machine full of workers */
  for (size_t i = 0; i < a->sets.n; i++) plt_sets_add(&sets, NULL, a->sets.text[i]);
  if (plt_config_given(a->values, "workers")) {
    size_t n = read_list(a->values, "workers", 1, list);
    for (size_t i = 0; i < n; i++) most = list[i] > most ? list[i] : most;
    plt_sets_add_number(&sets, "cluster.workers", most);
  }
  plt_sets_add(&sets, NULL, "cluster.proxy=null");
  plt_sets_add(&sets, NULL, "run.dir=null");
  plt_status_t status = plt_config_load(a->config, sets.text, sets.n, &config);
  if (status == PLT_OK) status = plt_job_create(&config, true, job);
  plt_config_destroy(&config);
  plt_sets_clear(&sets);
  if (status != PLT_OK) return status;
  const char *transport = plt_config_given(a->values, "transport") ? plt_config_text(a->values, "transport")
                          : plt_config_int(a->values, "nodes") > 1 ? "tcp"
                                                                   : "ipc";
  (*job)->transport = PLT_TRANSPORT_INPROC;
  while (strcmp(plt_transport_names[(*job)->transport], transport) != 0) (*job)->transport++;
  (*job)->plan.run_dir = NULL; /* nothing is written */
  PLT_TRY(check_job(*job));
  return plt_job_open_relations(*job, NULL);
}

static plt_status_t find_costs(const arguments_t *a, plt_job_t *job, plt_calibration_t *out) {
  const char *path = plt_config_given(a->values, "calibration") ? plt_config_text(a->values, "calibration") : NULL;
  plt_calibration_name(job, out);
  if (path != NULL && plt_path_exists(path)) return plt_calibration_read(path, out);
  PLT_TRY(plt_job_fits(job, 1)); /* what is measured */
  PLT_TRY(plt_calibrate(job, out));
  return path == NULL ? PLT_OK : plt_calibration_write(out, path);
}

static plt_layout_t read_base(const plt_config_t *values, const plt_job_t *job) {
  return (plt_layout_t){
      .nodes = (uint32_t)plt_config_int(values, "nodes"),
      .cores = plt_config_given(values, "cores") ? (uint32_t)plt_config_int(values, "cores") : plt_limits_cores(),
      .threads = job->plan.threads,
      .times = 1,
      .latency_s = plt_config_real(values, "latency") * 1e-6,
      .bytes_per_s = plt_config_given(values, "bandwidth") ? plt_config_real(values, "bandwidth") * 1e9 / 8 : 0};
}

static plt_status_t plan(const arguments_t *a, plt_job_t *job) {
  plt_calibration_t costs = {0};
  uint32_t workers[LIST_MOST], servers[LIST_MOST];
  size_t n_workers = read_list(a->values, "workers", job->plan.workers, workers);
  size_t n_servers = read_list(a->values, "servers", job->plan.servers, servers);
  plt_sizing_t sizing = {.calibration = &costs,
                         .memory = plt_job_memory(job),
                         .transport = plt_transport_names[job->transport],
                         .base = read_base(a->values, job)};
  if (plt_config_given(a->values, "ranks")) sizing.ranks = (uint32_t)plt_config_int(a->values, "ranks");
  sizing.grows = sizing.base.nodes > 1;
  PLT_TRY(find_costs(a, job, &costs));
  plt_layout_t *layouts = plt_mem_alloc(n_workers * n_servers * sizeof *layouts);
  for (size_t w = 0; w < n_workers; w++)
    for (size_t s = 0; s < n_servers; s++) {
      layouts[sizing.n_layouts] = sizing.base;
      layouts[sizing.n_layouts].workers = workers[w];
      layouts[sizing.n_layouts++].servers = servers[s];
    }
  sizing.layouts = layouts;
  if (strcmp(plt_config_text(a->values, "format"), "json") == 0)
    plt_sizing_print_json(&sizing, stdout);
  else
    plt_sizing_print(&sizing, stdout);
  free(layouts);
  return PLT_OK;
}

static plt_status_t run(int argc, char **argv) {
  arguments_t a = {.values = plt_config_create()};
  plt_job_t *job = NULL;
  plt_status_t status = parse(argc, argv, &a);
  if (status == PLT_OK) status = open_job(&a, &job);
  if (status == PLT_OK) status = plan(&a, job);
  plt_job_destroy(&job);
  plt_sets_clear(&a.sets);
  plt_config_destroy(&a.values);
  return status;
}

const plt_command_t plt_command_plan = {
    .name = "plan",
    .summary = "say what a training will need, and how fast, before it is started",
    .usage =
        "usage: plateau plan CONFIG.yaml [--workers N,N] [--servers N,N] [--ranks N] [--nodes N] [options]\n"
        "                    [--set KEY=VALUE ...]\n"
        "\n"
        "Some seconds of real batches on this machine, with one server and one worker; from their costs the memory "
        "of\n"
        "each role, bytes and time of a step for every split into workers and servers, what takes longest, and on\n"
        "several machines how it grows. How far predictions are off: docs/cluster.md, \"Sizing\".\n"
        "\n"
        "  --set KEY=VALUE   an option of the training, as for plateau train; may be repeated\n"
        "\n"
        "Example: plateau plan my.yaml --workers 2,4,8 --servers 1,2 --nodes 4 --bandwidth 10 --latency 30\n\n",
    .flags = &table,
    .run = run,
};
