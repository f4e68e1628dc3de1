/* graph_file.c - the graph in a file that the processes of a machine map: plt_graph_open() in graph.h.
 *
 *   [head][users: offset, id, norm][items: offset, id, norm]     every array on a multiple of 64 bytes, native order
 *
 * The name holds a hash of the training pairs, the head that and a hash of all arrays: another data set has another
 * file, and what is damaged, cut short or of another version is built anew. Who finds none builds it under a lock, so
 * that the others of its machine wait for it, and publishes it by a rename. Where the directory cannot be written or
 * locked the graph is built in memory: a cache that fails is no failure. A packed data set has the graph already. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/hash.h"
#include "common/io/fileio.h"
#include "common/io/mapped.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/time.h"
#include "worker/graph/graph.h"

enum { VERSION = 1, ALIGN = 64, ARRAYS = 3 * PLT_SIDES };

static const char magic[8] = "pltgraph";

typedef struct head {
  char magic[8];
  uint64_t version, key, body, edges;
  uint64_t nodes[PLT_SIDES];
} head_t;

/* Of all that the graph is a function of. */
static uint64_t key_of(const plt_dataset_t *data) {
  const plt_user_items_t *train = &data->part[PLT_PART_TRAIN];
  uint64_t sizes[] = {VERSION, data->users, data->items};
  uint64_t key = plt_hash64(0, sizes, sizeof sizes);
  key = plt_hash64(key, train->offset, ((size_t)data->users + 1) * sizeof *train->offset);
  return plt_hash64(key, train->item, train->n * sizeof *train->item);
}

/* ---- layout ---- */

typedef struct layout {
  size_t at[ARRAYS], bytes[ARRAYS], total;
} layout_t;

static layout_t lay_out(uint64_t edges, const uint64_t nodes[PLT_SIDES]) {
  layout_t layout = {.total = ALIGN * ((sizeof(head_t) + ALIGN - 1) / ALIGN)};
  for (size_t i = 0; i < ARRAYS; i++) {
    size_t n = (size_t)nodes[i / 3];
    layout.bytes[i] = i % 3 == 0   ? (n + 1) * sizeof(uint64_t)
                      : i % 3 == 1 ? (size_t)edges * sizeof(uint32_t)
                                   : n * sizeof(float);
    layout.at[i] = layout.total;
    layout.total += (layout.bytes[i] + ALIGN - 1) / ALIGN * ALIGN;
  }
  return layout;
}

static const void *array_of(const plt_graph_t *graph, size_t i) {
  const plt_neighbours_t *of = &graph->of[i / 3];
  return i % 3 == 0 ? (const void *)of->offset : i % 3 == 1 ? (const void *)of->id : (const void *)of->norm;
}

/* ---- reading ---- */

static bool is_whole(const head_t *head, size_t bytes, uint64_t key, const plt_dataset_t *data) {
  if (bytes < sizeof *head || memcmp(head->magic, magic, sizeof magic) != 0 || head->version != VERSION) return false;
  if (head->key != key || head->nodes[PLT_SIDE_USER] != data->users || head->nodes[PLT_SIDE_ITEM] != data->items)
    return false;
  if (head->edges > data->n_train) return false;
  return lay_out(head->edges, head->nodes).total == bytes &&
         plt_hash64(head->edges, (const char *)head + sizeof *head, bytes - sizeof *head) == head->body;
}

/* NULL: there is no such file, or it is not whole. */
static plt_graph_t *map_file(const char *path, uint64_t key, const plt_dataset_t *data) {
  void *map;
  size_t bytes;
  if (plt_file_map(path, &map, &bytes) != PLT_OK) return NULL;
  const head_t *head = map;
  if (!is_whole(head, bytes, key, data)) {
    plt_log(PLT_LOG_INFO, "%s is damaged or of another version: it is made anew", path);
    plt_file_unmap(map, bytes);
    return NULL;
  }
  layout_t layout = lay_out(head->edges, head->nodes);
  plt_graph_t *graph = plt_mem_zalloc(1, sizeof *graph);
  *graph = (plt_graph_t){.edges = head->edges, .map = map, .map_bytes = bytes};
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    const char *base = map;
    const size_t *at = layout.at + (size_t)3 * s;
    graph->of[s] = (plt_neighbours_t){.nodes = (uint32_t)head->nodes[s],
                                      .offset = (const uint64_t *)(const void *)(base + at[0]),
                                      .id = (const uint32_t *)(const void *)(base + at[1]),
                                      .norm = (const float *)(const void *)(base + at[2])};
  }
  return graph;
}

/* ---- writing ---- */

static bool write_file(const char *path, const plt_graph_t *graph, uint64_t key) {
  head_t head = {.version = VERSION, .key = key, .edges = graph->edges};
  memcpy(head.magic, magic, sizeof magic);
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) head.nodes[s] = graph->of[s].nodes;
  layout_t layout = lay_out(graph->edges, head.nodes);
  char *part = plt_mem_print("%s.%ld-%" PRId64 ".part", path, (long)getpid(), plt_time_ns());
  bool done = false;
  int fd = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  /* Reserved first: a full disk is an error here and not a signal at a write to the map. */
  if (fd >= 0 && posix_fallocate(fd, 0, (off_t)layout.total) == 0) {
    char *map = mmap(NULL, layout.total, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED) {
      for (size_t i = 0; i < ARRAYS; i++) memcpy(map + layout.at[i], array_of(graph, i), layout.bytes[i]);
      head.body = plt_hash64(head.edges, map + sizeof head, layout.total - sizeof head);
      memcpy(map, &head, sizeof head);
      munmap(map, layout.total);
      done = fsync(fd) == 0;
    }
  }
  if (fd >= 0) close(fd);
  if (done) done = rename(part, path) == 0;
  if (!done) unlink(part);
  free(part);
  return done;
}

static plt_graph_t *find_or_build(const char *path, uint64_t key, const plt_dataset_t *data, uint32_t threads) {
  plt_graph_t *mapped = map_file(path, key, data);
  if (mapped != NULL) return mapped;
  plt_graph_t *built = plt_graph_create(data, threads);
  if (write_file(path, built, key)) mapped = map_file(path, key, data);
  if (mapped == NULL) {
    plt_log(PLT_LOG_INFO, "%s cannot be written: this process keeps the graph to itself", path);
    return built;
  }
  plt_graph_destroy(&built);
  return mapped;
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
  if (data->edges.n > 0) return borrow(data);
  if (cache == NULL) return plt_graph_create(data, threads);
  uint64_t key = key_of(data);
  char *path = plt_mem_print("%s/graph-%016" PRIx64, cache, key);
  plt_graph_t *graph = map_file(path, key, data);
  if (graph == NULL && plt_dir_create(cache) == PLT_OK) {
    int lock = plt_file_lock(path); /* where there are no locks several build the same file */
    graph = find_or_build(path, key, data, threads);
    if (lock >= 0) close(lock);
  }
  if (graph == NULL) graph = plt_graph_create(data, threads);
  free(path);
  return graph;
}
