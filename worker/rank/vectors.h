/* vectors.h - the final vectors of users and items, block by block: the score of (u, i) is the product of theirs.
 *
 * They are worked out from the tables as they are on the servers; of a graph model from the layers that inference put
 * there. Nobody holds all of them: a block's live until the next is asked for.
 * Units      [n, score_cols] row-major.
 * Threads    one owner.
 * Errors     those of the client (worker/client/client.h). */
#ifndef PLT_WORKER_RANK_VECTORS_H
#define PLT_WORKER_RANK_VECTORS_H

#include "worker/rank/inference.h"

typedef struct plt_vectors plt_vectors_t;

/* `inference` is that of a model with a programme, NULL for others; it stays until these are destroyed. */
plt_vectors_t *plt_vectors_create(plt_session_t *session, const plt_inference_t *inference);
void plt_vectors_destroy(plt_vectors_t **vectors);
/* Of n users or items, distinct and ascending. */
plt_status_t plt_vectors_read(plt_vectors_t *vectors, plt_side_t side, const uint32_t *ids, size_t n,
                              const float **out);
/* Of the n users or items from `first` on, n <= PLT_VECTORS_BLOCK. */
enum { PLT_VECTORS_BLOCK = 1024 };
plt_status_t plt_vectors_read_block(plt_vectors_t *vectors, plt_side_t side, uint32_t first, size_t n,
                                    const float **out);

#endif
