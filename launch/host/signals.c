/* signals.c - see signals.h. */
#include "launch/host/signals.h"

#include <signal.h>
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

void plt_signals_note_usr1(void) { watch(SIGUSR1); }

const atomic_int *plt_signals_watch(void) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGUSR1};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) watch(numbers[i]);
  return &received;
}
