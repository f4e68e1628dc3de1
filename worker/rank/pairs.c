/* pairs.c - see pairs.h. */
#include "worker/rank/pairs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "worker/math/distinct.h"
#include "worker/math/kernels.h"
#include "worker/math/ranking.h"
#include "worker/rank/output.h"
#include "worker/rank/vectors.h"

/* ---- score ---- */

/* Of at most PLT_VECTORS_BLOCK pairs. */
static plt_status_t score_block(plt_session_t *session, plt_vectors_t *vectors, const plt_score_t *score, size_t first,
                                size_t n, plt_arena_t *arena, FILE *out) {
  const uint32_t *users = score->users + first, *items = score->items + first;
  const size_t cols = session->plan->model->score_cols;
  uint32_t *ids = plt_arena_alloc(arena, n * sizeof *ids), *user_at = plt_arena_alloc(arena, n * sizeof *ids);
  uint32_t *item_at = plt_arena_alloc(arena, n * sizeof *ids);
  const float *read;
  size_t distinct = plt_distinct(users, n, ids, user_at, arena);
  PLT_TRY(plt_vectors_read(vectors, PLT_SIDE_USER, ids, distinct, &read));
  float *of_users = plt_arena_alloc(arena, distinct * cols * sizeof *of_users);
  memcpy(of_users, read, distinct * cols * sizeof *of_users);
  distinct = plt_distinct(items, n, ids, item_at, arena);
  PLT_TRY(plt_vectors_read(vectors, PLT_SIDE_ITEM, ids, distinct, &read));
  for (size_t i = 0; i < n; i++) {
    plt_output_id(out, score->user_names, users[i]);
    fputc('\t', out);
    plt_output_id(out, score->item_names, items[i]);
    fprintf(out, "\t%.9g\n",
            (double)(float)plt_kernel_dot(of_users + user_at[i] * cols, read + item_at[i] * cols, cols));
  }
  return PLT_OK;
}

/* plt_output_fn */
static plt_status_t score_all(plt_session_t *session, const plt_inference_t *inference, const void *what, FILE *out) {
  const plt_score_t *score = what;
  plt_arena_t *arena = plt_arena_create();
  plt_vectors_t *vectors = plt_vectors_create(session, inference);
  plt_status_t status = PLT_OK;
  fprintf(out, "user\titem\tscore\n");
  for (size_t at = 0; at < score->n && status == PLT_OK; at += PLT_VECTORS_BLOCK) {
    plt_arena_reset(arena);
    status = plt_session_look(session);
    if (status == PLT_OK)
      status = score_block(session, vectors, score, at, plt_min_size(PLT_VECTORS_BLOCK, score->n - at), arena, out);
  }
  plt_vectors_destroy(&vectors);
  plt_arena_destroy(&arena);
  return status;
}

plt_status_t plt_score(plt_session_t *session, void *score) {
  return plt_output_write(session, "score", ((const plt_score_t *)score)->path, score_all, score);
}

/* ---- similar ---- */

static void normalise(float *row, const float *from, size_t cols) {
  const double length = sqrt(plt_kernel_dot(from, from, cols));
  for (size_t j = 0; j < cols; j++) row[j] = length > 0 ? (float)((double)from[j] / length) : 0;
}

static plt_status_t read_asked(plt_session_t *session, plt_vectors_t *vectors, const plt_similar_t *similar,
                               float *asked) {
  const size_t cols = session->plan->model->score_cols;
  for (size_t at = 0; at < similar->n; at += PLT_VECTORS_BLOCK) {
    const float *read;
    size_t n = plt_min_size(PLT_VECTORS_BLOCK, similar->n - at);
    PLT_TRY(plt_vectors_read(vectors, PLT_SIDE_ITEM, similar->items + at, n, &read));
    for (size_t i = 0; i < n; i++) normalise(asked + (at + i) * cols, read + i * cols, cols);
  }
  return PLT_OK;
}

typedef struct offer {
  const plt_similar_t *similar;
  const float *asked; /* [n, cols] */
  float *rows;        /* [block, cols]: items [first, first + size) */
  float *scores;      /* [lanes, block] */
  plt_top_t *top;     /* [n] */
  size_t cols;
  uint32_t first, size;
} offer_t;

/* plt_piece_fn: one item that was asked about */
static void offer_block(void *context, size_t i, size_t lane) {
  const offer_t *offer = context;
  float *scores = offer->scores + lane * PLT_VECTORS_BLOCK;
  for (uint32_t k = 0; k < offer->size; k++)
    scores[k] = (float)plt_kernel_dot(offer->asked + i * offer->cols, offer->rows + k * offer->cols, offer->cols);
  plt_top_offer(&offer->top[i], scores, offer->first, offer->size, &offer->similar->items[i], 1);
}

static plt_status_t offer_all(plt_session_t *session, plt_vectors_t *vectors, offer_t *offer) {
  const uint32_t items = session->plan->data->items;
  for (offer->first = 0; offer->first < items; offer->first += PLT_VECTORS_BLOCK) {
    const float *read;
    offer->size = (uint32_t)plt_min_size(PLT_VECTORS_BLOCK, items - offer->first);
    PLT_TRY(plt_session_look(session));
    PLT_TRY(plt_vectors_read_block(vectors, PLT_SIDE_ITEM, offer->first, offer->size, &read));
    for (size_t k = 0; k < offer->size; k++)
      normalise(offer->rows + k * offer->cols, read + k * offer->cols, offer->cols);
    plt_crew_run(session->crew, offer->similar->n, offer_block, offer);
  }
  return PLT_OK;
}

static void write_similar(FILE *out, const plt_similar_t *similar, uint32_t item, const plt_top_t *top) {
  for (size_t r = 0; r < top->n; r++) {
    plt_output_id(out, similar->names, item);
    fputc('\t', out);
    plt_output_id(out, similar->names, top->best[r].item);
    fprintf(out, "\t%zu\t%.9g\n", r + 1, (double)top->best[r].score);
  }
}

/* plt_output_fn */
static plt_status_t find_similar(plt_session_t *session, const plt_inference_t *inference, const void *what,
                                 FILE *out) {
  const plt_similar_t *similar = what;
  plt_vectors_t *vectors = plt_vectors_create(session, inference);
  const size_t cols = session->plan->model->score_cols, k = plt_min_size(similar->k, session->plan->data->items);
  float *asked = plt_mem_alloc(similar->n * cols * sizeof *asked);
  plt_ranked_t *best = plt_mem_alloc(similar->n * k * sizeof *best);
  offer_t offer = {.similar = similar, .asked = asked, .cols = cols};
  offer.rows = plt_mem_alloc(PLT_VECTORS_BLOCK * cols * sizeof *offer.rows);
  offer.scores = plt_mem_alloc(plt_crew_size(session->crew) * PLT_VECTORS_BLOCK * sizeof *offer.scores);
  offer.top = plt_mem_alloc(similar->n * sizeof *offer.top);
  for (size_t i = 0; i < similar->n; i++) offer.top[i] = (plt_top_t){.best = best + i * k, .k = (uint32_t)k};
  plt_status_t status = read_asked(session, vectors, similar, asked);
  if (status == PLT_OK) status = offer_all(session, vectors, &offer);
  fprintf(out, "item\tsimilar\trank\tcosine\n");
  for (size_t i = 0; i < similar->n && status == PLT_OK; i++) {
    plt_top_sort(&offer.top[i]);
    write_similar(out, similar, similar->items[i], &offer.top[i]);
  }
  plt_vectors_destroy(&vectors);
  free(offer.top);
  free(offer.scores);
  free(offer.rows);
  free(best);
  free(asked);
  return status;
}

plt_status_t plt_similar(plt_session_t *session, void *similar) {
  return plt_output_write(session, "similar", ((const plt_similar_t *)similar)->path, find_similar, similar);
}
