/* import.h - `plateau data import`: interactions of other programs, with ids of any kind, as rows with ids from 0.
 *
 *   records (records.h) ─▶ columns (columns.h) ─▶ names to numbers (idmap.h) ─▶ rows
 *   rows ─▶ repeated pairs out ─▶ k-core ─▶ numbered anew ─▶ training, validation, test (divide.h)
 *
 * Users and items are numbered in the order in which they first stand in the file, of those that remain; those of a
 * folder that is extended keep their numbers, whether a pair of theirs remains or not. A pair that is
 * repeated counts once: the earliest, or without times the first. The k-core is the largest set of pairs in which every
 * user and every item has k.
 *
 * Ownership  the caller frees what was imported.
 * Threads    one caller.
 * Units      16 bytes a row, and as many again while rows are sorted; 8 a row for times; names as idmap.h says.
 * Errors     PLT_ERR_USAGE for columns that are not there or separators that are not plain; PLT_ERR_DATA for bad lines
 *            beyond those that are tolerated, and for nothing left; PLT_ERR_IO.
 * Source     docs/data.md, "Import". */
#ifndef PLT_LAUNCH_DATA_IMPORT_H
#define PLT_LAUNCH_DATA_IMPORT_H

#include <stdio.h>

#include "launch/data/columns.h"
#include "launch/data/divide.h"
#include "worker/data/idmap.h"
#include "worker/data/interactions.h"

/* What becomes of bad lines: so many are tolerated in a file; each is a line of `list`, unless that is NULL. */
typedef struct plt_bad_rule {
  uint64_t tolerated;
  FILE *list;
} plt_bad_rule_t;

typedef struct plt_import {
  const char *file;   /* "-": standard input */
  const char *extend; /* a folder: its users and items keep their numbers, new ones come behind them; NULL: none */
  plt_columns_wanted_t columns;
  bool has_least; /* rows of a lower rating are left out */
  double least;
  plt_bad_rule_t bad;
  uint32_t k_core; /* 0: none */
  plt_divide_t divide;
} plt_import_t;

/* Bad lines of a file: the first are told, all are listed, and counted. */
typedef struct plt_bad_lines {
  const char *path;
  plt_bad_rule_t rule;
  uint64_t n;
} plt_bad_lines_t;
void plt_bad_line(plt_bad_lines_t *bad, uint64_t line, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* PLT_ERR_DATA when there are more than are tolerated. */
plt_status_t plt_bad_lines_judge(const plt_bad_lines_t *bad);

/* Names by number of a side, and which of them remain. */
typedef struct plt_import_side {
  plt_idmap_t *names;
  uint32_t known; /* the first so many are of the folder that is extended: they remain in any case */
  uint32_t *kept; /* [n]: a name's number by the new id */
  uint32_t n;
} plt_import_side_t;

typedef struct plt_imported {
  plt_interactions_t *rows; /* ascending (user, item), with their parts; `line` has no meaning */
  plt_import_side_t user, item;
  double *time; /* [read], by a row's `line` before it was sorted; NULL: no times */
  uint64_t bytes, read, bad, unrated, repeated, outside; /* outside: of the k-core */
} plt_imported_t;

/* Reads, and all steps behind it. */
plt_status_t plt_import_run(const plt_import_t *import, plt_imported_t *out);
void plt_imported_clear(plt_imported_t *imported);

/* ---- its parts ---- */

/* Rows as they stand in the file; `line` is a row's place in it. */
plt_status_t plt_import_read(const plt_import_t *import, plt_imported_t *out);
/* Leaves out repeated pairs, and what is outside of the k-core; numbers users and items anew. */
void plt_import_thin(uint32_t k_core, plt_imported_t *imported);

#endif
