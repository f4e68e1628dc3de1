/* planted.c - see planted.h: who takes what, and the features. planted_write.c makes files of it. */
#include "launch/data/planted.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/threads.h"
#include "launch/data/stream.h"

const plt_planted_t plt_planted_usual = {.users = 400,
                                         .items = 600,
                                         .latent = 4,
                                         .width = 16,
                                         .rho = {2, 1, 0},
                                         .environments = 3,
                                         .rho_shift = -1,
                                         .kappa = 2,
                                         .trend = 2,
                                         .pop = 0.5,
                                         .noise = 0.3,
                                         .n_train = 4,
                                         .n_valid = 1,
                                         .n_test = 1,
                                         .n_shift = 3,
                                         .seed = 1,
                                         .threads = 1};

/* Streams of draws: part of the format. */
enum {
  CAUSAL = 1,
  SPURIOUS,
  TASTE,
  COMPANION,
  CAUSAL_AXES,
  SPURIOUS_AXES,
  CAUSAL_NOISE,
  SPURIOUS_NOISE,
  GUMBEL,
  POPULARITY,
  HOLD_OUT,
  FASHION
};

/* Of a user, in each environment before the shift; in all of them. */
static uint64_t per_environment(const plt_planted_t *p) { return (uint64_t)p->n_train + p->n_valid + p->n_test; }
static uint64_t per_user(const plt_planted_t *p) { return p->environments * per_environment(p) + p->n_shift; }

plt_status_t plt_planted_check(const plt_planted_t *p) {
  if (p->users == 0 || p->items == 0 || p->latent == 0 || p->width == 0 || p->n_train == 0)
    return plt_fail(PLT_ERR_USAGE, "data synth: users, items, latent, width and n-train must be at least 1");
  if (p->environments == 0 || p->environments > PLT_PLANTED_ENVIRONMENTS)
    return plt_fail(PLT_ERR_USAGE, "data synth: there are 1 to %d environments", PLT_PLANTED_ENVIRONMENTS);
  if (per_user(p) > p->items)
    return plt_fail(
        PLT_ERR_USAGE,
        "data synth: a user would take %llu items (%u environments of %llu, %u in the shift), but there are "
        "%u",
        (unsigned long long)per_user(p), p->environments, (unsigned long long)per_environment(p), p->n_shift, p->items);
  return PLT_OK;
}

static double *draw_normals(uint64_t seed, uint64_t number, uint64_t n) {
  plt_stream_t stream = plt_stream(seed, number);
  double *value = plt_mem_alloc(n * sizeof *value);
  for (uint64_t i = 0; i < n; i++) value[i] = plt_stream_normal(stream, i);
  return value;
}

static double dot(const double *a, const double *b, uint32_t n) {
  double sum = 0;
  for (uint32_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

/* ---- choices ---- */

typedef struct ranked {
  double key;
  uint32_t item;
} ranked_t;

/* What is drawn once and read by all users, and what a thread works at. */
typedef struct world {
  const plt_planted_t *planted;
  double *causal, *spurious; /* [items, q]: z, y */
  double *taste, *companion; /* [users, q]: p, a */
  double *fashion;           /* [environments + 1, items]: <t_e, y_i> */
  double *popularity;        /* [items]: pop * pi */
  double *scratch;           /* a thread's: [2, items] */
  bool *taken;               /* a thread's: [items] */
  ranked_t *best;            /* a thread's: [most taken at a time] */
  size_t most;
  plt_interaction_t *row; /* [users, per_user] */
} world_t;

/* What every user finds of an item's style in environment e; in the last, the shift, the reverse of their mean. */
static double *draw_fashion(const world_t *world) {
  const plt_planted_t *p = world->planted;
  uint32_t q = p->latent, shift = p->environments;
  double *t = draw_normals(p->seed, FASHION, (uint64_t)shift * q);
  t = plt_mem_resize(t, (size_t)(shift + 1) * q, sizeof *t);
  for (uint32_t f = 0; f < q; f++) {
    double sum = 0;
    for (uint32_t e = 0; e < shift; e++) sum += t[(size_t)e * q + f];
    t[(size_t)shift * q + f] = -sum / shift;
  }
  double *fashion = plt_mem_alloc((size_t)(shift + 1) * p->items * sizeof *fashion);
  for (uint32_t e = 0; e <= shift; e++)
    for (uint32_t i = 0; i < p->items; i++)
      fashion[(size_t)e * p->items + i] = dot(t + (size_t)e * q, world->spurious + (size_t)i * q, q);
  free(t);
  return fashion;
}

/* Into the best so far, [n] of at most `most`, best first; of equals the first that came. */
static size_t insert(ranked_t *best, size_t n, size_t most, ranked_t ranked) {
  if (n == most && !(ranked.key > best[n - 1].key)) return n;
  size_t at = n < most ? n : most - 1;
  for (; at > 0 && ranked.key > best[at - 1].key; at--) best[at] = best[at - 1];
  best[at] = ranked;
  return n < most ? n + 1 : n;
}

static double gumbel(plt_stream_t stream, uint64_t i) { return -log(-log(plt_stream_uniform(stream, i))); }

/* The items that a user takes in environment e, into best [n]. */
static void choose(const world_t *world, uint32_t user, uint32_t e, const double *liking, const double *pull,
                   const bool *taken, ranked_t *best, size_t n) {
  const plt_planted_t *p = world->planted;
  plt_stream_t stream = plt_stream(p->seed, GUMBEL);
  double rho = e == p->environments ? p->rho_shift : p->rho[e], unit = sqrt(p->latent);
  uint64_t first = ((uint64_t)e * p->users + user) * p->items;
  const double *fashion = world->fashion + (size_t)e * p->items;
  size_t found = 0;
  for (uint32_t i = 0; i < p->items && n > 0; i++) {
    if (taken[i]) continue;
    double value = (p->kappa * liking[i] + rho * pull[i] + p->trend * fashion[i]) / unit + world->popularity[i] +
                   gumbel(stream, first + i);
    found = insert(best, found, n, (ranked_t){value, i});
  }
}

static int by_key(const void *a, const void *b) {
  const ranked_t *x = a, *y = b;
  if (x->key != y->key) return x->key < y->key ? -1 : 1;
  return (x->item > y->item) - (x->item < y->item);
}

/* The first of them, in an order of their own, are validation's, the next the test's. */
static plt_part_t part_of(const plt_planted_t *p, uint32_t e, size_t place) {
  if (e == p->environments) return PLT_PART_SHIFT;
  return place < p->n_valid ? PLT_PART_VALID : place - p->n_valid < p->n_test ? PLT_PART_TEST : PLT_PART_TRAIN;
}

static void hold_out(const plt_planted_t *p, uint32_t user, uint32_t e, ranked_t *best, size_t n) {
  plt_stream_t stream = plt_stream(p->seed, HOLD_OUT);
  uint64_t first = ((uint64_t)e * p->users + user) * p->items;
  for (size_t k = 0; k < n; k++) best[k].key = plt_stream_uniform(stream, first + best[k].item);
  qsort(best, n, sizeof *best, by_key);
}

static int by_item(const void *a, const void *b) {
  uint32_t x = ((const plt_interaction_t *)a)->item, y = ((const plt_interaction_t *)b)->item;
  return (x > y) - (x < y);
}

/* plt_piece_fn: one user, environment by environment. */
static void draw_user(void *context, size_t user_at, size_t lane) {
  const world_t *world = context;
  const plt_planted_t *p = world->planted;
  uint32_t user = (uint32_t)user_at, q = p->latent;
  double *liking = world->scratch + lane * 2 * p->items, *pull = liking + p->items;
  bool *taken = world->taken + lane * p->items;
  ranked_t *best = world->best + lane * world->most;
  plt_interaction_t *row = world->row + user_at * per_user(p), *at = row;
  memset(taken, 0, p->items * sizeof *taken);
  for (uint32_t i = 0; i < p->items; i++) {
    liking[i] = dot(world->taste + user_at * q, world->causal + (size_t)i * q, q);
    pull[i] = dot(world->companion + user_at * q, world->spurious + (size_t)i * q, q);
  }
  for (uint32_t e = 0; e <= p->environments; e++) {
    size_t n = e < p->environments ? per_environment(p) : p->n_shift;
    choose(world, user, e, liking, pull, taken, best, n);
    hold_out(p, user, e, best, n);
    for (size_t k = 0; k < n; k++) {
      taken[best[k].item] = true;
      *at++ = (plt_interaction_t){user, best[k].item, 0, (uint16_t)part_of(p, e, k), (uint16_t)e};
    }
  }
  qsort(row, (size_t)(at - row), sizeof *row, by_item);
}

static void draw_world(const plt_planted_t *p, world_t *world) {
  uint64_t q = p->latent;
  world->causal = draw_normals(p->seed, CAUSAL, p->items * q);
  world->spurious = draw_normals(p->seed, SPURIOUS, p->items * q);
  world->taste = draw_normals(p->seed, TASTE, p->users * q);
  world->companion = draw_normals(p->seed, COMPANION, p->users * q);
  world->popularity = draw_normals(p->seed, POPULARITY, p->items);
  for (uint32_t i = 0; i < p->items; i++) world->popularity[i] *= p->pop;
  world->fashion = draw_fashion(world);
  world->most = per_environment(p) > p->n_shift ? per_environment(p) : p->n_shift;
  world->scratch = plt_mem_alloc(p->threads * 2 * p->items * sizeof *world->scratch);
  world->taken = plt_mem_alloc(p->threads * p->items * sizeof *world->taken);
  world->best = plt_mem_alloc(p->threads * world->most * sizeof *world->best);
}

static void free_world(world_t *world) {
  free(world->best);
  free(world->taken);
  free(world->scratch);
  free(world->fashion);
  free(world->popularity);
  free(world->companion);
  free(world->taste);
  free(world->spurious);
  free(world->causal);
}

plt_status_t plt_planted_draw(const plt_planted_t *planted, plt_interactions_t **out) {
  PLT_TRY(plt_planted_check(planted));
  plt_interactions_t *rows = plt_mem_zalloc(1, sizeof *rows);
  *rows = (plt_interactions_t){.name = plt_mem_strdup(""),
                               .source = plt_mem_strdup(""),
                               .n = planted->users * per_user(planted),
                               .users = planted->users,
                               .items = planted->items,
                               .has_environments = true};
  rows->row = plt_mem_alloc(rows->n * sizeof *rows->row);
  world_t world = {.planted = planted, .row = rows->row};
  draw_world(planted, &world);
  plt_crew_t *crew = plt_crew_create(planted->threads);
  plt_crew_run(crew, planted->users, draw_user, &world);
  plt_crew_destroy(&crew);
  free_world(&world);
  *out = rows;
  return PLT_OK;
}

/* ---- features ---- */

float *plt_planted_features(const plt_planted_t *planted, plt_planted_feature_t which) {
  static const uint64_t streams[PLT_PLANTED_FEATURES][3] = {{CAUSAL, CAUSAL_AXES, CAUSAL_NOISE},
                                                            {SPURIOUS, SPURIOUS_AXES, SPURIOUS_NOISE}};
  uint64_t q = planted->latent, cols = planted->width, n = planted->items * cols;
  double *latent = draw_normals(planted->seed, streams[which][0], planted->items * q);
  double *axes = draw_normals(planted->seed, streams[which][1], q * cols);
  plt_stream_t noise = plt_stream(planted->seed, streams[which][2]);
  float *out = plt_mem_alloc(n * sizeof *out);
  for (uint64_t at = 0; at < n; at++) {
    double sum = 0;
    for (uint64_t f = 0; f < q; f++) sum += latent[at / cols * q + f] * axes[f * cols + at % cols];
    out[at] = (float)(sum / sqrt((double)q) + planted->noise * plt_stream_normal(noise, at));
  }
  free(axes);
  free(latent);
  return out;
}
