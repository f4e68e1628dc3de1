/* read.c - one server's part, read: see checkpoint.h. Whatever a file holds, it is checked before use:
 * types, shapes and sizes here, keys and steps row by row. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "ps/checkpoint/format.h"

static void read_field(plt_hdf5_error_t *error, hid_t place, const plt_field_t *field, void *into) {
  hid_t attribute = plt_hdf5_heard(error, field->name, H5Aopen(place, field->name, H5P_DEFAULT));
  if (attribute < 0) return;
  hid_t type = plt_field_type(field->kind), space = H5Aget_space(attribute);
  if (H5Sget_simple_extent_npoints(space) != 1) {
    plt_hdf5_note(error, "%s is not one value", field->name);
  } else if (field->kind == PLT_FIELD_BOOL) {
    uint8_t byte = 0;
    plt_hdf5_heard(error, field->name, H5Aread(attribute, type, &byte));
    *(bool *)((char *)into + field->offset) = byte != 0;
  } else {
    plt_hdf5_heard(error, field->name, H5Aread(attribute, type, (char *)into + field->offset));
    if (field->kind == PLT_FIELD_TEXT) ((char *)into)[field->offset + PLT_TABLE_NAME_MAX - 1] = '\0';
    if (field->kind == PLT_FIELD_LONG_TEXT) ((char *)into)[field->offset + PLT_SETTINGS_MAX - 1] = '\0';
  }
  H5Sclose(space);
  plt_field_type_done(field->kind, type);
  H5Aclose(attribute);
}

static void read_fields(plt_hdf5_error_t *error, hid_t place, plt_field_list_t list, uint32_t format, void *into) {
  for (size_t i = 0; i < list.n && !error->failed; i++)
    if (list.fields[i].since <= format) read_field(error, place, &list.fields[i], into);
}

hid_t plt_part_column(plt_hdf5_error_t *error, hid_t group, const char *name, int rank, hsize_t size[2]) {
  hid_t data = plt_hdf5_heard(error, name, H5Dopen2(group, name, H5P_DEFAULT));
  if (data < 0) return -1;
  hid_t space = H5Dget_space(data), type = H5Dget_type(data);
  size[1] = 1;
  if (H5Sget_simple_extent_ndims(space) != rank) {
    plt_hdf5_note(error, "%s is not of rank %d", name, rank);
  } else {
    plt_hdf5_heard(error, name, H5Sget_simple_extent_dims(space, size, NULL));
    hsize_t held = H5Dget_storage_size(data);
    if (size[0] > 0 && size[1] > 0 && held / H5Tget_size(type) / size[0] < size[1])
      plt_hdf5_note(error, "%s is not all there", name);
  }
  H5Tclose(type);
  H5Sclose(space);
  if (!error->failed) return data;
  H5Dclose(data);
  return -1;
}

static hsize_t column_size(plt_hdf5_error_t *error, hid_t group, const char *name, int rank, hsize_t *cols) {
  hsize_t size[2] = {0, 0};
  hid_t data = plt_part_column(error, group, name, rank, size);
  if (data >= 0) H5Dclose(data);
  if (cols != NULL) *cols = size[1];
  return size[0];
}

static void read_record(plt_hdf5_error_t *error, hid_t group, uint32_t format, plt_checkpoint_record_t *record) {
  size_t kind = 0;
  hsize_t cols = 0, state_floats = 0;
  read_fields(error, group, plt_record_fields, format, record);
  if (error->failed) return;
  while (kind < PLT_INIT_KINDS && strcmp(record->init, plt_init_names[kind]) != 0) kind++;
  if (kind == PLT_INIT_KINDS) plt_hdf5_note(error, "init \"%s\" is unknown", record->init);
  record->spec.init.kind = (plt_init_kind_t)kind;
  hsize_t n = column_size(error, group, "keys", 1, NULL);
  bool fits = column_size(error, group, "last", 1, NULL) == n;
  fits = column_size(error, group, "value", 2, &cols) == n && fits;
  fits = column_size(error, group, "state", 2, &state_floats) == n && fits;
  fits = column_size(error, group, "eta_first", 1, NULL) == column_size(error, group, "eta", 1, NULL) && fits;
  bool too_many = n > record->spec.rows && !record->spec.sparse.declared;
  if (!fits || cols != record->spec.cols || too_many) plt_hdf5_note(error, "its rows do not fit its shape");
  if (cols < 1 || cols > PLT_TABLE_COLS_MAX)
    plt_hdf5_note(error, "%llu columns, but 1 to %d are possible", (unsigned long long)cols, PLT_TABLE_COLS_MAX);
  record->stored = n;
  record->state_floats = state_floats;
}

static int by_index(const void *a, const void *b) {
  const plt_checkpoint_record_t *x = a, *y = b;
  return (x->index > y->index) - (x->index < y->index);
}

static void read_tables(plt_hdf5_error_t *error, plt_checkpoint_part_t *part) {
  H5G_info_t info = {0};
  hid_t tables = plt_hdf5_heard(error, "tables", H5Gopen2(part->file, "tables", H5P_DEFAULT));
  plt_hdf5_heard(error, "tables", H5Gget_info(tables, &info));
  if (info.nlinks > PLT_TABLES_MAX) plt_hdf5_note(error, "more than %d tables", PLT_TABLES_MAX);
  if (!error->failed) part->tables = plt_mem_zalloc(info.nlinks, sizeof *part->tables);
  for (hsize_t i = 0; i < info.nlinks && !error->failed; i++) {
    plt_checkpoint_record_t *record = &part->tables[part->n_tables++];
    plt_hdf5_heard(error, "table name",
                   H5Lget_name_by_idx(tables, ".", H5_INDEX_NAME, H5_ITER_INC, i, record->spec.name,
                                      sizeof record->spec.name, H5P_DEFAULT));
    hid_t group = plt_hdf5_heard(error, "table", H5Gopen2(tables, record->spec.name, H5P_DEFAULT));
    if (group < 0) break;
    read_record(error, group, part->format, record);
    H5Gclose(group);
  }
  if (tables >= 0) H5Gclose(tables);
  if (!error->failed) qsort(part->tables, part->n_tables, sizeof *part->tables, by_index);
}

static void read_head(plt_hdf5_error_t *error, plt_checkpoint_part_t *part) {
  const plt_field_t format_field = {"format", PLT_FIELD_U32, 0, 0};
  read_field(error, part->file, &format_field, &part->format);
  if (part->format < 1 || part->format > PLT_CHECKPOINT_FORMAT)
    plt_hdf5_note(error, "format %u, but this program reads 1 to %d", part->format, PLT_CHECKPOINT_FORMAT);
  read_fields(error, part->file, plt_head_fields, part->format, &part->head);
  if (!error->failed && part->head.server == 0) {
    hid_t progress = plt_hdf5_heard(error, "progress", H5Gopen2(part->file, "progress", H5P_DEFAULT));
    read_fields(error, progress, plt_progress_fields, part->format, &part->head.progress);
    if (progress >= 0) H5Gclose(progress);
  }
}

void plt_part_close(plt_checkpoint_part_t **part) {
  if (*part == NULL) return;
  if ((*part)->file >= 0) H5Fclose((*part)->file);
  free((*part)->tables);
  free((*part)->path);
  free(*part);
  *part = NULL;
}

plt_status_t plt_part_open(const char *path, plt_checkpoint_part_t **out) {
  plt_hdf5_error_t error = {0};
  hid_t access = plt_hdf5_access(&error);
  plt_checkpoint_part_t *part = plt_mem_zalloc(1, sizeof *part);
  part->path = plt_mem_strdup(path);
  part->file = plt_hdf5_heard(&error, "cannot open", H5Fopen(path, H5F_ACC_RDONLY, access));
  H5Pclose(access);
  if (!error.failed) read_head(&error, part);
  if (!error.failed) read_tables(&error, part);
  if (!error.failed) {
    *out = part;
    return PLT_OK;
  }
  plt_part_close(&part);
  return plt_fail(PLT_ERR_CHECKPOINT, "%s: %s", path, error.text);
}

plt_status_t plt_checkpoint_open(const char *path, plt_checkpoint_part_t **out) {
  plt_hdf5_enter();
  plt_status_t status = plt_part_open(path, out);
  plt_hdf5_leave();
  return status;
}

void plt_checkpoint_close(plt_checkpoint_part_t **part) {
  plt_hdf5_enter();
  plt_part_close(part);
  plt_hdf5_leave();
}

const plt_checkpoint_head_t *plt_checkpoint_head(const plt_checkpoint_part_t *part) { return &part->head; }

size_t plt_checkpoint_tables(const plt_checkpoint_part_t *part) { return part->n_tables; }

plt_status_t plt_checkpoint_table(plt_checkpoint_part_t *part, size_t i, plt_table_spec_t *spec, uint64_t *t,
                                  uint64_t *stored) {
  if (i >= part->n_tables)
    return plt_fail(PLT_ERR_CHECKPOINT, "%s: no table %zu, there are %zu", part->path, i, part->n_tables);
  *spec = part->tables[i].spec;
  *t = part->tables[i].t;
  *stored = part->tables[i].stored;
  return PLT_OK;
}

size_t plt_checkpoint_state_floats(const plt_checkpoint_part_t *part, size_t i) { return part->tables[i].state_floats; }

/* ---- rows into a table ---- */

void plt_part_slice(plt_hdf5_error_t *error, hid_t data, hid_t type, int rank, hsize_t start, hsize_t n, hsize_t cols,
                    void *into) {
  hsize_t from[2] = {start, 0}, count[2] = {n, cols};
  if (error->failed || n == 0 || (rank == 2 && cols == 0)) return;
  hid_t memory = plt_hdf5_heard(error, "rows", H5Screate_simple(rank, count, NULL));
  hid_t file = plt_hdf5_heard(error, "rows", H5Dget_space(data));
  plt_hdf5_heard(error, "rows", H5Sselect_hyperslab(file, H5S_SELECT_SET, from, NULL, count, NULL));
  plt_hdf5_heard(error, "rows", H5Dread(data, type, memory, file, H5P_DEFAULT, into));
  H5Sclose(file);
  H5Sclose(memory);
}

void plt_part_history(plt_hdf5_error_t *error, hid_t group, uint64_t t, plt_eta_history_t *history) {
  hsize_t n[2] = {0}, same[2];
  hid_t first = plt_part_column(error, group, "eta_first", 1, n);
  hid_t eta = first < 0 ? -1 : plt_part_column(error, group, "eta", 1, same);
  if (eta >= 0 && n[0] <= t && (n[0] > 0 || t == 0)) {
    uint64_t *firsts = plt_mem_zalloc(n[0], sizeof *firsts), before = 0;
    double *etas = plt_mem_zalloc(n[0], sizeof *etas);
    plt_part_slice(error, first, H5T_NATIVE_UINT64, 1, 0, n[0], 1, firsts);
    plt_part_slice(error, eta, H5T_NATIVE_DOUBLE, 1, 0, n[0], 1, etas);
    for (hsize_t i = 0; i < n[0] && !error->failed; i++) {
      bool good = firsts[i] > before && firsts[i] <= t && isfinite(etas[i]) && (i > 0 || firsts[i] == 1);
      if (!good) {
        plt_hdf5_note(error, "learning rates are not in order");
      } else {
        plt_eta_history_append(history, firsts[i], etas[i]);
        before = firsts[i];
      }
    }
    free(firsts);
    free(etas);
  } else {
    plt_hdf5_note(error, "learning rates do not fit the %llu steps", (unsigned long long)t);
  }
  if (first >= 0) H5Dclose(first);
  if (eta >= 0) H5Dclose(eta);
}

void plt_part_check_rows(plt_hdf5_error_t *error, const plt_checkpoint_record_t *record, const uint64_t *keys,
                         const uint64_t *last, size_t n) {
  for (size_t i = 0; i < n && !error->failed; i++) {
    bool is_key = keys[i] < record->spec.rows || record->spec.sparse.declared;
    if (!is_key || last[i] > record->t)
      plt_hdf5_note(error, "key %llu with step %llu is out of range", (unsigned long long)keys[i],
                    (unsigned long long)last[i]);
  }
}

/* What is done with rows that were read; false: they cannot be. */
typedef bool (*take_rows_fn)(plt_table_t *table, size_t n, const uint64_t *keys, const uint64_t *last,
                             const float *values, const float *state);

static void read_rows(plt_hdf5_error_t *error, hid_t group, const plt_checkpoint_record_t *record, take_rows_fn take,
                      plt_table_t *table) {
  size_t cols = record->spec.cols, state_floats = record->state_floats;
  size_t rows = plt_checkpoint_block(record->stored, (cols + state_floats) * sizeof(float));
  hsize_t size[2];
  hid_t keys = plt_part_column(error, group, "keys", 1, size), last = plt_part_column(error, group, "last", 1, size);
  hid_t value = plt_part_column(error, group, "value", 2, size),
        state = plt_part_column(error, group, "state", 2, size);
  uint64_t *key_buffer = plt_mem_alloc(rows * sizeof *key_buffer),
           *last_buffer = plt_mem_alloc(rows * sizeof *last_buffer);
  float *value_buffer = plt_mem_alloc(rows * cols * sizeof(float));
  float *state_buffer = plt_mem_alloc(rows * state_floats * sizeof(float));
  for (uint64_t at = 0; at < record->stored && !error->failed; at += rows) {
    size_t n = record->stored - at < rows ? (size_t)(record->stored - at) : rows;
    plt_part_slice(error, keys, H5T_NATIVE_UINT64, 1, at, n, 1, key_buffer);
    plt_part_slice(error, last, H5T_NATIVE_UINT64, 1, at, n, 1, last_buffer);
    plt_part_slice(error, value, H5T_NATIVE_FLOAT, 2, at, n, cols, value_buffer);
    plt_part_slice(error, state, H5T_NATIVE_FLOAT, 2, at, n, state_floats, state_buffer);
    plt_part_check_rows(error, record, key_buffer, last_buffer, n);
    if (!error->failed && !take(table, n, key_buffer, last_buffer, value_buffer, state_buffer))
      plt_hdf5_note(error, "counts that are no numbers of pushes");
  }
  free(key_buffer);
  free(last_buffer);
  free(value_buffer);
  free(state_buffer);
  hid_t columns[] = {keys, last, value, state};
  for (size_t i = 0; i < 4; i++)
    if (columns[i] >= 0) H5Dclose(columns[i]);
}

/* take_rows_fn */
static bool take_rows(plt_table_t *table, size_t n, const uint64_t *keys, const uint64_t *last, const float *values,
                      const float *state) {
  plt_table_restore_rows(table, n, keys, last, values, state);
  return true;
}

/* take_rows_fn */
static bool take_counts(plt_table_t *table, size_t n, const uint64_t *keys, const uint64_t *last, const float *values,
                        const float *state) {
  (void)state;
  for (size_t i = 0; i < n; i++)
    if (!(values[i] >= 1)) return false;
  plt_table_restore_counts(table, n, keys, last, values);
  return true;
}

/* Pushes of sparse keys that were not stored yet. A table that does not count them any more has no use for them. */
static void read_counts(plt_hdf5_error_t *error, hid_t table_group, const plt_checkpoint_record_t *record,
                        plt_table_t *table) {
  if (!plt_sparse_keys_counts(&record->spec.sparse) || !plt_sparse_keys_counts(&plt_table_spec(table)->sparse)) return;
  plt_checkpoint_record_t counts = *record;
  hid_t group = plt_hdf5_heard(error, "counted", H5Gopen2(table_group, "counted", H5P_DEFAULT));
  if (group < 0) return;
  counts.spec.cols = 1;
  counts.state_floats = 0;
  counts.stored = column_size(error, group, "keys", 1, NULL);
  if (column_size(error, group, "last", 1, NULL) != counts.stored ||
      column_size(error, group, "value", 2, NULL) != counts.stored)
    plt_hdf5_note(error, "its counts do not fit each other");
  if (!error->failed) read_rows(error, group, &counts, take_counts, table);
  H5Gclose(group);
}

const plt_checkpoint_record_t *plt_part_table(const plt_checkpoint_part_t *part, const char *name) {
  for (size_t i = 0; i < part->n_tables; i++)
    if (strcmp(part->tables[i].spec.name, name) == 0) return &part->tables[i];
  return NULL;
}

static plt_status_t check_fit(const plt_checkpoint_part_t *part, const plt_checkpoint_record_t *record,
                              const plt_table_t *table) {
  const plt_table_spec_t *now = plt_table_spec(table), *was = &record->spec;
  uint64_t t = plt_table_state(table).t;
  if (was->sparse.declared != now->sparse.declared)
    return plt_fail(PLT_ERR_CHECKPOINT, "%s: table %s has %s there, but %s here", part->path, now->name,
                    was->sparse.declared ? "sparse keys" : "rows from 0 on",
                    now->sparse.declared ? "sparse keys" : "rows from 0 on");
  if (was->rows != now->rows || was->cols != now->cols)
    return plt_fail(PLT_ERR_CHECKPOINT, "%s: table %s is %llu x %u there, but %llu x %u here", part->path, now->name,
                    (unsigned long long)was->rows, was->cols, (unsigned long long)now->rows, now->cols);
  if (strcmp(was->optimizer, now->optimizer) != 0 || record->state_floats != plt_table_state_floats(table))
    return plt_fail(PLT_ERR_CHECKPOINT, "%s: table %s has optimizer %s (%zu floats a row) there, but %s (%zu) here",
                    part->path, now->name, was->optimizer, record->state_floats, now->optimizer,
                    plt_table_state_floats(table));
  if (t != 0 && t != record->t)
    return plt_fail(PLT_ERR_CHECKPOINT, "%s: table %s stands at step %llu there, but at %llu in another part",
                    part->path, now->name, (unsigned long long)record->t, (unsigned long long)t);
  return PLT_OK;
}

plt_status_t plt_checkpoint_restore(plt_checkpoint_part_t *part, plt_table_t *table) {
  const char *name = plt_table_spec(table)->name;
  const plt_checkpoint_record_t *record = plt_part_table(part, name);
  plt_eta_history_t history = {0};
  plt_hdf5_error_t error = {0};
  if (record == NULL) return plt_fail(PLT_ERR_CHECKPOINT, "%s: has no table %s", part->path, name);
  PLT_TRY(check_fit(part, record, table));
  plt_hdf5_enter();
  hid_t tables = plt_hdf5_heard(&error, "tables", H5Gopen2(part->file, "tables", H5P_DEFAULT));
  hid_t group = plt_hdf5_heard(&error, name, H5Gopen2(tables, name, H5P_DEFAULT));
  plt_part_history(&error, group, record->t, &history);
  if (!error.failed) read_rows(&error, group, record, take_rows, table);
  if (!error.failed) read_counts(&error, group, record, table);
  if (group >= 0) H5Gclose(group);
  if (tables >= 0) H5Gclose(tables);
  plt_hdf5_leave();
  if (!error.failed)
    plt_table_restore_state(table, (plt_table_state_t){.t = record->t, .salt = record->salt, .history = &history});
  plt_eta_history_clear(&history);
  if (error.failed) return plt_fail(PLT_ERR_CHECKPOINT, "%s: table %s: %s", part->path, name, error.text);
  return PLT_OK;
}
