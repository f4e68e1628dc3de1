/* signals.c - see signals.h. */
#include "launch/host/signals.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

static atomic_int received;

static void on_signal(int number) {
  atomic_store(&received, number);
  if (number == SIGINT) signal(SIGINT, SIG_DFL);
}

static void watch(int number) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, NULL);
}

void plt_signals_prepare(void) {
  watch(SIGUSR1);
  signal(SIGPIPE, SIG_IGN); /* who reads what is said may be gone before the checkpoint is made */
}

/* nohup: the terminal's end is none of the job. */
static bool is_ignored(int number) {
  struct sigaction now;
  return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

const atomic_int *plt_signals_watch(void) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) watch(numbers[i]);
  if (!is_ignored(SIGHUP)) watch(SIGHUP);
  signal(SIGPIPE, SIG_IGN); /* as above, where nobody has prepared */
  return &received;
}
