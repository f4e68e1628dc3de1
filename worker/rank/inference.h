/* inference.h - the states of a model's programme at all nodes, computed by all workers through the servers.
 *
 *   state 0 ─▶ [all workers wait] ─▶ state 1 ─▶ [wait] ─▶ ... ─▶ last ─▶ [wait] ─▶ read by whoever wants
 *      block of nodes: READ the neighbours' rows of the state before, multiply; READ what the model's function wants;
 *      ASSIGN into the state's table
 *
 * Pooled states are sums over blocks of items, each of them a part of a temporary table; every worker adds them up.
 * A state has a temporary table on the servers for each of its sides, dropped at the end; none where it is a table of
 * the model. Blocks are fixed, block b is worker b mod W's: the bits depend on neither the number of workers nor of
 * servers. A worker holds one block and its neighbours at a time (PLT_INFERENCE_EDGES rows).
 *
 * Threads    one owner; all workers call begin and end, in the same order among their calls.
 * Errors     those of the client (worker/client/client.h).
 * Source     docs/decisions/relations-and-hops.md; docs/methods/evaluation.md 4. */
#ifndef PLT_WORKER_RANK_INFERENCE_H
#define PLT_WORKER_RANK_INFERENCE_H

#include "worker/rank/block.h"

enum { PLT_INFERENCE_NODES = 1024, PLT_INFERENCE_EDGES = 1 << 16 }; /* of a block, at most */

typedef struct plt_inference plt_inference_t;

/* Computes all states from the tables as they are; `name` must not have been used. *out stays NULL for a model without
 * a programme, and plt_inference_end() then does nothing. */
plt_status_t plt_inference_begin(plt_session_t *session, const char *name, plt_inference_t **out);
/* Reads the states `wanted` (bits) that are of the side of the block's nodes into `states`. */
void plt_inference_read(const plt_inference_t *inference, plt_block_reader_t *reader, const plt_nodes_t *nodes,
                        uint64_t wanted, plt_var_t *states);
/* Waits until nobody reads any more and drops the tables. After a failure (`status`) it says nothing to anybody and
 * returns that. */
plt_status_t plt_inference_end(plt_inference_t **inference, plt_status_t status);

#endif
