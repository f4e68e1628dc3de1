/* state.h - one worker's training as the files of this room see it, and what all of them need.
 *
 *   epochs.c      the epochs of a slot: their begin and end, evaluation, early stopping
 *   together.c    the batches of an epoch in bsp
 *   alone.c       the batches of an epoch in ssp and asp
 *   save.c        checkpoints and stops
 *
 * Each uses those below it.
 *
 * Ownership  session, plan and journal are borrowed; epochs.c makes and destroys what is of a slot, plt_train()
 *            ends the order.
 * Threads    one owner.
 * Units      *_ns in nanoseconds, *_seconds in seconds; rounds and clocks count steps.
 * Errors     plt_trainer_barrier(): those of the client. */
#ifndef PLT_WORKER_TRAIN_STATE_H
#define PLT_WORKER_TRAIN_STATE_H

#include "worker/client/pending.h"
#include "worker/train/compute.h"
#include "worker/train/frozen.h"
#include "worker/train/journal.h"
#include "worker/train/view.h"

/* A checkpoint that servers were told to write; worker 0's. */
typedef struct plt_order {
  plt_pending_t pending;
  bool is_best;
  bool has_best; /* of its slot there is one, this or one before */
  uint32_t epoch;
  int64_t begin_ns;
} plt_order_t;

/* What the steps of an epoch are made of; plt_batch_make() and plt_compute_gradients() are the usual. */
typedef struct plt_steps {
  void *context;
  uint32_t batches; /* per epoch */
  /* What the worker pulls and, n_blocks of it, pushes; leaves are between the two functions. Overwrites `batch`. */
  void (*make)(void *context, uint32_t epoch, uint32_t number, plt_batch_t *batch);
  /* What plt_compute_gradients() does. */
  plt_status_t (*gradients)(void *context, const plt_batch_t *batch, const float *values, uint32_t phase, double eta,
                            plt_gradients_t *out);
} plt_steps_t;

/* Looks at the tables after epoch `epoch`, with all workers at the same time; `name` is new in the session. */
typedef plt_status_t (*plt_trainer_look_fn)(plt_session_t *session, const char *name, plt_journal_t *journal,
                                            uint32_t epoch);

typedef struct plt_trainer {
  plt_session_t *session;
  const plt_plan_t *plan;   /* of the slot under way */
  plt_journal_t *journal;   /* worker 0's; NULL for others */
  plt_trainer_look_fn look; /* NULL: none */
  /* Of a slot: epochs.c. */
  const plt_steps_t *steps;
  plt_batch_maker_t *maker;
  plt_compute_t *compute;
  plt_batch_t *batch, *next; /* bsp: the one whose rows are here, and the one that is pulled next */
  plt_batch_t *ahead;        /* bsp: the one after that, or an older one */
  float *values;             /* bsp: pulled rows of `batch` */
  plt_frozen_t *frozen;      /* rows of frozen tables that were pulled before */
  uint32_t batches;          /* per epoch */
  /* Of the whole. */
  uint64_t clock; /* steps applied to the tables; ssp, asp: when all workers met last */
  uint64_t round; /* ssp, asp: this worker's clock (ps/server/clock.h) */
  plt_progress_t p;
  plt_order_t order;
  uint64_t published;   /* clock of the last checkpoint that is complete, or of the start */
  uint64_t saved_clock; /* of the last checkpoint that was ordered; UINT64_MAX: none */
  bool saved_closed;    /* that checkpoint knew the epoch's evaluation */
  uint32_t saved_slot;  /* where it stood */
  int64_t saved_ns, begin_ns;
  double begin_seconds; /* training time before this start */
  /* of the epoch under way */
  int64_t sample_ns, compute_ns, epoch_ns;
  uint64_t samples;
  plt_client_count_t count;
  plt_view_clock_t view; /* since this start */
  bool has_news;         /* a checkpoint was published that the journal has not told */
  plt_journal_checkpoint_t news;
  int64_t told_ns; /* of what view has for checkpoints: told already */
} plt_trainer_t;

bool plt_trainer_is_first(const plt_trainer_t *t);
/* All steps of train.max_steps are made. */
bool plt_trainer_is_used_up(const plt_trainer_t *t);
/* A phase of the epoch under way, from begin_ns until now, is added to *sum. */
void plt_trainer_count(plt_trainer_t *t, plt_view_phase_t phase, int64_t begin_ns, int64_t *sum);
/* A slot of the procedure begins: the plan is that of the slot, progress begins anew. */
void plt_trainer_begin_slot(plt_trainer_t *t, uint32_t slot);
/* Tables were written beside steps: a checkpoint of this clock that there may be does not have that. */
void plt_trainer_touch(plt_trainer_t *t);
/* A name for a sum or a barrier: `what`, and which slot it is if it is not the first; into out. */
void plt_trainer_name(const plt_trainer_t *t, const char *what, char out[96]);
/* Waits for all workers; once per slot, clock and `what`. */
plt_status_t plt_trainer_barrier(plt_trainer_t *t, const char *what);

#endif
