/* run_commands.h - what the commands that look at a finished RUN have in common: evaluate, export, recommend. */
#ifndef PLT_LAUNCH_COMMANDS_RUN_COMMANDS_H
#define PLT_LAUNCH_COMMANDS_RUN_COMMANDS_H

#include "launch/cluster/cluster.h"
#include "launch/commands/arguments.h"
#include "launch/job/job.h"

/* --best, --last, --set, --servers. */
typedef struct plt_run_options {
  const char *choice; /* "best", "last" or NULL */
  plt_sets_t sets;
} plt_run_options_t;

/* The long options, for a command's own list. */
#define PLT_RUN_OPTIONS                                                                                        \
  {"best", no_argument, NULL, 'B'}, {"last", no_argument, NULL, 'L'}, {"set", required_argument, NULL, 's'}, { \
    "servers", required_argument, NULL, 'S'                                                                    \
  }
/* Whether `c` was one of them. */
bool plt_run_options_take(plt_run_options_t *options, int c);

/* The job of a run and the checkpoint chosen. It writes nothing to the run directory. rv NULL: one worker. */
plt_status_t plt_run_open(const plt_rendezvous_t *rv, const char *run_dir, const plt_run_options_t *options,
                          plt_job_t **job, plt_restore_t *restore);

#define PLT_RUN_USAGE                                                                 \
  "  --best, --last   the tables of the best epoch by validation (default if there\n" \
  "                   is one), or those at the end\n"                                 \
  "  --servers N      servers to load the tables into\n"                              \
  "  --set KEY=VALUE  overrides one option of the run (data.path of a moved folder)\n"

#endif
