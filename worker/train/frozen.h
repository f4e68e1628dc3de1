/* frozen.h - rows of frozen tables are pulled once: what a slot's batches asked for stays with the worker.
 *
 *   pulls of a batch ─▶ of frozen tables only what is missing ─▶ [exchange] ─▶ the batch has all its rows
 *
 * Memory     of a frozen table the rows that were asked for (session/row_cache.h).
 * Threads    one owner. Exchanges may overlap; of rows that two of them lack, each brings its own. */
#ifndef PLT_WORKER_TRAIN_FROZEN_H
#define PLT_WORKER_TRAIN_FROZEN_H

#include "common/mem.h"
#include "worker/client/client.h"
#include "worker/session/plan.h"

typedef struct plt_frozen plt_frozen_t;

/* Of one exchange: what its batch wants of frozen tables, and what comes of it. */
typedef struct plt_frozen_wants {
  plt_pull_t wanted[PLT_MODEL_TABLES_MAX], coming[PLT_MODEL_TABLES_MAX];
  size_t n;
} plt_frozen_wants_t;

plt_frozen_t *plt_frozen_create(const plt_plan_t *plan);
void plt_frozen_destroy(plt_frozen_t **frozen);
/* Changes the n pulls of a batch so that what is here does not come again; returns how many are left. What `wants`
 * points to is the batch's arena's. */
size_t plt_frozen_pulls(const plt_frozen_t *frozen, plt_frozen_wants_t *wants, plt_pull_t *pulls, size_t n,
                        plt_arena_t *arena);
/* They have come: the rest of the rows goes where it was to go. A second time nothing happens. */
void plt_frozen_fill(plt_frozen_t *frozen, plt_frozen_wants_t *wants);

#endif
