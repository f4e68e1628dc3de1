/* Signals of processes that do nothing else: what they note, and what ends them. */
#include "launch/host/signals.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOTED = 40, LOST }; /* how a child ends that lives on */

/* In a child of its own: signals `before` anybody watches, then `after`, 0: none. Returns how it ended. */
static int end_of(bool notes, int before, const int after[2], int expected) {
  int status = 0;
  pid_t pid = fork();
  if (pid == 0) {
    if (notes) plt_signals_prepare();
    if (before != 0) raise(before);
    const atomic_int *seen = plt_signals_watch();
    for (int i = 0; i < 2; i++)
      if (after[i] != 0) raise(after[i]);
    _exit(atomic_load(seen) == expected ? NOTED : LOST);
  }
  cr_assert_eq(waitpid(pid, &status, 0), pid);
  return status;
}

static void expect_noted(int status, int number) {
  cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == NOTED, "signal %d: status %x", number, (unsigned)status);
}

Test(signals, each_is_noted_however_often_it_comes) {
  const int numbers[] = {SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU, SIGHUP};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    expect_noted(end_of(false, 0, (int[]){numbers[i], numbers[i]}, numbers[i]), numbers[i]);
  expect_noted(end_of(false, 0, (int[]){SIGINT, 0}, SIGINT), SIGINT);
  expect_noted(end_of(false, 0, (int[]){SIGPIPE, 0}, 0), SIGPIPE);
  expect_noted(end_of(false, 0, (int[]){0, 0}, 0), 0);
}

Test(signals, a_second_int_ends_at_once) {
  int status = end_of(false, 0, (int[]){SIGINT, SIGINT}, 0);
  cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT, "status %x", (unsigned)status);
}

/* While data are read nobody watches yet. */
Test(signals, a_usr1_that_came_early_is_kept) {
  expect_noted(end_of(true, SIGUSR1, (int[]){0, 0}, SIGUSR1), SIGUSR1);
  int status = end_of(false, SIGUSR1, (int[]){0, 0}, 0);
  cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
}

Test(signals, a_hup_that_nohup_ignores_stays_ignored) {
  signal(SIGHUP, SIG_IGN);
  expect_noted(end_of(false, 0, (int[]){SIGHUP, 0}, 0), SIGHUP);
}
