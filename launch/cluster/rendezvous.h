/* rendezvous.h - what MPI is used for: finding the other ranks, telling them one thing, and nothing more.
 *
 * Join, a few collective calls, leave: MPI is finalised before any work begins, because waiting in it spins. The
 * launcher (mpirun, srun) goes on watching the processes and passes their exit codes on.
 *
 * Collective  every call but plt_rendezvous_join's first look, by all ranks in the same order.
 * Threads    the main thread (MPI_THREAD_FUNNELED), before any work begins.
 * Errors     PLT_ERR_USAGE for a launcher that does not speak MPI's language: every task says so, they do not know of
 *            each other. */
#ifndef PLT_LAUNCH_CLUSTER_RENDEZVOUS_H
#define PLT_LAUNCH_CLUSTER_RENDEZVOUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/status.h"

enum { PLT_NODE_NAME_MAX = 64 };

typedef struct plt_rendezvous {
  int rank, size;
  int node, nodes;                  /* of this rank: machines in order of their first rank */
  int *node_of;                     /* [size] */
  int places;                       /* of which machines have several where ranks do not share /tmp */
  int *place_of;                    /* [size] */
  char host[PLT_NODE_NAME_MAX];     /* of this rank */
  char (*hosts)[PLT_NODE_NAME_MAX]; /* [size] */
  bool has_broadcast;               /* rank 0 has told the others what to do */
  pid_t launcher;                   /* the process that started this rank */
} plt_rendezvous_t;

/* *out is NULL when no launcher started this process, or only this one: then everything runs in it. */
plt_status_t plt_rendezvous_join(plt_rendezvous_t **out);
/* Rank 0's *bytes reach all; the others get a copy to free. */
void plt_rendezvous_broadcast(plt_rendezvous_t *rv, void **bytes, size_t *n);
/* One outcome for all: the failure of the lowest rank that failed, with its text, or PLT_OK. */
plt_status_t plt_rendezvous_agree(const plt_rendezvous_t *rv, plt_status_t status);
/* Records of `bytes` bytes of all ranks, in rank order, into all [size * bytes]. */
void plt_rendezvous_gather(const plt_rendezvous_t *rv, const void *record, size_t bytes, void *all);
/* "Open MPI v4.1.4", for --version; of no rank. */
void plt_rendezvous_library(char *out, size_t bytes);
/* Ends MPI; the record stays. */
void plt_rendezvous_leave(const plt_rendezvous_t *rv);
void plt_rendezvous_destroy(plt_rendezvous_t **rv);

#endif
