/* shared_arrays.c - see shared_arrays.h. */
#include "worker/graph/shared_arrays.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/hash.h"
#include "common/io/fileio.h"
#include "common/io/mapped.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/time.h"

enum { VERSION = 2, ALIGN = 64 };

static const char magic[8] = "pltshare";

typedef struct head {
  char magic[8];
  uint64_t version, key, body, n;
  uint64_t bytes[PLT_SHARED_ARRAYS_MAX];
} head_t;

static size_t up(size_t bytes) { return (bytes + ALIGN - 1) / ALIGN * ALIGN; }

/* Where each array begins; returns where the file ends. 0: it would be longer than can be counted. */
static size_t lay_out(const uint64_t *bytes, size_t n, size_t at[PLT_SHARED_ARRAYS_MAX]) {
  size_t total = up(sizeof(head_t));
  for (size_t i = 0; i < n; i++) {
    if (bytes[i] > SIZE_MAX / 4) return 0;
    at[i] = total;
    total += up((size_t)bytes[i]);
  }
  return total;
}

/* ---- reading ---- */

static bool is_whole(const head_t *head, size_t bytes, const plt_shared_maker_t *maker) {
  size_t at[PLT_SHARED_ARRAYS_MAX];
  if (bytes < sizeof *head || memcmp(head->magic, magic, sizeof magic) != 0 || head->version != VERSION) return false;
  if (head->key != maker->key || head->n > PLT_SHARED_ARRAYS_MAX) return false;
  return lay_out(head->bytes, head->n, at) == bytes &&
         plt_hash64(head->key, (const char *)head + sizeof *head, bytes - sizeof *head) == head->body;
}

static bool map_file(const char *path, const plt_shared_maker_t *maker, plt_shared_arrays_t *out) {
  void *map;
  size_t bytes, at[PLT_SHARED_ARRAYS_MAX];
  if (!plt_path_exists(path) || plt_file_map(path, &map, &bytes) != PLT_OK) return false;
  const head_t *head = map;
  *out = (plt_shared_arrays_t){.map = map, .map_bytes = bytes};
  if (is_whole(head, bytes, maker)) {
    lay_out(head->bytes, head->n, at);
    out->n = head->n;
    for (size_t i = 0; i < out->n; i++) {
      out->at[i] = (const char *)map + at[i];
      out->bytes[i] = (size_t)head->bytes[i];
    }
    if (maker->fits(maker->context, out)) return true;
  }
  plt_log(PLT_LOG_INFO, "%s is damaged or of another version: it is made anew", path);
  plt_shared_arrays_close(out);
  return false;
}

/* ---- writing ---- */

static bool fill(int fd, const plt_shared_maker_t *maker, const plt_shared_arrays_t *made) {
  head_t head = {.version = VERSION, .key = maker->key, .n = made->n};
  size_t at[PLT_SHARED_ARRAYS_MAX];
  memcpy(head.magic, magic, sizeof magic);
  for (size_t i = 0; i < made->n; i++) head.bytes[i] = made->bytes[i];
  size_t total = lay_out(head.bytes, made->n, at);
  /* Reserved first: a full disk is an error here and not a signal at a write to the map. */
  if (total == 0 || posix_fallocate(fd, 0, (off_t)total) != 0) return false;
  char *map = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) return false;
  for (size_t i = 0; i < made->n; i++)
    if (made->bytes[i] > 0) memcpy(map + at[i], made->at[i], made->bytes[i]);
  head.body = plt_hash64(head.key, map + sizeof head, total - sizeof head);
  memcpy(map, &head, sizeof head);
  munmap(map, total);
  return fsync(fd) == 0;
}

static bool write_file(const char *path, const plt_shared_maker_t *maker, const plt_shared_arrays_t *made) {
  char *part = plt_mem_print("%s.%ld-%" PRId64 ".part", path, (long)getpid(), plt_time_ns());
  int fd = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  bool done = fd >= 0 && fill(fd, maker, made);
  if (fd >= 0) close(fd);
  if (done) done = rename(part, path) == 0;
  if (!done) unlink(part);
  free(part);
  return done;
}

static void find_or_make(const char *path, const plt_shared_maker_t *maker, plt_shared_arrays_t *out) {
  plt_shared_arrays_t made = {0};
  if (map_file(path, maker, out)) return;
  maker->make(maker->context, &made);
  if (write_file(path, maker, &made) && map_file(path, maker, out)) return;
  plt_log(PLT_LOG_INFO, "%s cannot be written: this process keeps it to itself", path);
  *out = made;
}

void plt_shared_arrays_open(const char *cache, const plt_shared_maker_t *maker, plt_shared_arrays_t *out) {
  *out = (plt_shared_arrays_t){0};
  if (cache == NULL) {
    maker->make(maker->context, out);
    return;
  }
  char *path = plt_mem_print("%s/%s-%016" PRIx64, cache, maker->name, maker->key);
  if (!map_file(path, maker, out)) {
    if (plt_dir_create(cache) == PLT_OK) {
      int lock = plt_file_lock(path); /* where there are no locks several make the same file */
      find_or_make(path, maker, out);
      if (lock >= 0) close(lock);
    } else {
      maker->make(maker->context, out);
    }
  }
  free(path);
}

void plt_shared_arrays_close(plt_shared_arrays_t *arrays) {
  if (arrays->map != NULL) plt_file_unmap(arrays->map, arrays->map_bytes);
  *arrays = (plt_shared_arrays_t){0};
}
