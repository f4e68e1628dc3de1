/* batch.h - a worker's share of one batch: its leaves, the rows they touch, and where everything lies.
 *
 *   samples ─▶ leaf: distinct users, distinct items, samples as positions within them
 *          ─▶ the closure around them (closure.h), whose sets say which rows are pulled
 *          ─▶ keys per table, for one pull of all leaves together
 *
 *   one flat vector:   [table 0: rows x cols][table 1: rows x cols] ... [aux tables' rows][frozen tables' rows]
 *                       └── w of a leaf: what its strategy trains ───┘
 *                       └──────────────────── pushed ────────────────────────────────┘
 *
 * Memory     all in one arena; a batch is made anew in the same memory, so nothing is allocated once warm.
 * Threads    one owner.
 * Units      offsets and sizes of vectors in floats.
 * Source     docs/methods/determinism.md 3. */
#ifndef PLT_WORKER_TRAIN_BATCH_H
#define PLT_WORKER_TRAIN_BATCH_H

#include "proto/tree.h"
#include "worker/client/client.h"
#include "worker/kit/forward.h"
#include "worker/session/plan.h"

/* The rows of one table in one flat vector. */
typedef struct plt_rows_view {
  const uint64_t *keys; /* ascending */
  size_t n;
  size_t offset;         /* floats from the start of the vector */
  const uint32_t *place; /* leaf: row k is row place[k] of the batch's pull; NULL: they are the same rows */
} plt_rows_view_t;

typedef struct plt_leaf {
  uint32_t number; /* within the batch */
  double weight;   /* of its loss and gradient in the step (docs/methods/determinism.md 3) */
  plt_leaf_pass_t pass;
  plt_rows_view_t *rows;          /* [n_tables] */
  size_t floats, trained, pushed; /* of the vector, of w, of w and what is trained beside it */
} plt_leaf_t;

typedef struct plt_batch {
  uint32_t epoch, batch;
  uint32_t turn;         /* what a strategy counts: the batch, in ssp and asp of those that are the worker's own */
  uint32_t samples;      /* of the whole batch, all workers */
  uint32_t leaves_total; /* of the whole batch */
  plt_leaf_t *leaves;    /* this worker's */
  size_t n_leaves;
  plt_rows_view_t *rows; /* [n_tables], over all leaves of this worker */
  size_t floats;
  plt_leaf_span_t blocks[PLT_TREE_BLOCKS_MAX]; /* what is pushed */
  size_t n_blocks;
  plt_arena_t *arena;
} plt_batch_t;

typedef struct plt_batch_maker {
  const plt_plan_t *plan;
  uint32_t worker, workers;
  uint64_t *all_keys; /* 0, 1, 2 ... for dense tables */
  plt_closure_maker_t *closures;
} plt_batch_maker_t;

/* Worker `worker` of `workers` that share a batch; `crew` may be NULL. */
plt_batch_maker_t *plt_batch_maker_create(const plt_plan_t *plan, uint32_t worker, uint32_t workers, plt_crew_t *crew);
void plt_batch_maker_destroy(plt_batch_maker_t **maker);

plt_batch_t *plt_batch_create(void);
void plt_batch_destroy(plt_batch_t **batch);
/* Overwrites `batch` with this worker's share of (epoch, number). */
void plt_batch_make(const plt_batch_maker_t *maker, uint32_t epoch, uint32_t number, plt_batch_t *batch);
/* What is to be pulled for it, into the vector `values` [batch->floats]; returns the number of pulls. */
size_t plt_batch_pulls(const plt_plan_t *plan, const plt_batch_t *batch, float *values, plt_pull_t *pulls);
/* A leaf's own rows [leaf->floats] out of what was pulled: `values` itself where there is one leaf, else the
 * arena's. */
const float *plt_batch_leaf_values(const plt_plan_t *plan, const plt_batch_t *batch, const plt_leaf_t *leaf,
                                   const float *values, plt_arena_t *arena);

#endif
