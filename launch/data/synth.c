/* synth.c - see synth.h: who takes what. synth_write.c makes files of it. */
#include "launch/data/synth.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/rng.h"
#include "common/threads.h"

enum { CLUSTERS = 24, LEAST_PER_USER = 5 };

static const double user_shape = 1.75;    /* Pareto tail of the users' activity */
static const double item_exponent = 0.85; /* popularity = 1 / (rank + shift)^exponent */
static const double closeness = 12.0;     /* weight of the cosine against log popularity */

static uint32_t pool_of(const plt_synth_t *synth) { return synth->items < synth->pool ? synth->items : synth->pool; }

plt_status_t plt_synth_check(const plt_synth_t *synth) {
  if (synth->users == 0 || synth->items < 2)
    return plt_fail(PLT_ERR_USAGE, "data synth: at least 1 user and 2 items are needed");
  if (synth->pool < 2) return plt_fail(PLT_ERR_USAGE, "data synth: a pool has at least 2 items");
  if (synth->interactions < synth->users)
    return plt_fail(PLT_ERR_USAGE, "data synth: %llu interactions are fewer than one for each of %u users",
                    (unsigned long long)synth->interactions, synth->users);
  uint64_t most = (uint64_t)synth->users * (pool_of(synth) / 2);
  if (synth->interactions > most)
    return plt_fail(PLT_ERR_USAGE,
                    "data synth: %llu interactions are too many: a user takes at most %u items, so %llu fit",
                    (unsigned long long)synth->interactions, pool_of(synth) / 2, (unsigned long long)most);
  if (synth->factors == 0 || synth->factors > 256 || !(synth->noise >= 0 && synth->noise <= 1000))
    return plt_fail(PLT_ERR_USAGE, "data synth: factors must be 1 to 256 and noise 0 to 1000");
  return PLT_OK;
}

uint64_t plt_synth_held_out(uint64_t degree) { return degree < 3 ? 0 : degree < 20 ? 1 : degree / 10; }

/* What is drawn once and read by all users. Items stand in a row, the first of them once more behind the last: a user's
 * pool is a window of that row, a place in it is a number modulo the items. */
typedef struct sphere {
  const plt_synth_t *synth;
  uint32_t pool, row;    /* places: of a window, of the row */
  uint32_t *order;       /* [row]: items in random order; where a pool holds all, as they are */
  float *user;           /* users x factors */
  float *item;           /* factors x row: one user's scores are sums of stretches */
  float *log_popularity; /* [row] */
  plt_synth_world_t *world;
  float *scores; /* a pool per thread */
} sphere_t;

static double normal(plt_rng_key_t key, uint32_t row, uint32_t col) {
  plt_rng_block_t draw = plt_rng_draw(key, row, col, 0, 0);
  double pair[2];
  plt_rng_normal(draw.word[0], draw.word[1], pair);
  return pair[0];
}

/* A point near one of the clusters' centres, on the sphere. */
static void draw_point(const plt_synth_t *synth, const char *purpose, uint32_t row, float *point) {
  plt_rng_key_t centres = plt_rng_key(synth->seed, "synth centres", 0);
  plt_rng_key_t own = plt_rng_key(synth->seed, purpose, 0);
  uint32_t cluster = plt_rng_draw(own, row, 0, 1, 0).word[0] % CLUSTERS;
  double square = 0;
  for (uint32_t f = 0; f < synth->factors; f++) {
    double x = 0.75 * normal(centres, cluster, f) + 0.65 * normal(own, row, f);
    point[f] = (float)x;
    square += x * x;
  }
  for (uint32_t f = 0; f < synth->factors; f++) point[f] = (float)(point[f] / sqrt(square));
}

static float *draw_popularity(const sphere_t *sphere) {
  const plt_synth_t *synth = sphere->synth;
  plt_rng_key_t key = plt_rng_key(synth->seed, "synth popularity", 0);
  double shift = 1.0 + synth->items / 250.0;
  float *out = plt_mem_alloc(sphere->row * sizeof *out);
  for (uint32_t place = 0; place < sphere->row; place++) {
    double rank = (double)plt_rng_permute(key, synth->items, sphere->order[place]);
    out[place] = (float)(-item_exponent * log(rank + shift));
  }
  return out;
}

static uint32_t *draw_order(const sphere_t *sphere) {
  plt_rng_key_t key = plt_rng_key(sphere->synth->seed, "synth row", 0);
  uint32_t items = sphere->synth->items, *order = plt_mem_alloc(sphere->row * sizeof *order);
  for (uint32_t place = 0; place < sphere->row; place++)
    order[place] = sphere->pool == items ? place : (uint32_t)plt_rng_permute(key, items, place % items);
  return order;
}

/* Degrees of a Pareto law above a common minimum, then one more here and there until the sum is right. */
static void draw_degrees(const plt_synth_t *synth, uint64_t *degree) {
  assert(synth->users > 0);
  plt_rng_key_t key = plt_rng_key(synth->seed, "synth activity", 0);
  double mean = (double)synth->interactions / synth->users, total = 0;
  uint64_t least = mean >= 2 * LEAST_PER_USER ? LEAST_PER_USER : (uint64_t)fmax(1, mean / 2);
  uint64_t most = pool_of(synth) / 2;
  double *weight = plt_mem_alloc(synth->users * sizeof *weight);
  for (uint32_t u = 0; u < synth->users; u++) {
    weight[u] = pow(plt_rng_open01(plt_rng_draw(key, u, 0, 0, 0).word[0]), -1 / user_shape) - 1;
    total += weight[u];
  }
  uint64_t spare = synth->interactions - least * synth->users, left = spare;
  for (uint32_t u = 0; u < synth->users; u++) {
    uint64_t share = (uint64_t)((double)spare * (weight[u] / total));
    if (share > most - least) share = most - least;
    if (share > left) share = left;
    degree[u] = least + share;
    left -= share;
  }
  free(weight);
  for (uint64_t turn = 0; left > 0; turn++) {
    uint64_t u = plt_rng_permute(key, synth->users, turn % synth->users);
    if (degree[u] == most) continue;
    degree[u]++;
    left--;
  }
}

typedef struct candidate {
  float key;
  uint32_t item;
} candidate_t;

static void sift_down(candidate_t *heap, uint64_t n, candidate_t top) {
  uint64_t hole = 0;
  for (uint64_t child = 1; child < n; child = 2 * hole + 1) {
    if (child + 1 < n && heap[child + 1].key < heap[child].key) child++;
    if (heap[child].key >= top.key) break;
    heap[hole] = heap[child];
    hole = child;
  }
  heap[hole] = top;
}

/* At most log2(w + 0.5), without a logarithm: the exponent of a float. (Where rounding lifts w + 0.25 to the next
 * power of two it is above by less than 1e-6.) */
static int log2_below(uint32_t w) {
  float f = (float)w + 0.25f;
  uint32_t bits;
  memcpy(&bits, &f, sizeof bits);
  return (int)(bits >> 23) - 127;
}

/* Adds a Gumbel variate -log(-log(1 - v)) to a score. It is at most -log v, and v's power of two tells without a
 * logarithm that most items stay below the heap's least: then the score is returned as -infinity. */
static float perturb(float score, uint32_t w, float least) {
  float bound = (float)(32 - log2_below(w)) * 0.6931472f;
  if (score + bound + 0.01f < least) return -INFINITY;
  return score - (float)log(-log1p(-plt_rng_open01(w)));
}

/* Scores of the pool that begins at place `first`. */
static void score_pool(const sphere_t *sphere, uint32_t user, uint32_t first, float *scores) {
  uint32_t factors = sphere->synth->factors;
  memcpy(scores, sphere->log_popularity + first, sphere->pool * sizeof *scores);
  for (uint32_t f = 0; f < factors; f++) {
    const float *axis = sphere->item + (size_t)f * sphere->row + first;
    float weight = (float)closeness * sphere->user[(size_t)user * factors + f];
    for (uint32_t i = 0; i < sphere->pool; i++) scores[i] += weight * axis[i];
  }
}

static int by_item(const void *a, const void *b) {
  uint32_t x = ((const candidate_t *)a)->item, y = ((const candidate_t *)b)->item;
  return (x > y) - (x < y);
}

/* The k items with the largest perturbed scores are a draw without replacement, but the first drawn are the
 * nearest: they are put in random order, else validation and test would be the far ones. */
static void draw_items(void *context, size_t user, size_t lane) {
  const sphere_t *sphere = context;
  uint32_t items = sphere->synth->items;
  uint64_t first = sphere->world->offset[user], k = sphere->world->offset[user + 1] - first;
  float *scores = sphere->scores + lane * sphere->pool;
  plt_rng_key_t pools = plt_rng_key(sphere->synth->seed, "synth pool", 0);
  uint32_t begin = sphere->pool == items ? 0 : plt_rng_draw(pools, (uint32_t)user, 0, 0, 0).word[0] % items;
  score_pool(sphere, (uint32_t)user, begin, scores);
  plt_rng_key_t key = plt_rng_key(sphere->synth->seed, "synth choice", 0);
  candidate_t *heap = plt_mem_alloc(k * sizeof *heap);
  for (uint64_t i = 0; i < k; i++) heap[i] = (candidate_t){-INFINITY, 0};
  plt_rng_block_t draw = {{0}};
  for (uint32_t i = 0; i < sphere->pool; i++) {
    if (i % 4 == 0) draw = plt_rng_draw(key, (uint32_t)user, i / 4, 0, 0);
    float value = perturb(scores[i], draw.word[i % 4], heap[0].key);
    if (value > heap[0].key) sift_down(heap, k, (candidate_t){value, sphere->order[begin + i]});
  }
  qsort(heap, k, sizeof *heap, by_item);
  plt_rng_key_t order = plt_rng_key(sphere->synth->seed, "synth order", user);
  for (uint64_t i = 0; i < k; i++) sphere->world->item[first + plt_rng_permute(order, k, i)] = heap[i].item;
  free(heap);
}

/* The largest item id must occur, or readers would count fewer items: an item that nobody took changes places
 * with one that somebody did. */
static void use_last_item(const plt_synth_t *synth, plt_synth_world_t *world) {
  uint32_t last = synth->items - 1, other = world->item[0];
  for (uint64_t i = 0; i < synth->interactions; i++)
    if (world->item[i] == last) return;
  for (uint64_t i = 0; i < synth->interactions; i++)
    if (world->item[i] == other) world->item[i] = last;
  for (uint32_t f = 0; f < synth->factors; f++) {
    float *a = &world->item_factors[(size_t)last * synth->factors + f];
    float *b = &world->item_factors[(size_t)other * synth->factors + f];
    float kept = *a;
    *a = *b;
    *b = kept;
  }
}

static void draw_sphere(const plt_synth_t *synth, sphere_t *sphere, plt_synth_world_t *world) {
  uint32_t factors = synth->factors;
  sphere->pool = pool_of(synth);
  sphere->row = sphere->pool == synth->items ? synth->items : synth->items + sphere->pool;
  sphere->order = draw_order(sphere);
  sphere->user = plt_mem_alloc((size_t)synth->users * factors * sizeof(float));
  sphere->item = plt_mem_alloc((size_t)sphere->row * factors * sizeof(float));
  for (uint32_t u = 0; u < synth->users; u++) draw_point(synth, "synth users", u, sphere->user + (size_t)u * factors);
  for (uint32_t i = 0; i < synth->items; i++)
    draw_point(synth, "synth items", i, world->item_factors + (size_t)i * factors);
  for (uint32_t place = 0; place < sphere->row; place++)
    for (uint32_t f = 0; f < factors; f++)
      sphere->item[(size_t)f * sphere->row + place] = world->item_factors[(size_t)sphere->order[place] * factors + f];
  sphere->log_popularity = draw_popularity(sphere);
}

plt_status_t plt_synth_draw(const plt_synth_t *synth, plt_synth_world_t *world) {
  PLT_TRY(plt_synth_check(synth));
  *world = (plt_synth_world_t){
      .offset = plt_mem_zalloc((size_t)synth->users + 1, sizeof *world->offset),
      .item = plt_mem_alloc(synth->interactions * sizeof *world->item),
      .item_factors = plt_mem_alloc((size_t)synth->items * synth->factors * sizeof *world->item_factors),
  };
  draw_degrees(synth, world->offset + 1);
  for (uint32_t u = 0; u < synth->users; u++) world->offset[u + 1] += world->offset[u];
  sphere_t sphere = {.synth = synth, .world = world};
  draw_sphere(synth, &sphere, world);
  plt_crew_t *crew = plt_crew_create(synth->threads);
  sphere.scores = plt_mem_alloc(synth->threads * sphere.pool * sizeof *sphere.scores);
  plt_crew_run(crew, synth->users, draw_items, &sphere);
  plt_crew_destroy(&crew);
  free(sphere.scores);
  free(sphere.order);
  free(sphere.log_popularity);
  free(sphere.item);
  free(sphere.user);
  use_last_item(synth, world);
  return PLT_OK;
}

void plt_synth_free(plt_synth_world_t *world) {
  free(world->item_factors);
  free(world->item);
  free(world->offset);
  *world = (plt_synth_world_t){0};
}
