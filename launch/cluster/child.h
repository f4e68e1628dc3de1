/* child.h - a role's process: started, ordered about and reaped by the supervisor of its rank.
 *
 *   supervisor ══ control (a socket pair, descriptor 3 in the child) ══ child `plateau worker 2` / `plateau server 0`
 *     down: the runtime, one line; then one byte per order           up: at the end, "<status> <text>"
 *
 * The child is the same binary, executed; it has no MPI, no descriptors but 0-2, control and listening sockets (4, 5),
 * ignores terminal signals and dies with its supervisor.
 * Threads    spawn from the main thread only: the death signal is tied to the thread that forked. */
#ifndef PLT_LAUNCH_CLUSTER_CHILD_H
#define PLT_LAUNCH_CLUSTER_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/status.h"

enum { PLT_CHILD_CONTROL = 3, PLT_CHILD_SOCKETS = 4 };

typedef struct plt_child {
  pid_t pid; /* 0: none */
  int control, pidfd;
} plt_child_t;

typedef struct plt_child_end {
  plt_status_t status;
  int signal;      /* that ended it, or 0 */
  char text[2048]; /* its own words */
} plt_child_end_t;

/* sockets[2]: listening descriptors to hand down, -1 for none. PLT_ERR_IO. */
plt_status_t plt_child_spawn(const char *role, unsigned number, const int sockets[2], const char *runtime,
                             plt_child_t *out);
/* Asks for a checkpoint and an orderly end. */
void plt_child_interrupt(const plt_child_t *child);
/* Whether it has ended; then *end says how and the child is none. */
bool plt_child_reap(plt_child_t *child, plt_child_end_t *end);
/* Kills it and waits; harmless when there is none. */
void plt_child_kill(plt_child_t *child);

/* In the child: the runtime line (free it); later the order byte, 0 if there is none. */
char *plt_child_read_runtime(void);
char plt_child_read_order(void);
/* In the child, last thing. */
void plt_child_report(plt_status_t status, const char *text);

#endif
