/* evaluate.c - see evaluate.h. */
#include "worker/rank/evaluate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/rng.h"
#include "worker/math/kernels.h"
#include "worker/rank/scorer.h"

/* Users who are in `part` and in training, ascending. */
static uint32_t *ranked_users(const plt_dataset_t *data, plt_part_t part, size_t *n) {
  uint32_t *users = plt_mem_alloc(data->users * sizeof *users);
  const uint64_t *in_part = data->part[part].offset, *in_train = data->part[PLT_PART_TRAIN].offset;
  *n = 0;
  for (uint32_t u = 0; u < data->users && data->part[part].n > 0; u++)
    if (in_part[u + 1] > in_part[u] && in_train[u + 1] > in_train[u]) users[(*n)++] = u;
  return users;
}

/* Of the n users `wanted`, which the run's seed and the part choose; ascending as before. All of them for 0. */
static size_t draw_users(const plt_session_t *session, plt_part_t part, uint32_t *users, size_t n) {
  size_t wanted = session->plan->eval_users, kept = 0;
  if (wanted == 0 || wanted >= n) return n;
  plt_rng_key_t key = plt_rng_key(session->run->seed, "evaluated users", part);
  for (size_t i = 0; i < n; i++)
    if (plt_rng_permute(key, n, i) < wanted) users[kept++] = users[i];
  return kept;
}

/* Items of a user in a part. */
static const uint32_t *items_of(const plt_dataset_t *data, plt_part_t part, uint32_t user, size_t *n) {
  const plt_user_items_t *items = &data->part[part];
  *n = items->offset[user + 1] - items->offset[user];
  return items->item + items->offset[user];
}

/* ---- metrics ---- */

static size_t block_count(size_t users) { return (users + PLT_SCORER_USERS - 1) / PLT_SCORER_USERS; }

/* This worker's blocks from the `first` of them on, as many as the scorer ranks at a time: their users side by side
 * (only the last block of all may be short, so they are blocks there too). */
static size_t gather_group(const plt_session_t *session, const plt_scorer_t *scorer, const uint32_t *users, size_t n,
                           size_t first, uint32_t *out) {
  size_t size = 0;
  for (size_t b = first; b < block_count(n) && size < plt_scorer_group(scorer); b += session->plan->workers) {
    size_t here = plt_min_size(PLT_SCORER_USERS, n - b * PLT_SCORER_USERS);
    memcpy(out + size, users + b * PLT_SCORER_USERS, here * sizeof *users);
    size += here;
  }
  return size;
}

/* Where a group of users stands among all of a part: a group can take minutes. */
typedef struct place {
  const plt_eval_watch_t *watch;
  plt_part_t part;
  size_t block, users; /* the group's first; of the part */
  size_t workers;
} place_t;

/* plt_scorer_tell_fn. What this worker has done of its users all have, more or less. */
static void tell(void *context, size_t done) {
  const place_t *at = context;
  size_t all = plt_min_size(at->block * PLT_SCORER_USERS + done * at->workers, at->users);
  at->watch->tell(at->watch->context, at->part, all, at->users);
}

/* What an evaluation works with: all of it, or, without exposure, the metrics alone. */
typedef struct evaluation {
  plt_session_t *session;
  const char *name;
  plt_scorer_t *scorer;
  plt_exposure_t *exposure; /* NULL: not asked for */
  const plt_eval_watch_t *watch;
  size_t metrics, width; /* of a block's sums: of its metrics, of all: metrics, users, then what exposure has */
} evaluation_t;

/* What one user adds to the row of a block; each: where the user's own metrics go, or NULL. */
static void add_user(const evaluation_t *e, plt_part_t part, uint32_t user, const plt_top_t *top,
                     plt_metric_sums_t *metrics, double *row, double *each) {
  size_t n;
  const uint32_t *positives = items_of(e->session->plan->data, part, user, &n);
  plt_ranking_add(metrics, &e->session->plan->topk, top, positives, n);
  if (e->exposure != NULL) plt_exposure_add(e->exposure, user, top, positives, n, row + e->metrics + 1);
  if (each == NULL) return;
  plt_metric_sums_t own = {0};
  plt_ranking_add(&own, &e->session->plan->topk, top, positives, n);
  memcpy(each, own.value, e->metrics * sizeof *each);
}

/* Fills this worker's rows of sums [blocks, width] and, unless it is NULL, of each [n, metrics]. */
static plt_status_t sum_blocks(const evaluation_t *e, plt_part_t part, const uint32_t *users, size_t n, double *sums,
                               double *each) {
  plt_session_t *session = e->session;
  plt_scorer_t *scorer = e->scorer;
  const plt_plan_t *plan = session->plan;
  uint32_t *group = plt_mem_alloc(plt_scorer_group(scorer) * sizeof *group);
  place_t place = {.watch = e->watch, .part = part, .users = n, .workers = plan->workers};
  plt_status_t status = PLT_OK;
  if (e->watch != NULL) {
    tell(&place, 0); /* it begins */
    plt_scorer_watch(scorer, tell, &place);
  }
  for (size_t b = session->worker; b < block_count(n) && status == PLT_OK;) {
    const plt_top_t *top;
    size_t size = gather_group(session, scorer, users, n, b, group);
    place.block = b;
    status = plt_scorer_rank(scorer, group, size, &top);
    for (size_t at = 0; at < size && status == PLT_OK; b += plan->workers) {
      plt_metric_sums_t metrics = {0};
      double *row = sums + b * e->width;
      size_t begin = at;
      for (size_t end = plt_min_size(at + PLT_SCORER_USERS, size); at < end; at++) {
        double *own = each == NULL ? NULL : each + (b * PLT_SCORER_USERS + at - begin) * e->metrics;
        add_user(e, part, group[at], &top[at], &metrics, row, own);
      }
      memcpy(row, metrics.value, e->metrics * sizeof *row);
      row[e->metrics] = metrics.users;
    }
  }
  plt_scorer_watch(scorer, NULL, NULL);
  free(group);
  return status;
}

/* Over all workers. */
static plt_status_t sum_up(const evaluation_t *e, plt_part_t part, const char *what, double *sums, size_t n) {
  char name[PLT_TEXT_MAX];
  snprintf(name, sizeof name, "%.200s, part %d, %s", e->name, part, what);
  return plt_session_sum(e->session, name, sums, n);
}

static plt_status_t break_down(const evaluation_t *e, plt_part_t part, const double *total, plt_breakdown_t *out) {
  size_t n;
  double *marks = plt_exposure_marks(e->exposure, &n);
  plt_exposure_average(e->exposure, total + e->metrics + 1, out);
  plt_status_t status = e->session->plan->workers > 1 ? sum_up(e, part, "items", marks, n) : PLT_OK;
  plt_exposure_cover(e->exposure, marks, out);
  free(marks);
  return status;
}

void plt_user_metrics_clear(plt_user_metrics_t *users) {
  free(users->user);
  free(users->value);
  *users = (plt_user_metrics_t){0};
}

/* Worker 0 keeps them; takes what it is given. */
static void keep_users(const evaluation_t *e, uint32_t *users, double *each, size_t n, plt_user_metrics_t *out) {
  *out = (plt_user_metrics_t){.user = users, .value = each, .n = n};
  if (e->session->worker != 0) plt_user_metrics_clear(out);
}

/* own: where users and their metrics go, or NULL. */
static plt_status_t evaluate_part(const evaluation_t *e, plt_part_t part, plt_metrics_t *out,
                                  plt_breakdown_t *breakdown, plt_user_metrics_t *own) {
  size_t all, width = e->width;
  uint32_t *users = ranked_users(e->session->plan->data, part, &all);
  size_t n = draw_users(e->session, part, users, all);
  double *sums = plt_mem_zalloc(block_count(n) * width, sizeof *sums), *total = plt_mem_zalloc(width, sizeof *total);
  double *each = own == NULL ? NULL : plt_mem_zalloc(n * e->metrics + 1, sizeof *each);
  if (e->exposure != NULL) plt_exposure_begin(e->exposure);
  plt_status_t status = sum_blocks(e, part, users, n, sums, each);
  if (status == PLT_OK) status = sum_up(e, part, "blocks", sums, block_count(n) * width);
  for (size_t b = 0; b < block_count(n); b++)
    for (size_t i = 0; i < width; i++) total[i] += sums[b * width + i];
  *out = (plt_metrics_t){.users = (uint64_t)total[e->metrics], .of_users = all};
  for (size_t i = 0; i < e->metrics && out->users > 0; i++) out->value[i] = total[i] / total[e->metrics];
  if (status == PLT_OK && e->exposure != NULL) status = break_down(e, part, total, breakdown);
  free(total);
  free(sums);
  if (status == PLT_OK && own != NULL) status = sum_up(e, part, "users", each, n * e->metrics);
  if (own != NULL)
    keep_users(e, users, each, n, own);
  else
    free(users);
  return status;
}

/* What is left out of a part's rankings beside the items of training (eval.mask). */
static void mask(const evaluation_t *e, plt_part_t part) {
  bool parts[PLT_PARTS] = {[PLT_PART_VALID] = part != PLT_PART_VALID};
  if (e->session->plan->masks_valid) plt_scorer_leave_out(e->scorer, parts, NULL, 0);
}

/* breakdowns, users NULL: they are not asked for. */
static plt_status_t evaluate(plt_session_t *session, const char *name, const bool wanted[PLT_PARTS],
                             const plt_eval_watch_t *watch, plt_metrics_t out[PLT_PARTS],
                             plt_breakdown_t breakdowns[PLT_PARTS], plt_user_metrics_t *users) {
  plt_inference_t *inference;
  PLT_TRY(plt_inference_begin(session, name, &inference));
  const plt_topk_t *topk = &session->plan->topk;
  evaluation_t e = {.session = session,
                    .name = name,
                    .scorer = plt_scorer_create(session, inference, topk->k[topk->n - 1], PLT_SCORER_ROOM),
                    .exposure = breakdowns == NULL ? NULL : plt_exposure_create(session->plan),
                    .watch = watch,
                    .metrics = PLT_METRIC_KINDS * topk->n};
  e.width = e.metrics + 1 + (e.exposure == NULL ? 0 : plt_exposure_width(e.exposure));
  plt_status_t status = PLT_OK;
  for (plt_part_t part = 0; part < PLT_PARTS && status == PLT_OK; part++)
    if (wanted[part]) {
      mask(&e, part);
      status = evaluate_part(&e, part, &out[part], breakdowns == NULL ? NULL : &breakdowns[part],
                             users == NULL ? NULL : &users[part]);
    }
  plt_exposure_destroy(&e.exposure);
  plt_scorer_destroy(&e.scorer);
  return plt_inference_end(&inference, status);
}

plt_status_t plt_evaluate(plt_session_t *session, const char *name, const bool wanted[PLT_PARTS],
                          const plt_eval_watch_t *watch, plt_metrics_t out[PLT_PARTS]) {
  return evaluate(session, name, wanted, watch, out, NULL, NULL);
}

plt_status_t plt_evaluate_in_full(plt_session_t *session, const char *name, const bool wanted[PLT_PARTS],
                                  const plt_eval_watch_t *watch, plt_metrics_t out[PLT_PARTS],
                                  plt_breakdown_t breakdowns[PLT_PARTS], plt_user_metrics_t *users) {
  return evaluate(session, name, wanted, watch, out, breakdowns, users);
}

double plt_metrics_kept(const plt_metrics_t *test, const plt_metrics_t *shift, size_t metric) {
  return shift->value[metric] / test->value[metric];
}

void plt_kept_put(const plt_metrics_t *test, const plt_metrics_t *shift, const plt_topk_t *topk, plt_json_t *object) {
  for (size_t kind = 0; kind < PLT_METRIC_KINDS; kind++) {
    double kept[PLT_TOPK_MAX];
    for (size_t i = 0; i < topk->n; i++) kept[i] = plt_metrics_kept(test, shift, kind * topk->n + i);
    plt_topk_put(plt_metric_names[kind], kept, topk, object);
  }
}

void plt_metrics_put(const plt_metrics_t *metrics, const plt_topk_t *topk, plt_json_t *object) {
  plt_json_int(object, "users", (int64_t)metrics->users);
  if (metrics->of_users != metrics->users) plt_json_int(object, "of_users", (int64_t)metrics->of_users);
  for (size_t kind = 0; kind < PLT_METRIC_KINDS; kind++)
    plt_topk_put(plt_metric_names[kind], metrics->value + kind * topk->n, topk, object);
}
