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

/* A program of others may share MPI_COMM_WORLD with ranks of ours ("beside"): then both split it, each with a colour of
 * its own, and ours stay in MPI until they end, because MPI_Finalize waits for all.
 *
 *   ours:    Init ─ Split(world, PLT_RENDEZVOUS_COLOUR) ─ calls of this header, over that ─ work ─ Finalize
 *   theirs:  Init ─ Split(world, another colour) ──────── whatever they do, over that ──────────── Finalize */
enum { PLT_NODE_NAME_MAX = 64, PLT_RENDEZVOUS_COLOUR = 7528 /* docs/library.md tells it */ };

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
  bool beside;                      /* a program of others is in MPI_COMM_WORLD, too */
  bool spread;                      /* and some of all ranks there may be on another machine */
} plt_rendezvous_t;

/* *out is NULL when no launcher started this process, or only this one: then everything runs in it. */
plt_status_t plt_rendezvous_join(plt_rendezvous_t **out);
/* The same where a program of others is beside these ranks; *out is theirs alone, also if there is but one. What
 * plt_rendezvous_leave() does has to wait until they end. PLT_ERR_USAGE also: no launcher. */
plt_status_t plt_rendezvous_join_beside(plt_rendezvous_t **out);
/* Whether the launcher has started several programs, as far as it tells. */
bool plt_rendezvous_has_others(void);
/* Beside others: a text of rank 0 to all in MPI_COMM_WORLD, by two collectives there: an MPI_Allreduce with MPI_MAXLOC
 * of {its bytes, rank}, all others give {0, 0}, and an MPI_Bcast from that rank. */
void plt_rendezvous_tell_all(const plt_rendezvous_t *rv, const char *text);
/* Beside others: ends all that MPI_COMM_WORLD has, with this exit code. */
_Noreturn void plt_rendezvous_abort(int code);
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
