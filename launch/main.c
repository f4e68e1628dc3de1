/* main.c - the plateau binary: finds the subcommand, prints its failure once, turns it into an exit code. */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io/mapped.h"
#include "common/log.h"
#include "common/options/nearest.h"
#include "common/options/options.h"
#include "common/subnormals.h"
#include "launch/cluster/cluster.h"
#include "launch/commands/task.h"
#include "launch/host/exhausted.h"
#include "launch/host/kernel_set.h"
#include "launch/host/last_word.h"
#include "launch/host/limits.h"
#include "launch/manual/completion.h"
#include "launch/manual/help.h"
#include "launch/manual/man.h"
#include "launch/manual/usage.h"
#include "launch/manual/version.h"
#include "launch/tasks/registry.h"
#include "worker/math/kernels.h"

/* In the order of the help; the tasks that have a command stand behind train. */
static const plt_command_t *const own[] = {
    &plt_command_train, &plt_command_inspect,     &plt_command_runs,   &plt_command_compare, &plt_command_report,
    &plt_command_tune,  &plt_command_plan,        &plt_command_launch, &plt_command_data,    &plt_command_bench,
    &plt_command_serve, &plt_command_fault_proxy, &plt_command_server, &plt_command_worker};
enum { OWN = sizeof own / sizeof *own, COMMANDS_MAX = 64 };

typedef struct commands {
  plt_command_t at[COMMANDS_MAX];
  size_t n;
} commands_t;

static void collect(commands_t *all) {
  all->at[all->n++] = *own[0];
  for (size_t i = 0; plt_tasks[i] != NULL && all->n < COMMANDS_MAX - OWN; i++)
    if (plt_tasks[i]->summary != NULL) all->at[all->n++] = plt_command_of_task(plt_tasks[i]);
  for (size_t i = 1; i < OWN; i++) all->at[all->n++] = *own[i];
}

static void print_help(FILE *out, const commands_t *all) {
  fprintf(out,
          "plateau trains multimodal recommenders to flat minima on a parameter server.\n\n"
          "usage: plateau COMMAND [ARGUMENTS]\n\n");
  for (size_t i = 0; i < all->n; i++)
    if (all->at[i].summary != NULL) fprintf(out, "  %-11s %s\n", all->at[i].name, all->at[i].summary);
  plt_help_topics(out);
  fprintf(out,
          "\nExample: plateau train examples/quickstart.yaml\n"
          "Help:    plateau COMMAND --help, plateau help options\n");
}

static const plt_command_t *find(const commands_t *all, const char *name) {
  for (size_t i = 0; i < all->n; i++)
    if (strcmp(all->at[i].name, name) == 0) return &all->at[i];
  return NULL;
}

static void print_usage(const plt_command_t *command) {
  char *usage = plt_usage_text(command);
  fputs(usage, stdout);
  free(usage);
  const plt_option_table_t *const tables[] = {command->flags, command->options};
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
    if (tables[i] == NULL) continue;
    char *text = plt_option_table_describe(tables[i], false);
    fputs(text, stdout);
    free(text);
  }
}

static plt_status_t unknown(const commands_t *all, const char *name) {
  const char *names[COMMANDS_MAX];
  size_t n = 0;
  for (size_t i = 0; i < all->n; i++)
    if (all->at[i].summary != NULL) names[n++] = all->at[i].name; /* the others are not for people */
  const char *near = plt_nearest(name, names, n);
  return plt_fail(PLT_ERR_USAGE, "there is no command \"%s\"%s%s%s (see plateau --help)", name,
                  near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

/* help man [NAME], help man --names. */
static plt_status_t print_man(const commands_t *all, int argc, char **argv) {
  if (argc > 3) return plt_fail(PLT_ERR_USAGE, "help man takes one name, not %s too", argv[3]);
  if (argc < 3 || strcmp(argv[2], "--names") != 0)
    return plt_man_print(all->at, all->n, argc < 3 ? NULL : argv[2], stdout);
  plt_man_names(all->at, all->n, stdout);
  return PLT_OK;
}

static plt_status_t help(const commands_t *all, int argc, char **argv) {
  if (argc < 2) {
    print_help(stdout, all);
    return PLT_OK;
  }
  bool is_topic = strcmp(argv[1], "completion") == 0 && argc == 2;
  if (is_topic) plt_completion_print(all->at, all->n, stdout);
  if (is_topic) return PLT_OK;
  if (strcmp(argv[1], "man") == 0) return print_man(all, argc, argv);
  PLT_TRY(plt_help_topic(argc, argv, &is_topic));
  if (is_topic) return PLT_OK;
  const plt_command_t *command = find(all, argv[1]);
  if (command == NULL) PLT_TRY(plt_help_named(argc, argv, &is_topic));
  if (is_topic) return PLT_OK;
  if (command == NULL) return unknown(all, argv[1]);
  print_usage(command);
  return PLT_OK;
}

static bool asks_for_help(int argc, char **argv) {
  for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
  return false;
}

/* plt_lead_fn, of a command line without a command: ranks of a launcher say it once. */
static plt_status_t lead_nothing(plt_rendezvous_t *rv, int argc, char **argv) {
  (void)rv;
  commands_t all = {0};
  collect(&all);
  if (argc > 1) return unknown(&all, argv[1]);
  print_help(stderr, &all);
  return plt_fail(PLT_ERR_USAGE, "plateau needs a command");
}

/* A word without a letter: mostly a shell's variable that is not set. No option means anything by it. */
static int find_empty(int argc, char **argv) {
  int i = 2;
  while (i < argc && argv[i][0] != '\0') i++;
  return i < argc ? i : 0;
}

/* plt_lead_fn */
static plt_status_t lead_empty(plt_rendezvous_t *rv, int argc, char **argv) {
  (void)rv;
  const int i = find_empty(argc, argv);
  return plt_fail(PLT_ERR_USAGE, "%s: the word behind \"%s\" is empty: a variable that is not set?", argv[1],
                  argv[i - 1]);
}

static plt_status_t run(int argc, char **argv) {
  commands_t all = {0};
  collect(&all);
  if (argc < 2) return plt_cluster_command(argc, argv, lead_nothing);
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
    print_help(stdout, &all);
    return PLT_OK;
  }
  if (strcmp(argv[1], "--version") == 0) {
    plt_version_print(stdout);
    return PLT_OK;
  }
  if (strcmp(argv[1], "help") == 0) return help(&all, argc - 1, argv + 1);
  const plt_command_t *command = find(&all, argv[1]);
  if (command == NULL) return plt_cluster_command(argc, argv, lead_nothing);
  if (asks_for_help(argc - 1, argv + 1)) {
    print_usage(command);
    return PLT_OK;
  }
  if (find_empty(argc, argv) > 0) return plt_cluster_command(argc, argv, lead_empty);
  return command->run(argc - 1, argv + 1);
}

/* What opens a file gets the lowest number that is free: of a caller who closed one of these it would be written to. */
static void fill_standard_descriptors(void) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl(fd, F_GETFD) < 0) open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY);
}

/* From a signal handler. */
static void die_of_file(const char *text) {
  plt_last_word_say(plt_fail(PLT_ERR_IO, "%s", text));
  _exit(plt_status_exit(PLT_ERR_IO));
}

/* The same: ours is maybe not the only thread. */
static void die_of_memory(const char *text) {
  plt_last_word_say(plt_fail(PLT_ERR_MEMORY, "out of memory: %s", text));
  _exit(plt_status_exit(PLT_ERR_MEMORY));
}

int main(int argc, char **argv) {
  fill_standard_descriptors();
  plt_exhausted_guard(die_of_memory);
  plt_kernel_set_settle(argv);
  plt_subnormals_flush(); /* before there are other threads */
  /* Lustre and NFS often have no locks; read once, when HDF5 is first used. Ours whatever the environment says. */
  setenv("HDF5_USE_FILE_LOCKING", "FALSE", 1);
  plt_limits_raise_files();
  signal(SIGXFSZ, SIG_IGN); /* a file beyond ulimit -f: write(2) says so, and we which file */
  plt_maps_guard(die_of_file);
  plt_log_open(NULL, true);
  plt_status_t status = run(argc, argv);
  if (status != PLT_OK) plt_last_word_say(status);
  plt_log_close();
  if (fflush(stdout) != 0 && status == PLT_OK) {
    status = plt_fail_errno(PLT_ERR_IO, "standard output");
    plt_last_word_say(status);
  }
  return plt_status_exit(status);
}
