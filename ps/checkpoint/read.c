/* read.c - one server's part, read: see checkpoint.h. Whatever a file holds, it is checked before use:
 * types, shapes and sizes here, keys and steps row by row. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "ps/checkpoint/format.h"

struct plt_checkpoint_part {
  char *path;
  hid_t file;
  uint32_t format;
  plt_checkpoint_head_t head;
  plt_checkpoint_record_t *tables; /* by index */
  size_t n_tables;
};

static void read_field(plt_fault_t *fault, hid_t place, const plt_field_t *field, void *into) {
  hid_t attribute = plt_heard(fault, field->name, H5Aopen(place, field->name, H5P_DEFAULT));
  if (attribute < 0) return;
  hid_t type = plt_field_type(field->kind), space = H5Aget_space(attribute);
  if (H5Sget_simple_extent_npoints(space) != 1) {
    plt_fault_note(fault, "%s is not one value", field->name);
  } else if (field->kind == PLT_FIELD_BOOL) {
    uint8_t byte = 0;
    plt_heard(fault, field->name, H5Aread(attribute, type, &byte));
    *(bool *)((char *)into + field->offset) = byte != 0;
  } else {
    plt_heard(fault, field->name, H5Aread(attribute, type, (char *)into + field->offset));
    if (field->kind == PLT_FIELD_TEXT) ((char *)into)[field->offset + PLT_TABLE_NAME_MAX - 1] = '\0';
    if (field->kind == PLT_FIELD_LONG_TEXT) ((char *)into)[field->offset + PLT_SETTINGS_MAX - 1] = '\0';
  }
  H5Sclose(space);
  plt_field_type_done(field->kind, type);
  H5Aclose(attribute);
}

static void read_fields(plt_fault_t *fault, hid_t place, plt_field_list_t list, uint32_t format, void *into) {
  for (size_t i = 0; i < list.n && !fault->failed; i++)
    if (list.fields[i].since <= format) read_field(fault, place, &list.fields[i], into);
}

/* Opens a dataset of rank 1 or 2 and gets its size; all its chunks must be there. -1 after a failure. */
static hid_t open_column(plt_fault_t *fault, hid_t group, const char *name, int rank, hsize_t size[2]) {
  hid_t data = plt_heard(fault, name, H5Dopen2(group, name, H5P_DEFAULT));
  if (data < 0) return -1;
  hid_t space = H5Dget_space(data), type = H5Dget_type(data);
  size[1] = 1;
  if (H5Sget_simple_extent_ndims(space) != rank) {
    plt_fault_note(fault, "%s is not of rank %d", name, rank);
  } else {
    plt_heard(fault, name, H5Sget_simple_extent_dims(space, size, NULL));
    hsize_t held = H5Dget_storage_size(data);
    if (size[0] > 0 && size[1] > 0 && held / H5Tget_size(type) / size[0] < size[1])
      plt_fault_note(fault, "%s is not all there", name);
  }
  H5Tclose(type);
  H5Sclose(space);
  if (!fault->failed) return data;
  H5Dclose(data);
  return -1;
}

static hsize_t column_size(plt_fault_t *fault, hid_t group, const char *name, int rank, hsize_t *cols) {
  hsize_t size[2] = {0, 0};
  hid_t data = open_column(fault, group, name, rank, size);
  if (data >= 0) H5Dclose(data);
  if (cols != NULL) *cols = size[1];
  return size[0];
}

static void read_record(plt_fault_t *fault, hid_t group, uint32_t format, plt_checkpoint_record_t *record) {
  size_t kind = 0;
  hsize_t cols = 0, state_floats = 0;
  read_fields(fault, group, plt_record_fields, format, record);
  if (fault->failed) return;
  while (kind < 3 && strcmp(record->init, plt_init_names[kind]) != 0) kind++;
  if (kind == 3) plt_fault_note(fault, "init \"%s\" is unknown", record->init);
  record->spec.init.kind = (plt_init_kind_t)kind;
  hsize_t n = column_size(fault, group, "keys", 1, NULL);
  bool fits = column_size(fault, group, "last", 1, NULL) == n;
  fits = column_size(fault, group, "value", 2, &cols) == n && fits;
  fits = column_size(fault, group, "state", 2, &state_floats) == n && fits;
  fits = column_size(fault, group, "eta_first", 1, NULL) == column_size(fault, group, "eta", 1, NULL) && fits;
  if (!fits || cols != record->spec.cols || n > record->spec.rows)
    plt_fault_note(fault, "its rows do not fit its shape");
  record->stored = n;
  record->state_floats = state_floats;
}

static int by_index(const void *a, const void *b) {
  const plt_checkpoint_record_t *x = a, *y = b;
  return (x->index > y->index) - (x->index < y->index);
}

static void read_tables(plt_fault_t *fault, plt_checkpoint_part_t *part) {
  H5G_info_t info = {0};
  hid_t tables = plt_heard(fault, "tables", H5Gopen2(part->file, "tables", H5P_DEFAULT));
  plt_heard(fault, "tables", H5Gget_info(tables, &info));
  if (info.nlinks > PLT_TABLES_MAX) plt_fault_note(fault, "more than %d tables", PLT_TABLES_MAX);
  if (!fault->failed) part->tables = plt_mem_zalloc(info.nlinks, sizeof *part->tables);
  for (hsize_t i = 0; i < info.nlinks && !fault->failed; i++) {
    plt_checkpoint_record_t *record = &part->tables[part->n_tables++];
    plt_heard(fault, "table name",
              H5Lget_name_by_idx(tables, ".", H5_INDEX_NAME, H5_ITER_INC, i, record->spec.name,
                                 sizeof record->spec.name, H5P_DEFAULT));
    hid_t group = plt_heard(fault, "table", H5Gopen2(tables, record->spec.name, H5P_DEFAULT));
    if (group < 0) break;
    read_record(fault, group, part->format, record);
    H5Gclose(group);
  }
  if (tables >= 0) H5Gclose(tables);
  if (!fault->failed) qsort(part->tables, part->n_tables, sizeof *part->tables, by_index);
}

static void read_head(plt_fault_t *fault, plt_checkpoint_part_t *part) {
  const plt_field_t format_field = {"format", PLT_FIELD_U32, 0, 0};
  read_field(fault, part->file, &format_field, &part->format);
  if (part->format < 1 || part->format > PLT_CHECKPOINT_FORMAT)
    plt_fault_note(fault, "format %u, but this program reads 1 to %d", part->format, PLT_CHECKPOINT_FORMAT);
  read_fields(fault, part->file, plt_head_fields, part->format, &part->head);
  if (!fault->failed && part->head.server == 0) {
    hid_t progress = plt_heard(fault, "progress", H5Gopen2(part->file, "progress", H5P_DEFAULT));
    read_fields(fault, progress, plt_progress_fields, part->format, &part->head.progress);
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
  plt_fault_t fault = {0};
  hid_t access = plt_hdf5_access(&fault);
  plt_checkpoint_part_t *part = plt_mem_zalloc(1, sizeof *part);
  part->path = plt_mem_strdup(path);
  part->file = plt_heard(&fault, "cannot open", H5Fopen(path, H5F_ACC_RDONLY, access));
  H5Pclose(access);
  if (!fault.failed) read_head(&fault, part);
  if (!fault.failed) read_tables(&fault, part);
  if (!fault.failed) {
    *out = part;
    return PLT_OK;
  }
  plt_part_close(&part);
  return plt_fail(PLT_ERR_CHECKPOINT, "%s: %s", path, fault.text);
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

/* ---- rows into a table ---- */

/* Elements or rows [start, start + n) of a dataset. */
static void read_slice(plt_fault_t *fault, hid_t data, hid_t type, int rank, hsize_t start, hsize_t n, hsize_t cols,
                       void *into) {
  hsize_t from[2] = {start, 0}, count[2] = {n, cols};
  if (fault->failed || n == 0 || (rank == 2 && cols == 0)) return;
  hid_t memory = plt_heard(fault, "rows", H5Screate_simple(rank, count, NULL));
  hid_t file = plt_heard(fault, "rows", H5Dget_space(data));
  plt_heard(fault, "rows", H5Sselect_hyperslab(file, H5S_SELECT_SET, from, NULL, count, NULL));
  plt_heard(fault, "rows", H5Dread(data, type, memory, file, H5P_DEFAULT, into));
  H5Sclose(file);
  H5Sclose(memory);
}

static void read_history(plt_fault_t *fault, hid_t group, uint64_t t, plt_eta_history_t *history) {
  hsize_t n[2], same[2];
  hid_t first = open_column(fault, group, "eta_first", 1, n);
  hid_t eta = first < 0 ? -1 : open_column(fault, group, "eta", 1, same);
  if (eta >= 0 && n[0] <= t && (n[0] > 0 || t == 0)) {
    uint64_t *firsts = plt_mem_zalloc(n[0], sizeof *firsts), before = 0;
    double *etas = plt_mem_zalloc(n[0], sizeof *etas);
    read_slice(fault, first, H5T_NATIVE_UINT64, 1, 0, n[0], 1, firsts);
    read_slice(fault, eta, H5T_NATIVE_DOUBLE, 1, 0, n[0], 1, etas);
    for (hsize_t i = 0; i < n[0] && !fault->failed; i++) {
      bool good = firsts[i] > before && firsts[i] <= t && isfinite(etas[i]) && (i > 0 || firsts[i] == 1);
      if (!good) {
        plt_fault_note(fault, "learning rates are not in order");
      } else {
        plt_eta_history_append(history, firsts[i], etas[i]);
        before = firsts[i];
      }
    }
    free(firsts);
    free(etas);
  } else {
    plt_fault_note(fault, "learning rates do not fit the %llu steps", (unsigned long long)t);
  }
  if (first >= 0) H5Dclose(first);
  if (eta >= 0) H5Dclose(eta);
}

static void check_block(plt_fault_t *fault, const plt_checkpoint_record_t *record, const uint64_t *keys,
                        const uint64_t *last, size_t n) {
  for (size_t i = 0; i < n && !fault->failed; i++) {
    if (keys[i] >= record->spec.rows || last[i] > record->t)
      plt_fault_note(fault, "key %llu with step %llu is out of range", (unsigned long long)keys[i],
                     (unsigned long long)last[i]);
  }
}

static void read_rows(plt_fault_t *fault, hid_t group, const plt_checkpoint_record_t *record, plt_table_t *table) {
  size_t cols = record->spec.cols, state_floats = record->state_floats;
  size_t block = plt_block_rows(PLT_CHECKPOINT_BLOCK, (cols + state_floats) * sizeof(float));
  hsize_t size[2];
  hid_t keys = open_column(fault, group, "keys", 1, size), last = open_column(fault, group, "last", 1, size);
  hid_t value = open_column(fault, group, "value", 2, size), state = open_column(fault, group, "state", 2, size);
  uint64_t *key_block = plt_mem_alloc(block * sizeof *key_block),
           *last_block = plt_mem_alloc(block * sizeof *last_block);
  float *value_block = plt_mem_alloc(block * cols * sizeof(float));
  float *state_block = plt_mem_alloc(block * state_floats * sizeof(float));
  for (uint64_t at = 0; at < record->stored && !fault->failed; at += block) {
    size_t n = record->stored - at < block ? (size_t)(record->stored - at) : block;
    read_slice(fault, keys, H5T_NATIVE_UINT64, 1, at, n, 1, key_block);
    read_slice(fault, last, H5T_NATIVE_UINT64, 1, at, n, 1, last_block);
    read_slice(fault, value, H5T_NATIVE_FLOAT, 2, at, n, cols, value_block);
    read_slice(fault, state, H5T_NATIVE_FLOAT, 2, at, n, state_floats, state_block);
    check_block(fault, record, key_block, last_block, n);
    if (!fault->failed) plt_table_restore_rows(table, n, key_block, last_block, value_block, state_block);
  }
  free(key_block);
  free(last_block);
  free(value_block);
  free(state_block);
  hid_t columns[] = {keys, last, value, state};
  for (size_t i = 0; i < 4; i++)
    if (columns[i] >= 0) H5Dclose(columns[i]);
}

static const plt_checkpoint_record_t *find_record(const plt_checkpoint_part_t *part, const char *name) {
  for (size_t i = 0; i < part->n_tables; i++)
    if (strcmp(part->tables[i].spec.name, name) == 0) return &part->tables[i];
  return NULL;
}

static plt_status_t check_fit(const plt_checkpoint_part_t *part, const plt_checkpoint_record_t *record,
                              const plt_table_t *table) {
  const plt_table_spec_t *now = plt_table_spec(table), *was = &record->spec;
  uint64_t t = plt_table_state(table).t;
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
  const plt_checkpoint_record_t *record = find_record(part, name);
  plt_eta_history_t history = {0};
  plt_fault_t fault = {0};
  if (record == NULL) return plt_fail(PLT_ERR_CHECKPOINT, "%s: has no table %s", part->path, name);
  PLT_TRY(check_fit(part, record, table));
  plt_hdf5_enter();
  hid_t tables = plt_heard(&fault, "tables", H5Gopen2(part->file, "tables", H5P_DEFAULT));
  hid_t group = plt_heard(&fault, name, H5Gopen2(tables, name, H5P_DEFAULT));
  read_history(&fault, group, record->t, &history);
  if (!fault.failed) read_rows(&fault, group, record, table);
  if (group >= 0) H5Gclose(group);
  if (tables >= 0) H5Gclose(tables);
  plt_hdf5_leave();
  if (!fault.failed)
    plt_table_restore_state(table, (plt_table_state_t){.t = record->t, .salt = record->salt, .history = &history});
  plt_eta_history_clear(&history);
  if (fault.failed) return plt_fail(PLT_ERR_CHECKPOINT, "%s: table %s: %s", part->path, name, fault.text);
  return PLT_OK;
}
