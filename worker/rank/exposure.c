/* exposure.c - see exposure.h. */
#include "worker/rank/exposure.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

const char *const plt_slice_names[PLT_SLICES] = {"head", "middle", "tail", "cold_items", "cold_users"};

struct plt_exposure {
  const plt_plan_t *plan;
  uint32_t items;
  uint32_t *degree; /* [items] */
  uint8_t *slice;   /* [items] */
  uint32_t *place;  /* [items]: the best rank, from 1, at which this worker showed it; UINT32_MAX: at none */
  uint32_t slice_items[PLT_SLICES];
  uint64_t slice_pairs[PLT_SLICES];
  uint32_t *found; /* a user's items in a slice */
  size_t capacity;
};

/* ---- popularity ---- */

/* A user's training pairs, a repeated one once. */
static uint64_t degree_of(const plt_user_items_t *train, uint32_t user) {
  uint64_t pairs = 0;
  for (uint64_t i = train->offset[user]; i < train->offset[user + 1]; i++)
    pairs += i == train->offset[user] || train->item[i] != train->item[i - 1];
  return pairs;
}

/* A repeated pair counts once. */
static uint64_t count_degrees(plt_exposure_t *exposure, const plt_dataset_t *data) {
  const plt_user_items_t *train = &data->part[PLT_PART_TRAIN];
  uint64_t edges = 0;
  for (uint32_t u = 0; u < data->users; u++) {
    uint64_t pairs = degree_of(train, u);
    edges += pairs;
    if (pairs <= exposure->plan->cold) exposure->slice_pairs[PLT_SLICE_COLD_USERS] += pairs;
    for (uint64_t i = train->offset[u]; i < train->offset[u + 1]; i++)
      if (i == train->offset[u] || train->item[i] != train->item[i - 1]) exposure->degree[train->item[i]]++;
  }
  return edges;
}

/* above[d]: training pairs of the items of more than d. */
static uint64_t *pairs_above(const plt_exposure_t *exposure, uint32_t most) {
  uint64_t *above = plt_mem_zalloc((size_t)most + 1, sizeof *above);
  for (uint32_t i = 0; i < exposure->items; i++)
    if (exposure->degree[i] > 0) above[exposure->degree[i] - 1] += exposure->degree[i];
  for (uint32_t d = most; d > 0; d--) above[d - 1] += above[d];
  return above;
}

static void cut_slices(plt_exposure_t *exposure, uint64_t edges) {
  uint32_t most = 0;
  for (uint32_t i = 0; i < exposure->items; i++)
    if (exposure->degree[i] > most) most = exposure->degree[i];
  uint64_t *above = pairs_above(exposure, most);
  for (uint32_t i = 0; i < exposure->items; i++) {
    uint64_t before = above[exposure->degree[i]];
    plt_slice_t slice = 3 * before < edges       ? PLT_SLICE_HEAD
                        : 3 * before < 2 * edges ? PLT_SLICE_MIDDLE
                                                 : PLT_SLICE_TAIL;
    exposure->slice[i] = (uint8_t)slice;
    exposure->slice_items[slice]++;
    exposure->slice_pairs[slice] += exposure->degree[i];
    if (exposure->degree[i] > exposure->plan->cold) continue;
    exposure->slice_items[PLT_SLICE_COLD_ITEMS]++;
    exposure->slice_pairs[PLT_SLICE_COLD_ITEMS] += exposure->degree[i];
  }
  exposure->slice_items[PLT_SLICE_COLD_USERS] = exposure->items;
  free(above);
}

plt_exposure_t *plt_exposure_create(const plt_plan_t *plan) {
  plt_exposure_t *exposure = plt_mem_zalloc(1, sizeof *exposure);
  exposure->plan = plan;
  exposure->items = plan->data->items;
  exposure->degree = plt_mem_zalloc(exposure->items, sizeof *exposure->degree);
  exposure->slice = plt_mem_alloc(exposure->items * sizeof *exposure->slice);
  exposure->place = plt_mem_alloc(exposure->items * sizeof *exposure->place);
  cut_slices(exposure, count_degrees(exposure, plan->data));
  return exposure;
}

void plt_exposure_destroy(plt_exposure_t **exposure) {
  if (*exposure == NULL) return;
  free((*exposure)->found);
  free((*exposure)->place);
  free((*exposure)->slice);
  free((*exposure)->degree);
  free(*exposure);
  *exposure = NULL;
}

/* ---- sums ----
 *
 *   [slice 0: metrics, users][slice 1 ...] ... [each K: popularity][each K: items shown] */

static size_t metrics_of(const plt_exposure_t *exposure) { return PLT_METRIC_KINDS * exposure->plan->topk.n; }

static size_t slice_at(const plt_exposure_t *exposure, plt_slice_t slice) { return slice * (metrics_of(exposure) + 1); }

static size_t popularity_at(const plt_exposure_t *exposure) { return slice_at(exposure, PLT_SLICES); }

size_t plt_exposure_width(const plt_exposure_t *exposure) {
  return popularity_at(exposure) + 2 * exposure->plan->topk.n;
}

void plt_exposure_begin(plt_exposure_t *exposure) {
  memset(exposure->place, 0xFF, exposure->items * sizeof *exposure->place);
}

static void add_shown(plt_exposure_t *exposure, const plt_top_t *top, double *popularity, double *shown) {
  const plt_topk_t *topk = &exposure->plan->topk;
  double sum = 0;
  size_t rank = 0;
  for (size_t k = 0; k < topk->n; k++) {
    for (; rank < topk->k[k] && rank < top->n; rank++) {
      uint32_t item = top->best[rank].item;
      sum += exposure->degree[item];
      if (rank + 1 < exposure->place[item]) exposure->place[item] = (uint32_t)rank + 1;
    }
    popularity[k] += sum;
    shown[k] += (double)rank;
  }
}

static bool is_in(const plt_exposure_t *exposure, plt_slice_t slice, uint32_t item) {
  if (slice == PLT_SLICE_COLD_USERS) return true;
  if (slice == PLT_SLICE_COLD_ITEMS) return exposure->degree[item] <= exposure->plan->cold;
  return exposure->slice[item] == slice;
}

static void add_slice(plt_exposure_t *exposure, plt_slice_t slice, const plt_top_t *top, const uint32_t *positives,
                      size_t n_positives, double *sums) {
  size_t n = 0;
  for (size_t i = 0; i < n_positives; i++)
    if (is_in(exposure, slice, positives[i])) exposure->found[n++] = positives[i];
  if (n == 0) return;
  plt_metric_sums_t metrics = {0};
  plt_ranking_add(&metrics, &exposure->plan->topk, top, exposure->found, n);
  for (size_t m = 0; m < metrics_of(exposure); m++) sums[m] += metrics.value[m];
  sums[metrics_of(exposure)] += metrics.users;
}

void plt_exposure_add(plt_exposure_t *exposure, uint32_t user, const plt_top_t *top, const uint32_t *positives,
                      size_t n_positives, double *sums) {
  bool is_cold = degree_of(&exposure->plan->data->part[PLT_PART_TRAIN], user) <= exposure->plan->cold;
  if (n_positives > exposure->capacity) {
    exposure->capacity = 2 * n_positives;
    exposure->found = plt_mem_resize(exposure->found, exposure->capacity, sizeof *exposure->found);
  }
  for (plt_slice_t s = 0; s < PLT_SLICES; s++)
    if (s != PLT_SLICE_COLD_USERS || is_cold)
      add_slice(exposure, s, top, positives, n_positives, sums + slice_at(exposure, s));
  double *popularity = sums + popularity_at(exposure);
  add_shown(exposure, top, popularity, popularity + exposure->plan->topk.n);
}

void plt_exposure_average(const plt_exposure_t *exposure, const double *sums, plt_breakdown_t *out) {
  size_t n = exposure->plan->topk.n, metrics = metrics_of(exposure);
  const double *popularity = sums + popularity_at(exposure), *shown = popularity + n;
  *out = (plt_breakdown_t){0};
  for (size_t k = 0; k < n; k++) out->popularity[k] = shown[k] > 0 ? popularity[k] / shown[k] : 0;
  for (plt_slice_t s = 0; s < PLT_SLICES; s++) {
    const double *of = sums + slice_at(exposure, s);
    plt_slice_metrics_t *slice = &out->slice[s];
    slice->items = exposure->slice_items[s];
    slice->pairs = exposure->slice_pairs[s];
    slice->users = (uint64_t)of[metrics];
    for (size_t m = 0; m < metrics && slice->users > 0; m++) slice->value[m] = of[m] / of[metrics];
  }
}

/* ---- coverage ----
 *
 * A number holds a counter, wide enough for all workers, of each of several items: added up, it says exactly how many
 * workers showed each of them. [each K][numbers] */

enum { WHOLE_BITS = 53 /* of a double */ };

static unsigned bits_of(const plt_exposure_t *exposure) {
  unsigned bits = 1;
  while (exposure->plan->workers >> bits != 0) bits++;
  return bits;
}

static size_t numbers_of(const plt_exposure_t *exposure, unsigned bits) {
  size_t each = WHOLE_BITS / bits;
  return (exposure->items + each - 1) / each;
}

double *plt_exposure_marks(const plt_exposure_t *exposure, size_t *n) {
  unsigned bits = bits_of(exposure);
  const plt_topk_t *topk = &exposure->plan->topk;
  size_t numbers = numbers_of(exposure, bits), each = WHOLE_BITS / bits;
  *n = topk->n * numbers;
  double *marks = plt_mem_zalloc(*n, sizeof *marks);
  for (size_t k = 0; k < topk->n; k++)
    for (uint32_t i = 0; i < exposure->items; i++)
      if (exposure->place[i] <= topk->k[k])
        marks[k * numbers + i / each] += (double)(UINT64_C(1) << (bits * (i % each)));
  return marks;
}

void plt_exposure_cover(const plt_exposure_t *exposure, const double *marks, plt_breakdown_t *out) {
  unsigned bits = bits_of(exposure);
  size_t numbers = numbers_of(exposure, bits);
  uint64_t mask = (UINT64_C(1) << bits) - 1;
  for (size_t k = 0; k < exposure->plan->topk.n; k++) {
    uint64_t shown = 0;
    for (size_t m = 0; m < numbers; m++)
      for (uint64_t rest = (uint64_t)marks[k * numbers + m]; rest != 0; rest >>= bits) shown += (rest & mask) != 0;
    out->coverage[k] = (double)shown / exposure->items;
  }
}

/* ---- as JSON ---- */

void plt_topk_put(const char *what, const double *value, const plt_topk_t *topk, plt_json_t *object) {
  for (size_t k = 0; k < topk->n; k++) {
    char name[32];
    snprintf(name, sizeof name, "%s@%" PRIu32, what, topk->k[k]);
    plt_json_real(object, name, value[k]);
  }
}

void plt_breakdown_put(const plt_breakdown_t *breakdown, const plt_topk_t *topk, plt_json_t *object) {
  plt_topk_put("popularity", breakdown->popularity, topk, object);
  plt_topk_put("coverage", breakdown->coverage, topk, object);
}

void plt_slices_put(const plt_breakdown_t *breakdown, const plt_topk_t *topk, plt_json_t *object) {
  for (plt_slice_t s = 0; s < PLT_SLICES; s++) {
    const plt_slice_metrics_t *slice = &breakdown->slice[s];
    plt_json_t *of = plt_json_add_object(object, plt_slice_names[s]);
    plt_json_int(of, "items", slice->items);
    plt_json_int(of, "pairs", (int64_t)slice->pairs);
    plt_json_int(of, "users", (int64_t)slice->users);
    for (size_t kind = 0; kind < PLT_METRIC_KINDS; kind++)
      plt_topk_put(plt_metric_names[kind], slice->value + kind * topk->n, topk, of);
  }
}
