/* cluster.h - a job under mpirun or srun: from the rendezvous to the exit code.
 *
 *   rank 0: configuration, data, checkpoint ─ broadcast ─▶ roles ─▶ sockets ─ gather ─▶ MPI ends ─▶ conductor
 *   others:                                  ◀──────────           ──────────           ▶ supervisor
 *
 * Servers are the last ranks of each machine, spread over the machines in turn; the others are workers, in rank
 * order. ipc within a machine, tcp between machines.
 * Collective  all ranks, the same way. */
#ifndef PLT_LAUNCH_CLUSTER_CLUSTER_H
#define PLT_LAUNCH_CLUSTER_CLUSTER_H

#include "launch/cluster/rendezvous.h"
#include "launch/cluster/runtime.h"
#include "launch/job/job.h"

/* Rank 0: sets cluster.workers from the number of ranks and threads to 1 unless given. PLT_ERR_USAGE when the ranks
 * are too few or cluster.workers is set to another number. */
plt_status_t plt_cluster_shape(const plt_rendezvous_t *rv, plt_config_t *config);
/* Rank 0: runs the task. `runtime` says what (task, run_dir, restore, output ...). */
plt_status_t plt_cluster_lead(plt_rendezvous_t *rv, const plt_job_t *job, const plt_runtime_t *runtime);

/* What a command does at rank 0, or alone (rv is NULL): it may call plt_cluster_lead once. */
typedef plt_status_t (*plt_lead_fn)(plt_rendezvous_t *rv, int argc, char **argv);
/* Runs a command under any launcher or none. Ranks other than 0 follow and do not return. */
plt_status_t plt_cluster_command(int argc, char **argv, plt_lead_fn lead);

#endif
