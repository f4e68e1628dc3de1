/* scorer.h - scores of all items for blocks of users, from the tables as they are on the servers.
 *
 * The items' representations are worked out once, in blocks of 1024 items; users come in blocks of 256. Blocks are
 * the same whoever computes them, so scores have the same bits for every number of workers and threads (DESIGN 4).
 * Units      scores [n, items] row-major.
 * Threads    one owner. */
#ifndef PLT_WORKER_SCORER_H
#define PLT_WORKER_SCORER_H

#include "worker/inference.h"

enum { PLT_SCORER_USERS = 256, PLT_SCORER_ITEMS = 1024 };

typedef struct plt_scorer plt_scorer_t;

/* Pulls dense tables and item rows and represents all items. `inference` is a graph model's, NULL for others; it stays
 * until the scorer is destroyed. */
plt_status_t plt_scorer_create(plt_session_t *session, plt_inference_t *inference, plt_scorer_t **out);
void plt_scorer_destroy(plt_scorer_t **scorer);
/* Scores of n <= 256 distinct, ascending users. Valid until the next call. */
plt_status_t plt_scorer_score(plt_scorer_t *scorer, const uint32_t *users, size_t n, const float **scores);

#endif
