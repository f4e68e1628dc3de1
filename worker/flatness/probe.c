/* probe.c - see probe.h. */
#include "worker/flatness/probe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/normal.h"
#include "worker/math/vectors.h"
#include "worker/train/compute.h"

struct plt_probe {
  plt_session_t *session;
  plt_batch_maker_t *maker;
  plt_compute_t *compute;
  plt_batch_t *batch;
  const float **values; /* [n_leaves]: rows of a leaf */
};

bool plt_probe_is_possible(const plt_session_t *session) {
  const plt_plan_t *plan = session->plan;
  if (plan->model->ops->loss == NULL || plan->sampler == NULL) return false;
  for (size_t t = 0; t < plan->model->n_tables; t++)
    if (plt_plan_trains(plan, t)) return true;
  return false;
}

plt_status_t plt_probe_open(plt_session_t *session, plt_probe_t **out) {
  const plt_plan_t *plan = session->plan;
  if (!plt_probe_is_possible(session))
    return plt_fail(PLT_ERR_USAGE,
                    "nothing is trained by the loss of batches in the stage of this checkpoint (model %s): a run that "
                    "ends before it, by train --until STAGE, has one that can be looked at",
                    plan->model->ops->name);
  plt_probe_t *probe = plt_mem_zalloc(1, sizeof *probe);
  *probe = (plt_probe_t){.session = session,
                         .maker = plt_batch_maker_create(plan, 0, 1, session->crew),
                         .compute = plt_compute_create(plan, session->crew),
                         .batch = plt_batch_create()};
  *out = probe;
  return PLT_OK;
}

void plt_probe_close(plt_probe_t **probe) {
  if (*probe == NULL) return;
  plt_batch_maker_destroy(&(*probe)->maker);
  plt_compute_destroy(&(*probe)->compute);
  plt_batch_destroy(&(*probe)->batch);
  free(*probe);
  *probe = NULL;
}

uint32_t plt_probe_batches(const plt_probe_t *probe, uint32_t wanted) {
  uint32_t all = plt_sampler_batches(probe->session->plan->sampler);
  return wanted == 0 || wanted > all ? all : wanted;
}

plt_status_t plt_probe_take(plt_probe_t *probe, uint32_t number) {
  const plt_plan_t *plan = probe->session->plan;
  plt_batch_t *batch = probe->batch;
  plt_pull_t pulls[PLT_MODEL_TABLES_MAX];
  plt_batch_make(probe->maker, 0, number, batch);
  float *values = plt_arena_alloc(batch->arena, batch->floats * sizeof *values);
  PLT_TRY(plt_client_read(probe->session->client, pulls, plt_batch_pulls(plan, batch, values, pulls)));
  probe->values = plt_arena_alloc(batch->arena, batch->n_leaves * sizeof *probe->values);
  for (size_t l = 0; l < batch->n_leaves; l++)
    probe->values[l] = plt_batch_leaf_values(plan, batch, &batch->leaves[l], values, batch->arena);
  return PLT_OK;
}

size_t plt_probe_leaves(const plt_probe_t *probe) { return probe->batch->n_leaves; }
double plt_probe_weight(const plt_probe_t *probe, size_t l) { return probe->batch->leaves[l].weight; }

const float *plt_probe_point(plt_probe_t *probe, size_t l, size_t *n) {
  *n = probe->batch->leaves[l].trained;
  return probe->values[l];
}

float *plt_probe_vector(plt_probe_t *probe, size_t n) {
  return plt_arena_alloc(probe->batch->arena, n * sizeof(float));
}

void plt_probe_direction(const plt_probe_t *probe, size_t l, uint64_t seed, uint32_t number, bool by_row, float *out) {
  const plt_plan_t *plan = probe->session->plan;
  const plt_leaf_t *leaf = &probe->batch->leaves[l];
  for (size_t t = 0; t < plan->model->n_tables; t++) {
    if (!plt_plan_trains(plan, t)) continue;
    const plt_rows_view_t *rows = &leaf->rows[t];
    const size_t cols = plan->model->tables[t].cols;
    char purpose[PLT_TABLE_NAME_MAX + 16];
    snprintf(purpose, sizeof purpose, "direction %s", plan->specs[t].name);
    const plt_rng_key_t key = plt_rng_key(seed, purpose, number);
    for (size_t k = 0; k < rows->n; k++) {
      float *row = out + rows->offset + k * cols;
      plt_normal_row(key, (uint32_t)rows->keys[k], (uint32_t)(rows->keys[k] >> 32), cols, row);
      if (!by_row) continue;
      double length = plt_vector_norm(probe->values[l] + rows->offset + k * cols, cols);
      plt_vector_scale(row, cols, length / fmax(plt_vector_norm(row, cols), 1e-30));
    }
  }
}

double plt_probe_loss(plt_probe_t *probe, size_t l, const float *at, float *gradient) {
  return plt_compute_loss_at(probe->compute, &probe->batch->leaves[l], probe->values[l], at, gradient);
}
