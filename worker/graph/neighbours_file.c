/* neighbours_file.c - nearest items of one modality in a file: plt_item_neighbours_open() in item_graph.h.
 *
 *   [head][ids: items x k]     native order
 *
 * The name holds a hash of the features, of how they are scaled and of k, the head that and a hash of the ids. Who
 * finds no whole file makes one under a lock, so that the other processes of its machine wait for it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/hash.h"
#include "common/io/fileio.h"
#include "common/log.h"
#include "common/mem.h"
#include "worker/data/scaling.h"
#include "worker/graph/item_graph.h"

enum { VERSION = 1 };

static const char magic[8] = "pltitems";

typedef struct head {
  char magic[8];
  uint64_t version, key, ids, body;
} head_t;

static uint64_t key_of(const plt_feature_t *feature, uint32_t items, uint32_t k) {
  const plt_npy_t *array = &feature->array;
  uint64_t sizes[] = {VERSION, items, k, array->type, array->cols};
  uint64_t key = plt_hash64(plt_hash64(0, sizes, sizeof sizes), array->data,
                            (size_t)items * array->cols * plt_npy_type_size(array->type));
  return feature->scaling == NULL ? key : plt_scaling_hash(feature->scaling, key);
}

static head_t head_of(uint64_t key, const uint32_t *ids, size_t n) {
  head_t head = {.version = VERSION, .key = key, .ids = n, .body = plt_hash64(0, ids, n * sizeof *ids)};
  memcpy(head.magic, magic, sizeof magic);
  return head;
}

/* Whether the file is there and whole; then `out` holds its n ids. */
static bool read_ids(const char *path, uint64_t key, size_t n, uint32_t *out) {
  char *bytes;
  size_t size;
  if (!plt_path_exists(path) || plt_file_read(path, sizeof(head_t) + n * sizeof *out + 1, &bytes, &size) != PLT_OK)
    return false;
  bool whole = size == sizeof(head_t) + n * sizeof *out;
  if (whole) {
    memcpy(out, bytes + sizeof(head_t), n * sizeof *out);
    head_t head = head_of(key, out, n);
    whole = memcmp(bytes, &head, sizeof head) == 0;
  }
  free(bytes);
  if (!whole) plt_log(PLT_LOG_INFO, "%s is damaged or of another version: it is made anew", path);
  return whole;
}

static void write_ids(const char *path, uint64_t key, size_t n, const uint32_t *ids) {
  char *bytes = plt_mem_alloc(sizeof(head_t) + n * sizeof *ids);
  head_t head = head_of(key, ids, n);
  memcpy(bytes, &head, sizeof head);
  memcpy(bytes + sizeof head, ids, n * sizeof *ids);
  if (plt_file_publish(path, bytes, sizeof head + n * sizeof *ids) != PLT_OK)
    plt_log(PLT_LOG_INFO, "%s cannot be written: the next process works the graph of items out again", path);
  free(bytes);
}

void plt_item_neighbours_open(const plt_feature_t *feature, uint32_t items, uint32_t k, uint32_t threads,
                              const char *cache, uint32_t *out) {
  if (k > items) k = items;
  if (cache == NULL) {
    plt_item_neighbours(feature, items, k, threads, out);
    return;
  }
  size_t n = (size_t)items * k;
  uint64_t key = key_of(feature, items, k);
  char *path = plt_mem_print("%s/items-%016" PRIx64, cache, key);
  if (!read_ids(path, key, n, out)) {
    int lock = plt_dir_create(cache) == PLT_OK ? plt_file_lock(path) : -1;
    if (lock < 0 || !read_ids(path, key, n, out)) {
      plt_item_neighbours(feature, items, k, threads, out);
      if (lock >= 0) write_ids(path, key, n, out); /* there is one writer per path */
    }
    if (lock >= 0) close(lock);
  }
  free(path);
}
