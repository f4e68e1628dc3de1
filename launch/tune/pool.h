/* pool.h - runs of this program side by side, as processes of this machine.
 *
 *   processes ─▶ `jobs` at a time ─▶ each ended: told, and the next begins
 *
 * What they write goes into their logs. They are in groups of their own: a Ctrl-C reaches them once, from here, as
 * TERM; and they are told to stop when this process dies.
 * Ownership  words and paths are the caller's, and stay.
 * Threads    the main thread; signals are watched (launch/host/signals.h).
 * Errors     PLT_ERR_PREEMPTED after a signal, when all have ended; PLT_ERR_CREATE, PLT_ERR_IO; what `ended` returns,
 *            the others are stopped then. How a process ends is no error of the pool. */
#ifndef PLT_LAUNCH_TUNE_POOL_H
#define PLT_LAUNCH_TUNE_POOL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/status.h"

typedef struct plt_process {
  const char *const *words; /* [n_words] behind the program's name */
  size_t n_words;
  const char *log; /* a file, written over */
  pid_t pid;       /* 0: not begun, or ended */
  int code;        /* its exit code; 128 + signal */
  int64_t begin_ns;
  double seconds;
} plt_process_t;

typedef plt_status_t (*plt_pool_ended_fn)(void *context, size_t number, const plt_process_t *process);

plt_status_t plt_pool_run(plt_process_t *processes, size_t n, uint32_t jobs, plt_pool_ended_fn ended, void *context);

#endif
