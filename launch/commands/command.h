/* command.h - the subcommands of the binary: one file and one row in own[] (main.c) each; those that do a task on a run
 * come from the list of tasks (commands/task.h).
 *
 * Threads    run is called once per process, in its main thread, and may fork and start threads.
 * Errors     run returns a status with its text recorded (plt_fail); main prints the text once and exits with
 *            plt_status_exit(). Results go to stdout, notes to stderr. */
#ifndef PLT_LAUNCH_COMMANDS_COMMAND_H
#define PLT_LAUNCH_COMMANDS_COMMAND_H

#include "common/options/options.h"

typedef struct plt_command {
  const char *name;
  const char *summary;               /* one line of `plateau --help`; NULL: not listed */
  const char *usage;                 /* `plateau NAME --help`: synopsis, options, an example; NULL: of the task */
  const char *usage_end;             /* what stands behind it, where one literal would be too long; or NULL */
  const struct plt_task *task;       /* NULL: none */
  const plt_option_table_t *flags;   /* of the command line, described behind `usage`; NULL: all stand there */
  const plt_option_table_t *options; /* of a file of its own, described last; NULL: none */
  /* argv[0] is the subcommand's name; --help was handled by main. */
  plt_status_t (*run)(int argc, char **argv);
} plt_command_t;

extern const plt_command_t plt_command_bench;
extern const plt_command_t plt_command_compare;
extern const plt_command_t plt_command_data;
extern const plt_command_t plt_command_fault_proxy;
extern const plt_command_t plt_command_inspect;
extern const plt_command_t plt_command_launch;
extern const plt_command_t plt_command_plan;
extern const plt_command_t plt_command_report;
extern const plt_command_t plt_command_runs;
extern const plt_command_t plt_command_serve;
extern const plt_command_t plt_command_train;
extern const plt_command_t plt_command_tune;
/* What supervisors start; not for people. */
extern const plt_command_t plt_command_server;
extern const plt_command_t plt_command_worker;

#endif
