/* import.c - see import.h. */
#include "worker/session/import.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/io/fileio.h"
#include "common/io/npy.h"
#include "common/log.h"
#include "common/mem.h"
#include "worker/data/features.h"
#include "worker/data/prepare.h"

enum { BLOCK_BYTES = 8 << 20 };

/* A block of about 8 MiB. */
uint64_t plt_import_block_rows(uint64_t rows, uint32_t cols) {
  uint64_t block = BLOCK_BYTES / (cols * sizeof(float));
  if (block > rows) block = rows;
  return block == 0 ? 1 : block;
}

plt_status_t plt_import_path(const char *dir, const char *table, char out[PLT_PATH_MAX]) {
  return plt_path_file(dir, table, ".npy", out);
}

/* Rows [begin, n_rows), as a feature has them: of a plain file as they are. */
static plt_status_t assign_rows(plt_client_t *client, uint32_t index, const plt_feature_t *rows, uint64_t begin,
                                uint64_t n_rows) {
  uint32_t cols = (uint32_t)rows->array.cols;
  uint64_t block = plt_import_block_rows(n_rows, cols);
  uint64_t *keys = plt_mem_alloc(block * sizeof *keys);
  float *values = plt_mem_alloc(block * cols * sizeof *values);
  plt_status_t status = PLT_OK;
  for (uint64_t first = begin; first < n_rows && status == PLT_OK; first += block) {
    uint64_t n = n_rows - first < block ? n_rows - first : block;
    for (uint64_t i = 0; i < n; i++) keys[i] = first + i;
    for (uint64_t i = 0; i < n; i++) plt_feature_row(rows, first + i, values + i * cols);
    status = plt_client_assign(client, index, cols, keys, n, values);
  }
  free(keys);
  free(values);
  return status;
}

static plt_status_t import_file(plt_client_t *client, const plt_plan_t *plan, uint32_t index, const char *path) {
  const plt_table_spec_t *spec = &plan->specs[index];
  plt_npy_t npy;
  PLT_TRY(plt_npy_open(path, &npy));
  plt_status_t status = PLT_OK;
  if (npy.type > PLT_NPY_F8 || npy.cols != spec->cols || npy.rows > spec->rows)
    status = plt_fail(PLT_ERR_DATA,
                      "%s: table %s takes floating-point rows of %" PRIu32 " columns, at most %" PRIu64
                      " of them; the file has %" PRIu64 " x %" PRIu64,
                      path, spec->name, spec->cols, spec->rows, npy.rows, npy.cols);
  if (status == PLT_OK) status = assign_rows(client, index, &(plt_feature_t){.array = npy}, 0, npy.rows);
  if (status == PLT_OK && npy.rows < spec->rows)
    plt_log(PLT_LOG_NOTE, "table %s: %" PRIu64 " of %" PRIu64 " rows come from %s, the rest is born fresh", spec->name,
            npy.rows, spec->rows, path);
  plt_npy_close(&npy);
  return status;
}

const char *plt_import_features_file(const plt_plan_t *plan) {
  return plt_features_are_prepared(plan->data) ? PLT_KEPT_FILE : NULL;
}

plt_status_t plt_import_keep_features(const plt_plan_t *plan, const char *dir) {
  return plt_features_keep(plan->data, dir);
}

bool plt_import_is_due(const plt_plan_t *plan) {
  for (size_t t = 0; t < plan->model->n_tables; t++)
    if (plan->model->tables[t].initial != NULL) return true;
  return plan->init_from != NULL;
}

/* Rows of a table that the servers have from another run. */
static uint64_t warm_rows(const plt_plan_t *plan, uint32_t index) {
  const plt_table_spec_t *was = plan->warm == NULL ? NULL : plt_warm_table(plan->warm, plan->specs[index].name);
  return was == NULL ? 0 : was->rows;
}

/* The rows of items of a table that starts as the features of a modality. */
static plt_status_t import_features(plt_client_t *client, const plt_plan_t *plan, uint32_t index) {
  return assign_rows(client, index, plan->model->tables[index].initial, warm_rows(plan, index),
                     plan->specs[index].rows);
}

plt_status_t plt_import_table(plt_client_t *client, const plt_plan_t *plan, uint32_t index) {
  char path[PLT_PATH_MAX];
  if (plan->model->tables[index].initial != NULL) PLT_TRY(import_features(client, plan, index));
  if (plan->init_from == NULL) return PLT_OK;
  PLT_TRY(plt_import_path(plan->init_from, plan->specs[index].name, path));
  if (plt_path_exists(path)) return import_file(client, plan, index, path);
  const plt_model_table_t *table = &plan->model->tables[index];
  if (plan->init_missing_is_fresh || table->written || (table->entity == PLT_ENTITY_ASIDE && !table->needed))
    return PLT_OK;
  return plt_fail(PLT_ERR_DATA, "%s: init.from has no file for table %s; to start it fresh set init.missing: fresh",
                  path, plan->specs[index].name);
}

plt_status_t plt_import_tables(plt_client_t *client, const plt_plan_t *plan) {
  for (uint32_t t = 0; t < plan->model->n_tables; t++) PLT_TRY(plt_import_table(client, plan, t));
  return PLT_OK;
}

plt_status_t plt_import_birth(plt_client_t *client, const plt_plan_t *plan, uint32_t index, uint64_t salt) {
  PLT_TRY(plt_client_reset(client, index, salt));
  return plt_import_table(client, plan, index);
}
