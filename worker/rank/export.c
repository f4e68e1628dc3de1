/* export.c - see export.h. */
#include "worker/rank/export.h"

#include <stdlib.h>

#include "common/io/fileio.h"
#include "common/io/npy.h"
#include "common/mem.h"
#include "worker/rank/vectors.h"
#include "worker/session/import.h"

static plt_status_t export_table(plt_session_t *session, uint32_t index, const char *dir) {
  plt_table_spec_t of_table, *spec = &of_table;
  char path[PLT_PATH_MAX];
  plt_npy_writer_t *writer;
  plt_session_spec(session, index, spec);
  uint64_t block = plt_import_block_rows(spec->rows, spec->cols);
  PLT_TRY(plt_import_path(dir, spec->name, path));
  PLT_TRY(plt_npy_writer_create(path, spec->rows, spec->cols, &writer));
  uint64_t *keys = plt_mem_alloc(block * sizeof *keys);
  float *values = plt_mem_alloc(block * spec->cols * sizeof *values);
  plt_status_t status = PLT_OK;
  for (uint64_t first = 0; first < spec->rows && status == PLT_OK; first += block) {
    uint64_t n = spec->rows - first < block ? spec->rows - first : block;
    for (uint64_t i = 0; i < n; i++) keys[i] = first + i;
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

const char *plt_export_vectors_file(plt_side_t side) {
  return side == PLT_SIDE_USER ? "user_vectors.npy" : "item_vectors.npy";
}

const char *plt_export_features_file(const plt_plan_t *plan) { return plt_import_features_file(plan); }

static plt_status_t write_vectors(plt_vectors_t *vectors, plt_side_t side, uint32_t rows, size_t cols,
                                  const char *dir) {
  char path[PLT_PATH_MAX];
  plt_npy_writer_t *writer;
  plt_status_t status = PLT_OK;
  PLT_TRY(plt_path_join(dir, plt_export_vectors_file(side), path));
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
  plt_status_t status = PLT_OK;
  if (session->worker == 0) PLT_TRY(plt_dir_create(dir));
  PLT_TRY(plt_inference_begin(session, "vectors", &inference));
  if (session->worker == 0) {
    plt_vectors_t *vectors = plt_vectors_create(session, inference);
    for (plt_side_t side = PLT_SIDE_USER; side < PLT_SIDES && status == PLT_OK; side++)
      status = write_vectors(vectors, side, side == PLT_SIDE_USER ? plan->data->users : plan->data->items,
                             plan->model->score_cols, dir);
    plt_vectors_destroy(&vectors);
  }
  return plt_inference_end(&inference, status);
}

plt_status_t plt_export(plt_session_t *session, void *export) {
  const plt_export_t *what = export;
  if (what->vectors) return export_vectors(session, what->directory);
  if (session->worker != 0) return PLT_OK;
  PLT_TRY(plt_dir_create(what->directory));
  for (uint32_t t = 0; t < session->n_tables; t++) PLT_TRY(export_table(session, t, what->directory));
  return plt_import_keep_features(session->plan, what->directory);
}
