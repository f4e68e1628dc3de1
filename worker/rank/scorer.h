/* scorer.h - the best items of many users, by the tables as they are on the servers.
 *
 *   a chunk of items' vectors at a time  x  users in blocks of 256  ─▶ scores of 8192 items ─▶ each user's best so far
 *
 * A chunk's vectors are worked out once and stay for the next call when there is but one chunk, which is the case up to
 * PLT_SCORER_ROOM; beyond, memory does not grow with the items. Blocks are the same whoever computes them, so scores
 * have the same bits for every number of workers, threads and chunks (docs/methods/evaluation.md 2).
 * Threads    one owner.
 * Errors     those of the client (worker/client/client.h). */
#ifndef PLT_WORKER_RANK_SCORER_H
#define PLT_WORKER_RANK_SCORER_H

#include "worker/math/ranking.h"
#include "worker/rank/vectors.h"

enum {
  PLT_SCORER_USERS = 256,
  PLT_SCORER_STRIPE = 8192,   /* items that are scored at once: whole tiles of plt_kernel_scores() */
  PLT_SCORER_ROOM = 64 << 20, /* bytes of items' vectors, and of users' best items */
  PLT_SCORER_SCORES = PLT_SCORER_USERS * PLT_SCORER_STRIPE * 4 /* bytes */
};

typedef struct plt_scorer plt_scorer_t;

/* For the best k items. `inference` as in plt_vectors_create(). `room` in bytes (PLT_SCORER_ROOM). */
plt_scorer_t *plt_scorer_create(plt_session_t *session, const plt_inference_t *inference, uint32_t k, size_t room);
void plt_scorer_destroy(plt_scorer_t **scorer);
/* From here on these are left out too, beside what a user has in training: what she has in the parts, and `items` [n],
 * ascending, of which nobody is shown any; they stay the caller's. */
void plt_scorer_leave_out(plt_scorer_t *scorer, const bool parts[PLT_PARTS], const uint32_t *items, size_t n);
/* The most users that may be ranked at a time, whole blocks of PLT_SCORER_USERS. */
size_t plt_scorer_group(const plt_scorer_t *scorer);
/* How far plt_scorer_rank() is: `done` of its users, or as much of all of them, are ranked. Told after every block of
 * users and chunk of items, by the thread that ranks. */
typedef void (*plt_scorer_tell_fn)(void *context, size_t done);
/* From here on `tell` is told; NULL: nobody. */
void plt_scorer_watch(plt_scorer_t *scorer, plt_scorer_tell_fn tell, void *context);
/* The best items of each of n users, those of training and what else is left out are not among them; users [n] distinct
 * and ascending. The blocks of users are cut from the first on. *out [n] is valid until the next call. */
plt_status_t plt_scorer_rank(plt_scorer_t *scorer, const uint32_t *users, size_t n, const plt_top_t **out);

#endif
