/* import_features.c - see import_features.h. */
#include "launch/data/import_features.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/io/npy.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/utf8.h"
#include "launch/data/values.h"
#include "worker/data/features.h"

enum { MOST_COLUMNS = 65536 };

/* ---- what is asked for ---- */

static bool is_plain(const char *name, size_t length) {
  for (size_t i = 0; i < length; i++)
    if (!isalnum((unsigned char)name[i]) && name[i] != '_' && name[i] != '-') return false;
  return length > 0;
}

plt_status_t plt_import_feature_parse(const char *text, plt_import_feature_t *out) {
  const char *equals = strchr(text, '=');
  if (equals == NULL || equals[1] == '\0' || !is_plain(text, (size_t)(equals - text)))
    return plt_fail(PLT_ERR_USAGE,
                    "data import: --features %s: NAME=FILE.npy,IDS or NAME=FILE.csv is wanted, of a name letters, "
                    "digits, - and _",
                    text);
  char *file = plt_mem_strdup(equals + 1), *comma = strstr(file, ".npy,");
  if (comma != NULL) comma[4] = '\0';
  if (plt_path_ends_with(file, ".npy") && (comma == NULL || comma[5] == '\0')) {
    free(file);
    return plt_fail(PLT_ERR_USAGE,
                    "data import: --features %s: which row is of which item? NAME=FILE.npy,IDS with a text file of one "
                    "id a line",
                    text);
  }
  *out = (plt_import_feature_t){.name = plt_mem_print("%.*s", (int)(equals - text), text),
                                .file = file,
                                .ids = comma == NULL ? NULL : plt_mem_strdup(comma + 5)};
  return PLT_OK;
}

void plt_import_feature_free(plt_import_feature_t *feature) {
  free(feature->ids);
  free(feature->file);
  free(feature->name);
  *feature = (plt_import_feature_t){0};
}

/* ---- ids ---- */

/* Items by the name's number, and the row that each has. */
typedef struct rows {
  const plt_import_side_t *items;
  uint32_t *id;  /* [names]: the new id; UINT32_MAX: not among the items that remained */
  uint64_t *row; /* [items]: UINT64_MAX: none */
  uint64_t strangers;
  uint32_t found;
  plt_bad_lines_t bad;
} rows_t;

static void rows_begin(rows_t *rows, const plt_import_side_t *items, plt_bad_rule_t rule, const char *path) {
  uint32_t names = plt_idmap_count(items->names);
  *rows = (rows_t){.items = items, .bad = {.path = path, .rule = rule}};
  rows->id = plt_mem_alloc(names * sizeof *rows->id);
  rows->row = plt_mem_alloc(items->n * sizeof *rows->row);
  memset(rows->id, 0xFF, names * sizeof *rows->id);
  memset(rows->row, 0xFF, items->n * sizeof *rows->row);
  for (uint32_t i = 0; i < items->n; i++) rows->id[items->kept[i]] = i;
}

static void rows_end(rows_t *rows) {
  free(rows->row);
  free(rows->id);
}

/* Whether it names an item that remained: then it is no header. */
static bool is_item(const rows_t *rows, plt_span_t id) {
  uint32_t number;
  return plt_idmap_find(rows->items->names, id.at, id.length, &number) && rows->id[number] != UINT32_MAX;
}

/* Row `row` is of this id; UINT32_MAX: of no item that wants one. */
static uint32_t take_id(rows_t *rows, uint64_t line, plt_span_t id, uint64_t row) {
  char shown[PLT_SHOWN_BYTES];
  uint32_t number, item;
  const char *fault = plt_id_fault(id.at, id.length);
  if (fault != NULL) {
    plt_bad_line(&rows->bad, line, "the id \"%s\" %s", plt_bytes_show(id.at, id.length, shown), fault);
    return UINT32_MAX;
  }
  if (!plt_idmap_find(rows->items->names, id.at, id.length, &number) || rows->id[number] == UINT32_MAX) {
    rows->strangers++;
    return UINT32_MAX;
  }
  item = rows->id[number];
  if (rows->row[item] != UINT64_MAX) {
    plt_bad_line(&rows->bad, line, "the id \"%s\" stood there before", plt_bytes_show(id.at, id.length, shown));
    return UINT32_MAX;
  }
  rows->row[item] = row;
  rows->found++;
  return item;
}

static plt_status_t judge(const rows_t *rows) {
  PLT_TRY(plt_bad_lines_judge(&rows->bad));
  if (rows->found > 0) return PLT_OK;
  return plt_fail(PLT_ERR_DATA,
                  "%s: none of its %" PRIu64 " ids is an item of the interactions: are they spelled alike?",
                  rows->bad.path, rows->strangers);
}

static void tell(const plt_import_feature_t *feature, const rows_t *rows, uint64_t cols) {
  char *strangers = rows->strangers == 0 ? plt_mem_strdup("")
                                         : plt_mem_print("; %" PRIu64 " rows of no item passed over", rows->strangers);
  char *missing = rows->found == rows->items->n
                      ? plt_mem_strdup("all items have it")
                      : plt_mem_print("%" PRIu32 " of %" PRIu32 " items have none: rows of NaN (data.missing)",
                                      rows->items->n - rows->found, rows->items->n);
  plt_log(PLT_LOG_NOTE, "%s" PLT_FEATURE_SUFFIX ": %" PRIu64 " columns, %s%s", feature->name, cols, missing, strangers);
  free(missing);
  free(strangers);
}

/* ---- a file to write ---- */

/* What stands for an item, in a row of the source, into out[cols]. */
typedef void (*row_fn)(const void *source, uint64_t row, uint32_t item, float *out);

/* A row of NaN is none; some of them only are a fault, which training would find later. */
static plt_status_t check_row(rows_t *rows, const char *file, uint64_t row, const float *values, uint64_t cols) {
  uint64_t finite = 0, nan = 0;
  for (uint64_t c = 0; c < cols; c++) {
    finite += isfinite(values[c]) != 0;
    nan += isnan(values[c]) != 0;
  }
  if (nan == cols) rows->found--;
  if (nan == cols || finite == cols) return PLT_OK;
  return plt_fail(PLT_ERR_DATA,
                  "%s: row %" PRIu64
                  " (from 0) has values that are NaN or infinite as float32; a row that is "
                  "NaN throughout is an item without the modality",
                  file, row);
}

static plt_status_t append_rows(plt_npy_writer_t *writer, const char *file, rows_t *rows, uint64_t cols, row_fn read,
                                const void *source) {
  float *values = plt_mem_alloc(cols * sizeof *values);
  plt_status_t status = PLT_OK;
  for (uint32_t i = 0; i < rows->items->n && status == PLT_OK; i++) {
    if (rows->row[i] == UINT64_MAX) {
      for (uint64_t c = 0; c < cols; c++) values[c] = NAN;
    } else {
      read(source, rows->row[i], i, values);
      status = check_row(rows, file, rows->row[i], values, cols);
    }
    if (status == PLT_OK) status = plt_npy_writer_append(writer, values, 1);
  }
  free(values);
  return status;
}

static plt_status_t write_rows(const plt_import_feature_t *feature, const char *folder, rows_t *rows, uint64_t cols,
                               row_fn read, const void *source) {
  char path[PLT_PATH_MAX];
  plt_npy_writer_t *writer;
  PLT_TRY(plt_path_file(folder, feature->name, PLT_FEATURE_SUFFIX, path));
  PLT_TRY(plt_npy_writer_create(path, rows->items->n, cols, &writer));
  plt_status_t status = append_rows(writer, feature->file, rows, cols, read, source);
  if (status == PLT_OK) return plt_npy_writer_close(&writer);
  plt_npy_writer_abandon(&writer);
  return status;
}

/* ---- .npy and ids ---- */

static void row_of_npy(const void *source, uint64_t row, uint32_t item, float *out) {
  (void)item;
  plt_npy_row_f32(source, row, out);
}

/* One id a line, what stands behind a tab is passed over. rows NULL: they are counted. */
static plt_status_t read_ids(plt_records_t *records, rows_t *rows, bool first_is_header, uint64_t *lines) {
  plt_record_t record;
  bool more;
  *lines = 0;
  plt_records_cut(records, &plt_separators[0]);
  for (;;) {
    PLT_TRY(plt_records_next(records, &record, &more));
    if (!more) return PLT_OK;
    uint64_t row = (*lines)++;
    if (rows != NULL && first_is_header && row == 0 && record.fault == NULL && is_item(rows, record.field[0]))
      return plt_fail(PLT_ERR_DATA,
                      "%s: has one id more than the array has rows, and the first is no header but an item",
                      rows->bad.path);
    if (rows != NULL && record.fault == NULL && (row > 0 || !first_is_header))
      take_id(rows, record.line, record.field[0], row - first_is_header);
  }
}

/* Twice: whether there is a header is known when lines have been counted. */
static plt_status_t walk_ids(const char *path, rows_t *rows, bool first_is_header, uint64_t *lines) {
  plt_records_t *records = NULL;
  PLT_TRY(plt_records_open(path, &records));
  plt_status_t status = read_ids(records, rows, first_is_header, lines);
  plt_records_close(&records);
  return status;
}

static plt_status_t match_ids(const plt_import_feature_t *feature, const plt_npy_t *npy, rows_t *rows) {
  uint64_t lines;
  PLT_TRY(walk_ids(feature->ids, NULL, false, &lines));
  if (lines != npy->rows && lines != npy->rows + 1)
    return plt_fail(PLT_ERR_DATA, "%s: has %" PRIu64 " ids, %s has %" PRIu64 " rows", feature->ids, lines,
                    feature->file, npy->rows);
  return walk_ids(feature->ids, rows, lines == npy->rows + 1, &lines);
}

static plt_status_t write_npy(const plt_import_feature_t *feature, const plt_import_side_t *items, plt_bad_rule_t rule,
                              const char *folder) {
  plt_npy_t npy;
  rows_t rows;
  PLT_TRY(plt_npy_open(feature->file, &npy));
  rows_begin(&rows, items, rule, feature->ids);
  plt_status_t status = PLT_OK;
  if (npy.type > PLT_NPY_F8)
    status = plt_fail(PLT_ERR_DATA, "%s: has whole numbers; float16, float32 or float64 is wanted", feature->file);
  if (status == PLT_OK) status = match_ids(feature, &npy, &rows);
  if (status == PLT_OK) status = judge(&rows);
  if (status == PLT_OK) status = write_rows(feature, folder, &rows, npy.cols, row_of_npy, &npy);
  if (status == PLT_OK) tell(feature, &rows, npy.cols);
  rows_end(&rows);
  plt_npy_close(&npy);
  return status;
}

/* ---- tables ---- */

typedef struct table {
  float *value; /* [items, cols] */
  size_t cols;
} table_t;

static void row_of_table(const void *source, uint64_t row, uint32_t item, float *out) {
  const table_t *table = source;
  (void)row;
  memcpy(out, table->value + item * table->cols, table->cols * sizeof *out);
}

static bool has_no_number(const plt_record_t *record) {
  double value;
  for (size_t i = 1; i < record->n; i++)
    if (plt_value_number(record->field[i].at, record->field[i].length, &value)) return false;
  return true;
}

/* All values are looked at before the row is taken. */
static void read_values(rows_t *rows, table_t *table, const plt_record_t *record) {
  char shown[PLT_SHOWN_BYTES];
  double value;
  if (record->fault != NULL || record->n != table->cols + 1) {
    plt_bad_line(&rows->bad, record->line, "%s",
                 record->fault != NULL ? record->fault : "has another number of columns than the first");
    return;
  }
  for (size_t c = 0; c < table->cols; c++) {
    plt_span_t field = record->field[c + 1];
    if (plt_value_number(field.at, field.length, &value) && isfinite((float)value)) continue;
    plt_bad_line(&rows->bad, record->line, "column %zu, \"%s\", is no number", c + 2,
                 plt_bytes_show(field.at, field.length, shown));
    return;
  }
  uint32_t item = take_id(rows, record->line, record->field[0], 0);
  for (size_t c = 0; c < table->cols && item != UINT32_MAX; c++) {
    plt_value_number(record->field[c + 1].at, record->field[c + 1].length, &value);
    table->value[item * table->cols + c] = (float)value;
  }
}

static plt_status_t read_table(plt_records_t *records, const plt_import_feature_t *feature, rows_t *rows,
                               table_t *table) {
  plt_record_t record;
  bool more;
  plt_records_cut(records, plt_separator_likeliest(plt_records_peek(records)));
  for (bool is_first = true;; is_first = false) {
    PLT_TRY(plt_records_next(records, &record, &more));
    if (!more) return PLT_OK;
    if (is_first) {
      if (record.n < 2 || record.n > MOST_COLUMNS)
        return plt_fail(PLT_ERR_DATA, "%s:%" PRIu64 ": an id and 1 to %d numbers belong there", feature->file,
                        record.line, MOST_COLUMNS - 1);
      table->cols = record.n - 1;
      table->value = plt_mem_zalloc((size_t)rows->items->n * table->cols, sizeof *table->value);
      if (has_no_number(&record) && !is_item(rows, record.field[0])) continue;
    }
    read_values(rows, table, &record);
  }
}

static plt_status_t write_table(const plt_import_feature_t *feature, const plt_import_side_t *items,
                                plt_bad_rule_t rule, const char *folder) {
  plt_records_t *records = NULL;
  rows_t rows;
  table_t table = {0};
  PLT_TRY(plt_records_open(feature->file, &records));
  rows_begin(&rows, items, rule, feature->file);
  plt_status_t status = read_table(records, feature, &rows, &table);
  plt_records_close(&records);
  if (status == PLT_OK) status = judge(&rows);
  if (status == PLT_OK) status = write_rows(feature, folder, &rows, table.cols, row_of_table, &table);
  if (status == PLT_OK) tell(feature, &rows, table.cols);
  free(table.value);
  rows_end(&rows);
  return status;
}

plt_status_t plt_import_feature_write(const plt_import_feature_t *feature, const plt_import_side_t *items,
                                      plt_bad_rule_t rule, const char *folder) {
  return (feature->ids != NULL ? write_npy : write_table)(feature, items, rule, folder);
}
