/* pairs.h - scores of given pairs of users and items, and items like others.
 *
 *   score      <user's vector, item's vector>           what recommendations are ranked by, to float32 rounding
 *   similar    cosine of two items' vectors             the best k for each item that is asked about
 *
 * Threads    each worker calls with its session; worker 0 works and writes.
 * Errors     those of the client (worker/client/client.h); PLT_ERR_CREATE and PLT_ERR_IO for the file. */
#ifndef PLT_WORKER_RANK_PAIRS_H
#define PLT_WORKER_RANK_PAIRS_H

#include "worker/data/idmap.h"
#include "worker/session/session.h"

typedef struct plt_score {
  const char *path;              /* "-": standard output. A TSV: user, item, score, in the order of the pairs */
  const uint32_t *users, *items; /* [n] */
  size_t n;
  const plt_idmap_t *user_names, *item_names; /* what they are called in the file; NULL: their numbers */
} plt_score_t;
/* A plt_session_fn. */
plt_status_t plt_score(plt_session_t *session, void *score);

typedef struct plt_similar {
  const char *path;      /* "-": standard output. A TSV: item, similar item, rank (from 1), cosine */
  const uint32_t *items; /* [n], ascending, distinct */
  size_t n;
  uint32_t k;
  const plt_idmap_t *names; /* of items; NULL: their numbers */
} plt_similar_t;
/* A plt_session_fn. Vectors of the n items are held at once. */
plt_status_t plt_similar(plt_session_t *session, void *similar);

#endif
