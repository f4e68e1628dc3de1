/* serve.h - servers alone, for workers that are other people's programs (include/plateau.h).
 *
 *   run directory ─▶ newest checkpoint ─▶ sockets ─▶ job file ─▶ servers, a thread each ─▶ all workers have left, a
 *   signal
 *                     (--resume)                      0600                                 or a failure of one
 *
 * Under a launcher every rank has some of the servers, server s lies at rank s mod R; MPI ends before they begin, so
 * the workers may be another step of the same allocation, or anything else that can read the job file. Where the
 * workers share MPI_COMM_WORLD (rendezvous.h, "beside") it ends behind them, and what fails before they begin ends all
 * that is there: nobody would answer the workers.
 *
 * Collective  all ranks, with the same configuration.
 * Threads     the main thread, which waits.
 * Errors      PLT_ERR_USAGE: a directory that holds checkpoints and no resume, or a run of plateau train, a network
 *             that is not here, fewer servers than ranks; PLT_ERR_PEER: another job works there, or a worker gave up;
 *             PLT_ERR_DEADLINE: idle; PLT_ERR_CREATE and PLT_ERR_IO of files and sockets; PLT_ERR_MEMORY: no thread;
 *             PLT_ERR_CHECKPOINT: none that verifies; PLT_ERR_PREEMPTED: a signal. Ranks other than 0 return PLT_OK
 *             where rank 0 speaks for all. */
#ifndef PLT_LAUNCH_SERVE_SERVE_H
#define PLT_LAUNCH_SERVE_SERVE_H

#include "launch/cluster/rendezvous.h"
#include "proto/wire/security.h"

typedef struct plt_serve_config {
  const char *run_dir;
  const char *options;  /* all of them as YAML, for run_dir/serve.yaml; rank 0's */
  bool tells;           /* beside a program of others: the job file's text to all in MPI_COMM_WORLD */
  const char *job_file; /* NULL: run_dir/job */
  uint32_t workers, servers;
  bool alone;         /* ssp, asp; as servers have it */
  uint64_t staleness; /* the same */
  const char *listen; /* a network, as cluster.interface; NULL: loopback, or with several machines the first one */
  plt_security_t security;
  size_t keep; /* checkpoints */
  bool resume;
  double idle_s; /* 0: for ever */
} plt_serve_config_t;

/* rv NULL: no launcher, one process. */
plt_status_t plt_serve(const plt_rendezvous_t *rv, const plt_serve_config_t *config);
/* Leaves MPI instead, after a failure of the command line. Beside a program of others rank 0 says why and ends it. */
void plt_serve_give_up(const plt_rendezvous_t *rv, plt_status_t status);
/* Whether servers are at work in a directory now. */
bool plt_serve_is_busy(const char *run_dir);

#endif
