/* graph.c - see graph.h.
 *
 * Users' rows are the dataset's without repetitions. Items' rows are their transpose: users are cut in parts, one
 * per thread, each part counts its items, and from the counts follows where each part writes: the parts of an
 * item's row stand in the order of users, so the result does not depend on how many there were. */
#include "worker/graph/graph.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/mapped.h"
#include "common/mem.h"
#include "common/threads.h"

enum { PARTS_MAX = 16 };

typedef struct build {
  const plt_user_items_t *train;
  uint32_t users, items;
  size_t parts;
  uint32_t first[PARTS_MAX + 1]; /* users of a part */
  uint64_t *offset[PLT_SIDES];
  uint32_t *id[PLT_SIDES];
  float *norm[PLT_SIDES];
  uint64_t *count; /* [parts, items]: first edges, then the next place to write to */
} build_t;

/* Parts with about as many pairs each. */
static void cut_users(build_t *b) {
  uint32_t user = 0;
  for (size_t p = 0; p < b->parts; p++) {
    b->first[p] = user;
    while (user < b->users && b->train->offset[user] < b->train->n * (p + 1) / b->parts) user++;
  }
  b->first[b->parts] = b->users;
}

static bool is_first(const uint32_t *items, uint64_t i) { return i == 0 || items[i] != items[i - 1]; }

static void count_part(void *context, size_t part, size_t lane) {
  (void)lane;
  build_t *b = context;
  uint64_t *count = b->count + part * b->items;
  for (uint32_t u = b->first[part]; u < b->first[part + 1]; u++) {
    const uint32_t *items = b->train->item + b->train->offset[u];
    uint64_t n = b->train->offset[u + 1] - b->train->offset[u], degree = 0;
    for (uint64_t i = 0; i < n; i++) {
      if (!is_first(items, i)) continue;
      count[items[i]]++;
      degree++;
    }
    b->offset[PLT_SIDE_USER][u + 1] = degree;
  }
}

static void fill_part(void *context, size_t part, size_t lane) {
  (void)lane;
  build_t *b = context;
  uint64_t *place = b->count + part * b->items;
  for (uint32_t u = b->first[part]; u < b->first[part + 1]; u++) {
    const uint32_t *items = b->train->item + b->train->offset[u];
    uint64_t n = b->train->offset[u + 1] - b->train->offset[u];
    uint32_t *out = b->id[PLT_SIDE_USER] + b->offset[PLT_SIDE_USER][u];
    for (uint64_t i = 0; i < n; i++) {
      if (!is_first(items, i)) continue;
      *out++ = items[i];
      b->id[PLT_SIDE_ITEM][place[items[i]]++] = u;
    }
  }
}

/* From degrees in offset[1 ..] to offsets and norms. */
static void settle_side(uint64_t *offset, float *norm, uint32_t nodes) {
  for (uint32_t n = 0; n < nodes; n++) {
    uint64_t degree = offset[n + 1];
    norm[n] = degree == 0 ? 0.0f : (float)(1.0 / sqrt((double)degree));
    offset[n + 1] += offset[n];
  }
}

static void place_parts(build_t *b) {
  uint64_t *offset = b->offset[PLT_SIDE_ITEM];
  for (uint32_t i = 0; i < b->items; i++)
    for (size_t p = 0; p < b->parts; p++) offset[i + 1] += b->count[p * b->items + i];
  settle_side(offset, b->norm[PLT_SIDE_ITEM], b->items);
  for (uint32_t i = 0; i < b->items; i++) {
    uint64_t place = offset[i];
    for (size_t p = 0; p < b->parts; p++) {
      uint64_t here = b->count[p * b->items + i];
      b->count[p * b->items + i] = place;
      place += here;
    }
  }
}

plt_graph_t *plt_graph_create(const plt_dataset_t *data, uint32_t threads) {
  plt_crew_t *crew = plt_crew_create(threads < 1 ? 1 : threads > PARTS_MAX ? PARTS_MAX : threads);
  plt_graph_t *graph = plt_graph_from_rows(&data->part[PLT_PART_TRAIN], data->users, data->items, crew);
  plt_crew_destroy(&crew);
  return graph;
}

plt_graph_t *plt_graph_from_rows(const plt_user_items_t *rows, uint32_t users, uint32_t items, plt_crew_t *crew) {
  build_t b = {.train = rows, .users = users, .items = items};
  b.parts = crew == NULL ? 1 : plt_crew_size(crew) > PARTS_MAX ? PARTS_MAX : plt_crew_size(crew);
  uint32_t nodes[PLT_SIDES] = {users, items};
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    b.offset[s] = plt_mem_zalloc((size_t)nodes[s] + 1, sizeof *b.offset[s]);
    b.norm[s] = plt_mem_alloc((size_t)nodes[s] * sizeof *b.norm[s]);
  }
  b.count = plt_mem_zalloc(b.parts * b.items, sizeof *b.count);
  cut_users(&b);
  plt_crew_run(crew, b.parts, count_part, &b);
  settle_side(b.offset[PLT_SIDE_USER], b.norm[PLT_SIDE_USER], b.users);
  place_parts(&b);
  uint64_t edges = b.offset[PLT_SIDE_USER][b.users];
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) b.id[s] = plt_mem_alloc(edges * sizeof *b.id[s]);
  plt_crew_run(crew, b.parts, fill_part, &b);
  free(b.count);

  plt_graph_t *graph = plt_mem_zalloc(1, sizeof *graph);
  graph->edges = edges;
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++)
    graph->of[s] = (plt_neighbours_t){nodes[s], b.offset[s], b.id[s], b.norm[s]};
  return graph;
}

void plt_graph_destroy(plt_graph_t **graph) {
  if (*graph == NULL) return;
  if ((*graph)->map != NULL || (*graph)->is_borrowed) {
    if ((*graph)->map != NULL) plt_file_unmap((*graph)->map, (*graph)->map_bytes);
    free(*graph);
    *graph = NULL;
    return;
  }
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    free((void *)(uintptr_t)(*graph)->of[s].offset);
    free((void *)(uintptr_t)(*graph)->of[s].id);
    free((void *)(uintptr_t)(*graph)->of[s].norm);
  }
  free(*graph);
  *graph = NULL;
}
