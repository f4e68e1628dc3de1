/* twin.h - a probe over all nodes in double, by plain loops over dense matrices: states, and the gradient of the loss
 * to every row of every table. */
#ifndef PLT_TESTS_UNIT_WORKER_TWIN_H
#define PLT_TESTS_UNIT_WORKER_TWIN_H

#include "tests/unit/worker/probe.h"

typedef struct twin {
  const probe_t *probe;
  const naive_relations_t *relations;
  double *table[PLT_MODEL_TABLES_MAX], *gradient[PLT_MODEL_TABLES_MAX]; /* [rows, cols] */
  double *features;                                                     /* [items, feature_cols] */
  size_t feature_cols;
  /* [nodes, cols]: 0 at nodes of sides where the state is not; products [nodes, from's cols] */
  double *value[PLT_STATES_MAX], *slope[PLT_STATES_MAX], *product[PLT_STATES_MAX];
} twin_t;

static inline void twin_take_features(twin_t *twin, const plt_dataset_t *data) {
  size_t first = 0;
  twin->feature_cols = plt_dataset_feature_cols(data);
  twin->features = calloc(data->items * twin->feature_cols + 1, sizeof *twin->features);
  for (size_t m = 0; m < data->n_features; m++) {
    const plt_npy_t *array = &data->features[m].array;
    cr_assert_eq(array->type, PLT_NPY_F4);
    for (size_t i = 0; i < data->items; i++)
      for (size_t c = 0; c < array->cols; c++)
        twin->features[i * twin->feature_cols + first + c] = ((const float *)array->data)[i * array->cols + c];
    first += array->cols;
  }
}

/* Tables are zeros, to be filled in. */
static inline twin_t twin_open(const probe_t *probe, const naive_relations_t *relations, const plt_dataset_t *data) {
  twin_t twin = {.probe = probe, .relations = relations};
  const plt_programme_t *p = &probe->base.programme;
  for (size_t t = 0; t < probe->base.n_tables; t++) {
    size_t n = probe->base.tables[t].rows * probe->base.tables[t].cols;
    twin.table[t] = calloc(n + 1, sizeof(double));
    twin.gradient[t] = calloc(n + 1, sizeof(double));
  }
  for (size_t k = 0; k < p->n_states; k++) {
    size_t n = (size_t)relations->nodes * p->state[k].cols;
    twin.value[k] = calloc(n, sizeof(double));
    twin.slope[k] = calloc(n, sizeof(double));
    if (p->state[k].relation != PLT_ALONE)
      twin.product[k] = calloc((size_t)relations->nodes * p->state[p->state[k].from].cols, sizeof(double));
  }
  twin_take_features(&twin, data);
  return twin;
}

static inline void twin_close(twin_t *twin) {
  for (size_t t = 0; t < PLT_MODEL_TABLES_MAX; t++) free(twin->table[t]), free(twin->gradient[t]);
  for (size_t k = 0; k < PLT_STATES_MAX; k++) free(twin->value[k]), free(twin->slope[k]), free(twin->product[k]);
  free(twin->features);
}

/* Numbers that a float has too. */
static inline void twin_invent_tables(twin_t *twin, naive_rng_t *rng) {
  for (size_t t = 0; t < twin->probe->base.n_tables; t++)
    for (size_t k = 0; k < twin->probe->base.tables[t].rows * twin->probe->base.tables[t].cols; k++)
      twin->table[t][k] = naive_between(rng, -0.7, 0.7);
}

/* ---- small matrices ---- */

/* out [cols] += factor * x [rows] w [rows, cols] */
static inline void twin_times(const double *x, const double *w, size_t rows, size_t cols, double *out) {
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < cols; c++) out[c] += x[r] * w[r * cols + c];
}

/* The same backwards: slopes of x (NULL: not wanted) and w from that of out. */
static inline void twin_times_back(const double *x, const double *w, size_t rows, size_t cols, const double *slope,
                                   double *of_x, double *of_w) {
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < cols; c++) {
      if (of_x != NULL) of_x[r] += slope[c] * w[r * cols + c];
      of_w[r * cols + c] += slope[c] * x[r];
    }
}

/* ---- hops ---- */

/* The rows that hop k's weights see of node b, and what g is of: [cols of what is multiplied]. */
static inline void twin_near(const twin_t *twin, size_t k, size_t b, double *out) {
  const plt_programme_t *p = &twin->probe->base.programme;
  const plt_state_t *state = &p->state[k];
  size_t wide = p->state[state->from].cols;
  plt_side_t side = b < twin->relations->users ? PLT_SIDE_USER : PLT_SIDE_ITEM;
  int table = twin->probe->how[k].near[side];
  for (size_t c = 0; c < wide; c++) {
    out[c] = twin->value[state->from][b * wide + c];
    for (size_t j = 0; j < state->from; j++)
      if (state->sources >> j & 1) out[c] += (double)probe_factor(k, j) * twin->value[j][b * wide + c];
    if (table >= 0) out[c] += twin->table[table][(b - naive_first(twin->relations, side)) * wide + c];
  }
}

/* What they see of the target; false: nothing, ones. */
static inline bool twin_far(const twin_t *twin, size_t k, plt_side_t s, size_t a, double *out) {
  const plt_programme_t *p = &twin->probe->base.programme;
  size_t wide = p->state[p->state[k].from].cols;
  bool any = false;
  for (size_t c = 0; c < wide; c++) out[c] = 0;
  for (size_t j = 0; j < k; j++) {
    if (!probe_takes(p, k, j, s, (uint32_t)wide)) continue;
    for (size_t c = 0; c < wide; c++) out[c] += (double)probe_factor(k, j) * twin->value[j][a * wide + c];
    any = true;
  }
  for (size_t c = 0; c < wide && !any; c++) out[c] = 1;
  return any;
}

/* Weights of the edges of hop k's row at node a: [nodes], 0 where there is none. */
static inline void twin_row(const twin_t *twin, size_t k, plt_side_t s, size_t a, double *out) {
  const plt_state_t *state = &twin->probe->base.programme.state[k];
  size_t nodes = twin->relations->nodes, wide = twin->probe->base.programme.state[state->from].cols;
  const double *edge = twin->relations->weight[state->relation] + a * nodes;
  double far[8], near[8], sum = 0;
  memcpy(out, edge, nodes * sizeof *out);
  if (!state->weighs) return;
  twin_far(twin, k, s, a, far);
  for (size_t b = 0; b < nodes; b++) {
    if (edge[b] == 0) continue;
    twin_near(twin, k, b, near);
    out[b] = 0;
    for (size_t c = 0; c < wide; c++) out[b] += far[c] * near[c];
    sum += out[b] = twin->probe->how[k].softens ? exp(out[b]) : tanh(out[b]) / 8;
  }
  for (size_t b = 0; b < nodes && twin->probe->how[k].softens; b++) out[b] /= sum == 0 ? 1 : sum;
}

/* From the slopes of the product at node a to those of what its edges' weights are made of; `row`: twin_row()'s. */
static inline void twin_row_back(twin_t *twin, size_t k, plt_side_t s, size_t a, const double *row,
                                 const double *of_y) {
  const plt_programme_t *p = &twin->probe->base.programme;
  const plt_state_t *state = &p->state[k];
  size_t nodes = twin->relations->nodes, wide = p->state[state->from].cols;
  const double *edge = twin->relations->weight[state->relation] + a * nodes;
  bool softens = twin->probe->how[k].softens;
  double far[8], near[8], mean = 0, *slope = calloc(nodes, sizeof *slope);
  bool any = twin_far(twin, k, s, a, far);
  for (size_t b = 0; b < nodes; b++) {
    for (size_t c = 0; c < wide; c++) slope[b] += of_y[c] * twin->value[state->from][b * wide + c];
    mean += row[b] * slope[b];
  }
  for (size_t b = 0; b < nodes; b++) {
    if (edge[b] == 0) continue;
    plt_side_t side = b < twin->relations->users ? PLT_SIDE_USER : PLT_SIDE_ITEM;
    double of_score = softens ? row[b] * (slope[b] - mean) : slope[b] * (1 - 64 * row[b] * row[b]) / 8;
    int table = twin->probe->how[k].near[side];
    twin_near(twin, k, b, near);
    for (size_t c = 0; c < wide; c++) {
      double of_near = of_score * far[c];
      twin->slope[state->from][b * wide + c] += of_near;
      for (size_t j = 0; j < state->from; j++)
        if (state->sources >> j & 1) twin->slope[j][b * wide + c] += (double)probe_factor(k, j) * of_near;
      if (table >= 0) twin->gradient[table][(b - naive_first(twin->relations, side)) * wide + c] += of_near;
      for (size_t j = 0; j < k && any; j++)
        if (probe_takes(p, k, j, s, (uint32_t)wide))
          twin->slope[j][a * wide + c] += (double)probe_factor(k, j) * of_score * near[c];
    }
  }
  free(slope);
}

/* ---- values ---- */

/* State k at node `a`, which is row `id` of side `s`. */
static inline void twin_value_at(twin_t *twin, size_t k, plt_side_t s, size_t id, size_t a) {
  const plt_model_t *model = &twin->probe->base;
  const plt_state_t *state = &model->programme.state[k];
  const probe_how_t *how = &twin->probe->how[k];
  size_t cols = state->cols;
  double *z = twin->value[k] + a * cols;
  if (state->relation != PLT_ALONE) {
    size_t nodes = twin->relations->nodes, wide = model->programme.state[state->from].cols;
    double *row = malloc(nodes * sizeof *row), *y = twin->product[k] + a * wide;
    twin_row(twin, k, s, a, row);
    for (size_t b = 0; b < nodes; b++)
      for (size_t c = 0; c < wide; c++) y[c] += row[b] * twin->value[state->from][b * wide + c];
    if (how->product >= 0) twin_times(y, twin->table[how->product], wide, cols, z);
    for (size_t c = 0; c < cols && how->product < 0; c++) z[c] += y[c];
    free(row);
  } else if (!state->computes) {
    size_t t = s == PLT_SIDE_USER ? 0 : 1;
    for (size_t c = 0; c < cols; c++) z[c] = twin->table[t][id * cols + c];
  }
  for (size_t j = 0; j < k; j++)
    for (size_t c = 0; c < cols && state->computes && probe_takes(&model->programme, k, j, s, state->cols); c++)
      z[c] += (double)probe_factor(k, j) * twin->value[j][a * cols + c];
  for (size_t c = 0; c < cols && how->table[s] >= 0; c++) z[c] += twin->table[how->table[s]][id * cols + c];
  if (how->features >= 0 && s == PLT_SIDE_ITEM)
    twin_times(twin->features + id * twin->feature_cols, twin->table[how->features], twin->feature_cols, cols, z);
  for (size_t c = 0; c < cols && how->bends; c++) z[c] = tanh(z[c]);
}

static inline void twin_values(twin_t *twin) {
  const plt_programme_t *p = &twin->probe->base.programme;
  for (size_t k = 0; k < p->n_states; k++)
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++)
      for (size_t id = 0; id < naive_count(twin->relations, s) && (p->state[k].sides >> s & 1); id++)
        twin_value_at(twin, k, s, id, naive_first(twin->relations, s) + id);
}

/* ---- gradients ---- */

static inline void twin_slope_at(twin_t *twin, size_t k, plt_side_t s, size_t id, size_t a) {
  const plt_model_t *model = &twin->probe->base;
  const plt_state_t *state = &model->programme.state[k];
  const probe_how_t *how = &twin->probe->how[k];
  size_t cols = state->cols;
  const double *value = twin->value[k] + a * cols;
  double *z = twin->slope[k] + a * cols;
  for (size_t c = 0; c < cols && how->bends; c++) z[c] *= 1 - value[c] * value[c];
  if (state->relation != PLT_ALONE) {
    size_t nodes = twin->relations->nodes, wide = model->programme.state[state->from].cols;
    double of_y[8] = {0}, *row = malloc(nodes * sizeof *row);
    twin_row(twin, k, s, a, row);
    if (how->product >= 0)
      twin_times_back(twin->product[k] + a * wide, twin->table[how->product], wide, cols, z, of_y,
                      twin->gradient[how->product]);
    for (size_t c = 0; c < cols && how->product < 0; c++) of_y[c] = z[c];
    for (size_t b = 0; b < nodes; b++)
      for (size_t c = 0; c < wide; c++) twin->slope[state->from][b * wide + c] += row[b] * of_y[c];
    if (state->weighs) twin_row_back(twin, k, s, a, row, of_y);
    free(row);
  } else if (!state->computes) {
    for (size_t c = 0; c < cols; c++) twin->gradient[s == PLT_SIDE_USER ? 0 : 1][id * cols + c] += z[c];
  }
  for (size_t j = 0; j < k; j++)
    for (size_t c = 0; c < cols && state->computes && probe_takes(&model->programme, k, j, s, state->cols); c++)
      twin->slope[j][a * cols + c] += (double)probe_factor(k, j) * z[c];
  for (size_t c = 0; c < cols && how->table[s] >= 0; c++) twin->gradient[how->table[s]][id * cols + c] += z[c];
  if (how->features >= 0 && s == PLT_SIDE_ITEM)
    twin_times_back(twin->features + id * twin->feature_cols, twin->table[how->features], twin->feature_cols, cols, z,
                    NULL, twin->gradient[how->features]);
}

/* Of the loss at the nodes `own`; after twin_values(). */
static inline void twin_gradients(twin_t *twin, const plt_frontier_t *own) {
  const plt_model_t *model = &twin->probe->base;
  const plt_programme_t *p = &model->programme;
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++)
    for (size_t o = 0; o < own->n[s]; o++) {
      size_t id = own->id[s][o], a = naive_first(twin->relations, s) + id;
      for (size_t k = 0; k < p->n_states; k++)
        for (size_t c = 0; c < p->state[k].cols && ((p->outputs | twin->probe->looks) >> k & 1); c++)
          if (p->state[k].sides >> s & 1) twin->slope[k][a * p->state[k].cols + c] += probe_weight(k, id, c);
      for (size_t t = 0; t < model->n_tables; t++)
        for (size_t c = 0; c < model->tables[t].cols && plt_entity_side(model->tables[t].entity) == s; c++)
          twin->gradient[t][id * model->tables[t].cols + c] += probe_weight(1000 + t, id, c);
    }
  for (size_t k = p->n_states; k-- > 0;)
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++)
      for (size_t id = 0; id < naive_count(twin->relations, s) && (p->state[k].sides >> s & 1); id++)
        twin_slope_at(twin, k, s, id, naive_first(twin->relations, s) + id);
}

#endif
