/* graph_file.c - the graph in a file that the processes of a machine map (shared_arrays.h): plt_graph_open() in
 * graph.h. A packed data set has the graph already. */
#include <stdlib.h>

#include "common/hash.h"
#include "common/mem.h"
#include "worker/graph/graph.h"
#include "worker/graph/shared_arrays.h"

enum { VERSION = 1 };
#define PER_SIDE ((size_t)3) /* arrays of users, then of items: offset, id, norm */

uint64_t plt_graph_key(const plt_dataset_t *data) {
  const plt_user_items_t *train = &data->part[PLT_PART_TRAIN];
  uint64_t sizes[] = {VERSION, data->users, data->items};
  uint64_t key = plt_hash64(0, sizes, sizeof sizes);
  key = plt_hash64(key, train->offset, ((size_t)data->users + 1) * sizeof *train->offset);
  return plt_hash64(key, train->item, train->n * sizeof *train->item);
}

typedef struct maker {
  const plt_dataset_t *data;
  uint32_t threads;
  plt_graph_t *made;
} maker_t;

/* plt_shared_maker_t.make */
static void make(void *context, plt_shared_arrays_t *out) {
  maker_t *maker = context;
  maker->made = plt_graph_create(maker->data, maker->threads);
  out->n = PER_SIDE * PLT_SIDES;
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    const plt_neighbours_t *of = &maker->made->of[s];
    const void *const arrays[PER_SIDE] = {of->offset, of->id, of->norm};
    const size_t bytes[PER_SIDE] = {((size_t)of->nodes + 1) * sizeof *of->offset, maker->made->edges * sizeof *of->id,
                                    of->nodes * sizeof *of->norm};
    for (size_t i = 0; i < PER_SIDE; i++) {
      out->at[PER_SIDE * s + i] = arrays[i];
      out->bytes[PER_SIDE * s + i] = bytes[i];
    }
  }
}

/* plt_shared_maker_t.fits */
static bool fits(const void *context, const plt_shared_arrays_t *arrays) {
  const plt_dataset_t *data = ((const maker_t *)context)->data;
  const size_t nodes[PLT_SIDES] = {[PLT_SIDE_USER] = data->users, [PLT_SIDE_ITEM] = data->items};
  if (arrays->n != PER_SIDE * PLT_SIDES || arrays->bytes[1] / sizeof(uint32_t) > data->n_train) return false;
  for (size_t s = 0; s < PLT_SIDES; s++) {
    const size_t *bytes = &arrays->bytes[PER_SIDE * s];
    if (bytes[0] != (nodes[s] + 1) * sizeof(uint64_t) || bytes[1] != arrays->bytes[1] ||
        bytes[2] != nodes[s] * sizeof(float))
      return false;
  }
  return true;
}

static plt_graph_t *of_arrays(const plt_dataset_t *data, const plt_shared_arrays_t *arrays) {
  const uint32_t nodes[PLT_SIDES] = {[PLT_SIDE_USER] = data->users, [PLT_SIDE_ITEM] = data->items};
  plt_graph_t *graph = plt_mem_zalloc(1, sizeof *graph);
  graph->edges = arrays->bytes[1] / sizeof(uint32_t);
  graph->map = arrays->map;
  graph->map_bytes = arrays->map_bytes;
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++)
    graph->of[s] = (plt_neighbours_t){.nodes = nodes[s],
                                      .offset = arrays->at[PER_SIDE * s],
                                      .id = arrays->at[PER_SIDE * s + 1],
                                      .norm = arrays->at[PER_SIDE * s + 2]};
  return graph;
}

static plt_graph_t *borrow(const plt_dataset_t *data) {
  uint32_t nodes[PLT_SIDES] = {data->users, data->items};
  plt_graph_t *graph = plt_mem_zalloc(1, sizeof *graph);
  graph->edges = data->edges.n;
  graph->is_borrowed = true;
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    const plt_packed_side_t *side = &data->edges.side[s];
    graph->of[s] = (plt_neighbours_t){nodes[s], side->offset, side->id, side->norm};
  }
  return graph;
}

plt_graph_t *plt_graph_open(const plt_dataset_t *data, uint32_t threads, const char *cache) {
  plt_shared_arrays_t arrays;
  maker_t maker = {.data = data, .threads = threads};
  if (data->edges.n > 0) return borrow(data);
  if (cache == NULL) return plt_graph_create(data, threads);
  plt_shared_arrays_open(
      cache,
      &(plt_shared_maker_t){.name = "graph", .key = plt_graph_key(data), .make = make, .fits = fits, .context = &maker},
      &arrays);
  if (arrays.map == NULL) return maker.made;
  plt_graph_destroy(&maker.made);
  return of_arrays(data, &arrays);
}
