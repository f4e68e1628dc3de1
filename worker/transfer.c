/* transfer.c - see transfer.h. */
#include "worker/transfer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/fileio.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/npy.h"
#include "worker/vectors.h"

enum { BLOCK_BYTES = 8 << 20 };

/* Rows that make a block of about 8 MiB. */
static uint64_t block_rows(uint32_t cols) {
  uint64_t rows = BLOCK_BYTES / (cols * sizeof(float));
  return rows == 0 ? 1 : rows;
}

static plt_status_t table_path(const char *dir, const char *table, char out[PLT_PATH_MAX]) {
  char name[PLT_TABLE_NAME_MAX + 8];
  snprintf(name, sizeof name, "%s.npy", table);
  return plt_path_join(dir, name, out);
}

static void number_keys(uint64_t *keys, uint64_t first, uint64_t n) {
  for (uint64_t i = 0; i < n; i++) keys[i] = first + i;
}

static plt_status_t assign_rows(plt_session_t *session, uint32_t index, const plt_npy_t *npy) {
  uint32_t cols = (uint32_t)npy->cols;
  uint64_t block = block_rows(cols);
  uint64_t *keys = plt_mem_alloc(block * sizeof *keys);
  float *values = plt_mem_alloc(block * cols * sizeof *values);
  plt_status_t status = PLT_OK;
  for (uint64_t first = 0; first < npy->rows && status == PLT_OK; first += block) {
    uint64_t n = npy->rows - first < block ? npy->rows - first : block;
    number_keys(keys, first, n);
    for (uint64_t i = 0; i < n; i++) plt_npy_row_f32(npy, first + i, values + i * cols);
    status = plt_client_assign(session->client, index, cols, keys, n, values);
  }
  free(keys);
  free(values);
  return status;
}

static plt_status_t import_table(plt_session_t *session, uint32_t index, const char *path) {
  const plt_table_spec_t *spec = &session->plan->specs[index];
  plt_npy_t npy;
  PLT_TRY(plt_npy_open(path, &npy));
  plt_status_t status = PLT_OK;
  if (npy.type > PLT_NPY_F8 || npy.cols != spec->cols || npy.rows > spec->rows)
    status = plt_fail(PLT_ERR_DATA,
                      "%s: table %s takes floating-point rows of %" PRIu32 " columns, at most %" PRIu64
                      " of them; the file has %" PRIu64 " x %" PRIu64,
                      path, spec->name, spec->cols, spec->rows, npy.rows, npy.cols);
  if (status == PLT_OK) status = assign_rows(session, index, &npy);
  if (status == PLT_OK && npy.rows < spec->rows)
    plt_log(PLT_LOG_NOTE, "table %s: %" PRIu64 " of %" PRIu64 " rows come from %s, the rest is born fresh", spec->name,
            npy.rows, spec->rows, path);
  plt_npy_close(&npy);
  return status;
}

bool plt_transfer_is_due(const plt_plan_t *plan) {
  for (size_t t = 0; t < plan->model->n_tables; t++)
    if (plan->model->tables[t].initial != NULL) return true;
  return plan->init_from != NULL;
}

/* The rows of items of a table that starts as the features of a modality. */
static plt_status_t import_features(plt_session_t *session, uint32_t index) {
  plt_npy_t rows = session->plan->model->tables[index].initial->array;
  rows.rows = session->plan->specs[index].rows;
  return assign_rows(session, index, &rows);
}

plt_status_t plt_transfer_import(plt_session_t *session) {
  const plt_plan_t *plan = session->plan;
  for (uint32_t t = 0; t < plan->model->n_tables; t++)
    if (plan->model->tables[t].initial != NULL) PLT_TRY(import_features(session, t));
  if (plan->init_from == NULL) return PLT_OK;
  for (uint32_t t = 0; t < plan->model->n_tables; t++) {
    char path[PLT_PATH_MAX];
    PLT_TRY(table_path(plan->init_from, plan->specs[t].name, path));
    if (!plt_path_exists(path)) {
      if (plan->init_missing_is_fresh) continue;
      return plt_fail(PLT_ERR_DATA, "%s: init.from has no file for table %s; to start it fresh set init.missing: fresh",
                      path, plan->specs[t].name);
    }
    PLT_TRY(import_table(session, t, path));
  }
  return PLT_OK;
}

static plt_status_t export_table(plt_session_t *session, uint32_t index, const char *dir) {
  const plt_table_spec_t *spec = &session->plan->specs[index];
  char path[PLT_PATH_MAX];
  plt_npy_writer_t *writer;
  uint64_t block = block_rows(spec->cols);
  PLT_TRY(table_path(dir, spec->name, path));
  PLT_TRY(plt_npy_writer_create(path, spec->rows, spec->cols, &writer));
  uint64_t *keys = plt_mem_alloc(block * sizeof *keys);
  float *values = plt_mem_alloc(block * spec->cols * sizeof *values);
  plt_status_t status = PLT_OK;
  for (uint64_t first = 0; first < spec->rows && status == PLT_OK; first += block) {
    uint64_t n = spec->rows - first < block ? spec->rows - first : block;
    number_keys(keys, first, n);
    plt_pull_t pull = {.table = index, .cols = spec->cols, .keys = keys, .n = n, .out = values};
    status = plt_client_read(session->client, &pull, 1);
    if (status == PLT_OK) status = plt_npy_writer_append(writer, values, n);
  }
  free(keys);
  free(values);
  if (status != PLT_OK) {
    plt_npy_writer_abandon(&writer);
    return status;
  }
  return plt_npy_writer_close(&writer);
}

const char *plt_transfer_vectors_file(plt_side_t side) {
  return side == PLT_SIDE_USER ? "user_vectors.npy" : "item_vectors.npy";
}

static plt_status_t write_vectors(plt_vectors_t *vectors, plt_side_t side, uint32_t rows, size_t cols,
                                  const char *dir) {
  char path[PLT_PATH_MAX];
  plt_npy_writer_t *writer;
  plt_status_t status = PLT_OK;
  PLT_TRY(plt_path_join(dir, plt_transfer_vectors_file(side), path));
  PLT_TRY(plt_npy_writer_create(path, rows, cols, &writer));
  for (uint32_t first = 0, n; first < rows && status == PLT_OK; first += n) {
    const float *values;
    n = rows - first < PLT_VECTORS_BLOCK ? rows - first : PLT_VECTORS_BLOCK;
    status = plt_vectors_read_block(vectors, side, first, n, &values);
    if (status == PLT_OK) status = plt_npy_writer_append(writer, values, n);
  }
  if (status == PLT_OK) return plt_npy_writer_close(&writer);
  plt_npy_writer_abandon(&writer);
  return status;
}

static plt_status_t export_vectors(plt_session_t *session, const char *dir) {
  const plt_plan_t *plan = session->plan;
  plt_inference_t *inference;
  plt_vectors_t *vectors = NULL;
  plt_status_t status = PLT_OK;
  if (session->worker == 0) PLT_TRY(plt_dir_create(dir));
  PLT_TRY(plt_inference_begin(session, "vectors", &inference));
  if (session->worker == 0) {
    status = plt_vectors_create(session, inference, &vectors);
    for (plt_side_t side = PLT_SIDE_USER; side < PLT_SIDES && status == PLT_OK; side++)
      status = write_vectors(vectors, side, side == PLT_SIDE_USER ? plan->data->users : plan->data->items,
                             plan->model->score_cols, dir);
    plt_vectors_destroy(&vectors);
  }
  return plt_inference_end(&inference, status);
}

plt_status_t plt_transfer_export(plt_session_t *session, void *export) {
  const plt_export_t *what = export;
  if (what->vectors) return export_vectors(session, what->directory);
  if (session->worker != 0) return PLT_OK;
  PLT_TRY(plt_dir_create(what->directory));
  for (uint32_t t = 0; t < session->plan->model->n_tables; t++) PLT_TRY(export_table(session, t, what->directory));
  return PLT_OK;
}
