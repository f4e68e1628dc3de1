/* records.c - see records.h.
 *
 *   buffer:   [ taken | at ... the record being read ... end | free ]
 *
 * A record is looked for from `at` on; when its end is not in the buffer, what is there moves to the front, or the
 * buffer grows, and more is read. Only a whole record is cut, in place. */
#include "launch/data/records.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"

enum { BUFFER_BYTES = 1 << 20, CHUNK_BYTES = 1 << 18 };

const plt_separator_t plt_separators[] = {
    {.name = "tabs", .text = "\t"},
    {.name = "commas", .text = ",", .has_quotes = true},
    {.name = "semicolons", .text = ";", .has_quotes = true},
    {.name = "bars", .text = "|", .has_quotes = true},
    {.name = "double colons", .text = "::"},
    {.name = "blanks", .text = " ", .is_blanks = true},
    {.name = NULL},
};

struct plt_records {
  char *path;
  int fd;
  char *buffer; /* [room + 1]: what is read ends with a NUL */
  size_t room;
  char *at, *end;
  bool at_eof;
  uint64_t line; /* of `at` */
  uint64_t bytes;
  const plt_separator_t *separator;
  plt_fields_t fields;
};

/* ---- the buffer ---- */

static void make_room(plt_records_t *records) {
  size_t left = (size_t)(records->end - records->at);
  if (records->at > records->buffer) {
    memmove(records->buffer, records->at, left);
  }
  if (records->room - left < CHUNK_BYTES) {
    records->room *= 2;
    records->buffer = plt_mem_resize(records->buffer, records->room + 1, 1);
  }
  records->at = records->buffer;
  records->end = records->buffer + left;
}

/* More behind `end`; at_eof where there is none. */
static plt_status_t fill(plt_records_t *records) {
  make_room(records);
  for (;;) {
    ssize_t got = read(records->fd, records->end, records->room - (size_t)(records->end - records->buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return plt_fail_errno(PLT_ERR_IO, "%s: cannot read", records->path);
    records->at_eof = got == 0;
    records->end += got;
    records->bytes += (uint64_t)got;
    *records->end = '\0';
    return PLT_OK;
  }
}

static bool begins(const plt_records_t *records, const char *bytes, size_t n) {
  return (size_t)(records->end - records->at) >= n && memcmp(records->at, bytes, n) == 0;
}

/* What people have by mistake, by its first bytes. */
static plt_status_t check_kind(plt_records_t *records) {
  const char *path = records->path;
  if (begins(records, "\x1F\x8B", 2))
    return plt_fail(PLT_ERR_DATA, "%s: is compressed (gzip); zcat FILE | plateau data import - reads it", path);
  if (begins(records, "(\xB5/\xFD", 4))
    return plt_fail(PLT_ERR_DATA, "%s: is compressed (zstd); zstdcat FILE | plateau data import - reads it", path);
  if (begins(records, "PK\x03\x04", 4))
    return plt_fail(PLT_ERR_DATA, "%s: is a zip archive, or a spreadsheet; its text as CSV is wanted", path);
  if (begins(records, "PAR1", 4))
    return plt_fail(PLT_ERR_DATA, "%s: is Parquet; its rows as CSV are wanted (pandas: to_csv)", path);
  if (begins(records, "\xFF\xFE", 2) || begins(records, "\xFE\xFF", 2))
    return plt_fail(PLT_ERR_DATA, "%s: is UTF-16; iconv -f utf-16 -t utf-8 FILE | plateau data import - reads it",
                    path);
  if (begins(records, "\xEF\xBB\xBF", 3)) records->at += 3;
  if (begins(records, "{\"", 2) || begins(records, "{ \"", 3) || begins(records, "[{", 2))
    return plt_fail(PLT_ERR_DATA,
                    "%s: is JSON; as CSV it can be read: jq -r '[.user, .item] | @csv' FILE | plateau data import - "
                    "--no-header --user 1 --item 2",
                    path);
  const char *cr = memchr(records->at, '\r', (size_t)(records->end - records->at));
  if (cr != NULL && memchr(records->at, '\n', (size_t)(records->end - records->at)) == NULL && cr + 1 < records->end)
    return plt_fail(PLT_ERR_DATA,
                    "%s: its lines end with CR alone; tr '\\r' '\\n' <FILE | plateau data import - "
                    "reads it",
                    path);
  return PLT_OK;
}

static plt_status_t open_fd(const char *path, int *fd) {
  *fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
  return *fd < 0 ? plt_fail_errno(PLT_ERR_DATA, "%s: cannot open", path) : PLT_OK;
}

/* So much that the first line, and what the file is, can be looked at. */
static plt_status_t begin(plt_records_t *records) {
  do {
    PLT_TRY(fill(records));
  } while (!records->at_eof && records->end - records->at < CHUNK_BYTES);
  return check_kind(records);
}

plt_status_t plt_records_open(const char *path, plt_records_t **out) {
  int fd = -1;
  PLT_TRY(open_fd(path, &fd));
  plt_records_t *records = plt_mem_zalloc(1, sizeof *records);
  records->path = plt_mem_strdup(strcmp(path, "-") == 0 ? "standard input" : path);
  records->fd = fd;
  records->room = BUFFER_BYTES;
  records->buffer = plt_mem_resize(NULL, records->room + 1, 1);
  records->at = records->end = records->buffer;
  records->line = 1;
  records->separator = plt_separators;
  plt_status_t status = begin(records);
  if (status == PLT_OK)
    *out = records;
  else
    plt_records_close(&records);
  return status;
}

void plt_records_close(plt_records_t **records) {
  if (*records == NULL) return;
  close((*records)->fd);
  free((*records)->fields.field);
  free((*records)->buffer);
  free((*records)->path);
  free(*records);
  *records = NULL;
}

void plt_records_cut(plt_records_t *records, const plt_separator_t *separator) { records->separator = separator; }

uint64_t plt_records_bytes(const plt_records_t *records) { return records->bytes; }

/* ---- one record ---- */

/* A record as it lies in the buffer: [at, end), and what follows its line end. */
typedef struct extent {
  char *end, *next;
  uint64_t line;
  const char *fault;
} extent_t;

static bool is_separator(const char *at, const char *end, const char *text) {
  for (; *text != '\0'; at++, text++)
    if (at >= end || *at != *text) return false;
  return true;
}

/* The line end at or behind `at`, as the end of the record; false when more must be read first. */
static bool end_at_line(const plt_records_t *records, char *at, extent_t *extent) {
  char *stop = memchr(at, '\n', (size_t)(records->end - at));
  if (stop == NULL && !records->at_eof) return false;
  extent->end = stop == NULL ? records->end : stop;
  extent->next = stop == NULL ? records->end : stop + 1;
  return true;
}

/* The record is given up: its first line is passed over. */
static bool give_up(const plt_records_t *records, const char *fault, extent_t *extent) {
  extent->fault = fault;
  return end_at_line(records, records->at, extent);
}

/* Behind the closing quote of a field whose first is at `at`; NULL: it is not in the buffer. */
static char *close_quote(const plt_records_t *records, char *at) {
  for (at++;; at += 2) {
    at = memchr(at, '"', (size_t)(records->end - at));
    if (at == NULL || (at + 1 == records->end && !records->at_eof)) return NULL;
    if (at + 1 == records->end || at[1] != '"') return at + 1;
  }
}

/* The end of a record that has quotes; false when more must be read first. */
static bool find_quoted_end(const plt_records_t *records, extent_t *extent) {
  const char *separator = records->separator->text;
  char *at = records->at;
  for (;;) {
    while (at < records->end && *at == ' ') at++;
    if (at < records->end && *at == '"') {
      at = close_quote(records, at);
      if (at == NULL && (records->at_eof || records->end - records->at > PLT_RECORD_QUOTED))
        return give_up(records, "a quote is not closed", extent);
      if (at == NULL) return false;
      while (at < records->end && *at == ' ') at++;
      if (at + 1 >= records->end && !records->at_eof) return false;
      if (at < records->end && *at != '\n' && *at != *separator && !(*at == '\r' && at[1] == '\n'))
        return give_up(records, "something stands behind a closing quote", extent);
    }
    char *stop = at;
    while (stop < records->end && *stop != '\n' && *stop != *separator) stop++;
    if (stop == records->end || *stop == '\n') return end_at_line(records, stop, extent);
    at = stop + 1;
  }
}

/* *found false: more must be read first. */
static bool find_end(const plt_records_t *records, extent_t *extent) {
  *extent = (extent_t){.line = extent->line};
  if (!end_at_line(records, records->at, extent)) return false;
  if (!records->separator->has_quotes) return true;
  if (memchr(records->at, '"', (size_t)(extent->end - records->at)) == NULL) return true;
  return find_quoted_end(records, extent);
}

static uint64_t count_lines(const char *at, const char *end) {
  uint64_t n = 0;
  for (; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++) n++;
  return n;
}

/* Reads until a record is whole, or too long: then on to its line's end. */
static plt_status_t find_record(plt_records_t *records, extent_t *extent) {
  bool is_long = false;
  extent->line = records->line;
  while (!find_end(records, extent)) {
    if (records->end - records->at >= PLT_RECORD_BYTES) {
      is_long = true;
      records->line += count_lines(records->at, records->end);
      records->at = records->end;
    }
    PLT_TRY(fill(records));
  }
  if (is_long) extent->fault = "is longer than 16 MiB";
  return PLT_OK;
}

/* ---- fields ---- */

static void add_field(plt_fields_t *fields, char *at, char *end, bool trims) {
  while (trims && at < end && *at == ' ') at++;
  while (trims && end > at && end[-1] == ' ') end--;
  PLT_MEM_GROW(fields->field, fields->n, fields->capacity);
  fields->field[fields->n++] = (plt_span_t){at, (size_t)(end - at)};
}

/* The field in quotes at `at`, in place; returns the place behind the closing quote. */
static char *add_quoted(plt_fields_t *fields, char *at, const char *end) {
  char *to = ++at, *begin = to;
  for (; at < end; at++) {
    if (*at == '"' && (at + 1 == end || at[1] != '"')) break;
    if (*at == '"') at++;
    *to++ = *at;
  }
  add_field(fields, begin, to, false);
  return at + 1;
}

static void cut_words(plt_fields_t *fields, char *at, char *end) {
  while (at < end) {
    while (at < end && (*at == ' ' || *at == '\t')) at++;
    char *stop = at;
    while (stop < end && *stop != ' ' && *stop != '\t') stop++;
    if (stop > at) add_field(fields, at, stop, false);
    at = stop;
  }
}

void plt_fields_cut(plt_fields_t *fields, const plt_separator_t *separator, char *at, char *end) {
  const size_t width = strlen(separator->text);
  fields->n = 0;
  if (separator->is_blanks) {
    cut_words(fields, at, end);
    return;
  }
  for (;;) {
    char *first = at;
    while (separator->has_quotes && first < end && *first == ' ') first++;
    if (separator->has_quotes && first < end && *first == '"') {
      at = add_quoted(fields, first, end);
      while (at < end && !is_separator(at, end, separator->text)) at++;
    } else {
      char *stop = at;
      while (stop < end && !is_separator(stop, end, separator->text)) stop++;
      add_field(fields, at, stop, true);
      at = stop;
    }
    if (at >= end) return;
    at += width;
  }
}

/* ---- the file ---- */

static bool is_blank_line(const char *at, const char *end) {
  while (at < end && *at == ' ') at++;
  return at == end;
}

/* A record's extent: its fields, unless it is an empty line. */
static void take(plt_records_t *records, const extent_t *extent, plt_record_t *record) {
  char *end = extent->end;
  if (end > records->at && end[-1] == '\r') end--;
  *record = (plt_record_t){.line = extent->line, .fault = extent->fault};
  records->line += count_lines(records->at, extent->next);
  if (extent->fault == NULL && !is_blank_line(records->at, end)) {
    plt_fields_cut(&records->fields, records->separator, records->at, end);
    record->field = records->fields.field;
    record->n = records->fields.n;
  }
  records->at = extent->next;
}

plt_status_t plt_records_next(plt_records_t *records, plt_record_t *record, bool *more) {
  for (;;) {
    extent_t extent;
    if (records->at == records->end && !records->at_eof) PLT_TRY(fill(records));
    *more = records->at < records->end;
    if (!*more) return PLT_OK;
    PLT_TRY(find_record(records, &extent));
    take(records, &extent, record);
    if (record->fault != NULL || record->n > 0) return PLT_OK;
  }
}

plt_span_t plt_records_peek(const plt_records_t *records) {
  for (char *at = records->at; at < records->end;) {
    char *stop = memchr(at, '\n', (size_t)(records->end - at));
    if (stop == NULL) stop = records->end;
    char *end = stop > at && stop[-1] == '\r' ? stop - 1 : stop;
    if (!is_blank_line(at, end)) return (plt_span_t){at, (size_t)(end - at)};
    at = stop + (stop < records->end);
  }
  return (plt_span_t){records->end, 0};
}
