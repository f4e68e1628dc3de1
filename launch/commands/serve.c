/* serve.c - `plateau serve`: its command line. The work is done in launch/serve/serve.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "launch/commands/arguments.h"
#include "launch/commands/command.h"
#include "launch/serve/serve.h"
#include "proto/job_card.h"

static const plt_option_t rows[] = {
    {.key = "workers",
     .type = PLT_OPT_INT,
     .fallback = "1",
     .min = 1,
     .max = 1 << 20,
     .help = "How many workers the job has; they are numbered from 0."},
    {.key = "servers",
     .type = PLT_OPT_INT,
     .min = 1,
     .max = PLT_DOORS_MAX,
     .help = "How many servers share the rows, a thread each; default: 1, under mpirun or srun one per rank."},
    {.key = "consistency",
     .type = PLT_OPT_CHOICE,
     .fallback = "bsp",
     .choices = "bsp|ssp|asp",
     .help =
         "bsp: the workers share every step, exact. ssp: each steps alone, at most `staleness` ahead of the slowest. "
         "asp: without a bound."},
    {.key = "staleness",
     .type = PLT_OPT_INT,
     .fallback = "3",
     .min = 0,
     .max = 1 << 20,
     .unit = "steps",
     .help = "Of ssp."},
    {.key = "listen",
     .type = PLT_OPT_TEXT,
     .help =
         "The network to listen at: an interface, an address or a CIDR. Default: this machine alone (loopback), with "
         "servers on several machines the first network."},
    {.key = "job", .type = PLT_OPT_TEXT, .fallback = "job", .help = "The file that workers connect by, in DIR."},
    {.key = "security",
     .type = PLT_OPT_CHOICE,
     .fallback = "token",
     .choices = "token|curve|none",
     .help = "How workers prove that they belong to the job: docs/security.md."},
    {.key = "keep", .type = PLT_OPT_INT, .fallback = "2", .min = 1, .max = 1 << 20, .help = "Checkpoints that stay."},
    {.key = "idle",
     .type = PLT_OPT_REAL,
     .fallback = "0",
     .min = 0,
     .max = 1e9,
     .unit = "s",
     .help = "Ends when no worker has said anything for so long; 0: never. For scripts, whose workers may all be dead; "
             "longer than their deadlines (120 s): who waits says nothing."},
    {.key = "resume",
     .type = PLT_OPT_BOOL,
     .fallback = "false",
     .help = "Goes on from the newest checkpoint in DIR, if there is one, with any number of servers and workers."},
    {.key = "mpmd",
     .type = PLT_OPT_CHOICE,
     .fallback = "no",
     .choices = "no|file|text",
     .help = "One mpirun starts servers and workers, in one MPI_COMM_WORLD, which both split: docs/library.md. file: "
             "workers connect by the job file; text: its text is broadcast to them."},
    {.key = "alone",
     .type = PLT_OPT_BOOL,
     .fallback = "false",
     .help = "One process, whatever launcher or variables of one there are."},
};
enum { ROWS = sizeof rows / sizeof *rows, FIRST_ROW = 256 };
static const plt_option_table_t table = {"options, each --NAME VALUE; resume and alone without one", rows, ROWS};

static plt_status_t parse(int argc, char **argv, plt_config_t *values, const char **run_dir) {
  struct option options[ROWS + 1] = {{0}};
  char origin[64];
  for (int i = 0; i < ROWS; i++)
    options[i] = (struct option){rows[i].key, rows[i].type == PLT_OPT_BOOL ? no_argument : required_argument, NULL,
                                 FIRST_ROW + i};
  PLT_TRY(plt_config_apply(values, &table));
  for (int found; (found = plt_arguments_next(argc, argv, "", options)) != -1;) {
    if (found < FIRST_ROW) return plt_arguments_fault(argv);
    const plt_option_t *row = &rows[found - FIRST_ROW];
    snprintf(origin, sizeof origin, "serve: --%s", row->key);
    PLT_TRY(plt_config_give(values, row->key, row->type == PLT_OPT_BOOL ? "true" : optarg, origin));
  }
  return plt_arguments_positional(argc, argv, "a directory", run_dir);
}

static plt_security_t security_of(const char *name) {
  return strcmp(name, "curve") == 0  ? PLT_SECURITY_CURVE
         : strcmp(name, "none") == 0 ? PLT_SECURITY_NONE
                                     : PLT_SECURITY_TOKEN;
}

static plt_status_t read_config(const plt_config_t *values, const plt_rendezvous_t *rv, plt_serve_config_t *config) {
  const char *mode = plt_config_text(values, "consistency");
  bool asp = strcmp(mode, "asp") == 0, ssp = strcmp(mode, "ssp") == 0;
  if (!ssp && plt_config_is_set(values, "staleness"))
    return plt_fail(PLT_ERR_USAGE, "serve: --staleness goes with --consistency ssp, not %s", mode);
  *config =
      (plt_serve_config_t){.run_dir = config->run_dir,
                           .job_file = plt_config_text(values, "job"),
                           .workers = (uint32_t)plt_config_int(values, "workers"),
                           .servers = plt_config_given(values, "servers") ? (uint32_t)plt_config_int(values, "servers")
                                                                          : (uint32_t)(rv == NULL ? 1 : rv->size),
                           .alone = asp || ssp,
                           .staleness = asp   ? UINT64_MAX
                                        : ssp ? (uint64_t)plt_config_int(values, "staleness")
                                              : 0,
                           .listen = plt_config_text(values, "listen"),
                           .security = security_of(plt_config_text(values, "security")),
                           .keep = (size_t)plt_config_int(values, "keep"),
                           .tells = strcmp(plt_config_text(values, "mpmd"), "text") == 0,
                           .resume = plt_config_bool(values, "resume"),
                           .idle_s = plt_config_real(values, "idle")};
  return PLT_OK;
}

/* With what was worked out. */
static plt_status_t serve(const plt_rendezvous_t *rv, plt_config_t *values, plt_serve_config_t *config) {
  char servers[16];
  snprintf(servers, sizeof servers, "%u", config->servers);
  plt_config_put(values, "servers", servers);
  char *options = plt_config_dump(values);
  config->options = options;
  plt_status_t status = plt_serve(rv, config);
  free(options);
  return status;
}

/* Asked before the options are read: what is wrong with them is said by rank 0. */
static bool is_beside(int argc, char **argv) {
  static const char option[] = "--mpmd";
  for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
    size_t length = strncmp(argv[i], option, sizeof option - 1) == 0 ? sizeof option - 1 : 0;
    const char *value = argv[i][length] == '=' ? argv[i] + length + 1 : i + 1 < argc ? argv[i + 1] : "";
    if (length > 0 && (argv[i][length] == '=' || argv[i][length] == '\0')) return strcmp(value, "no") != 0;
  }
  return false;
}

static plt_status_t join(plt_rendezvous_t **rv, bool alone, bool beside) {
  if (alone && beside) return plt_fail(PLT_ERR_USAGE, "serve: --alone and --mpmd: one of the two");
  if (alone) return PLT_OK;
  if (beside) {
    plt_status_t status = plt_rendezvous_join_beside(rv);
    return status == PLT_OK ? PLT_OK : plt_fail_within(status, "serve: --mpmd");
  }
  if (plt_rendezvous_has_others())
    return plt_fail(PLT_ERR_USAGE,
                    "serve: this mpirun has started another program, too, which would wait for these ranks, and they "
                    "for it: --mpmd file (docs/library.md)");
  return plt_rendezvous_join(rv);
}

static plt_status_t run(int argc, char **argv) {
  plt_serve_config_t config = {0};
  plt_rendezvous_t *rv = NULL;
  plt_config_t *values = plt_config_create();
  plt_status_t status = parse(argc, argv, values, &config.run_dir);
  plt_failure_t failure = {0};
  plt_failure_keep(&failure, status);
  bool alone = status == PLT_OK && plt_config_bool(values, "alone");
  plt_failure_keep(&failure, join(&rv, alone, is_beside(argc, argv)));
  if (failure.status == PLT_OK) plt_failure_keep(&failure, read_config(values, rv, &config));
  if (failure.status == PLT_OK)
    plt_failure_keep(&failure, serve(rv, values, &config));
  else if (rv != NULL)
    plt_serve_give_up(rv, plt_failure_restore(&failure));
  if (rv != NULL && rv->rank != 0 && status != PLT_OK) failure = (plt_failure_t){0}; /* rank 0 says the same */
  plt_rendezvous_destroy(&rv);
  plt_config_destroy(&values);
  return plt_failure_restore(&failure);
}

const plt_command_t plt_command_serve = {.name = "serve",
                                         .summary = "servers alone, for training programs of your own",
                                         .usage =
                                             "usage: plateau serve DIR [options]\n\n"
                                             "Starts parameter servers, whose workers are programs that link "
                                             "libplateau (plateau.h). DIR/job, mode 0600, says\n"
                                             "where they are and holds the job's secret; workers connect by it. Tables "
                                             "are what the workers declare. Checkpoints\n"
                                             "go to DIR/checkpoints when worker 0 orders them. It ends when all "
                                             "workers have said goodbye, by INT or TERM, or,\n"
                                             "with exit code 75, when one of them has given up.\n\n"
                                             "Under mpirun or srun every rank has some of the servers.\n\n"
                                             "Example:\n"
                                             "  plateau serve run --workers 2 --servers 3 &\n"
                                             "  ./train run/job 0 & ./train run/job 1; wait\n\n",
                                         .flags = &table,
                                         .run = run};
