/* block.h - blocks of users or items with the rows as they are on the servers: how evaluation and inference see models.
 *
 * A row is read when the model asks for it; dense tables once.
 *
 * Memory     dense tables stay; a block's rows live until the next one begins.
 * Threads    one owner.
 * Errors     a table that cannot be read gives zeros; plt_block_end() tells. */
#ifndef PLT_WORKER_RANK_BLOCK_H
#define PLT_WORKER_RANK_BLOCK_H

#include "worker/session/session.h"

typedef struct plt_block_reader plt_block_reader_t;

plt_block_reader_t *plt_block_reader_create(plt_session_t *session);
void plt_block_reader_destroy(plt_block_reader_t **reader);

/* The n users or items ids, distinct and ascending; what is returned is nodes->state, to be filled in. */
plt_var_t *plt_block_begin(plt_block_reader_t *reader, plt_side_t side, const uint32_t *ids, size_t n,
                           plt_nodes_t *nodes);
/* Others beside those of the block, such as their neighbours. */
plt_var_t *plt_block_beside(plt_block_reader_t *reader, plt_side_t side, const uint32_t *ids, size_t n,
                            plt_nodes_t *nodes);
/* Memory that lives as long as the block. */
void *plt_block_scratch(plt_block_reader_t *reader, size_t bytes);
/* Rows of a table of the servers at such nodes, a constant [n, cols]. */
plt_var_t plt_block_read(plt_block_reader_t *reader, const plt_nodes_t *nodes, uint32_t table, uint32_t cols);
/* The failure of the reader's first read that failed. */
plt_status_t plt_block_end(const plt_block_reader_t *reader);

#endif
