/* write.c - one server's part, written: see checkpoint.h.
 *
 * HDF5 tells of a full disk only where data are written, not where a file, dataset or cache is closed. So (1) no
 * chunk or sieve buffer holds values back: H5Dwrite writes; (2) metadata, which are written at the close, are
 * read again through their checksums after it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "ps/checkpoint/format.h"

static void write_fields(plt_hdf5_error_t *error, hid_t place, plt_field_list_t list, const void *from) {
  hid_t space = plt_hdf5_heard(error, "scalar", H5Screate(H5S_SCALAR));
  for (size_t i = 0; i < list.n; i++) {
    const plt_field_t *field = &list.fields[i];
    hid_t type = plt_field_type(field->kind);
    hid_t attribute =
        plt_hdf5_heard(error, field->name, H5Acreate2(place, field->name, type, space, H5P_DEFAULT, H5P_DEFAULT));
    plt_hdf5_heard(error, field->name, H5Awrite(attribute, type, (const char *)from + field->offset));
    plt_hdf5_heard(error, field->name, H5Aclose(attribute));
    plt_field_type_done(field->kind, type);
  }
  H5Sclose(space);
}

/* A list of elements (rank 1) or of rows (rank 2) that is filled from the front. */
typedef struct column {
  hid_t data, type;
  int rank;
  hsize_t size[2], filled;
} column_t;

static column_t column_create(plt_hdf5_error_t *error, hid_t group, const char *name, hid_t type, int rank, uint64_t n,
                              size_t cols) {
  column_t column = {.type = type, .rank = rank, .size = {n, cols}};
  size_t row_bytes = H5Tget_size(type) * (rank == 2 ? cols : 1);
  hid_t space = plt_hdf5_heard(error, name, H5Screate_simple(rank, column.size, NULL));
  hid_t layout = plt_hdf5_heard(error, name, H5Pcreate(H5P_DATASET_CREATE));
  hid_t access = plt_hdf5_heard(error, name, H5Pcreate(H5P_DATASET_ACCESS));
  plt_hdf5_heard(error, name, H5Pset_fill_time(layout, H5D_FILL_TIME_NEVER));
  plt_hdf5_heard(error, name, H5Pset_chunk_cache(access, 0, 0, 1));
  hsize_t chunk[2] = {row_bytes == 0 ? 1 : plt_buffer_rows(PLT_CHECKPOINT_CHUNK, row_bytes), cols};
  /* What fits one chunk lies contiguous: with V110 and no chunk cache, HDF5 1.10.8 loses a single chunk. */
  if (row_bytes > 0 && n > chunk[0]) plt_hdf5_heard(error, name, H5Pset_chunk(layout, rank, chunk));
  column.data = plt_hdf5_heard(error, name, H5Dcreate2(group, name, type, space, H5P_DEFAULT, layout, access));
  H5Pclose(access);
  H5Pclose(layout);
  H5Sclose(space);
  return column;
}

static void column_append(plt_hdf5_error_t *error, column_t *column, const void *rows, size_t n) {
  hsize_t start[2] = {column->filled, 0}, count[2] = {n, column->size[1]};
  if (error->failed || n == 0 || (column->rank == 2 && count[1] == 0)) return;
  hid_t memory = plt_hdf5_heard(error, "rows", H5Screate_simple(column->rank, count, NULL));
  hid_t file = plt_hdf5_heard(error, "rows", H5Dget_space(column->data));
  plt_hdf5_heard(error, "rows", H5Sselect_hyperslab(file, H5S_SELECT_SET, start, NULL, count, NULL));
  plt_hdf5_heard(error, "rows", H5Dwrite(column->data, column->type, memory, file, H5P_DEFAULT, rows));
  H5Sclose(file);
  H5Sclose(memory);
  column->filled += n;
}

static void column_close(plt_hdf5_error_t *error, column_t *column) {
  if (column->data >= 0) plt_hdf5_heard(error, "rows", H5Dclose(column->data));
}

static void write_history(plt_hdf5_error_t *error, hid_t group, const plt_eta_history_t *history) {
  column_t first = column_create(error, group, "eta_first", H5T_NATIVE_UINT64, 1, history->n, 1);
  column_t eta = column_create(error, group, "eta", H5T_NATIVE_DOUBLE, 1, history->n, 1);
  uint64_t *firsts = plt_mem_alloc(history->n * sizeof *firsts);
  double *etas = plt_mem_alloc(history->n * sizeof *etas);
  for (size_t i = 0; i < history->n; i++) {
    firsts[i] = history->runs[i].first;
    etas[i] = history->runs[i].eta;
  }
  column_append(error, &first, firsts, history->n);
  column_append(error, &eta, etas, history->n);
  free(firsts);
  free(etas);
  column_close(error, &first);
  column_close(error, &eta);
}

static bool is_cancelled(const plt_checkpoint_control_t *control) {
  return control != NULL && atomic_load(&control->cancelled);
}

static void write_rows(plt_hdf5_error_t *error, hid_t group, plt_image_t *table, plt_checkpoint_control_t *control) {
  size_t cols = plt_image_spec(table)->cols, state_floats = plt_image_state_floats(table), got;
  uint64_t stored = plt_image_rows(table);
  size_t rows = plt_checkpoint_block(stored, (cols + state_floats) * sizeof(float));
  if (rows < plt_image_page_rows(table)) rows = plt_image_page_rows(table);
  column_t keys = column_create(error, group, "keys", H5T_NATIVE_UINT64, 1, stored, 1);
  column_t last = column_create(error, group, "last", H5T_NATIVE_UINT64, 1, stored, 1);
  column_t values = column_create(error, group, "value", H5T_NATIVE_FLOAT, 2, stored, cols);
  column_t state = column_create(error, group, "state", H5T_NATIVE_FLOAT, 2, stored, state_floats);
  uint64_t *key_buffer = plt_mem_alloc(rows * sizeof *key_buffer),
           *last_buffer = plt_mem_alloc(rows * sizeof *last_buffer);
  float *value_buffer = plt_mem_alloc(rows * cols * sizeof(float));
  float *state_buffer = plt_mem_alloc(rows * state_floats * sizeof(float));
  while (!error->failed &&
         (got = plt_image_sweep(table, rows, key_buffer, last_buffer, value_buffer, state_buffer)) > 0) {
    if (is_cancelled(control)) plt_hdf5_note(error, "given up: the server ends");
    column_append(error, &keys, key_buffer, got);
    column_append(error, &last, last_buffer, got);
    column_append(error, &values, value_buffer, got);
    column_append(error, &state, state_buffer, got);
    if (control != NULL) atomic_fetch_add(&control->rows, got);
  }
  free(key_buffer);
  free(last_buffer);
  free(value_buffer);
  free(state_buffer);
  column_close(error, &keys);
  column_close(error, &last);
  column_close(error, &values);
  column_close(error, &state);
}

static hid_t make_group(plt_hdf5_error_t *error, hid_t within, const char *name) {
  return plt_hdf5_heard(error, name, H5Gcreate2(within, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
}

static void write_table(plt_hdf5_error_t *error, hid_t tables, plt_image_t *table, uint32_t index,
                        plt_checkpoint_control_t *control) {
  plt_table_state_t state = plt_image_state(table);
  plt_checkpoint_record_t record = {.index = index, .spec = *plt_image_spec(table), .t = state.t, .salt = state.salt};
  snprintf(record.init, sizeof record.init, "%s", plt_init_names[record.spec.init.kind]);
  hid_t group = make_group(error, tables, record.spec.name);
  write_fields(error, group, plt_record_fields, &record);
  write_history(error, group, state.history);
  write_rows(error, group, table, control);
  if (plt_image_counted(table) != NULL) {
    hid_t counted = make_group(error, group, "counted");
    write_rows(error, counted, plt_image_counted(table), control);
    if (counted >= 0) plt_hdf5_heard(error, "counted", H5Gclose(counted));
  }
  if (group >= 0) plt_hdf5_heard(error, record.spec.name, H5Gclose(group));
}

static void write_all(plt_hdf5_error_t *error, hid_t file, const plt_checkpoint_head_t *head,
                      plt_image_t *const *tables, size_t n_tables, plt_checkpoint_control_t *control) {
  const plt_field_t format_field = {"format", PLT_FIELD_U32, 0, 0};
  const uint32_t format = PLT_CHECKPOINT_FORMAT;
  write_fields(error, file, (plt_field_list_t){&format_field, 1}, &format);
  write_fields(error, file, plt_head_fields, head);
  if (head->server == 0) {
    hid_t progress = make_group(error, file, "progress");
    write_fields(error, progress, plt_progress_fields, &head->progress);
    if (progress >= 0) plt_hdf5_heard(error, "progress", H5Gclose(progress));
  }
  hid_t group = make_group(error, file, "tables");
  for (size_t i = 0; i < n_tables && !error->failed; i++) write_table(error, group, tables[i], (uint32_t)i, control);
  if (group >= 0) plt_hdf5_heard(error, "tables", H5Gclose(group));
}

/* To the disk, and back through the checksums of its metadata. */
static plt_status_t sync_and_verify(const char *path) {
  plt_checkpoint_part_t *part;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return plt_fail_errno(PLT_ERR_IO, "%s: cannot open", path);
  plt_status_t status = fsync(fd) == 0 ? PLT_OK : plt_fail_errno(PLT_ERR_IO, "%s: cannot sync", path);
  close(fd);
  if (status != PLT_OK) return status;
  if (plt_part_open(path, &part) != PLT_OK) return plt_fail_within(PLT_ERR_IO, "what was written does not read back");
  plt_part_close(&part);
  return PLT_OK;
}

/* H5Fcreate may fail and leave a file; made by us, it is ours to remove. */
static plt_status_t make_file(const char *path) {
  int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
  if (fd < 0) return plt_fail_errno(PLT_ERR_IO, "%s: cannot create", path);
  close(fd);
  return PLT_OK;
}

/* A file that failed is closed only if what HDF5 still holds of it can be written: on a full disk, into the space
 * that the file itself took. Else HDF5 keeps the descriptor, and with it the space of the removed file. */
static void give_space_back(const plt_hdf5_error_t *error, const char *path) {
  if (error->failed && truncate(path, 0) != 0) return; /* nothing more can be done: the first failure is told */
}

plt_status_t plt_checkpoint_write(const char *path, const plt_checkpoint_head_t *head, plt_image_t *const *tables,
                                  size_t n_tables, plt_checkpoint_control_t *control) {
  plt_hdf5_error_t error = {0};
  plt_status_t status;
  PLT_TRY(make_file(path));
  plt_hdf5_enter();
  hid_t access = plt_hdf5_access(&error);
  hid_t file = plt_hdf5_heard(&error, "cannot create", H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access));
  if (file >= 0) {
    write_all(&error, file, head, tables, n_tables, control);
    plt_hdf5_heard(&error, "flush", H5Fflush(file, H5F_SCOPE_GLOBAL));
    give_space_back(&error, path);
    plt_hdf5_heard(&error, "close", H5Fclose(file));
  }
  H5Pclose(access);
  if (error.failed) {
    status = plt_fail(error.full ? PLT_ERR_SPACE : PLT_ERR_IO, "%s: %s", path, error.text);
  } else {
    status = sync_and_verify(path);
  }
  if (status != PLT_OK) unlink(path);
  plt_hdf5_leave();
  return status;
}
