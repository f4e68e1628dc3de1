/* block.h - passes over blocks of users or items with the rows as they are on the servers: how evaluation and
 * inference see a model.
 *
 * Memory     dense tables are pulled once; a block's rows live until the next pass begins.
 * Threads    one owner. */
#ifndef PLT_WORKER_RANK_BLOCK_H
#define PLT_WORKER_RANK_BLOCK_H

#include "worker/session/session.h"

typedef struct plt_block_reader plt_block_reader_t;

plt_status_t plt_block_reader_create(plt_session_t *session, plt_block_reader_t **out);
void plt_block_reader_destroy(plt_block_reader_t **reader);

/* A pass over n users or n items, distinct and ascending; of the other side it has none. Rows, dense tables and
 * features are constants on its tape. */
plt_status_t plt_block_begin(plt_block_reader_t *reader, plt_side_t side, const uint32_t *ids, size_t n,
                             plt_pass_t *pass);
/* Memory that lives as long as the pass. */
float *plt_block_scratch(plt_block_reader_t *reader, size_t floats);

#endif
