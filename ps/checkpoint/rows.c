/* rows.c - the stored rows of one table of a part as they are now: see checkpoint.h. */
#include <stdlib.h>

#include "common/mem.h"
#include "ps/checkpoint/format.h"
#include "ps/optimizers/registry.h"

struct plt_checkpoint_rows {
  const plt_checkpoint_part_t *part;
  const plt_checkpoint_record_t *record;
  plt_optimizer_t *optimizer;
  plt_eta_history_t history;
  hid_t group, keys, last, value, state;
  size_t block;         /* rows whose value, state and step are read together */
  uint64_t *lasts;      /* [block] */
  float *stored, *kept; /* [block, cols], [block, state_floats] */
  float *born;          /* [cols + state_floats] */
};

static plt_status_t make_optimizer(plt_checkpoint_rows_t *rows) {
  const plt_table_spec_t *spec = &rows->record->spec;
  plt_status_t status = plt_optimizer_create(spec, &rows->optimizer);
  if (status != PLT_OK) return plt_fail_within(PLT_ERR_CHECKPOINT, "%s: table %s", rows->part->path, spec->name);
  if (plt_optimizer_state_floats(rows->optimizer) != rows->record->state_floats)
    return plt_fail(PLT_ERR_CHECKPOINT, "%s: table %s has %zu floats of state a row, but %s keeps %zu",
                    rows->part->path, spec->name, rows->record->state_floats, rows->optimizer->ops->name,
                    plt_optimizer_state_floats(rows->optimizer));
  return PLT_OK;
}

static void open_columns(plt_hdf5_error_t *error, plt_checkpoint_rows_t *rows) {
  const char *name = rows->record->spec.name;
  hsize_t size[2];
  hid_t tables = plt_hdf5_heard(error, "tables", H5Gopen2(rows->part->file, "tables", H5P_DEFAULT));
  rows->group = plt_hdf5_heard(error, name, H5Gopen2(tables, name, H5P_DEFAULT));
  plt_part_history(error, rows->group, rows->record->t, &rows->history);
  rows->keys = plt_part_column(error, rows->group, "keys", 1, size);
  rows->last = plt_part_column(error, rows->group, "last", 1, size);
  rows->value = plt_part_column(error, rows->group, "value", 2, size);
  rows->state = plt_part_column(error, rows->group, "state", 2, size);
  if (tables >= 0) H5Gclose(tables);
}

plt_status_t plt_checkpoint_rows_open(plt_checkpoint_part_t *part, const char *name, plt_checkpoint_rows_t **out) {
  plt_hdf5_error_t error = {0};
  const plt_checkpoint_record_t *record = plt_part_table(part, name);
  if (record == NULL) return plt_fail(PLT_ERR_CHECKPOINT, "%s: has no table %s", part->path, name);
  plt_checkpoint_rows_t *rows = plt_mem_zalloc(1, sizeof *rows);
  *rows = (plt_checkpoint_rows_t){
      .part = part, .record = record, .group = -1, .keys = -1, .last = -1, .value = -1, .state = -1};
  plt_status_t status = make_optimizer(rows);
  if (status == PLT_OK) {
    plt_hdf5_enter();
    open_columns(&error, rows);
    plt_hdf5_leave();
    if (error.failed) status = plt_fail(PLT_ERR_CHECKPOINT, "%s: table %s: %s", part->path, name, error.text);
  }
  if (status != PLT_OK) {
    plt_checkpoint_rows_close(&rows);
    return status;
  }
  plt_optimizer_begin(rows->optimizer, record->t, &rows->history);
  size_t cols = record->spec.cols, state_floats = record->state_floats;
  rows->block = plt_checkpoint_block(record->stored, (cols + state_floats) * sizeof(float));
  rows->lasts = plt_mem_alloc(rows->block * sizeof *rows->lasts);
  rows->stored = plt_mem_alloc(rows->block * cols * sizeof(float));
  rows->kept = plt_mem_alloc(rows->block * state_floats * sizeof(float));
  rows->born = plt_mem_zalloc(cols + state_floats, sizeof(float));
  *out = rows;
  return PLT_OK;
}

void plt_checkpoint_rows_close(plt_checkpoint_rows_t **rows_at) {
  plt_checkpoint_rows_t *rows = *rows_at;
  if (rows == NULL) return;
  hid_t columns[] = {rows->keys, rows->last, rows->value, rows->state};
  plt_hdf5_enter();
  for (size_t i = 0; i < 4; i++)
    if (columns[i] >= 0) H5Dclose(columns[i]);
  if (rows->group >= 0) H5Gclose(rows->group);
  plt_hdf5_leave();
  plt_optimizer_destroy(&rows->optimizer);
  plt_eta_history_clear(&rows->history);
  free(rows->lasts);
  free(rows->stored);
  free(rows->kept);
  free(rows->born);
  free(rows);
  *rows_at = NULL;
}

const plt_table_spec_t *plt_checkpoint_rows_spec(const plt_checkpoint_rows_t *rows) { return &rows->record->spec; }

uint64_t plt_checkpoint_rows_stored(const plt_checkpoint_rows_t *rows) { return rows->record->stored; }

/* At most a block. */
static void read_now(plt_hdf5_error_t *error, plt_checkpoint_rows_t *rows, uint64_t first, size_t n,
                     const uint64_t *keys, float *values) {
  size_t cols = rows->record->spec.cols, state_floats = rows->record->state_floats;
  const plt_optimizer_ops_t *ops = rows->optimizer->ops;
  bool moves = ops->value != NULL;
  plt_part_slice(error, rows->last, H5T_NATIVE_UINT64, 1, first, n, 1, rows->lasts);
  plt_part_slice(error, rows->value, H5T_NATIVE_FLOAT, 2, first, n, cols, moves ? rows->stored : values);
  if (moves) plt_part_slice(error, rows->state, H5T_NATIVE_FLOAT, 2, first, n, state_floats, rows->kept);
  plt_part_check_rows(error, rows->record, keys, rows->lasts, n);
  for (size_t i = 0; i < n && moves && !error->failed; i++)
    ops->value(rows->optimizer, rows->stored + i * cols, rows->kept + i * state_floats, rows->lasts[i],
               values + i * cols);
}

plt_status_t plt_checkpoint_rows_read(plt_checkpoint_rows_t *rows, uint64_t first, size_t n, uint64_t *keys,
                                      float *values) {
  plt_hdf5_error_t error = {0};
  plt_hdf5_enter();
  plt_part_slice(&error, rows->keys, H5T_NATIVE_UINT64, 1, first, n, 1, keys);
  for (size_t at = 0; values != NULL && at < n && !error.failed; at += rows->block)
    read_now(&error, rows, first + at, n - at < rows->block ? n - at : rows->block, keys + at,
             values + at * rows->record->spec.cols);
  plt_hdf5_leave();
  if (!error.failed) return PLT_OK;
  return plt_fail(PLT_ERR_CHECKPOINT, "%s: table %s: %s", rows->part->path, rows->record->spec.name, error.text);
}

void plt_checkpoint_rows_unborn(plt_checkpoint_rows_t *rows, uint64_t key, float *value) {
  const plt_table_spec_t *spec = &rows->record->spec;
  const plt_optimizer_ops_t *ops = rows->optimizer->ops;
  bool moves = ops->value != NULL;
  float *born = moves ? rows->born : value, *state = rows->born + spec->cols;
  plt_table_spec_birth(spec, rows->record->salt, key, born);
  if (!moves) return;
  if (ops->state_init != NULL) ops->state_init(rows->optimizer, state);
  ops->value(rows->optimizer, born, state, 0, value);
}
