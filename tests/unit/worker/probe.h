/* probe.h - a model that is nothing but its programme, of simple functions: what runs a programme, in training or in
 * evaluation, is tested with it against twin.h.
 *
 *   a state that is computed  = f( product [x dense table] + inputs, each by a factor + rows of a table
 *                                  + features x dense table ),   f = tanh or nothing
 *   an edge's weight          = g( <sum of inputs, each by a factor; or ones,  what is multiplied + sources, each by a
 *                                  factor + rows of a table> ),   g = softmax over the row, or tanh / 8
 *   loss                      = sum of <rows, weights> at the own nodes, over outputs, states that are only looked at,
 *                               and all tables of users and items
 *   representation            = the outputs of the side, side by side */
#ifndef PLT_TESTS_UNIT_WORKER_PROBE_H
#define PLT_TESTS_UNIT_WORKER_PROBE_H

#include <stdio.h>

#include "tests/unit/worker/naive_programme.h"
#include "worker/kit/forward.h"
#include "worker/kit/kit.h"

typedef struct probe_how {
  int table[PLT_SIDES];  /* whose rows are added; -1: none */
  int product, features; /* dense tables that these are multiplied by; -1: none */
  int near[PLT_SIDES];   /* hops that weigh: a table whose rows at the neighbours, of that side, are added; -1: none */
  bool bends, softens;
} probe_how_t;

/* What the loss saw: [own nodes, cols]; the test's. */
typedef struct probe_sight {
  float *state[PLT_STATES_MAX][PLT_SIDES];
} probe_sight_t;

typedef struct probe {
  plt_model_t base;
  probe_how_t how[PLT_STATES_MAX];
  uint64_t looks; /* states that the loss asks for, and that are no outputs */
  probe_sight_t *sight;
} probe_t;

/* By which state k takes its input or source j. */
static inline float probe_factor(size_t k, size_t j) { return (float)(1 + (3 * k + 5 * j) % 4) / 4; }

/* Of what stands in the loss: a state, or table t as 1000 + t. */
static inline float probe_weight(size_t what, size_t node, size_t col) {
  naive_rng_t rng = {what * 1000003 + node * 131 + col};
  naive_next(&rng);
  return naive_between(&rng, -1, 1);
}

/* Whether state k's function, or its weights, take input j: as many columns. */
static inline bool probe_takes(const plt_programme_t *p, size_t k, size_t j, plt_side_t side, uint32_t cols) {
  return (p->state[k].inputs >> j & 1) && (p->state[j].sides >> side & 1) && p->state[j].cols == cols;
}

/* ---- functions ---- */

static inline plt_var_t probe_add(plt_tape_t *t, plt_var_t sum, bool *any, plt_var_t x) {
  sum = *any ? plt_op_add(t, sum, x) : x;
  *any = true;
  return sum;
}

static inline plt_var_t probe_state(const plt_model_t *self, const plt_nodes_t *nodes, size_t k, plt_var_t product) {
  const probe_how_t *how = &((const probe_t *)self)->how[k];
  const plt_programme_t *p = &self->programme;
  plt_tape_t *t = nodes->tape;
  plt_var_t sum = {0};
  bool any = false;
  cr_assert(p->state[k].computes && (p->state[k].sides >> nodes->side & 1));
  if (p->state[k].relation != PLT_ALONE) {
    cr_assert(plt_tape_rows(t, product) == nodes->n && plt_tape_cols(t, product) == p->state[p->state[k].from].cols);
    sum =
        probe_add(t, sum, &any,
                  how->product < 0 ? product : plt_op_matmul(t, product, plt_nodes_table(nodes, (size_t)how->product)));
  }
  for (size_t j = 0; j < k; j++)
    if (probe_takes(p, k, j, nodes->side, p->state[k].cols))
      sum = probe_add(t, sum, &any, plt_op_scale(t, nodes->state[j], probe_factor(k, j)));
  if (how->table[nodes->side] >= 0)
    sum = probe_add(t, sum, &any, plt_nodes_table(nodes, (size_t)how->table[nodes->side]));
  if (how->features >= 0 && nodes->side == PLT_SIDE_ITEM)
    sum = probe_add(t, sum, &any,
                    plt_op_matmul(t, plt_nodes_features(nodes), plt_nodes_table(nodes, (size_t)how->features)));
  cr_assert(any);
  return how->bends ? plt_op_tanh(t, sum) : sum;
}

static inline plt_var_t probe_weights(const plt_model_t *self, const plt_edges_t *edges, size_t k) {
  const probe_how_t *how = &((const probe_t *)self)->how[k];
  const plt_programme_t *p = &self->programme;
  const plt_state_t *state = &p->state[k];
  plt_tape_t *t = edges->at->tape;
  plt_var_t at = {0}, from = edges->from->state[state->from], score;
  bool any = false;
  cr_assert(state->weighs && edges->n == edges->matrix->matrix.offset[edges->matrix->matrix.rows]);
  cr_assert(edges->matrix->matrix.rows == edges->at->n && edges->matrix->matrix.cols == edges->from->n);
  for (size_t j = 0; j < k; j++)
    if (probe_takes(p, k, j, edges->at->side, p->state[state->from].cols))
      at = probe_add(t, at, &any, plt_op_scale(t, edges->at->state[j], probe_factor(k, j)));
  for (size_t j = 0; j < state->from; j++)
    if (state->sources >> j & 1) from = plt_op_add(t, from, plt_op_scale(t, edges->from->state[j], probe_factor(k, j)));
  if (how->near[edges->from->side] >= 0)
    from = plt_op_add(t, from, plt_nodes_table(edges->from, (size_t)how->near[edges->from->side]));
  score = any ? plt_op_gather_dot(t, at, edges->target, from, edges->neighbour, edges->n)
              : plt_op_gather(t, plt_op_row_sum(t, from), edges->neighbour, edges->n);
  return how->softens ? plt_op_edge_softmax(t, edges->matrix, score) : plt_op_scale(t, plt_op_tanh(t, score), 0.125f);
}

static inline plt_var_t probe_vectors(const plt_model_t *self, const plt_nodes_t *nodes) {
  plt_var_t parts[PLT_STATES_MAX];
  size_t n = 0;
  for (size_t k = 0; k < self->programme.n_states; k++)
    if ((self->programme.outputs >> k & 1) && (self->programme.state[k].sides >> nodes->side & 1))
      parts[n++] = nodes->state[k];
  return n > 0 ? plt_op_concat(nodes->tape, parts, n)
               : plt_nodes_table(nodes, plt_model_first_table(self, nodes->side));
}

static inline plt_var_t probe_weighed(const plt_nodes_t *nodes, size_t what, plt_var_t x) {
  size_t cols = plt_tape_cols(nodes->tape, x);
  float *weight = plt_tape_scratch(nodes->tape, nodes->n, cols);
  cr_assert_eq(plt_tape_rows(nodes->tape, x), nodes->n);
  for (size_t a = 0; a < nodes->n; a++)
    for (size_t c = 0; c < cols; c++) weight[a * cols + c] = probe_weight(what, nodes->id[a], c);
  return plt_op_sum(nodes->tape, plt_op_mul(nodes->tape, x, plt_tape_constant(nodes->tape, nodes->n, cols, weight)));
}

static inline plt_var_t probe_loss(const plt_model_t *self, const plt_samples_t *samples) {
  const probe_t *probe = (const probe_t *)self;
  const plt_programme_t *p = &self->programme;
  plt_tape_t *t = samples->nodes->tape;
  plt_var_t sum = {0};
  bool any = false;
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    const plt_nodes_t *nodes = &samples->nodes[s];
    for (size_t k = 0; k < p->n_states; k++) {
      bool output = p->outputs >> k & 1;
      if (!(p->state[k].sides >> s & 1) || !(output || (probe->looks >> k & 1))) continue;
      plt_var_t x = output ? nodes->state[k] : plt_nodes_state(nodes, k);
      sum = probe_add(t, sum, &any, probe_weighed(nodes, k, x));
      if (probe->sight != NULL)
        probe->sight->state[k][s] = naive_copy(plt_tape_value(t, x), nodes->n * p->state[k].cols);
    }
    for (size_t table = 0; table < self->n_tables; table++)
      if (plt_entity_side(self->tables[table].entity) == s)
        sum = probe_add(t, sum, &any, probe_weighed(nodes, 1000 + table, plt_nodes_table(nodes, table)));
  }
  return sum;
}

static const plt_model_ops_t probe_ops = {.name = "probe",
                                          .summary = "for the tests",
                                          .loss_is_mean = true,
                                          .size = sizeof(probe_t),
                                          .state = probe_state,
                                          .weights = probe_weights,
                                          .users = probe_vectors,
                                          .items = probe_vectors,
                                          .loss = probe_loss};

/* ---- tables ---- */

/* A table of `side`, as wide as state k, whose rows may be seen where it is: one that there is, or another. */
static inline int probe_choose_table(probe_t *probe, naive_rng_t *rng, const plt_dataset_t *data, plt_side_t side,
                                     size_t k) {
  plt_model_t *model = &probe->base;
  const plt_programme_t *p = &model->programme;
  char name[32];
  for (size_t t = 0; t < model->n_tables; t++) {
    const plt_model_table_t *table = &model->tables[t];
    if (plt_entity_side(table->entity) == side && table->cols == p->state[k].cols && naive_below(rng, 2) == 0 &&
        naive_holds(p, plt_model_set(model, table->at), p->set_of[k]))
      return (int)t;
  }
  snprintf(name, sizeof name, "%s%zu", side == PLT_SIDE_USER ? "user" : "item", model->n_tables);
  plt_model_add_table(model, name, side == PLT_SIDE_USER ? PLT_ENTITY_USER : PLT_ENTITY_ITEM,
                      side == PLT_SIDE_USER ? data->users : data->items, p->state[k].cols, plt_init_normal(0.5))
      ->at = (int)k;
  return (int)model->n_tables - 1;
}

static inline int probe_add_dense(probe_t *probe, size_t rows, size_t cols) {
  char name[32];
  snprintf(name, sizeof name, "dense%zu", probe->base.n_tables);
  plt_model_add_table(&probe->base, name, PLT_ENTITY_DENSE, rows, (uint32_t)cols, plt_init_normal(0.4));
  return (int)probe->base.n_tables - 1;
}

/* Whether a state has anything on a side but what its table or features give. */
static inline bool probe_has_other(const plt_programme_t *p, size_t k, plt_side_t side) {
  bool has = p->state[k].relation != PLT_ALONE;
  for (size_t j = 0; j < k; j++) has |= probe_takes(p, k, j, side, p->state[k].cols);
  return has;
}

/* What state k's function takes. */
static inline void probe_choose(probe_t *probe, naive_rng_t *rng, const plt_dataset_t *data, size_t k) {
  plt_model_t *model = &probe->base;
  const plt_programme_t *p = &model->programme;
  const plt_state_t *state = &p->state[k];
  probe_how_t *how = &probe->how[k];
  *how = (probe_how_t){.table = {-1, -1}, .product = -1, .features = -1, .near = {-1, -1}};
  if (state->weighs) {
    how->softens = naive_below(rng, 2) == 0;
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++)
      if (naive_below(rng, 2) == 0) how->near[s] = probe_choose_table(probe, rng, data, s, state->from);
  }
  if (!state->computes) return;
  how->bends = naive_below(rng, 2) == 0;
  if (state->relation != PLT_ALONE && (state->cols != p->state[state->from].cols || naive_below(rng, 2) == 0))
    how->product = probe_add_dense(probe, p->state[state->from].cols, state->cols);
  if ((state->sides & PLT_ITEMS) && data->n_features > 0 && naive_below(rng, 2) == 0)
    how->features = probe_add_dense(probe, plt_dataset_feature_cols(data), state->cols);
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    bool needs = !probe_has_other(p, k, s) && !(s == PLT_SIDE_ITEM && how->features >= 0);
    if ((state->sides >> s & 1) && (needs || naive_below(rng, 3) == 0))
      how->table[s] = probe_choose_table(probe, rng, data, s, k);
  }
}

/* A model with this programme, which is settled; what its functions take goes by chance. The first tables are read at
 * the state that is nothing else, or at the own nodes. */
static inline void probe_open(probe_t *probe, naive_rng_t *rng, const plt_programme_t *programme,
                              const plt_dataset_t *data) {
  *probe = (probe_t){.base = {.ops = &probe_ops, .programme = *programme, .negatives = 1}};
  plt_model_t *model = &probe->base;
  int at = PLT_AT_OWN;
  uint32_t cols = 2;
  for (size_t k = 0; k < programme->n_states; k++) {
    if (!plt_state_is_table(&programme->state[k])) continue;
    cr_assert(at == PLT_AT_OWN || programme->set_of[at] == programme->set_of[k]);
    at = (int)k;
    cols = programme->state[k].cols;
  }
  plt_model_add_table(model, "user", PLT_ENTITY_USER, data->users, cols, plt_init_normal(0.5))->at = at;
  plt_model_add_table(model, "item", PLT_ENTITY_ITEM, data->items, cols, plt_init_normal(0.5))->at = at;
  for (size_t k = 0; k < programme->n_states; k++) probe_choose(probe, rng, data, k);
  for (size_t k = 0; k < programme->n_states; k++)
    if (!(programme->outputs >> k & 1) && naive_below(rng, 3) == 0) probe->looks |= naive_bit(k);
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    size_t width = 0;
    for (size_t k = 0; k < programme->n_states; k++)
      if ((programme->outputs >> k & 1) && (programme->state[k].sides >> s & 1)) width += programme->state[k].cols;
    if (width > model->score_cols) model->score_cols = width;
  }
  cr_assert_leq(model->n_tables, PLT_MODEL_TABLES_MAX);
}

#endif
