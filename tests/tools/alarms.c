/* alarms.c - preloaded, has the process it is loaded into meet a signal every 100 us, whose handler does nothing: as
 * USR1 and TERM do at rarer moments, it ends waits early and puts its frame on whatever stack there is. */
#include <signal.h>
#include <sys/time.h>

static void on_alarm(int number) { (void)number; }

__attribute__((constructor)) static void begin(void) {
  const struct itimerval often = {{0, 100}, {0, 100}};
  struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &often, NULL);
}
