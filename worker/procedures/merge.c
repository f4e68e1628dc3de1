/* merge.c - a stage of M3-InvRL: users and items become one for all modalities, the mean of those of their models;
 * projections then go on alone, one modality after the other (docs/methods/m3invrl.md 4).
 *
 * The mean is taken when the first modality's slot begins: a function of tables that stay as long as that lasts, so who
 * starts from there again takes it again. */
#include <stdlib.h>

#include "common/mem.h"
#include "worker/models/m3invrl.h"
#include "worker/procedures/stage.h"
#include "worker/session/procedure.h"
#include "worker/train/epochs.h"

extern const plt_stage_ops_t plt_stage_merge;

static const plt_option_t rows[] = {
    {.key = "merge",
     .type = PLT_OPT_CHOICE,
     .fallback = "average",
     .choices = "average",
     .help = "What users and items become: the mean over modalities of what they are. They began alike."},
};

enum { BLOCK = 4096 };

/* Rows [first, first + n) of table `to`, the mean of those of tables from[modalities]. */
static plt_status_t average(plt_client_t *client, uint32_t to, const uint32_t *from, size_t modalities, uint32_t cols,
                            uint64_t first, size_t n) {
  uint64_t keys[BLOCK];
  size_t floats = n * cols;
  float *part = plt_mem_alloc(floats * sizeof *part);
  double *sum = plt_mem_zalloc(floats, sizeof *sum);
  plt_status_t status = PLT_OK;
  for (size_t k = 0; k < n; k++) keys[k] = first + k;
  for (size_t m = 0; m < modalities && status == PLT_OK; m++) {
    status = plt_client_read(client, &(plt_pull_t){from[m], cols, keys, n, part}, 1);
    for (size_t i = 0; i < floats && status == PLT_OK; i++) sum[i] += (double)part[i];
  }
  for (size_t i = 0; i < floats; i++) part[i] = (float)(sum[i] / (double)modalities);
  if (status == PLT_OK) status = plt_client_assign(client, to, cols, keys, n, part);
  free(part);
  free(sum);
  return status;
}

/* One of the two tables, by blocks of rows: block b is worker b mod W's. */
static plt_status_t merge_table(plt_trainer_t *t, const plt_m3_t *model, uint32_t table) {
  const plt_model_table_t *of = &model->ultra.base.tables[table];
  uint32_t from[PLT_MODALITIES_MAX];
  for (uint32_t m = 0; m < model->codes.modalities; m++) from[m] = (uint32_t)model->parts + 2 * m + table;
  for (uint64_t b = t->session->worker; b * BLOCK < of->rows; b += t->plan->workers) {
    uint64_t first = b * BLOCK, n = of->rows - first < BLOCK ? of->rows - first : BLOCK;
    PLT_TRY(average(t->session->client, table, from, model->codes.modalities, of->cols, first, (size_t)n));
  }
  return PLT_OK;
}

static plt_status_t run(plt_trainer_t *t) {
  const plt_m3_t *model = (const plt_m3_t *)t->plan->model;
  if (model->modality == 0 && t->clock == t->p.begin_clock) {
    PLT_TRY(merge_table(t, model, PLT_ULTRA_USER));
    PLT_TRY(merge_table(t, model, PLT_ULTRA_ITEM));
    PLT_TRY(plt_trainer_barrier(t, "merged"));
  }
  return plt_trainer_run_epochs(t);
}

const plt_stage_ops_t plt_stage_merge = {
    .name = "merge",
    .summary = "make users and items of the modalities' models one, then train their projections on",
    .options = {"stage merge", rows, sizeof rows / sizeof *rows},
    .of_models = true,
    .in_step = true,
    .per_modality = true,
    .replay = "merge",
    .run = run,
};
