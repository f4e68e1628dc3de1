/* pool.c - see pool.h. */
#include "launch/tune/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "common/time.h"
#include "launch/host/self.h"
#include "launch/host/signals.h"

typedef struct pool {
  plt_process_t *processes;
  size_t n, next, running;
  char self[PLT_PATH_MAX];
} pool_t;

/* In the forked child. */
_Noreturn static void become(const pool_t *pool, const plt_process_t *process, char **arguments, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(75);
  setpgid(0, 0);
  int nothing = open("/dev/null", O_RDONLY), log = open(process->log, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (nothing < 0 || log < 0) _exit(73);
  dup2(nothing, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  plt_self_exec(pool->self, arguments);
  _exit(70);
}

static plt_status_t begin(pool_t *pool, plt_process_t *process) {
  static char name[] = "plateau";
  char **arguments = plt_mem_zalloc(process->n_words + 2, sizeof *arguments);
  arguments[0] = name;
  for (size_t i = 0; i < process->n_words; i++) arguments[i + 1] = (char *)(uintptr_t)process->words[i];
  const pid_t parent = getpid();
  process->begin_ns = plt_time_ns();
  process->pid = fork();
  if (process->pid == 0) become(pool, process, arguments, parent);
  free(arguments);
  if (process->pid < 0) {
    process->pid = 0;
    return plt_fail_errno(PLT_ERR_CREATE, "cannot start a process");
  }
  pool->running++;
  return PLT_OK;
}

static void stop(const pool_t *pool) {
  for (size_t i = 0; i < pool->n; i++)
    if (pool->processes[i].pid != 0) kill(pool->processes[i].pid, SIGTERM);
}

/* Whether one ended: its number. */
static bool reap(pool_t *pool, size_t *number) {
  for (size_t i = 0; i < pool->next; i++) {
    plt_process_t *process = &pool->processes[i];
    int state;
    if (process->pid == 0 || waitpid(process->pid, &state, WNOHANG) != process->pid) continue;
    process->pid = 0;
    process->code = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
    process->seconds = plt_time_seconds(plt_time_ns() - process->begin_ns);
    pool->running--;
    *number = i;
    return true;
  }
  return false;
}

plt_status_t plt_pool_run(plt_process_t *processes, size_t n, uint32_t jobs, plt_pool_ended_fn ended, void *context) {
  static const struct timespec moment = {.tv_nsec = 20000000};
  const atomic_int *signalled = plt_signals_watch();
  plt_failure_t failure = {0};
  pool_t pool = {.processes = processes, .n = n};
  bool stopped = false;
  PLT_TRY(plt_self_path(pool.self));
  while (pool.running > 0 || (pool.next < n && !stopped)) {
    size_t number;
    if (!stopped && (atomic_load(signalled) != 0 || failure.status != PLT_OK)) {
      stop(&pool);
      stopped = true;
    }
    while (!stopped && failure.status == PLT_OK && pool.next < n && pool.running < jobs)
      plt_failure_keep(&failure, begin(&pool, &processes[pool.next++]));
    if (!reap(&pool, &number))
      nanosleep(&moment, NULL);
    else if (!stopped)
      plt_failure_keep(&failure, ended(context, number, &processes[number]));
  }
  if (failure.status != PLT_OK) return plt_failure_restore(&failure);
  if (stopped) return plt_fail(PLT_ERR_PREEMPTED, "stopped by request: the same command goes on");
  return PLT_OK;
}
