/* frozen.h - rows of frozen tables are pulled once: what a slot's batches asked for stays with the worker.
 *
 *   pulls of a batch ─▶ of frozen tables only what is missing ─▶ [exchange] ─▶ the batch has all its rows
 *
 * Memory     of a frozen table the rows that were asked for (session/row_cache.h).
 * Threads    one owner, one exchange at a time. */
#ifndef PLT_WORKER_TRAIN_FROZEN_H
#define PLT_WORKER_TRAIN_FROZEN_H

#include "common/mem.h"
#include "worker/client/client.h"
#include "worker/session/plan.h"

typedef struct plt_frozen plt_frozen_t;

plt_frozen_t *plt_frozen_create(const plt_plan_t *plan);
void plt_frozen_destroy(plt_frozen_t **frozen);
/* Changes the n pulls of a batch so that nothing comes twice; returns how many are left. What it needs meanwhile is the
 * arena's. */
size_t plt_frozen_pulls(plt_frozen_t *frozen, plt_pull_t *pulls, size_t n, plt_arena_t *arena);
/* They have come: the rest of the rows goes where it was to go. */
void plt_frozen_fill(plt_frozen_t *frozen);

#endif
