/* pack.c - see pack.h: mapping and checking. pack_write.c writes. */
#include "worker/data/pack.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/io/fileio.h"
#include "common/io/mapped.h"
#include "common/mem.h"
#include "worker/data/pack_head.h"

_Static_assert(sizeof(plt_pack_head_t) <= PLT_PACK_HEAD, "the head has its page");
_Static_assert(offsetof(plt_pack_head_t, shift) == 728, "as far as it goes, a plain head is as it always was");
_Static_assert(sizeof(plt_pair_t) == 2 * sizeof(uint32_t), "pairs are mapped as they are");

plt_pack_layout_t plt_pack_lay_out(const plt_pack_head_t *head) {
  plt_pack_layout_t layout = {.total = PLT_PACK_HEAD};
  uint64_t nodes[PLT_PACKED_SIDES] = {head->users, head->items};
  layout.bytes[PLT_PACK_PAIRS] = head->pairs[PLT_PART_TRAIN] * sizeof(plt_pair_t);
  for (size_t p = 0; p < PLT_PARTS; p++) {
    bool has_offsets = p != PLT_PART_SHIFT || head->shift > 0;
    layout.bytes[plt_pack_offset_of(p)] = has_offsets ? (head->users + 1) * sizeof(uint64_t) : 0;
    layout.bytes[plt_pack_item_of(p)] = plt_pack_pairs(head, p) * sizeof(uint32_t);
  }
  if (head->environments > 0) layout.bytes[PLT_PACK_ENVIRONMENT] = head->pairs[PLT_PART_TRAIN] * sizeof(uint16_t);
  layout.bytes[PLT_PACK_TRAIN_ITEMS] = head->train_items * sizeof(uint32_t);
  for (size_t s = 0; s < PLT_PACKED_SIDES; s++) {
    uint64_t *bytes = layout.bytes + PLT_PACK_EDGES + 3 * s;
    bytes[0] = (nodes[s] + 1) * sizeof(uint64_t);
    bytes[1] = head->edges * sizeof(uint32_t);
    bytes[2] = nodes[s] * sizeof(float);
  }
  for (size_t a = 0; a < PLT_PACK_ARRAYS; a++) {
    layout.at[a] = layout.total;
    layout.total += (layout.bytes[a] + PLT_PACK_ALIGN - 1) / PLT_PACK_ALIGN * PLT_PACK_ALIGN;
  }
  return layout;
}

/* ---- the head ---- */

static plt_status_t damaged(const char *path, const char *how) {
  return plt_fail(PLT_ERR_DATA, "%s: damaged, %s; make it anew: plateau data pack", path, how);
}

static bool is_text(const char *field, size_t bytes) { return memchr(field, '\0', bytes) != NULL; }

uint64_t plt_pack_head_hash(const plt_pack_head_t *head) {
  plt_pack_head_t copy = *head;
  copy.head = 0;
  return plt_hash64(head->version, &copy,
                    head->version == PLT_PACK_PLAIN ? offsetof(plt_pack_head_t, shift) : sizeof copy);
}

/* As it lies in the file; behind a plain one there is nothing. */
static plt_pack_head_t head_of(const plt_dataset_t *data) {
  plt_pack_head_t head = *(const plt_pack_head_t *)data->pack.map;
  if (head.version == PLT_PACK_PLAIN) head.shift = head.environments = 0;
  return head;
}

/* Sizes that cannot overflow when they are added up. */
static bool is_possible(const plt_pack_head_t *head, uint64_t file_bytes) {
  uint64_t most = file_bytes / sizeof(uint32_t);
  bool fits = head->users > 0 && head->items > 0 && head->users < UINT32_MAX && head->items < UINT32_MAX;
  for (size_t p = 0; p < PLT_PARTS; p++) fits = fits && plt_pack_pairs(head, p) <= most;
  return fits && head->environments <= UINT16_MAX && head->pairs[PLT_PART_TRAIN] > 0 && head->train_items > 0 &&
         head->train_items <= head->items && head->edges <= head->pairs[PLT_PART_TRAIN] &&
         head->duplicates < head->pairs[PLT_PART_TRAIN] &&
         head->edges + head->duplicates == head->pairs[PLT_PART_TRAIN];
}

/* That there is a head to look at. */
static plt_status_t check_start(const char *path, const plt_pack_head_t *head, uint64_t file_bytes) {
  if (file_bytes < sizeof head->magic || memcmp(head->magic, PLT_PACK_MAGIC, sizeof head->magic) != 0)
    return plt_fail(PLT_ERR_DATA, "%s: is no packed data set; plateau data pack makes one", path);
  if (file_bytes < PLT_PACK_HEAD)
    return plt_fail(PLT_ERR_DATA, "%s: cut short: %" PRIu64 " bytes are there, the head alone has %d", path, file_bytes,
                    PLT_PACK_HEAD);
  return PLT_OK;
}

static plt_status_t check_head(const char *path, const plt_pack_head_t *head, uint64_t file_bytes) {
  if (head->order == __builtin_bswap32(PLT_PACK_ORDER))
    return plt_fail(PLT_ERR_DATA, "%s: was packed on a machine of the other byte order; pack it on this one", path);
  if (head->version < PLT_PACK_PLAIN || head->version > PLT_PACK_VERSION)
    return plt_fail(PLT_ERR_DATA,
                    "%s: has version %" PRIu32 " of the format, this plateau reads %d to %d; pack it again", path,
                    head->version, PLT_PACK_PLAIN, PLT_PACK_VERSION);
  if (head->bytes > file_bytes)
    return plt_fail(PLT_ERR_DATA, "%s: cut short: %" PRIu64 " of %" PRIu64 " bytes are there; pack it again", path,
                    file_bytes, head->bytes);
  if (head->order != PLT_PACK_ORDER || head->head != plt_pack_head_hash(head))
    return damaged(path, "its head has another checksum");
  if (!is_possible(head, file_bytes) || head->bytes != file_bytes || plt_pack_lay_out(head).total != file_bytes)
    return damaged(path, "its sizes do not fit together");
  for (size_t t = 0; t < PLT_PACK_TEXTS; t++)
    if (!is_text(head->text[t].name, sizeof head->text[t].name) ||
        !is_text(head->text[t].hash, sizeof head->text[t].hash) || strchr(head->text[t].name, '/') != NULL)
      return damaged(path, "the name of its text cannot be read");
  return PLT_OK;
}

/* ---- the text it was made from ---- */

static plt_status_t beside(const char *path, const char *name, char out[PLT_PATH_MAX]) {
  const char *slash = strrchr(path, '/');
  char *folder = slash == NULL ? plt_mem_strdup("") : plt_mem_print("%.*s", (int)(slash - path) + 1, path);
  plt_status_t status = plt_path_join(folder, name, out);
  free(folder);
  return status;
}

/* A text that is gone is no fault: the packed file stands for it. */
static plt_status_t check_text(const char *path, const plt_pack_text_t *text, bool thorough) {
  char source[PLT_PATH_MAX], hash[PLT_HASH_HEX];
  struct stat info;
  uint64_t bytes;
  if (text->name[0] == '\0') return PLT_OK;
  PLT_TRY(beside(path, text->name, source));
  if (stat(source, &info) != 0) return PLT_OK;
  bool same = (uint64_t)info.st_size == text->bytes;
  if (same && (thorough || plt_pack_mtime_ns(&info) != text->mtime_ns)) {
    PLT_TRY(plt_hash_file(source, hash, &bytes));
    same = strcmp(hash, text->hash) == 0;
  }
  if (same) return PLT_OK;
  return plt_fail(PLT_ERR_DATA,
                  "%s: %s has changed since it was packed; pack it again (plateau data pack), or name the text in "
                  "data.interactions",
                  path, text->name);
}

/* ---- the arrays ---- */

static const char *array_at(const plt_dataset_t *data, const plt_pack_layout_t *layout, size_t array) {
  return (const char *)data->pack.map + layout->at[array];
}

static bool ids_below(const uint32_t *id, uint64_t n, uint64_t limit) {
  uint32_t most = 0;
  for (uint64_t i = 0; i < n; i++) most = id[i] > most ? id[i] : most;
  return n == 0 || most < limit;
}

static bool environments_below(const plt_dataset_t *data) {
  uint32_t most = 0;
  for (uint64_t i = 0; i < data->n_train && data->environment != NULL; i++)
    most = data->environment[i] > most ? data->environment[i] : most;
  return data->environment == NULL || most < data->environments;
}

static bool pairs_below(const plt_pair_t *pair, uint64_t n, uint64_t users, uint64_t items) {
  uint32_t user = 0, item = 0;
  for (uint64_t i = 0; i < n; i++) {
    user = pair[i].user > user ? pair[i].user : user;
    item = pair[i].item > item ? pair[i].item : item;
  }
  return user < users && item < items;
}

static bool ascends(const uint64_t *offset, uint64_t rows, uint64_t n) {
  bool ascends = offset[0] == 0 && offset[rows] == n;
  for (uint64_t r = 0; r < rows; r++) ascends &= offset[r] <= offset[r + 1];
  return ascends;
}

static bool points_inside(const plt_dataset_t *data) {
  uint64_t nodes[PLT_PACKED_SIDES] = {data->users, data->items};
  bool fine = pairs_below(data->train, data->n_train, data->users, data->items) &&
              ids_below(data->train_items, data->n_train_items, data->items) && environments_below(data);
  for (size_t p = 0; p < PLT_PARTS && fine; p++)
    if (data->part[p].n > 0)
      fine = ascends(data->part[p].offset, data->users, data->part[p].n) &&
             ids_below(data->part[p].item, data->part[p].n, data->items);
  for (size_t s = 0; s < PLT_PACKED_SIDES && fine; s++)
    fine = ascends(data->edges.side[s].offset, nodes[s], data->edges.n) &&
           ids_below(data->edges.side[s].id, data->edges.n, nodes[1 - s]);
  return fine;
}

/* A dataset's arrays are its own where it was read from text; nobody writes to them once it is open. */
static void *writable(const char *mapped) { return (void *)(uintptr_t)mapped; }

static void point(plt_dataset_t *data) {
  plt_pack_head_t head = head_of(data);
  plt_pack_layout_t layout = plt_pack_lay_out(&head);
  data->users = (uint32_t)head.users;
  data->items = (uint32_t)head.items;
  data->n_train = head.pairs[PLT_PART_TRAIN];
  data->n_train_items = (uint32_t)head.train_items;
  data->duplicates = head.duplicates;
  data->environments = (uint32_t)head.environments;
  if (head.environments > 0) data->environment = writable(array_at(data, &layout, PLT_PACK_ENVIRONMENT));
  data->train = writable(array_at(data, &layout, PLT_PACK_PAIRS));
  data->train_items = writable(array_at(data, &layout, PLT_PACK_TRAIN_ITEMS));
  for (size_t p = 0; p < PLT_PARTS; p++)
    if (plt_pack_pairs(&head, p) > 0)
      data->part[p] =
          (plt_user_items_t){writable(array_at(data, &layout, plt_pack_offset_of(p))),
                             writable(array_at(data, &layout, plt_pack_item_of(p))), plt_pack_pairs(&head, p)};
  data->edges.n = head.edges;
  for (size_t s = 0; s < PLT_PACKED_SIDES; s++) {
    size_t first = PLT_PACK_EDGES + 3 * s;
    data->edges.side[s] = (plt_packed_side_t){(const void *)array_at(data, &layout, first),
                                              (const void *)array_at(data, &layout, first + 1),
                                              (const void *)array_at(data, &layout, first + 2)};
  }
}

static plt_status_t check_all(const char *path, plt_dataset_t *data, bool thorough) {
  PLT_TRY(plt_file_map(path, &data->pack.map, &data->pack.bytes));
  PLT_TRY(check_start(path, data->pack.map, data->pack.bytes));
  plt_pack_head_t head = head_of(data);
  PLT_TRY(check_head(path, &head, data->pack.bytes));
  for (size_t t = 0; t < PLT_PACK_TEXTS; t++) PLT_TRY(check_text(path, &head.text[t], thorough));
  posix_madvise(data->pack.map, data->pack.bytes, POSIX_MADV_WILLNEED);
  if (plt_hash64(0, (const char *)data->pack.map + PLT_PACK_HEAD, data->pack.bytes - PLT_PACK_HEAD) != head.body)
    return damaged(path, "its arrays have another checksum");
  point(data);
  return points_inside(data) ? PLT_OK : damaged(path, "an id or an offset points outside");
}

plt_status_t plt_pack_map(const char *path, plt_dataset_t *data) { return check_all(path, data, false); }

void plt_pack_unmap(plt_dataset_t *data) {
  if (data->pack.map != NULL) plt_file_unmap(data->pack.map, data->pack.bytes);
  data->pack = (plt_mapping_t){0};
}

plt_status_t plt_pack_verify(const char *path) {
  plt_dataset_t data = {0};
  plt_status_t status = check_all(path, &data, true);
  plt_pack_unmap(&data);
  return status;
}

static void add_row(plt_interactions_t *rows, uint32_t user, uint32_t item, plt_part_t part, uint16_t environment) {
  uint64_t place = rows->n + 1;
  rows->row[rows->n++] =
      (plt_interaction_t){user, item, place < UINT32_MAX ? (uint32_t)place : UINT32_MAX, (uint16_t)part, environment};
}

static void add_rows(plt_interactions_t *rows, const plt_dataset_t *data) {
  for (uint64_t i = 0; i < data->n_train; i++)
    add_row(rows, data->train[i].user, data->train[i].item, PLT_PART_TRAIN,
            data->environment == NULL ? 0 : data->environment[i]);
  for (plt_part_t part = PLT_PART_VALID; part < PLT_PARTS; part++)
    for (uint32_t u = 0; u < data->users && data->part[part].n > 0; u++)
      for (uint64_t i = data->part[part].offset[u]; i < data->part[part].offset[u + 1]; i++)
        add_row(rows, u, data->part[part].item[i], part, 0);
}

plt_status_t plt_pack_read_rows(const char *path, plt_interactions_t *rows) {
  plt_dataset_t data = {0};
  plt_status_t status = check_all(path, &data, false);
  if (status == PLT_OK) {
    for (size_t p = 0; p < PLT_PARTS; p++) rows->capacity += data.part[p].n;
    rows->row = plt_mem_resize(NULL, rows->capacity, sizeof *rows->row);
    rows->has_environments = data.environment != NULL;
    add_rows(rows, &data);
  }
  plt_pack_unmap(&data);
  return status;
}
