/* errand.h - one call on a thread of its own, while its owner goes on and looks now and then whether it is done.
 *
 *   idle ── begin ──▶ under way ── (the call returns) ──▶ ended, seen by plt_errand_look() ──▶ idle
 *
 * Ownership  what the call works on is the errand's until its end was seen.
 * Threads    all calls are the owner's. Signals are delivered to other threads.
 * Errors     the call's status and text become the owner's (plt_fail_text). */
#ifndef PLT_COMMON_ERRAND_H
#define PLT_COMMON_ERRAND_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "common/status.h"

typedef plt_status_t (*plt_errand_fn)(void *context);

/* Zeroed: idle. */
typedef struct plt_errand {
  bool under_way;
  pthread_t thread;
  plt_errand_fn fn;
  void *context;
  /* the thread's until `ended` */
  atomic_bool ended;
  plt_failure_t failure;
} plt_errand_t;

/* The errand is idle. Without a thread to be had the call is made here and now. */
void plt_errand_begin(plt_errand_t *errand, plt_errand_fn fn, void *context);
/* Whether an end is seen, which *status then tells; cheap. False when idle. */
bool plt_errand_look(plt_errand_t *errand, plt_status_t *status);
/* Waits for the end; false when idle. */
bool plt_errand_wait(plt_errand_t *errand, plt_status_t *status);

#endif
