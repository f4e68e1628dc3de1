/* recommend.h - the best items of users, as TSV or as lines of JSON.
 *
 * Threads    each worker calls with its session; worker 0 ranks and writes.
 * Errors     those of the client (worker/client/client.h); PLT_ERR_CREATE and PLT_ERR_IO for the file. */
#ifndef PLT_WORKER_RANK_RECOMMEND_H
#define PLT_WORKER_RANK_RECOMMEND_H

#include "worker/data/idmap.h"
#include "worker/rank/evaluate.h"

typedef struct plt_recommend {
  const char *path; /* "-": standard output */
  uint32_t k;       /* items per user */
  bool as_json;     /* {"user": 3, "items": [7, 2], "scores": [0.5, 0.25]}; else user, item, rank (from 1), score */
  bool all_users;   /* those without training pairs, too, of whom a model may know nothing */
  const uint32_t *users; /* [n_users], ascending, distinct; NULL: all */
  size_t n_users;
  bool leaves_out[PLT_PARTS]; /* a user's items of these parts, beside those of training */
  const uint32_t *items_out;  /* [n_items_out], ascending: shown to nobody */
  size_t n_items_out;
  const plt_idmap_t *user_names, *item_names; /* what they are called in the file; NULL: their numbers */
  const plt_eval_watch_t *watch;              /* told now and then; NULL: nobody */
} plt_recommend_t;

/* A plt_session_fn. */
plt_status_t plt_recommend(plt_session_t *session, void *recommend);

#endif
