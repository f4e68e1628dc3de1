/* cluster.h - a job under mpirun or srun: from the rendezvous to the exit code.
 *
 *   rank 0: configuration, data, checkpoint ─ broadcast ─▶ roles ─▶ sockets ─ gather ─▶ MPI ends ─▶ conductor
 *   others:                                  ◀──────────           ──────────           ▶ supervisor
 *
 * Servers are the last ranks of each machine, spread over the machines in turn; the others are workers, in rank
 * order. ipc within a machine, tcp between machines.
 *
 * Collective  all ranks, the same way.
 * Exits       A launcher passes on the code of a rank that failed: mpirun the first one's, srun the highest; and mpirun
 *             ends all ranks as soon as one has left with a bad code, whatever they were about to say. So rank 0 speaks
 *             for the job, once (launch/host/last_word.h), and carries its code; the others leave with 0, and nobody
 *             before it has spoken:
 *             - a failure of rank 0 before the broadcast is said before it, and the broadcast is empty;
 *             - a failure of any rank until MPI ends is agreed on (plt_rendezvous_agree), rank 0 says it, all clean up,
 *               and MPI_Finalize is the last collective;
 *             - later ones reach the conductor in a report; it says them, then orders FINISH.
 *             Only a rank that hears nothing of rank 0 any more leaves with a code of its own, rank 1 first.
 * Threads    the main thread: MPI is told so (rendezvous.h), and ranks fork (child.h).
 * Errors     shape: PLT_ERR_USAGE. lead: PLT_ERR_CREATE for sockets, and for a run directory that a rank does not
 *            see; PLT_ERR_USAGE for cluster.interface; those of plt_secret_create() and plt_file_publish(); then
 *            those of plt_conductor_run(). command: what `lead` returns, at other ranks PLT_OK as "Exits" says;
 *            PLT_ERR_USAGE of rendezvous.h. */
#ifndef PLT_LAUNCH_CLUSTER_CLUSTER_H
#define PLT_LAUNCH_CLUSTER_CLUSTER_H

#include "launch/cluster/rendezvous.h"
#include "launch/tasks/work.h"

/* Rank 0: sets cluster.workers from the number of ranks and threads to 1 unless given. Fails when the ranks are too few
 * or too many, or cluster.workers is set to another number. */
plt_status_t plt_cluster_shape(const plt_rendezvous_t *rv, plt_config_t *config);
/* Rank 0: all turns of the work, by all ranks. */
plt_status_t plt_cluster_lead(plt_rendezvous_t *rv, const plt_job_t *job, const plt_work_t *work);

/* What a command does at rank 0, or without a launcher (rv is NULL): it may call plt_cluster_lead once. */
typedef plt_status_t (*plt_lead_fn)(plt_rendezvous_t *rv, int argc, char **argv);
/* Runs a command under any launcher or none. Ranks other than 0 follow. */
plt_status_t plt_cluster_command(int argc, char **argv, plt_lead_fn lead);

#endif
