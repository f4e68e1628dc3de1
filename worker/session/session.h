/* session.h - one worker at work: its link to the servers and its threads; what work with tables begins and ends with.
 *
 * Work (training, an evaluation, an export) is a function of a session. plt_session_run() opens one, declares the
 * tables, brings in initial tables if the plan says so, does the work and takes leave; a failure is told to the other
 * workers, so that nobody waits for this one. */
#ifndef PLT_WORKER_SESSION_SESSION_H
#define PLT_WORKER_SESSION_SESSION_H

#include "worker/client/client.h"
#include "worker/session/plan.h"

typedef struct plt_session {
  const plt_plan_t *plan;
  plt_client_t *client;
  plt_crew_t *crew;
  uint32_t worker;
  uint64_t job;
  uint32_t generation;
  uint64_t clock;          /* of the tables at the start */
  bool resumed;            /* they come from a checkpoint */
  plt_progress_t progress; /* what it said, or zeros */
} plt_session_t;

/* Called once in every worker's session; collective, as its calls of the client are. */
typedef plt_status_t (*plt_session_fn)(plt_session_t *session, void *context);

plt_status_t plt_session_run(const plt_plan_t *plan, plt_wire_t *wire, const plt_client_config_t *config,
                             plt_session_fn work, void *context);
/* Waits for all workers; `name` must be new. */
plt_status_t plt_session_barrier(plt_session_t *session, const char *name);

#endif
