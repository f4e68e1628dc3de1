/* idmap.c - see idmap.h. */
#include "worker/data/idmap.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/io/fileio.h"
#include "common/mem.h"
#include "common/utf8.h"

enum { LEAST_SLOTS = 1024, LEAST_BYTES = 1 << 16, HEADER_MAX = 256 };

typedef struct slot {
  uint32_t tag; /* of the name's hash: where the search begins, and nearly always enough to tell two names apart */
  uint32_t number;
} slot_t;

struct plt_idmap {
  char *bytes;
  size_t used, room;
  uint64_t *offset; /* [n + 1] */
  size_t capacity;
  uint32_t n;
  slot_t *slots; /* number UINT32_MAX: free */
  size_t mask;
};

/* ---- names ---- */

static bool is_control(uint32_t code) { return code < 0x20 || (code >= 0x7F && code < 0xA0); }

const char *plt_id_fault(const char *name, size_t length) {
  if (length == 0) return "is empty";
  if (length > PLT_ID_BYTES) return "is longer than 1000 bytes";
  for (size_t at = 0; at < length;) {
    unsigned char byte = (unsigned char)name[at];
    uint32_t code = byte;
    size_t size = byte >= 0x80 ? plt_utf8_decode(name + at, &code) : 1;
    if (size == 0 || size > length - at) return "is not UTF-8 (iconv makes it so: iconv -f latin1 -t utf-8)";
    if (is_control(code)) return code == 0 ? "has a NUL byte" : "has a control character";
    at += size;
  }
  return NULL;
}

/* ---- the table ---- */

static slot_t *new_slots(size_t n) {
  slot_t *slots = plt_mem_alloc(n * sizeof *slots);
  memset(slots, 0xFF, n * sizeof *slots);
  return slots;
}

plt_idmap_t *plt_idmap_create(void) {
  plt_idmap_t *map = plt_mem_zalloc(1, sizeof *map);
  map->slots = new_slots(LEAST_SLOTS);
  map->mask = LEAST_SLOTS - 1;
  PLT_MEM_GROW(map->offset, 0, map->capacity);
  map->offset[0] = 0;
  return map;
}

void plt_idmap_destroy(plt_idmap_t **map) {
  if (*map == NULL) return;
  free((*map)->slots);
  free((*map)->offset);
  free((*map)->bytes);
  free(*map);
  *map = NULL;
}

uint32_t plt_idmap_count(const plt_idmap_t *map) { return map->n; }

plt_id_name_t plt_idmap_name(const plt_idmap_t *map, uint32_t number) {
  return (plt_id_name_t){map->bytes + map->offset[number], map->offset[number + 1] - map->offset[number]};
}

static uint32_t tag_of(const char *name, size_t length) { return (uint32_t)plt_hash64(0, name, length); }

static bool is_name(const plt_idmap_t *map, uint32_t number, const char *name, size_t length) {
  plt_id_name_t known = plt_idmap_name(map, number);
  return known.length == length && memcmp(known.at, name, length) == 0;
}

/* The slot of a name, or the free one where it belongs. */
static slot_t *look_up(const plt_idmap_t *map, uint32_t tag, const char *name, size_t length) {
  for (size_t at = tag & map->mask;; at = (at + 1) & map->mask) {
    slot_t *slot = &map->slots[at];
    if (slot->number == UINT32_MAX) return slot;
    if (slot->tag == tag && is_name(map, slot->number, name, length)) return slot;
  }
}

static void widen(plt_idmap_t *map) {
  slot_t *old = map->slots;
  size_t n = map->mask + 1;
  map->slots = new_slots(2 * n);
  map->mask = 2 * n - 1;
  for (size_t i = 0; i < n; i++) {
    if (old[i].number == UINT32_MAX) continue;
    size_t at = old[i].tag & map->mask;
    while (map->slots[at].number != UINT32_MAX) at = (at + 1) & map->mask;
    map->slots[at] = old[i];
  }
  free(old);
}

static void append(plt_idmap_t *map, const char *name, size_t length) {
  while (map->room - map->used < length) {
    map->room = map->room == 0 ? LEAST_BYTES : map->room + map->room / 2;
    map->bytes = plt_mem_resize(map->bytes, map->room, 1);
  }
  memcpy(map->bytes + map->used, name, length);
  map->used += length;
  PLT_MEM_GROW(map->offset, (size_t)map->n + 1, map->capacity);
  map->offset[++map->n] = map->used;
}

uint32_t plt_idmap_add(plt_idmap_t *map, const char *name, size_t length) {
  uint32_t tag = tag_of(name, length);
  slot_t *slot = look_up(map, tag, name, length);
  if (slot->number != UINT32_MAX) return slot->number;
  if (map->n == UINT32_MAX - 1) return UINT32_MAX;
  if (3 * ((size_t)map->n + 1) > 2 * (map->mask + 1)) {
    widen(map);
    slot = look_up(map, tag, name, length);
  }
  *slot = (slot_t){tag, map->n};
  append(map, name, length);
  return map->n - 1;
}

bool plt_idmap_find(const plt_idmap_t *map, const char *name, size_t length, uint32_t *number) {
  const slot_t *slot = look_up(map, tag_of(name, length), name, length);
  if (slot->number == UINT32_MAX) return false;
  *number = slot->number;
  return true;
}

/* ---- writing ---- */

/* A name that begins with a quote would be read as a quoted one. */
static char *put_name(char *to, plt_id_name_t name) {
  if (name.at[0] != '"') {
    memcpy(to, name.at, name.length);
    return to + name.length;
  }
  *to++ = '"';
  for (size_t i = 0; i < name.length; i++) {
    if (name.at[i] == '"') *to++ = '"';
    *to++ = name.at[i];
  }
  *to++ = '"';
  return to;
}

plt_status_t plt_idmap_write(const plt_idmap_t *map, const uint32_t *number, uint32_t n, const char *column,
                             const char *path) {
  size_t room = HEADER_MAX;
  for (uint32_t i = 0; i < n; i++) {
    plt_id_name_t name = plt_idmap_name(map, number[i]);
    room += (name.at[0] == '"' ? 2 * name.length + 2 : name.length) + 12;
  }
  char *text = plt_mem_alloc(room), *at = text;
  at += snprintf(at, HEADER_MAX, "%s\t%s\n", strcmp(column, "userID") == 0 ? "user_id" : "item_id", column);
  for (uint32_t i = 0; i < n; i++) {
    at = put_name(at, plt_idmap_name(map, number[i]));
    at += sprintf(at, "\t%" PRIu32 "\n", i);
  }
  plt_status_t status = plt_file_publish(path, text, (size_t)(at - text));
  free(text);
  return status;
}

/* ---- reading ---- */

/* A file that is walked. */
typedef struct walk {
  const char *path, *column;
  const char *at, *end;
  uint64_t line;
  int number; /* which of the two columns has the numbers */
} walk_t;

static bool next_line(walk_t *walk, const char **line, const char **end) {
  if (walk->at >= walk->end) return false;
  const char *stop = memchr(walk->at, '\n', (size_t)(walk->end - walk->at));
  *line = walk->at;
  *end = stop == NULL ? walk->end : stop;
  walk->at = *end + 1;
  if (*end > *line && (*end)[-1] == '\r') --*end;
  walk->line++;
  return true;
}

/* The two fields of a line; what stands behind them is passed over. */
static bool cut(const char *line, const char *end, plt_id_name_t field[2]) {
  const char *tab = memchr(line, '\t', (size_t)(end - line));
  if (tab == NULL) return false;
  const char *stop = memchr(tab + 1, '\t', (size_t)(end - tab - 1));
  if (stop == NULL) stop = end;
  field[0] = (plt_id_name_t){line, (size_t)(tab - line)};
  field[1] = (plt_id_name_t){tab + 1, (size_t)(stop - tab - 1)};
  return true;
}

static bool is_text(plt_id_name_t field, const char *text) {
  return field.length == strlen(text) && memcmp(field.at, text, field.length) == 0;
}

static plt_status_t read_header(walk_t *walk) {
  const char *line, *end;
  plt_id_name_t field[2];
  if (!next_line(walk, &line, &end) || !cut(line, end, field) ||
      (!is_text(field[0], walk->column) && !is_text(field[1], walk->column)))
    return plt_fail(PLT_ERR_DATA,
                    "%s:1: no header with a tab and a column %s: not a map of ids as MMRec and "
                    "`plateau data import` write it",
                    walk->path, walk->column);
  walk->number = is_text(field[0], walk->column) ? 0 : 1;
  return PLT_OK;
}

static bool is_number(plt_id_name_t field, uint32_t number) {
  char text[16];
  int length = snprintf(text, sizeof text, "%" PRIu32, number);
  return field.length == (size_t)length && memcmp(field.at, text, field.length) == 0;
}

/* "a ""b""" of a quoted name into `room`; false when it is none. */
static bool unquote(plt_id_name_t *name, char room[PLT_ID_BYTES]) {
  size_t n = 0;
  for (size_t i = 1; i < name->length; i++) {
    if (name->at[i] == '"' && i + 1 == name->length) {
      *name = (plt_id_name_t){room, n};
      return true;
    }
    if (name->at[i] == '"' && name->at[++i] != '"') return false;
    if (n == PLT_ID_BYTES) return false;
    room[n++] = name->at[i];
  }
  return false;
}

static plt_status_t read_line(walk_t *walk, const char *line, const char *end, plt_idmap_t *map) {
  plt_id_name_t field[2];
  char room[PLT_ID_BYTES + 4] = {0};
  if (!cut(line, end, field))
    return plt_fail(PLT_ERR_DATA, "%s:%" PRIu64 ": no tab: a name and its number belong there", walk->path, walk->line);
  if (!is_number(field[walk->number], map->n))
    return plt_fail(PLT_ERR_DATA,
                    "%s:%" PRIu64 ": the number %" PRIu32
                    " belongs there: names are in the order of "
                    "their numbers",
                    walk->path, walk->line, map->n);
  plt_id_name_t name = field[1 - walk->number];
  if (name.length > 0 && name.at[0] == '"' && !unquote(&name, room))
    return plt_fail(PLT_ERR_DATA, "%s:%" PRIu64 ": the name's quotes are not closed", walk->path, walk->line);
  const char *fault = plt_id_fault(name.at, name.length);
  if (fault != NULL) return plt_fail(PLT_ERR_DATA, "%s:%" PRIu64 ": the name %s", walk->path, walk->line, fault);
  uint32_t before = map->n;
  if (plt_idmap_add(map, name.at, name.length) != before)
    return plt_fail(PLT_ERR_DATA, "%s:%" PRIu64 ": the name stood there before", walk->path, walk->line);
  return PLT_OK;
}

static plt_status_t read_lines(walk_t *walk, plt_idmap_t *map) {
  const char *line, *end;
  PLT_TRY(read_header(walk));
  while (next_line(walk, &line, &end)) PLT_TRY(read_line(walk, line, end, map));
  return PLT_OK;
}

plt_status_t plt_idmap_read(const char *path, const char *column, plt_idmap_t **out) {
  char *text;
  size_t bytes;
  PLT_TRY(plt_file_read(path, SIZE_MAX / 2, &text, &bytes));
  walk_t walk = {.path = path, .column = column, .at = text, .end = text + bytes};
  plt_idmap_t *map = plt_idmap_create();
  plt_status_t status = read_lines(&walk, map);
  free(text);
  if (status == PLT_OK)
    *out = map;
  else
    plt_idmap_destroy(&map);
  return status;
}
