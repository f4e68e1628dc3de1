/* import.c - see import.h: the lines that are read, and the steps. import_thin.c has what is left out. */
#include "launch/data/import.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/utf8.h"
#include "launch/data/values.h"

enum { BAD_LINES_TOLD = 10, BAD_TEXT = 600 };

/* ---- bad lines ---- */

void plt_bad_line(plt_bad_lines_t *bad, uint64_t line, const char *format, ...) {
  va_list arguments;
  char text[BAD_TEXT];
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (bad->rule.list != NULL) fprintf(bad->rule.list, "%s:%" PRIu64 ": %s\n", bad->path, line, text);
  if (++bad->n > BAD_LINES_TOLD) return;
  plt_log(PLT_LOG_WARN, "%s:%" PRIu64 ": %s", bad->path, line, text);
}

plt_status_t plt_bad_lines_judge(const plt_bad_lines_t *bad) {
  if (bad->n == 0) return PLT_OK;
  const char *s = bad->n == 1 ? "" : "s", *first = "";
  if (bad->n > BAD_LINES_TOLD)
    first = bad->rule.list != NULL ? ", all of them listed"
                                   : ", of which the first 10 are told (--bad-lines FILE lists all)";
  if (bad->n > bad->rule.tolerated)
    return plt_fail(PLT_ERR_DATA, "%s: %" PRIu64 " bad line%s%s; mend them, or leave them out with --skip-bad %" PRIu64,
                    bad->path, bad->n, s, first, bad->n);
  plt_log(PLT_LOG_NOTE, "%s: %" PRIu64 " bad line%s left out%s", bad->path, bad->n, s, first);
  return PLT_OK;
}

/* ---- reading ---- */

typedef struct reader {
  const plt_import_t *import;
  plt_columns_t columns;
  plt_bad_lines_t bad;
  plt_imported_t *out;
  size_t time_capacity;
  bool has_moment, has_dates; /* the first time said which kind they are */
} reader_t;

static void tell_bad(reader_t *reader, uint64_t line, const char *what, plt_span_t field, const char *fault) {
  char shown[PLT_SHOWN_BYTES];
  plt_bad_line(&reader->bad, line, "the %s %s%s%s%s", what, field.length > 0 ? "\"" : "",
               plt_bytes_show(field.at, field.length, shown), field.length > 0 ? "\" " : "", fault);
}

static bool take_name(reader_t *reader, uint64_t line, const char *what, plt_span_t field) {
  const char *fault = plt_id_fault(field.at, field.length);
  if (fault != NULL) tell_bad(reader, line, what, field, fault);
  return fault == NULL;
}

static bool take_time(reader_t *reader, uint64_t line, plt_span_t field, double *time) {
  bool is_number = plt_value_number(field.at, field.length, time);
  if (!is_number && !plt_value_date(field.at, field.length, time)) {
    tell_bad(reader, line, "time", field, "is no number and no date like 2014-07-03 09:30:00");
    return false;
  }
  if (!reader->has_moment) reader->has_dates = !is_number;
  reader->has_moment = true;
  if (reader->has_dates != is_number) return true;
  tell_bad(reader, line, "time", field,
           is_number ? "is a number where others are dates" : "is a date where others are numbers");
  return false;
}

static plt_status_t append(reader_t *reader, plt_span_t user, plt_span_t item, double time) {
  plt_imported_t *out = reader->out;
  plt_interactions_t *rows = out->rows;
  if (rows->n == UINT32_MAX) return plt_fail(PLT_ERR_DATA, "%s: more than %" PRIu32 " pairs", rows->source, UINT32_MAX);
  PLT_MEM_GROW(rows->row, rows->n, rows->capacity);
  rows->row[rows->n] = (plt_interaction_t){.user = plt_idmap_add(out->user.names, user.at, user.length),
                                           .item = plt_idmap_add(out->item.names, item.at, item.length),
                                           .line = (uint32_t)rows->n};
  if (reader->columns.place[PLT_COLUMN_TIME] >= 0) {
    PLT_MEM_GROW(out->time, rows->n, reader->time_capacity);
    out->time[rows->n] = time;
  }
  rows->n++;
  return PLT_OK;
}

static plt_status_t read_list(reader_t *reader, const plt_record_t *record) {
  if (!take_name(reader, record->line, "user", record->field[0])) return PLT_OK;
  for (size_t i = 1; i < record->n; i++)
    if (take_name(reader, record->line, "item", record->field[i]))
      PLT_TRY(append(reader, record->field[0], record->field[i], 0));
  return PLT_OK;
}

static plt_status_t read_row(reader_t *reader, const plt_record_t *record) {
  const plt_columns_t *columns = &reader->columns;
  const plt_import_t *import = reader->import;
  if (record->n != columns->fields) {
    plt_bad_line(&reader->bad, record->line, "has %zu of %zu fields, separated by %s", record->n, columns->fields,
                 columns->separator->name);
    return PLT_OK;
  }
  plt_span_t user = record->field[columns->place[PLT_COLUMN_USER]],
             item = record->field[columns->place[PLT_COLUMN_ITEM]];
  double rating = 0, time = 0;
  if (!take_name(reader, record->line, "user", user) || !take_name(reader, record->line, "item", item)) return PLT_OK;
  if (import->has_least) {
    plt_span_t field = record->field[columns->place[PLT_COLUMN_RATING]];
    if (!plt_value_number(field.at, field.length, &rating)) {
      tell_bad(reader, record->line, "rating", field, field.length > 0 ? "is no number" : "is empty");
      return PLT_OK;
    }
  }
  if (columns->place[PLT_COLUMN_TIME] >= 0 &&
      !take_time(reader, record->line, record->field[columns->place[PLT_COLUMN_TIME]], &time))
    return PLT_OK;
  if (import->has_least && rating < import->least) {
    reader->out->unrated++;
    return PLT_OK;
  }
  return append(reader, user, item, time);
}

static plt_status_t read_records(reader_t *reader, plt_records_t *records) {
  const plt_columns_wanted_t *wanted = &reader->import->columns;
  plt_record_t record;
  bool more, is_header = wanted->has_header && !wanted->is_lists;
  PLT_TRY(plt_columns_find(records, reader->bad.path, wanted, &reader->columns));
  plt_records_cut(records, reader->columns.separator);
  for (;; is_header = false) {
    PLT_TRY(plt_records_next(records, &record, &more));
    if (!more) break;
    if (is_header) continue;
    if (record.fault != NULL)
      plt_bad_line(&reader->bad, record.line, "%s", record.fault);
    else if (wanted->is_lists)
      PLT_TRY(read_list(reader, &record));
    else
      PLT_TRY(read_row(reader, &record));
  }
  reader->out->bytes = plt_records_bytes(records);
  reader->out->bad = reader->bad.n;
  return plt_bad_lines_judge(&reader->bad);
}

static plt_status_t count_up(plt_imported_t *out) {
  out->rows->users = plt_idmap_count(out->user.names);
  out->rows->items = plt_idmap_count(out->item.names);
  out->read = out->rows->n;
  if (out->rows->n > 0) return PLT_OK;
  if (out->unrated > 0)
    return plt_fail(PLT_ERR_DATA, "%s: none of %" PRIu64 " rows has the rating of --min-rating", out->rows->source,
                    out->unrated);
  return plt_fail(PLT_ERR_DATA, "%s: there are no rows", out->rows->source);
}

/* Names that are known before the first line is read. */
static plt_status_t begin_side(const char *folder, const char *file, const char *column, plt_import_side_t *side) {
  char path[PLT_PATH_MAX];
  if (folder == NULL) {
    side->names = plt_idmap_create();
    return PLT_OK;
  }
  PLT_TRY(plt_path_join(folder, file, path));
  if (!plt_path_exists(path))
    return plt_fail(PLT_ERR_DATA, "%s: is not there: --extend takes a folder that `plateau data import` wrote", path);
  PLT_TRY(plt_idmap_read(path, column, &side->names));
  side->known = plt_idmap_count(side->names);
  return PLT_OK;
}

plt_status_t plt_import_read(const plt_import_t *import, plt_imported_t *out) {
  const char *path = strcmp(import->file, "-") == 0 ? "standard input" : import->file;
  plt_records_t *records = NULL;
  *out = (plt_imported_t){.rows = plt_mem_zalloc(1, sizeof *out->rows)};
  out->rows->name = plt_mem_strdup("");
  out->rows->source = plt_mem_strdup(path);
  reader_t reader = {.import = import, .bad = {.path = path, .rule = import->bad}, .out = out};
  plt_status_t status = begin_side(import->extend, PLT_IDMAP_USERS, "userID", &out->user);
  if (status == PLT_OK) status = begin_side(import->extend, PLT_IDMAP_ITEMS, "itemID", &out->item);
  if (status == PLT_OK) status = plt_records_open(import->file, &records);
  if (status == PLT_OK) status = read_records(&reader, records);
  plt_records_close(&records);
  if (status == PLT_OK) status = count_up(out);
  if (status != PLT_OK) plt_imported_clear(out);
  return status;
}

void plt_imported_clear(plt_imported_t *imported) {
  free(imported->time);
  free(imported->item.kept);
  free(imported->user.kept);
  plt_idmap_destroy(&imported->item.names);
  plt_idmap_destroy(&imported->user.names);
  plt_interactions_destroy(&imported->rows);
  *imported = (plt_imported_t){0};
}

/* ---- all of it ---- */

plt_status_t plt_import_run(const plt_import_t *import, plt_imported_t *out) {
  PLT_TRY(plt_divide_check(&import->divide));
  PLT_TRY(plt_import_read(import, out));
  plt_import_thin(import->k_core, out);
  if (out->rows->n == 0) {
    plt_status_t status = plt_fail(PLT_ERR_DATA,
                                   "%s: nothing is left of %" PRIu64
                                   " pairs in which every user and "
                                   "every item has %" PRIu32 " (--kcore)",
                                   out->rows->source, out->outside, import->k_core);
    plt_imported_clear(out);
    return status;
  }
  plt_divide_rows(&import->divide, out->time, out->rows);
  return PLT_OK;
}
