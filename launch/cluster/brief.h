/* brief.h - what a role's process is told when it starts, beyond the run's config.yaml: who it is, where the others are
 * and what is to be done.
 *
 *   rank 0 ── invitation (MPI) ──▶ every rank adds its own part ── brief (socket) ──▶ child, anew for every turn
 *
 * It travels as a message (control.h), never through argv, environment or files: it holds the job's secret.
 *
 * Ownership  a brief owns its texts; that of plt_brief_for() borrows them.
 * Threads    a brief has one owner at a time; the calls share nothing.
 * Errors     PLT_ERR_PROTOCOL from plt_brief_secure(): the text is no secret of a job. The others have none. */
#ifndef PLT_LAUNCH_CLUSTER_BRIEF_H
#define PLT_LAUNCH_CLUSTER_BRIEF_H

#include "launch/job/generation.h"
#include "launch/tasks/work.h"

typedef struct plt_brief {
  /* the same for all processes of a generation */
  plt_generation_t generation;
  plt_turn_t turn;
  char **options; /* of the turn's task, "name=text" */
  size_t n_options;
  char *run_dir;
  char *warm;        /* the checkpoint of another run that a first start begins with; "": none */
  bool values_alone; /* its optimizers begin anew */
  char **sets;       /* assignments on top of the run's configuration */
  size_t n_sets;
  bool quiet;
  char *proxy;  /* between workers and servers: HOST:PORT; "" for none */
  char *secret; /* of the job, as text (wire/security.h) */
  /* of this process */
  bool is_server;
  uint32_t number;
  char *endpoints[2]; /* server: what it listens at, through the descriptors it inherits; "" for none */
  char **addresses;   /* worker: of the servers, as seen from its machine */
  size_t n_addresses;
} plt_brief_t;

/* What rank 0 sends to all. */
typedef struct plt_invitation {
  plt_brief_t brief; /* without a process's own part */
  char transport[8], interface[64];
  char probe[64]; /* a file in the run directory that all ranks must see */
  uint32_t max_restarts;
  double deadline_s;
} plt_invitation_t;

/* The common part, for the first turn; no secret yet. */
plt_brief_t plt_brief_of(const plt_job_t *job, const plt_work_t *work);
/* The same process in another generation with another turn. */
plt_brief_t plt_brief_for(const plt_brief_t *brief, const plt_turn_t *turn, uint32_t generation);
void plt_brief_clear(plt_brief_t *brief);
/* Gives the job's secret to a wire. */
plt_status_t plt_brief_secure(const plt_brief_t *brief, plt_wire_t *wire);

#endif
