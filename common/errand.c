/* errand.c - see errand.h. */
#include "common/errand.h"

#include <signal.h>

static void *errand_main(void *argument) {
  plt_errand_t *errand = argument;
  plt_failure_keep(&errand->failure, errand->fn(errand->context));
  atomic_store(&errand->ended, true);
  return NULL;
}

void plt_errand_begin(plt_errand_t *errand, plt_errand_fn fn, void *context) {
  sigset_t all, before;
  *errand = (plt_errand_t){.under_way = true, .fn = fn, .context = context};
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  errand->thread = pthread_self();
  if (pthread_create(&errand->thread, NULL, errand_main, errand) != 0) errand_main(errand);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

bool plt_errand_wait(plt_errand_t *errand, plt_status_t *status) {
  if (!errand->under_way) return false;
  if (!pthread_equal(errand->thread, pthread_self())) pthread_join(errand->thread, NULL);
  errand->under_way = false;
  *status = plt_failure_restore(&errand->failure);
  return true;
}

bool plt_errand_look(plt_errand_t *errand, plt_status_t *status) {
  return errand->under_way && atomic_load(&errand->ended) && plt_errand_wait(errand, status);
}
