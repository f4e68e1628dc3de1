/* state.c - see state.h. */
#include "worker/train/state.h"

#include <inttypes.h>
#include <stdio.h>

bool plt_trainer_is_first(const plt_trainer_t *t) { return t->session->worker == 0; }

bool plt_trainer_is_used_up(const plt_trainer_t *t) {
  return t->plan->max_steps != 0 && t->clock >= t->plan->max_steps;
}

plt_status_t plt_trainer_barrier(plt_trainer_t *t, const char *what) {
  char name[64];
  snprintf(name, sizeof name, "%s at clock %" PRIu64, what, t->clock);
  return plt_session_barrier(t->session, name);
}

size_t plt_trainer_pulls(const plt_trainer_t *t, const plt_batch_t *batch, float *values, plt_pull_t *pulls) {
  const plt_model_t *model = t->plan->model;
  for (uint32_t k = 0; k < model->n_tables; k++) {
    const plt_rows_view_t *rows = &batch->rows[k];
    pulls[k] = (plt_pull_t){k, model->tables[k].cols, rows->keys, rows->n, values + rows->offset};
  }
  return model->n_tables;
}
