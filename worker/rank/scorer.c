/* scorer.c - see scorer.h. */
#include "worker/rank/scorer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "worker/math/distinct.h"
#include "worker/math/kernels.h"

struct plt_scorer {
  plt_session_t *session;
  plt_vectors_t *vectors;
  size_t group;
  plt_top_t *top;     /* [group] */
  plt_ranked_t *best; /* [group, k]: what they hold */
  uint32_t chunk;     /* items; a multiple of the block, or all */
  uint32_t first, n;  /* of the items whose vectors are here; n 0: none */
  float *items;       /* [chunk, score_cols] */
  float *scores;      /* [256, PLT_SCORER_STRIPE] */
  /* What is left out beside the items of training. */
  bool parts[PLT_PARTS];
  const uint32_t *items_out; /* [n_items_out] */
  size_t n_items_out;
  uint32_t *holes; /* for each lane two of PLT_PARTS + 1 lists within a stripe; NULL: nothing is left out */
  /* what the crew works at */
  const uint32_t *users;
  plt_top_t *block;
  size_t ranked;                 /* users of all blocks */
  uint32_t stripe, stripe_items; /* the first of its items, their number */
  plt_scorer_tell_fn tell;       /* NULL: nobody watches */
  void *watcher;
};

/* Whole units that fit the room, at least one, at most those that hold `all`. */
static size_t fit(size_t room, size_t bytes_each, size_t unit, size_t all) {
  size_t units = room / (bytes_each * unit);
  return plt_min_size(units == 0 ? unit : units * unit, (all + unit - 1) / unit * unit);
}

plt_scorer_t *plt_scorer_create(plt_session_t *session, const plt_inference_t *inference, uint32_t k, size_t room) {
  const plt_plan_t *plan = session->plan;
  size_t bytes = plan->model->score_cols * sizeof(float);
  plt_scorer_t *scorer = plt_mem_zalloc(1, sizeof *scorer);
  scorer->session = session;
  scorer->chunk = (uint32_t)fit(room, bytes, PLT_VECTORS_BLOCK, plan->data->items);
  scorer->items = plt_mem_alloc(scorer->chunk * bytes);
  scorer->scores = plt_mem_alloc(PLT_SCORER_SCORES);
  scorer->group = fit(room, (size_t)k * sizeof(plt_ranked_t) + 1, PLT_SCORER_USERS, plan->data->users);
  scorer->best = plt_mem_alloc(scorer->group * k * sizeof *scorer->best);
  scorer->top = plt_mem_alloc(scorer->group * sizeof *scorer->top);
  for (size_t u = 0; u < scorer->group; u++) scorer->top[u] = (plt_top_t){.best = scorer->best + u * k, .k = k};
  scorer->vectors = plt_vectors_create(session, inference);
  return scorer;
}

void plt_scorer_destroy(plt_scorer_t **scorer) {
  if (*scorer == NULL) return;
  free((*scorer)->top);
  free((*scorer)->best);
  free((*scorer)->items);
  free((*scorer)->scores);
  free((*scorer)->holes);
  plt_vectors_destroy(&(*scorer)->vectors);
  free(*scorer);
  *scorer = NULL;
}

size_t plt_scorer_group(const plt_scorer_t *scorer) { return scorer->group; }

enum { HOLES_MAX = (PLT_PARTS + 1) * PLT_SCORER_STRIPE };

void plt_scorer_leave_out(plt_scorer_t *scorer, const bool parts[PLT_PARTS], const uint32_t *items, size_t n) {
  memcpy(scorer->parts, parts, sizeof scorer->parts);
  scorer->items_out = items;
  scorer->n_items_out = n;
  if (scorer->holes == NULL)
    scorer->holes = plt_mem_alloc(2 * plt_crew_size(scorer->session->crew) * (size_t)HOLES_MAX * sizeof *scorer->holes);
}

/* Brings in the vectors of the chunk that begins with item `first`. */
static plt_status_t load_chunk(plt_scorer_t *scorer, uint32_t first) {
  const plt_plan_t *plan = scorer->session->plan;
  size_t cols = plan->model->score_cols;
  if (scorer->n > 0 && scorer->first == first) return PLT_OK;
  scorer->n = 0;
  uint32_t n = (uint32_t)plt_min_size(scorer->chunk, plan->data->items - first);
  for (uint32_t at = 0; at < n; at += PLT_VECTORS_BLOCK) {
    const float *vectors;
    size_t rows = plt_min_size(PLT_VECTORS_BLOCK, n - at);
    PLT_TRY(plt_vectors_read_block(scorer->vectors, PLT_SIDE_ITEM, first + at, rows, &vectors));
    memcpy(scorer->items + (size_t)at * cols, vectors, rows * cols * sizeof *vectors);
  }
  scorer->first = first;
  scorer->n = n;
  return PLT_OK;
}

/* Holes of the stripe: those of `ascending` among the n that `from` has, into `to`; returns how many. Duplicates may
 * stay. */
static size_t merge_holes(const plt_scorer_t *scorer, const uint32_t *ascending, size_t n_ascending,
                          const uint32_t *from, size_t n, uint32_t *to) {
  size_t at = plt_lower_bound(ascending, n_ascending, scorer->stripe);
  size_t end = plt_lower_bound(ascending, n_ascending, scorer->stripe + scorer->stripe_items), k = 0, i = 0;
  while (at < end || i < n) {
    if (at > 0 && at < end && ascending[at] == ascending[at - 1]) {
      at++; /* no more than the stripe has items */
      continue;
    }
    to[k++] = i == n || (at < end && ascending[at] < from[i]) ? ascending[at++] : from[i++];
  }
  return k;
}

/* What a user is not shown of the stripe; *n of them. */
static const uint32_t *gather_holes(const plt_scorer_t *scorer, uint32_t user, size_t lane, size_t *n) {
  uint32_t *now = scorer->holes + 2 * lane * (size_t)HOLES_MAX, *next = now + HOLES_MAX;
  *n = merge_holes(scorer, scorer->items_out, scorer->n_items_out, NULL, 0, now);
  for (plt_part_t part = 0; part < PLT_PARTS; part++) {
    const plt_user_items_t *own = &scorer->session->plan->data->part[part];
    if (own->n == 0 || (part != PLT_PART_TRAIN && !scorer->parts[part])) continue;
    const uint32_t *items = own->item + own->offset[user];
    *n = merge_holes(scorer, items, own->offset[user + 1] - own->offset[user], now, *n, next);
    uint32_t *done = now;
    now = next;
    next = done;
  }
  return now;
}

/* plt_piece_fn: one user */
static void offer_stripe(void *context, size_t user, size_t lane) {
  plt_scorer_t *scorer = context;
  const plt_user_items_t *train = &scorer->session->plan->data->part[PLT_PART_TRAIN];
  uint64_t from = train->offset[scorer->users[user]], to = train->offset[scorer->users[user] + 1];
  const uint32_t *holes = train->item + from;
  size_t n = to - from;
  if (scorer->holes != NULL) holes = gather_holes(scorer, scorer->users[user], lane, &n);
  plt_top_offer(&scorer->block[user], scorer->scores + user * scorer->stripe_items, scorer->stripe,
                scorer->stripe_items, holes, n);
}

/* plt_piece_fn: one block of users */
static void sort_block(void *context, size_t block, size_t lane) {
  (void)lane;
  plt_scorer_t *scorer = context;
  size_t end = plt_min_size((block + 1) * PLT_SCORER_USERS, scorer->ranked);
  for (size_t u = block * PLT_SCORER_USERS; u < end; u++) plt_top_sort(&scorer->top[u]);
}

/* A block of users against the chunk that is here. */
static plt_status_t rank_block(plt_scorer_t *scorer, size_t n) {
  size_t cols = scorer->session->plan->model->score_cols;
  const float *vectors;
  PLT_TRY(plt_vectors_read(scorer->vectors, PLT_SIDE_USER, scorer->users, n, &vectors));
  for (uint32_t at = 0; at < scorer->n; at += PLT_SCORER_STRIPE) {
    scorer->stripe = scorer->first + at;
    scorer->stripe_items = (uint32_t)plt_min_size(PLT_SCORER_STRIPE, scorer->n - at);
    plt_kernel_scores(scorer->session->crew, n, scorer->stripe_items, cols, vectors, scorer->items + (size_t)at * cols,
                      scorer->scores);
    plt_crew_run(scorer->session->crew, n, offer_stripe, scorer);
  }
  return PLT_OK;
}

void plt_scorer_watch(plt_scorer_t *scorer, plt_scorer_tell_fn tell, void *context) {
  scorer->tell = tell;
  scorer->watcher = context;
}

/* The first `at` of n users have seen the chunk that is here, and all have seen those before it. */
static void tell(const plt_scorer_t *scorer, size_t at, size_t n) {
  uint64_t seen = (uint64_t)n * scorer->first + (uint64_t)at * scorer->n;
  if (scorer->tell != NULL) scorer->tell(scorer->watcher, (size_t)(seen / scorer->session->plan->data->items));
}

plt_status_t plt_scorer_rank(plt_scorer_t *scorer, const uint32_t *users, size_t n, const plt_top_t **out) {
  uint32_t items = scorer->session->plan->data->items;
  assert(n <= scorer->group);
  for (size_t u = 0; u < n; u++) scorer->top[u].n = 0;
  for (uint32_t first = 0; first < items; first += scorer->chunk) {
    PLT_TRY(load_chunk(scorer, first));
    for (size_t at = 0, size; at < n; at += size) {
      size = plt_min_size(PLT_SCORER_USERS, n - at);
      scorer->users = users + at;
      scorer->block = scorer->top + at;
      PLT_TRY(plt_session_look(scorer->session));
      PLT_TRY(rank_block(scorer, size));
      tell(scorer, at + size, n);
    }
  }
  scorer->ranked = n;
  plt_crew_run(scorer->session->crew, (n + PLT_SCORER_USERS - 1) / PLT_SCORER_USERS, sort_block, scorer);
  *out = scorer->top;
  return PLT_OK;
}
