/* user_graph.c - see user_graph.h.
 *
 *   blocks of users, one thread each:  her items' users, counted ─▶ the k largest counts ─▶ row, ascending by id
 *   then:                              rows of all blocks side by side */
#include "worker/graph/user_graph.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/mapped.h"
#include "common/mem.h"
#include "common/rng.h"

enum { BLOCK = 256 };

typedef struct neighbour {
  uint32_t id, count;
} neighbour_t;

typedef struct search {
  const plt_graph_t *graph;
  plt_user_graph_plan_t plan;
  uint32_t *count;   /* [lanes, users]: 0 between two users */
  uint32_t *found;   /* [lanes, users]: who has a count */
  neighbour_t *near; /* [users, k] */
  uint32_t *n;       /* [users] */
} search_t;

static int by_count(const void *a, const void *b) {
  const neighbour_t *x = a, *y = b;
  if (x->count != y->count) return x->count > y->count ? -1 : 1;
  return x->id < y->id ? -1 : x->id > y->id;
}

static int by_id(const void *a, const void *b) {
  const neighbour_t *x = a, *y = b;
  return x->id < y->id ? -1 : x->id > y->id;
}

/* Whether x is nearer than y. */
static bool is_nearer(neighbour_t x, neighbour_t y) { return by_count(&x, &y) < 0; }

/* Puts `added` among the k nearest, the farthest of which is on top of the heap. */
static void offer(neighbour_t *heap, uint32_t *n, uint32_t k, neighbour_t added) {
  uint32_t at;
  if (*n < k) {
    for (at = (*n)++; at > 0 && is_nearer(heap[(at - 1) / 2], added); at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
  } else {
    if (!is_nearer(added, heap[0])) return;
    uint32_t child;
    for (at = 0; (child = 2 * at + 1) < k; at = child) {
      if (child + 1 < k && is_nearer(heap[child], heap[child + 1])) child++;
      if (!is_nearer(added, heap[child])) break;
      heap[at] = heap[child];
    }
  }
  heap[at] = added;
}

static void search_user(search_t *s, uint32_t user, uint32_t *count, uint32_t *found) {
  const plt_neighbours_t *users = &s->graph->of[PLT_SIDE_USER], *items = &s->graph->of[PLT_SIDE_ITEM];
  neighbour_t *near = s->near + (size_t)user * s->plan.k;
  uint32_t n_found = 0;
  for (uint64_t e = users->offset[user]; e < users->offset[user + 1]; e++) {
    uint32_t item = users->id[e];
    for (uint64_t b = items->offset[item]; b < items->offset[item + 1]; b++) {
      uint32_t other = items->id[b];
      if (count[other]++ == 0) found[n_found++] = other;
    }
  }
  for (uint32_t i = 0; i < n_found; i++) {
    if (found[i] != user) offer(near, &s->n[user], s->plan.k, (neighbour_t){found[i], count[found[i]]});
    count[found[i]] = 0;
  }
  qsort(near, s->n[user], sizeof *near, by_id);
}

/* plt_block_fn */
static void search_block(void *context, size_t block, size_t lane) {
  search_t *s = context;
  uint32_t users = s->graph->of[PLT_SIDE_USER].nodes, first = (uint32_t)block * BLOCK;
  for (uint32_t u = first; u < users && u < first + BLOCK; u++)
    search_user(s, u, s->count + lane * users, s->found + lane * users);
}

/* The softmax of the counts, or one over their number, of entries that stand `times` [n] in the list (NULL: once). */
static void weigh(const uint32_t *count, const uint32_t *times, size_t n, bool mean, float *weight) {
  uint32_t largest = 0;
  double sum = 0;
  for (size_t i = 0; i < n; i++) largest = count[i] > largest ? count[i] : largest;
  for (int writes = 0; writes < 2; writes++) {
    for (size_t i = 0; i < n; i++) {
      double share = (times == NULL ? 1 : times[i]) * (mean ? 1 : exp((double)count[i] - largest));
      if (writes)
        weight[i] = (float)(share / sum);
      else
        sum += share;
    }
  }
}

/* A graph with room for its entries. */
static plt_user_graph_t *make(uint32_t users, const uint64_t *offset) {
  plt_user_graph_t *graph = plt_mem_zalloc(1, sizeof *graph);
  graph->count = plt_mem_alloc(offset[users] * sizeof *graph->count);
  graph->matrix = (plt_csr_t){.rows = users,
                              .cols = users,
                              .offset = offset,
                              .index = plt_mem_alloc(offset[users] * sizeof(uint32_t)),
                              .weight = plt_mem_alloc(offset[users] * sizeof(float))};
  return graph;
}

static plt_user_graph_t *join(const search_t *s) {
  uint32_t users = s->graph->of[PLT_SIDE_USER].nodes;
  uint64_t *offset = plt_mem_zalloc((size_t)users + 1, sizeof *offset);
  for (uint32_t u = 0; u < users; u++) offset[u + 1] = offset[u] + s->n[u];
  plt_user_graph_t *graph = make(users, offset);
  uint32_t *id = (uint32_t *)(uintptr_t)graph->matrix.index, *count = (uint32_t *)(uintptr_t)graph->count;
  float *weight = (float *)(uintptr_t)graph->matrix.weight;
  for (uint32_t u = 0; u < users; u++) {
    const neighbour_t *near = s->near + (size_t)u * s->plan.k;
    for (uint32_t i = 0; i < s->n[u]; i++) {
      id[offset[u] + i] = near[i].id;
      count[offset[u] + i] = near[i].count;
    }
    weigh(graph->count + offset[u], NULL, s->n[u], s->plan.mean, weight + offset[u]);
  }
  return graph;
}

plt_user_graph_t *plt_user_graph_pad(const plt_user_graph_t *graph, const plt_user_graph_plan_t *plan, uint64_t seed,
                                     uint32_t epoch) {
  const plt_csr_t *of = &graph->matrix;
  uint32_t users = (uint32_t)of->rows, *times = plt_mem_alloc(plan->k * sizeof *times),
           *list = plt_mem_alloc(plan->k * sizeof *list); /* entries, by their place in the row */
  uint64_t *offset = plt_mem_alloc(((size_t)users + 1) * sizeof *offset);
  memcpy(offset, of->offset, ((size_t)users + 1) * sizeof *offset);
  plt_user_graph_t *padded = make(users, offset);
  plt_rng_key_t rng = plt_rng_key(seed, "user pad", epoch);
  memcpy((void *)(uintptr_t)padded->matrix.index, of->index, offset[users] * sizeof *of->index);
  memcpy((void *)(uintptr_t)padded->count, graph->count, offset[users] * sizeof *graph->count);
  for (uint32_t u = 0; u < users; u++) {
    uint32_t n = (uint32_t)(offset[u + 1] - offset[u]);
    for (uint32_t i = 0; i < n; i++) times[list[i] = i] = 1;
    for (uint32_t i = n; i < plan->k && n > 0; i++) {
      plt_rng_block_t block = plt_rng_draw(rng, u, i, 0, 0);
      list[i] = list[plt_rng_below((uint64_t)block.word[0] << 32 | block.word[1], i)];
      times[list[i]]++;
    }
    weigh(padded->count + offset[u], times, n, plan->mean, (float *)(uintptr_t)padded->matrix.weight + offset[u]);
  }
  free(times);
  free(list);
  return padded;
}

plt_user_graph_t *plt_user_graph_create(const plt_graph_t *graph, const plt_user_graph_plan_t *plan, uint32_t threads) {
  uint32_t users = graph->of[PLT_SIDE_USER].nodes;
  plt_crew_t *crew = plt_crew_create(threads);
  size_t lanes = plt_crew_size(crew);
  search_t s = {.graph = graph,
                .plan = *plan,
                .count = plt_mem_zalloc(lanes * users, sizeof *s.count),
                .found = plt_mem_alloc(lanes * users * sizeof *s.found),
                .near = plt_mem_alloc((size_t)users * plan->k * sizeof *s.near),
                .n = plt_mem_zalloc(users, sizeof *s.n)};
  plt_crew_run(crew, (users + BLOCK - 1) / BLOCK, search_block, &s);
  plt_user_graph_t *made = join(&s);
  plt_crew_destroy(&crew);
  free(s.count);
  free(s.found);
  free(s.near);
  free(s.n);
  return made;
}

void plt_user_graph_destroy(plt_user_graph_t **graph) {
  if (*graph == NULL) return;
  if ((*graph)->map != NULL) {
    plt_file_unmap((*graph)->map, (*graph)->map_bytes);
  } else {
    free((void *)(uintptr_t)(*graph)->matrix.offset);
    free((void *)(uintptr_t)(*graph)->matrix.index);
    free((void *)(uintptr_t)(*graph)->matrix.weight);
    free((void *)(uintptr_t)(*graph)->count);
  }
  free(*graph);
  *graph = NULL;
}
