/* supervisor.h - one rank after the rendezvous: it keeps its child as the conductor wants it.
 *
 *                 RUN g                   child ends
 *   (idle) ────────────────▶ (running g) ────────────▶ (ended g)        STOP: kill, then idle
 *      ▲                                                   │            FINISH: kill, report it, leave
 *      └───────────────────────── STOP ────────────────────┘
 *
 * Signals INT, TERM, USR1 at any rank ask the conductor for a checkpoint and an orderly end.
 *
 * Ownership  borrows brief and sockets; wire and links are its own until close, the child until it ends.
 * Threads    the main thread (see child.h).
 * Errors     connect: PLT_ERR_PROTOCOL (brief.h), PLT_ERR_CREATE. run: PLT_ERR_DEADLINE, rank 0 is not heard any
 *            more; PLT_ERR_PEER, the launcher is gone or the wire failed. A child that does not start or fails is no
 *            error here: the report tells the conductor. */
#ifndef PLT_LAUNCH_CLUSTER_SUPERVISOR_H
#define PLT_LAUNCH_CLUSTER_SUPERVISOR_H

#include <stdatomic.h>
#include <sys/types.h>

#include "launch/cluster/star.h"

typedef struct plt_supervisor {
  int rank;
  const plt_brief_t *brief; /* what the child is told, but for what the directive says */
  /* plt_child_spawn(), but in tests. */
  plt_status_t (*spawn)(const plt_brief_t *brief, const int sockets[2], plt_child_t *out);
  int sockets[2]; /* listening, for the child; -1: none */
  const atomic_int *signalled;
  plt_child_t child;
  plt_report_t report; /* the present state */
  bool interrupted;    /* the child has been told */
  const char *lead;    /* host of rank 0 */
  pid_t launcher;      /* who started this rank: mpirun, or its daemon on this machine */
  /* to the conductor; of ranks other than 0 */
  plt_wire_t *wire;
  plt_links_t *links;
} plt_supervisor_t;

/* Makes the child what the directive wants. Returns whether to go on (not FINISH). */
bool plt_supervisor_obey(plt_supervisor_t *supervisor, const plt_directive_t *directive);
/* Looks after the child; returns whether the report has changed. */
bool plt_supervisor_look(plt_supervisor_t *supervisor);
/* Whether the launcher was killed. Ranks that have left MPI do not hear of it otherwise. */
bool plt_supervisor_is_orphaned(const plt_supervisor_t *supervisor);
/* Ways to the conductor at `address`; close ends them, and is harmless when there are none. */
plt_status_t plt_supervisor_connect(plt_supervisor_t *supervisor, const char *address);
void plt_supervisor_close(plt_supervisor_t *supervisor);
/* The loop of a rank that is connected. PLT_OK: the conductor has ended the job, and says how. The child is gone in any
 * case. */
plt_status_t plt_supervisor_run(plt_supervisor_t *supervisor, double deadline_s);

#endif
