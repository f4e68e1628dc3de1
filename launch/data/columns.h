/* columns.h - which column of a table is what, and what separates them.
 *
 * Columns are named as in the header ("user_id" also finds RecBole's "user_id:token"), or by number from 1. The
 * separator is the one with which the columns that are asked for are there; when several are possible it must be named.
 *
 * Ownership  texts are the caller's.
 * Threads    any.
 * Errors     PLT_ERR_USAGE, with what the header has; PLT_ERR_DATA for a file without a line. */
#ifndef PLT_LAUNCH_DATA_COLUMNS_H
#define PLT_LAUNCH_DATA_COLUMNS_H

#include "launch/data/records.h"

typedef enum { PLT_COLUMN_USER, PLT_COLUMN_ITEM, PLT_COLUMN_RATING, PLT_COLUMN_TIME, PLT_COLUMNS } plt_column_t;
extern const char *const plt_column_names[PLT_COLUMNS]; /* "user" ... */

typedef struct plt_columns_wanted {
  const char *name[PLT_COLUMNS]; /* NULL: not wanted; of user and item: those of RecBole */
  const char *separator;         /* "comma", "tab" ... or NULL */
  bool has_header;
  bool is_lists; /* LightGCN's: user item item ... */
} plt_columns_wanted_t;

typedef struct plt_columns {
  const plt_separator_t *separator;
  int place[PLT_COLUMNS]; /* from 0; -1: not there */
  size_t fields;          /* of every record */
} plt_columns_t;

/* Looks at the first line, and tells in one line what was found. path: for messages. */
plt_status_t plt_columns_find(const plt_records_t *records, const char *path, const plt_columns_wanted_t *wanted,
                              plt_columns_t *out);

/* The separator that cuts a line into most fields; the first of those that are equal. */
const plt_separator_t *plt_separator_likeliest(plt_span_t line);

#endif
