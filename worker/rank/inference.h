/* inference.h - the layers of a graph model at all nodes, computed by all workers through the servers.
 *
 *   layer 0 ─▶ [all workers wait] ─▶ layer 1 ─▶ [wait] ─▶ ... ─▶ layer L ─▶ [wait] ─▶ read by whoever wants
 *      block of nodes: READ the neighbours' rows of the layer before, multiply, ASSIGN into the layer's table
 *
 * Each layer has two temporary tables on the servers (users, items), which are dropped at the end; layer 0 needs none
 * where it is a table of the model. Hops over a graph of items follow in the same way. Blocks are fixed, block b is worker b mod W's: the bits depend on neither the
 * number of workers nor of servers. A worker holds one block and its neighbours at a time (PLT_INFERENCE_EDGES rows).
 *
 * Threads    one owner; all workers call begin and end, in the same order among their calls.
 * Source     METHODS 4, 5. */
#ifndef PLT_WORKER_RANK_INFERENCE_H
#define PLT_WORKER_RANK_INFERENCE_H

#include "worker/session/session.h"

enum { PLT_INFERENCE_NODES = 1024, PLT_INFERENCE_EDGES = 1 << 16 }; /* of a block, at most */

typedef struct plt_inference plt_inference_t;

/* Computes all layers from the tables as they are; `name` must not have been used. *out stays NULL for a model without
 * a graph, and the other calls then do nothing. */
plt_status_t plt_inference_begin(plt_session_t *session, const char *name, plt_inference_t **out);
/* What a pass of a graph model is given of nodes, [n, base_cols] each. */
typedef struct plt_rows_of_layers {
  float *base;   /* layer 0 */
  float *sum;    /* layers 0 .. L */
  float *spread; /* items of a model with a graph of items: pass->spread */
} plt_rows_of_layers_t;
/* Fills `out` for the nodes ids [n], distinct and ascending. */
plt_status_t plt_inference_read(plt_inference_t *inference, plt_side_t side, const uint32_t *ids, size_t n,
                                plt_rows_of_layers_t out);
/* Waits until nobody reads any more and drops the tables. After a failure (`status`) it says nothing to anybody and
 * returns that. */
plt_status_t plt_inference_end(plt_inference_t **inference, plt_status_t status);

#endif
