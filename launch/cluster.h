/* cluster.h - a job under mpirun or srun: from the rendezvous to the exit code.
 *
 *   rank 0: configuration, data, checkpoint ─ broadcast ─▶ roles ─▶ sockets ─ gather ─▶ MPI ends ─▶ conductor
 *   others:                                  ◀──────────           ──────────           ▶ supervisor
 *
 * Servers are the last ranks of each machine, spread over the machines in turn; the others are workers, in rank
 * order. ipc within a machine, tcp between machines.
 * Collective  all ranks, the same way. */
#ifndef PLT_LAUNCH_CLUSTER_H
#define PLT_LAUNCH_CLUSTER_H

#include "launch/job.h"
#include "launch/rendezvous.h"
#include "launch/runtime.h"

/* Rank 0: sets cluster.workers from the number of ranks and threads to 1 unless given. PLT_ERR_USAGE when the ranks
 * are too few or cluster.workers is set to another number. */
plt_status_t plt_cluster_shape(const plt_rendezvous_t *rv, plt_config_t *config);
/* Rank 0: runs the task. `runtime` says what (task, run_dir, restore, output ...). */
plt_status_t plt_cluster_lead(const plt_rendezvous_t *rv, const plt_job_t *job, const plt_runtime_t *runtime);
/* Rank 0: there is nothing to run; the others exit with this status too. Returns it. */
plt_status_t plt_cluster_cancel(const plt_rendezvous_t *rv, plt_status_t status);
/* The other ranks; returns the exit code. */
int plt_cluster_follow(const plt_rendezvous_t *rv);

#endif
