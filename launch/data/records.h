/* records.h - text tables of other programs, record by record: CSV with quotes (RFC 4180), tabs, or words with blanks
 * between them.
 *
 * Read through a buffer, so a pipe will do and memory does not grow with the file. A byte-order mark is passed over,
 * lines end with LF or CRLF, the last one may have no end, and empty lines are no records. Quotes count at the
 * beginning of a field; between them stand separators, line ends and, twice, quotes. Blanks around a field without
 * quotes are not part of it. A record that is broken is told with its line, and reading goes on behind the first end
 * of a line in it.
 *
 * Ownership  the caller closes it. Fields point into the buffer and are valid until the next record is read; a byte may
 *            be read behind each.
 * Threads    one owner.
 * Units      lines count from 1.
 * Errors     PLT_ERR_DATA for what is no text table at all (compressed, UTF-16, a zip archive), PLT_ERR_IO. */
#ifndef PLT_LAUNCH_DATA_RECORDS_H
#define PLT_LAUNCH_DATA_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/status.h"

enum {
  PLT_RECORD_BYTES = 16 << 20, /* the longest record; one with quotes: PLT_RECORD_QUOTED */
  PLT_RECORD_QUOTED = 1 << 20
};

typedef struct plt_span {
  char *at;
  size_t length;
} plt_span_t;

typedef struct plt_record {
  const plt_span_t *field; /* [n] */
  size_t n;
  uint64_t line;     /* where it begins */
  const char *fault; /* why there are no fields: "a quote is not closed"; NULL: there are */
} plt_record_t;

/* How a line is cut. Blanks: any number of spaces and tabs. */
typedef struct plt_separator {
  const char *name; /* "commas" */
  const char *text; /* "," */
  bool is_blanks, has_quotes;
} plt_separator_t;

/* In the order in which they are tried, ended by one without a name. */
extern const plt_separator_t plt_separators[];

typedef struct plt_records plt_records_t;

/* path "-": standard input. */
plt_status_t plt_records_open(const char *path, plt_records_t **out);
void plt_records_close(plt_records_t **records);
/* The next line that is not empty, without its end, as it is; "" if there is none. It stays to be read. */
plt_span_t plt_records_peek(const plt_records_t *records);
/* Before the first record. */
void plt_records_cut(plt_records_t *records, const plt_separator_t *separator);
/* *more false: there is no further record. */
plt_status_t plt_records_next(plt_records_t *records, plt_record_t *record, bool *more);
/* The bytes that were read so far. */
uint64_t plt_records_bytes(const plt_records_t *records);

/* The fields of a line of its own, which quotes are taken off in place: for a header that is only looked at. */
typedef struct plt_fields {
  plt_span_t *field; /* [n]; the caller frees it */
  size_t n, capacity;
} plt_fields_t;
void plt_fields_cut(plt_fields_t *fields, const plt_separator_t *separator, char *at, char *end);

#endif
