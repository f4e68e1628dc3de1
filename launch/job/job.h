/* job.h - everything a process knows of a job: the configuration and what is made from it.
 *
 * Life       create (configuration) -> open its relations -> run a task on it (launch/tasks), as often as wanted.
 * Ownership  the job owns configuration, data, procedure and what its stages are made of.
 * Threads    one makes, opens and destroys it; in between any number may read. plan.run_dir and plan.interrupted are
 *            set before it runs.
 * Units      *_s in seconds, *_bytes in bytes.
 * Errors     create: PLT_ERR_USAGE for what the configuration asks; PLT_ERR_DATA, PLT_ERR_IO for what data folders,
 *            features and replay files hold. check_memory: PLT_ERR_USAGE. */
#ifndef PLT_LAUNCH_JOB_JOB_H
#define PLT_LAUNCH_JOB_JOB_H

#include "common/options/options.h"
#include "launch/job/warm_start.h"
#include "worker/session/procedure.h"
#include "worker/session/session.h"

typedef enum { PLT_TRANSPORT_INPROC, PLT_TRANSPORT_IPC, PLT_TRANSPORT_TCP } plt_transport_t;

extern const char *const plt_transport_names[]; /* by kind */

/* What belongs to a stage. */
typedef struct plt_job_stage {
  plt_model_t *model;
  plt_strategy_t *strategy;
  plt_sampler_t *sampler;
  plt_relations_t *relations; /* of the model; NULL: it has none, or those of a stage before */
} plt_job_stage_t;

typedef struct plt_job {
  plt_config_t *config;
  plt_dataset_t *data;
  plt_procedure_t *procedure; /* what is made of `stages`; of one leg in a plain run */
  plt_job_stage_t *stages;
  size_t n_stages;
  plt_warm_start_t warm; /* the run whose tables this one begins with */
  plt_plan_t plan; /* of the first leg, with what is of the whole run: sessions find their place in the procedure */
  plt_transport_t transport;
  const char *proxy;       /* HOST:PORT between workers and servers; NULL: none */
  bool lends;              /* values over ipc go through shared memory */
  plt_security_t security; /* means nothing over inproc */
  plt_wire_type_t wire;
  double deadline_s;
  uint64_t id;           /* random, for this start */
  uint64_t memory_bytes; /* that this machine had free when the job was made: its servers hold no more */
} plt_job_t;

/* Takes the configuration. begins: of a run that begins; else run.dir has kept how features are scaled (features.h). */
plt_status_t plt_job_create(plt_config_t **config, bool begins, plt_job_t **out);
void plt_job_destroy(plt_job_t **job);

/* The relations of the models, before the job runs: built in memory, or, where several processes are at work, in files
 * below their run directory `shared` that they map. PLT_ERR_DATA. */
plt_status_t plt_job_open_relations(plt_job_t *job, const char *shared);

/* Expected bytes of all tables with optimizer state, of the stage that has most: what the servers hold and a checkpoint
 * writes. */
uint64_t plt_job_table_bytes(const plt_job_t *job);
/* Expected bytes, of the stages that need most. */
typedef struct plt_job_memory {
  uint64_t tables; /* of all servers together: rows, optimizer states, states of inference */
  uint64_t worker; /* of each worker */
} plt_job_memory_t;
plt_job_memory_t plt_job_memory(const plt_job_t *job);
/* PLT_ERR_USAGE, with what would fit, where all servers and so many workers need more than this machine's memory. */
plt_status_t plt_job_fits(const plt_job_t *job, uint32_t workers);
/* Says what the job will need, fails if this machine's memory cannot hold it. */
plt_status_t plt_job_check_memory(const plt_job_t *job);

#endif
