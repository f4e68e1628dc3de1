/* session.h - one worker at work: its link to the servers and its threads; what work with tables begins and ends with.
 *
 * Work (training, an evaluation, an export) is a function of a session. plt_session_run() opens one, declares the
 * tables, brings in initial tables if the plan says so, does the work and takes leave; a failure is told to the other
 * workers, so that nobody waits for this one.
 *
 * Ownership  plt_session_run() opens and closes it; it owns client, crew and sampler, and borrows plan and wire.
 * Threads    one owner, the worker's; sessions have nothing in common but a plan that they read, and the wire.
 * Errors     run: those of `work`; before it those of the client, of initial tables (import.h), PLT_ERR_CHECKPOINT
 *            for one behind the end of the procedure. A leave that no server hears is no failure. declare, barrier:
 *            those of the client. */
#ifndef PLT_WORKER_SESSION_SESSION_H
#define PLT_WORKER_SESSION_SESSION_H

#include "worker/client/client.h"
#include "worker/session/plan.h"

typedef struct plt_session {
  const plt_plan_t *plan; /* of the stage that the session is in */
  const plt_plan_t *run;  /* as it was given: what is of the whole job */
  size_t n_tables;        /* that stand on the servers for good: the model's, then those kept for later stages */
  plt_client_t *client;
  plt_crew_t *crew;
  uint32_t worker;
  uint64_t job;
  uint32_t generation;
  uint64_t clock;          /* of the tables at the start */
  bool resumed;            /* they come from a checkpoint */
  plt_progress_t progress; /* what it said, or zeros */
  /* Of a job with a procedure: what `plan` points to. */
  plt_plan_t of_leg;
  plt_sampler_t *sampler;
} plt_session_t;

/* Called once in every worker's session; collective, as its calls of the client are. */
typedef plt_status_t (*plt_session_fn)(plt_session_t *session, void *context);

plt_status_t plt_session_run(const plt_plan_t *plan, plt_wire_t *wire, const plt_client_config_t *config,
                             plt_session_fn work, void *context);
/* From here on `plan` is that of the slot, which must be of a leg of the procedure. Says nothing to the servers. */
void plt_session_go_to(plt_session_t *session, uint32_t slot);
/* The slot's samples come from this one, which the session takes; and where it stands within its leg. */
void plt_session_place(plt_session_t *session, plt_sampler_t **sampler, plt_within_t within);
/* Table i of the leg, or of the plan, as it is declared. */
void plt_session_spec(const plt_session_t *session, size_t i, plt_table_spec_t *out);
/* Declares all tables. */
plt_status_t plt_session_declare(plt_session_t *session);
/* PLT_ERR_STOPPED where this worker is the one that is told of a stop (INT, TERM ...) and was: to be asked about once a
 * second in long work between two agreed stops. The others hear of it as of a failure. */
plt_status_t plt_session_look(const plt_session_t *session);
/* Adds n values over all workers, in place, however many they are; `name` must be new. */
plt_status_t plt_session_sum(plt_session_t *session, const char *name, double *values, size_t n);
/* Waits for all workers; `name` must be new. */
plt_status_t plt_session_barrier(plt_session_t *session, const char *name);

#endif
