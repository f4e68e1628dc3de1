/* user_graph_file.c - the graph of users in a file that the processes of a machine map (shared_arrays.h):
 * plt_user_graph_open() in user_graph.h. Lists that are padded are not kept: they are another graph in every epoch. */
#include "common/hash.h"
#include "common/mem.h"
#include "worker/graph/shared_arrays.h"
#include "worker/graph/user_graph.h"

enum { VERSION = 1 };

/* In the order of the file. */
enum { OFFSET, ID, WEIGHT, COUNT, ARRAYS };

typedef struct maker {
  const plt_graph_t *graph;
  const plt_user_graph_plan_t *plan;
  uint32_t threads;
  plt_user_graph_t *made;
} maker_t;

/* plt_shared_maker_t.make */
static void make(void *context, plt_shared_arrays_t *out) {
  maker_t *maker = context;
  maker->made = plt_user_graph_create(maker->graph, maker->plan, maker->threads);
  const plt_csr_t *matrix = &maker->made->matrix;
  size_t entries = matrix->offset[matrix->rows];
  *out = (plt_shared_arrays_t){.n = ARRAYS,
                               .at = {matrix->offset, matrix->index, matrix->weight, maker->made->count},
                               .bytes = {(matrix->rows + 1) * sizeof *matrix->offset, entries * sizeof *matrix->index,
                                         entries * sizeof *matrix->weight, entries * sizeof *maker->made->count}};
}

/* plt_shared_maker_t.fits */
static bool fits(const void *context, const plt_shared_arrays_t *arrays) {
  const maker_t *maker = context;
  size_t users = maker->graph->of[PLT_SIDE_USER].nodes, entries = arrays->bytes[ID] / sizeof(uint32_t);
  return arrays->n == ARRAYS && arrays->bytes[OFFSET] == (users + 1) * sizeof(uint64_t) &&
         entries <= users * maker->plan->k && arrays->bytes[WEIGHT] == entries * sizeof(float) &&
         arrays->bytes[COUNT] == arrays->bytes[ID];
}

plt_user_graph_t *plt_user_graph_open(const plt_dataset_t *data, const plt_graph_t *graph,
                                      const plt_user_graph_plan_t *plan, uint32_t threads, const char *cache) {
  uint32_t users = graph->of[PLT_SIDE_USER].nodes;
  uint64_t what[] = {VERSION, plan->k, plan->mean};
  plt_shared_arrays_t arrays;
  maker_t maker = {.graph = graph, .plan = plan, .threads = threads};
  if (cache == NULL) return plt_user_graph_create(graph, plan, threads);
  plt_shared_arrays_open(cache,
                         &(plt_shared_maker_t){.name = "users",
                                               .key = plt_hash64(plt_graph_key(data), what, sizeof what),
                                               .make = make,
                                               .fits = fits,
                                               .context = &maker},
                         &arrays);
  if (arrays.map == NULL) return maker.made;
  plt_user_graph_destroy(&maker.made);
  plt_user_graph_t *opened = plt_mem_zalloc(1, sizeof *opened);
  opened->map = arrays.map;
  opened->map_bytes = arrays.map_bytes;
  opened->count = arrays.at[COUNT];
  opened->matrix = (plt_csr_t){
      .rows = users, .cols = users, .offset = arrays.at[OFFSET], .index = arrays.at[ID], .weight = arrays.at[WEIGHT]};
  return opened;
}
