/* probe.h - the training loss of a batch where the weights are others: what landscapes and sharpness are made of.
 *
 *   take ─▶ a batch of training's epoch 0, its rows as they stand on the servers ─▶ leaf: loss at any w, gradient
 *
 * A worker has whole batches here; their leaves are those of training. Samples, negatives and all else that is drawn
 * are the same at every point: only the weights differ. The loss is the model's with its penalties, without what a
 * strategy or adversarial training adds. w is what the strategy trains: no frozen tables, none that are trained beside
 * it.
 *
 * Ownership  borrows the session. A batch stays until the next one is taken.
 * Threads    one owner, the session's.
 * Errors     open: PLT_ERR_USAGE where the stage has no loss of batches. take: those of the client. */
#ifndef PLT_WORKER_FLATNESS_PROBE_H
#define PLT_WORKER_FLATNESS_PROBE_H

#include "worker/session/session.h"
#include "worker/train/batch.h"

typedef struct plt_probe plt_probe_t;

/* Whether the stage of the session has such a loss. */
bool plt_probe_is_possible(const plt_session_t *session);
plt_status_t plt_probe_open(plt_session_t *session, plt_probe_t **out);
void plt_probe_close(plt_probe_t **probe);
/* How many of `wanted` batches there are; 0: all of an epoch are wanted. */
uint32_t plt_probe_batches(const plt_probe_t *probe, uint32_t wanted);

plt_status_t plt_probe_take(plt_probe_t *probe, uint32_t number);
size_t plt_probe_leaves(const plt_probe_t *probe);
/* Leaf l of the batch: its share of the batch's loss, and its weights [n]. */
double plt_probe_weight(const plt_probe_t *probe, size_t l);
const float *plt_probe_point(plt_probe_t *probe, size_t l, size_t *n);
/* Memory [n] of the batch's. */
float *plt_probe_vector(plt_probe_t *probe, size_t n);
/* Standard normal values like the weights of leaf l, a function of (seed, number, table, row): of all batches, workers
 * and runs the same for a row. by_row: as long as the row's weights, row by row (filter normalisation). */
void plt_probe_direction(const plt_probe_t *probe, size_t l, uint64_t seed, uint32_t number, bool by_row, float *out);
/* The loss of leaf l at the point `at` [n], which is not the one that plt_probe_point() gave; its gradient [n], or
 * NULL. */
double plt_probe_loss(plt_probe_t *probe, size_t l, const float *at, float *gradient);

#endif
