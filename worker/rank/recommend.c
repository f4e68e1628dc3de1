/* recommend.c - see recommend.h. */
#include "worker/rank/recommend.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "worker/math/kernels.h"
#include "worker/rank/output.h"
#include "worker/rank/scorer.h"

static void tell_left_out(const plt_recommend_t *recommend, size_t without, size_t wanted, uint32_t first) {
  plt_id_name_t name = {"", 0};
  char number[16] = "";
  if (recommend->user_names != NULL)
    name = plt_idmap_name(recommend->user_names, first);
  else
    snprintf(number, sizeof number, "%" PRIu32, first);
  plt_log(recommend->users == NULL ? PLT_LOG_INFO : PLT_LOG_NOTE,
          "%zu of %zu users have no training pairs and are left out, the first of them %s%.*s"
          "; --all-users ranks them too",
          without, wanted, number, (int)name.length, name.at);
}

/* Who is ranked, ascending. Who was asked for and is not is told. */
static uint32_t *choose_users(const plt_dataset_t *data, const plt_recommend_t *recommend, size_t *n) {
  const uint64_t *train = data->part[PLT_PART_TRAIN].offset;
  size_t wanted = recommend->users == NULL ? data->users : recommend->n_users, without = 0;
  uint32_t *users = plt_mem_alloc(wanted * sizeof *users), first_without = 0;
  *n = 0;
  for (size_t i = 0; i < wanted; i++) {
    uint32_t u = recommend->users == NULL ? (uint32_t)i : recommend->users[i];
    if (recommend->all_users || train[u + 1] > train[u])
      users[(*n)++] = u;
    else if (without++ == 0)
      first_without = u;
  }
  if (without > 0) tell_left_out(recommend, without, wanted, first_without);
  return users;
}

static void write_tsv(FILE *out, const plt_recommend_t *recommend, uint32_t user, const plt_top_t *top) {
  for (size_t r = 0; r < top->n; r++) {
    plt_output_id(out, recommend->user_names, user);
    fputc('\t', out);
    plt_output_id(out, recommend->item_names, top->best[r].item);
    fprintf(out, "\t%zu\t%.9g\n", r + 1, (double)top->best[r].score);
  }
}

static void write_json(FILE *out, const plt_recommend_t *recommend, uint32_t user, const plt_top_t *top) {
  fputs("{\"user\": ", out);
  plt_output_id_json(out, recommend->user_names, user);
  fputs(", \"items\": [", out);
  for (size_t r = 0; r < top->n; r++) {
    if (r > 0) fputs(", ", out);
    plt_output_id_json(out, recommend->item_names, top->best[r].item);
  }
  fputs("], \"scores\": [", out);
  for (size_t r = 0; r < top->n; r++) fprintf(out, "%s%.9g", r == 0 ? "" : ", ", (double)top->best[r].score);
  fputs("]}\n", out);
}

/* Where a group of users stands among all: it can take minutes. */
typedef struct place {
  const plt_eval_watch_t *watch;
  size_t at, users; /* the group's first; of all */
} place_t;

/* plt_scorer_tell_fn */
static void tell(void *context, size_t done) {
  const place_t *place = context;
  place->watch->tell(place->watch->context, PLT_PARTS, place->at + done, place->users);
}

static plt_status_t write_users(plt_session_t *session, plt_scorer_t *scorer, const plt_recommend_t *recommend,
                                FILE *out) {
  size_t n, size;
  uint32_t *users = choose_users(session->plan->data, recommend, &n);
  plt_status_t status = PLT_OK;
  place_t place = {.watch = recommend->watch, .users = n};
  if (place.watch != NULL) {
    tell(&place, 0); /* it begins */
    plt_scorer_watch(scorer, tell, &place);
  }
  if (!recommend->as_json) fprintf(out, "user\titem\trank\tscore\n");
  for (size_t at = 0; at < n && status == PLT_OK; at += size) {
    const plt_top_t *top;
    place.at = at;
    size = plt_min_size(plt_scorer_group(scorer), n - at);
    status = plt_scorer_rank(scorer, users + at, size, &top);
    for (size_t u = 0; u < size && status == PLT_OK; u++)
      (recommend->as_json ? write_json : write_tsv)(out, recommend, users[at + u], &top[u]);
    if (status == PLT_OK && ferror(out)) status = plt_fail_errno(PLT_ERR_IO, "%s: cannot write", recommend->path);
  }
  plt_scorer_watch(scorer, NULL, NULL);
  free(users);
  return status;
}

static bool leaves_out(const plt_recommend_t *recommend) {
  for (plt_part_t part = 0; part < PLT_PARTS; part++)
    if (recommend->leaves_out[part]) return true;
  return recommend->n_items_out > 0;
}

/* plt_output_fn */
static plt_status_t rank_users(plt_session_t *session, const plt_inference_t *inference, const void *what, FILE *out) {
  const plt_recommend_t *recommend = what;
  uint32_t k = recommend->k < session->plan->data->items ? recommend->k : session->plan->data->items;
  plt_scorer_t *scorer = plt_scorer_create(session, inference, k, PLT_SCORER_ROOM);
  if (leaves_out(recommend))
    plt_scorer_leave_out(scorer, recommend->leaves_out, recommend->items_out, recommend->n_items_out);
  plt_status_t status = write_users(session, scorer, recommend, out);
  plt_scorer_destroy(&scorer);
  return status;
}

plt_status_t plt_recommend(plt_session_t *session, void *recommend) {
  return plt_output_write(session, "recommend", ((const plt_recommend_t *)recommend)->path, rank_users, recommend);
}
