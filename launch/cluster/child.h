/* child.h - a role's process: started, ordered about and reaped by the supervisor of its rank.
 *
 *   supervisor ══ control (a socket pair, descriptor 3 in the child) ══ child `plateau worker 2` / `plateau server 0`
 *     down: the brief; then one byte per order                        up: at the end, how it ended
 *
 * Brief and ending are messages (control.h) behind their length. The child is the same binary, executed; it has no
 * MPI, no descriptors but 0-2, control and listening sockets (4, 5), ignores terminal signals and dies with its
 * supervisor.
 *
 * Threads    spawn from the main thread only: the death signal is tied to the thread that forked. In the child one
 *            owner; plt_orders_watch() starts a thread that does nothing but set *interrupted.
 * Errors     spawn: PLT_ERR_IO, with no child left behind; PLT_ERR_PROTOCOL for a brief that is too large. In the
 *            child PLT_ERR_USAGE, PLT_ERR_PROTOCOL. What is to be said to a process that has gone is dropped. */
#ifndef PLT_LAUNCH_CLUSTER_CHILD_H
#define PLT_LAUNCH_CLUSTER_CHILD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "launch/cluster/brief.h"

enum { PLT_CHILD_CONTROL = 3, PLT_CHILD_SOCKETS = 4 };

typedef struct plt_child {
  pid_t pid; /* 0: none */
  int control, pidfd;
} plt_child_t;

typedef struct plt_ending {
  plt_status_t status;
  int signal; /* that ended it, or 0 */
  bool has_standing;
  plt_standing_t standing; /* worker 0: what its task reported */
  char text[2048];         /* of the failure, in its own words */
} plt_ending_t;

/* sockets[2]: listening descriptors to hand down, -1 for none. */
plt_status_t plt_child_spawn(const plt_brief_t *brief, const int sockets[2], plt_child_t *out);
/* Asks for a checkpoint and an orderly end. */
void plt_child_interrupt(const plt_child_t *child);
/* Whether it has ended; then *ending says how and the child is none. */
bool plt_child_reap(plt_child_t *child, plt_ending_t *ending);
/* Kills it and waits; harmless when there is none. */
void plt_child_kill(plt_child_t *child);

/* ---- in the child; `control` is PLT_CHILD_CONTROL ---- */

/* First thing. PLT_ERR_USAGE when there is no supervisor at the other end, PLT_ERR_PROTOCOL when it sent nonsense. */
plt_status_t plt_child_read_brief(int control, plt_brief_t *brief);
/* Last thing. */
void plt_child_report(int control, const plt_ending_t *ending);

/* Orders come while the role is at work: a thread waits for them and sets *interrupted. */
typedef struct plt_orders plt_orders_t;
plt_orders_t *plt_orders_watch(int control, atomic_int *interrupted);
void plt_orders_ignore(plt_orders_t **orders);

#endif
