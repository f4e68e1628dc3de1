/* export.h - tables to directories of TABLE.npy files, or the final vectors that a model makes of them.
 *
 * Threads    each worker calls with its session, all of them, in the same order among their calls.
 * Errors     as plt_npy_writer. */
#ifndef PLT_WORKER_RANK_EXPORT_H
#define PLT_WORKER_RANK_EXPORT_H

#include "worker/session/session.h"

/* A plt_session_fn: writes every table as TABLE.npy, and how features are scaled, if they are
 * (worker/data/prepare.h), or `vectors`: user_vectors.npy and item_vectors.npy, whose products are the scores
 * (vectors.h), worked out by all workers a block at a time. */
typedef struct plt_export {
  const char *directory; /* is made */
  bool vectors;
} plt_export_t;
plt_status_t plt_export(plt_session_t *session, void *export);
/* The file of one side's vectors, without the directory. */
const char *plt_export_vectors_file(plt_side_t side);
/* The file that says how features are scaled, NULL if they are not. */
const char *plt_export_features_file(const plt_plan_t *plan);

#endif
