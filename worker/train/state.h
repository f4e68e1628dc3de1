/* state.h - what the files of the trainer share; for them only.
 *
 *   trainer.c         epochs, evaluation; the batches of an epoch in bsp
 *   save.c    checkpoints and stops
 *   alone.c   the batches of an epoch in ssp and asp */
#ifndef PLT_WORKER_TRAIN_STATE_H
#define PLT_WORKER_TRAIN_STATE_H

#include "worker/train/compute.h"
#include "worker/train/trainer.h"

/* A checkpoint that servers were told to write; worker 0's. */
typedef struct plt_order {
  bool under_way; /* until it is published */
  bool is_best;
  uint64_t clock;
  uint32_t epoch;
  plt_manifest_part_t *parts;
  int64_t ask_ns, pause_ns; /* when servers are asked next, and how long after that */
  uint64_t moves;           /* how far they were, and since when */
  int64_t moved_ns;
} plt_order_t;

typedef struct plt_trainer {
  plt_session_t *session;
  const plt_plan_t *plan;
  plt_training_t *training;
  plt_batch_maker_t *maker;
  plt_compute_t *compute;
  plt_batch_t *batch, *next; /* bsp: the one whose rows are here, and the one that is pulled next */
  float *values;             /* bsp: pulled rows of `batch` */
  uint32_t batches;          /* per epoch */
  uint64_t clock;            /* steps applied to the tables; ssp, asp: when all workers met last */
  uint64_t round;            /* ssp, asp: this worker's clock (ps/server/clock.h) */
  plt_progress_t p;
  plt_order_t order;
  uint64_t saved_clock; /* of the last checkpoint that was ordered; UINT64_MAX: none */
  bool saved_closed;    /* that checkpoint knew the epoch's evaluation */
  int64_t saved_ns, begin_ns;
  double begin_seconds; /* training time before this start */
  /* of the epoch under way */
  int64_t sample_ns, compute_ns, epoch_ns;
  uint64_t samples;
  plt_client_count_t count;
} plt_trainer_t;

bool plt_trainer_is_first(const plt_trainer_t *t);
/* Waits for all workers; once per clock and `what`. */
plt_status_t plt_trainer_barrier(plt_trainer_t *t, const char *what);
/* The rows of `batch`, into the vector `values`; returns their number. */
size_t plt_trainer_pulls(const plt_trainer_t *t, const plt_batch_t *batch, float *values, plt_pull_t *pulls);

/* ---- save.c ---- */
/* What worker 0 asks for with a push: a checkpoint that is due, a stop. Nothing while an order is under way. */
uint32_t plt_trainer_flags(const plt_trainer_t *t);
/* The servers have taken the order of a checkpoint of t->clock. */
void plt_trainer_ordered(plt_trainer_t *t, bool is_best);
/* Between two steps: worker 0 orders a checkpoint of the tables as they are, unless there is one. In ssp and asp the
 * others must not push before plt_trainer_barrier(). */
plt_status_t plt_trainer_save(plt_trainer_t *t, bool is_best);
/* Publishes what is under way, if it is written or once it is. */
plt_status_t plt_trainer_publish(plt_trainer_t *t, bool wait);
/* The same after a failure, which is returned. */
plt_status_t plt_trainer_rescue(plt_trainer_t *t, plt_status_t status);
/* What a crash between publishing and linking left undone. */
plt_status_t plt_trainer_mend_links(const plt_trainer_t *t);
/* Publishes the checkpoint that was made and returns PLT_ERR_PREEMPTED. */
plt_status_t plt_trainer_stop(plt_trainer_t *t);

/* ---- alone.c ---- */
/* ssp, asp: this worker's batches of the epoch, from t->p.batch on; ends with a meeting of all workers. Then t->p
 * and t->clock tell what all have done together. */
plt_status_t plt_trainer_run_alone(plt_trainer_t *t);

#endif
