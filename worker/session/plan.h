/* plan.h - what one stage of a job does, in the form in which its workers use it: made from the configuration by the
 * launcher, the same in every process, read-only, shared by the workers of a process. What a whole job does is a
 * procedure (procedure.h); of most jobs it is one stage.
 *
 * Ownership  borrows all that it points to, from the job.
 * Threads    read-only once it is made, but for *interrupted, which a signal or another thread sets.
 * Units      checkpoint_every_s in seconds. */
#ifndef PLT_WORKER_SESSION_PLAN_H
#define PLT_WORKER_SESSION_PLAN_H

#include <stdatomic.h>
#include <string.h>

#include "proto/message.h"
#include "worker/data/sampler.h"
#include "worker/graph/graph.h"
#include "worker/kit/model.h"
#include "worker/math/ranking.h"
#include "worker/strategies/strategy.h"

enum { PLT_RHO_MAX = 16 }; /* distances at which sharpness is measured */
/* What a job may have; threads: each of its processes. */
enum { PLT_WORKERS_MAX = 4096, PLT_SERVERS_MAX = 1024, PLT_THREADS_MAX = 128 };

/* The tables of another run that the servers begin with, as its checkpoint has them. */
typedef struct plt_warm_tables {
  size_t n;
  plt_table_spec_t spec[PLT_TABLES_MAX];
} plt_warm_tables_t;

struct plt_procedure;
struct plt_leg;

/* Where a slot stands within a leg of several; zeros: its leg has one. */
typedef struct plt_within {
  uint32_t round, rounds, environment, environments;
} plt_within_t;

typedef struct plt_plan {
  const struct plt_procedure *procedure; /* of the job; NULL: this plan is all there is */
  const struct plt_leg *leg;             /* whose plan it is; NULL: of no one yet, or there is no procedure */
  plt_within_t within;
  const plt_dataset_t *data;
  const plt_model_t *model;
  const plt_strategy_t *strategy;
  const plt_sampler_t *sampler;
  const plt_relations_t *relations;             /* of the model; NULL: it has none */
  uint64_t seed;                                /* of the draws of models and graphs */
  plt_table_spec_t specs[PLT_MODEL_TABLES_MAX]; /* of the model's tables, in its order */

  uint32_t epochs, batch_size, micro_batch;
  uint64_t max_steps;    /* optimizer steps of the whole job; 0: no limit */
  size_t last_leg;       /* of the procedure: the job ends behind it */
  uint32_t log_every;    /* batches between step events; 0: none */
  const char *optimizer; /* for people; tables may have others */
  double lr, schedule[2], clip_norm;

  uint32_t eval_every;         /* epochs; 0: never */
  uint32_t eval_users;         /* ranked of a part; 0: all */
  bool final_parts[PLT_PARTS]; /* ranked when training has ended */
  plt_topk_t topk;
  char metric[24];              /* chooses the best epoch: "recall@20" */
  bool shown[PLT_METRIC_KINDS]; /* in tables; JSON and metrics.jsonl have all */
  bool masks_valid;             /* a user's validation items are left out of the rankings of test and shift */
  uint32_t cold;                /* training pairs that a cold user or item has at most */
  bool looks_around;            /* sharpness with the evaluations, at these distances */
  double rho[PLT_RHO_MAX];
  size_t n_rho;
  uint32_t rho_batches;
  uint32_t patience; /* evaluations without a better one; 0: no early stopping */

  const char *replay;            /* directory of a procedure's replays, or NULL */
  const char *init_from;         /* directory of TABLE.npy files, or NULL */
  const plt_warm_tables_t *warm; /* instead of it; NULL: there are none */
  bool init_missing_is_fresh;

  bool log_view;       /* tells at length where time went, when training has ended */
  const char *trace;   /* file of a trace (worker/train/trace.h); NULL: none */
  const char *run_dir; /* NULL: the job keeps nothing */
  double checkpoint_every_s;
  uint32_t checkpoint_every_epochs, checkpoint_keep;

  uint32_t workers, servers, threads; /* threads per worker */
  bool alone;                         /* ssp, asp: every worker steps alone (docs/consistency.md) */
  uint64_t staleness;                 /* UINT64_MAX: asp */
  uint32_t prefetch;                  /* own batches that rows are pulled ahead; 0 in bsp and with one worker */
  const atomic_int *interrupted;      /* signal number that asks for checkpoint and stop; 0: none; may be NULL */
} plt_plan_t;

/* Whether table t is part of what a strategy trains: neither frozen nor trained beside it. */
static inline bool plt_plan_trains(const plt_plan_t *plan, size_t t) {
  return !plan->specs[t].frozen && !plan->model->tables[t].aux;
}

/* The one of that name, or NULL. */
static inline const plt_table_spec_t *plt_warm_table(const plt_warm_tables_t *tables, const char *name) {
  for (size_t i = 0; i < tables->n; i++)
    if (strcmp(tables->spec[i].name, name) == 0) return &tables->spec[i];
  return NULL;
}
/* Learning rate of an epoch: lr * s0^(epoch / s1) (docs/methods/optimizers.md 1). */
double plt_plan_eta(const plt_plan_t *plan, uint32_t epoch);

#endif
