/* pack_write.c - see pack.h: writing. Arrays go out in the order of the file; the head, which has their hash, last. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "worker/data/pack.h"
#include "worker/data/pack_head.h"

static plt_status_t describe(const char *path, plt_pack_text_t *text) {
  struct stat info;
  const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
  if (stat(path, &info) != 0) return plt_fail_errno(PLT_ERR_IO, "%s: cannot read", path);
  PLT_TRY(plt_hash_file(path, text->hash, &text->bytes));
  text->mtime_ns = plt_pack_mtime_ns(&info);
  if (!plt_mem_fit_text(name, text->name, sizeof text->name))
    return plt_fail(PLT_ERR_USAGE, "%s: the name has more than %d bytes", path, PLT_PACK_NAME - 1);
  return PLT_OK;
}

static plt_status_t make_head(const plt_dataset_t *data, const plt_packed_edges_t *edges,
                              const plt_pack_origin_t *origin, plt_pack_head_t *head) {
  memcpy(head->magic, PLT_PACK_MAGIC, sizeof head->magic);
  head->order = PLT_PACK_ORDER;
  head->users = data->users;
  head->items = data->items;
  for (size_t p = 0; p < PLT_PART_SHIFT; p++) head->pairs[p] = data->part[p].n;
  head->shift = data->part[PLT_PART_SHIFT].n;
  head->environments = data->environments;
  head->version = head->shift > 0 || head->environments > 0 ? PLT_PACK_VERSION : PLT_PACK_PLAIN;
  head->train_items = data->n_train_items;
  head->edges = edges->n;
  head->duplicates = data->duplicates;
  for (size_t t = 0; t < PLT_PACK_TEXTS; t++)
    if (origin->text[t] != NULL) PLT_TRY(describe(origin->text[t], &head->text[t]));
  return PLT_OK;
}

/* NULL: all zeros, as the file is where nothing is written. */
static const void *array_of(const plt_dataset_t *data, const plt_packed_edges_t *edges, size_t array) {
  if (array == PLT_PACK_PAIRS) return data->train;
  for (size_t p = 0; p < PLT_PARTS; p++) {
    if (array == plt_pack_offset_of(p)) return data->part[p].offset;
    if (array == plt_pack_item_of(p)) return data->part[p].item;
  }
  if (array == PLT_PACK_TRAIN_ITEMS) return data->train_items;
  if (array == PLT_PACK_ENVIRONMENT) return data->environment;
  const plt_packed_side_t *side = &edges->side[(array - PLT_PACK_EDGES) / 3];
  size_t which = (array - PLT_PACK_EDGES) % 3;
  return which == 0 ? (const void *)side->offset : which == 1 ? (const void *)side->id : (const void *)side->norm;
}

static plt_status_t put(int fd, const char *path, const void *bytes, uint64_t n, uint64_t at) {
  for (const char *from = bytes; from != NULL && n > 0;) {
    ssize_t done = pwrite(fd, from, n, (off_t)at);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return plt_fail_errno(PLT_ERR_IO, "%s: cannot write", path);
    from += done, at += (uint64_t)done, n -= (uint64_t)done;
  }
  return PLT_OK;
}

/* Of what lies behind the head, as readers will see it: gaps between arrays are zeros. */
static plt_status_t hash_body(int fd, const char *path, uint64_t total, uint64_t *hash) {
  char *map = mmap(NULL, total, PROT_READ, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) return plt_fail_errno(PLT_ERR_IO, "%s: cannot map into memory", path);
  *hash = plt_hash64(0, map + PLT_PACK_HEAD, total - PLT_PACK_HEAD);
  munmap(map, total);
  return PLT_OK;
}

static plt_status_t write_all(int fd, const char *path, const plt_dataset_t *data, const plt_packed_edges_t *edges,
                              plt_pack_head_t *head) {
  plt_pack_layout_t layout = plt_pack_lay_out(head);
  head->bytes = layout.total;
  if (ftruncate(fd, (off_t)layout.total) != 0) return plt_fail_errno(PLT_ERR_IO, "%s: cannot write", path);
  for (size_t a = 0; a < PLT_PACK_ARRAYS; a++)
    PLT_TRY(put(fd, path, array_of(data, edges, a), layout.bytes[a], layout.at[a]));
  PLT_TRY(hash_body(fd, path, layout.total, &head->body));
  head->head = plt_pack_head_hash(head);
  PLT_TRY(put(fd, path, head, sizeof *head, 0));
  if (fsync(fd) != 0) return plt_fail_errno(PLT_ERR_IO, "%s: cannot write to disk", path);
  return PLT_OK;
}

plt_status_t plt_pack_write(const char *path, const plt_dataset_t *data, const plt_packed_edges_t *edges,
                            const plt_pack_origin_t *origin, uint64_t *bytes) {
  plt_pack_head_t head;
  memset(&head, 0, sizeof head); /* padding too: it is hashed */
  PLT_TRY(make_head(data, edges, origin, &head));
  char *temporary = plt_path_temporary(path);
  int fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  plt_status_t status = fd < 0 ? plt_fail_errno(PLT_ERR_CREATE, "%s: cannot create", temporary) : PLT_OK;
  if (status == PLT_OK) status = write_all(fd, temporary, data, edges, &head);
  if (fd >= 0) close(fd);
  if (status == PLT_OK && rename(temporary, path) != 0)
    status = plt_fail_errno(PLT_ERR_CREATE, "%s: cannot rename to its place", path);
  if (status == PLT_OK)
    status = plt_dir_sync_of(path);
  else if (fd >= 0)
    unlink(temporary);
  free(temporary);
  if (status == PLT_OK) *bytes = head.bytes;
  return status;
}
