/* leaf.h - a leaf of a probe in training: data, relations, own nodes, closure, the forward and backward pass; and
 * what they give against the twin. */
#ifndef PLT_TESTS_UNIT_WORKER_LEAF_H
#define PLT_TESTS_UNIT_WORKER_LEAF_H

#include "tests/unit/worker/naive_graph.h"
#include "tests/unit/worker/shapes.h"
#include "tests/unit/worker/twin.h"

enum { LEAF_FEATURES = 3 };

typedef struct leaf {
  naive_graph_t graph;
  naive_relations_t relations;
  plt_feature_t feature; /* of the data */
  uint32_t *id[PLT_SIDES];
  plt_frontier_t own;
} leaf_t;

/* One of `share` nodes is its own, but for the last of each side, which has no pairs: always. */
static inline void leaf_open(leaf_t *leaf, const uint32_t size[4], const plt_relation_plan_t *plans, size_t n,
                             uint32_t seed) {
  naive_rng_t rng = {seed + 77};
  uint32_t share = size[3];
  *leaf = (leaf_t){.graph = naive_graph_make(size[0], size[1], size[2], seed)};
  plt_dataset_t *data = &leaf->graph.data;
  leaf->feature.array = (plt_npy_t){.type = PLT_NPY_F4, .rows = data->items, .cols = LEAF_FEATURES, .dims = 2};
  leaf->feature.array.data = naive_matrix(&rng, (size_t)data->items * LEAF_FEATURES, -1, 1);
  data->features = &leaf->feature;
  data->n_features = 1;
  leaf->relations = naive_relations_make(data, plans, n, seed);
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    uint32_t nodes = naive_count(&leaf->relations, s);
    leaf->own.id[s] = leaf->id[s] = malloc(nodes * sizeof *leaf->id[s]);
    for (uint32_t id = 0; id < nodes; id++)
      if (id == nodes - 1 || naive_below(&rng, share) == 0) leaf->id[s][leaf->own.n[s]++] = id;
  }
}

static inline void leaf_close(leaf_t *leaf) {
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) free(leaf->id[s]);
  naive_relations_free(&leaf->relations);
  free((void *)(uintptr_t)leaf->feature.array.data);
  naive_graph_free(&leaf->graph);
}

/* ---- a pass ---- */

typedef struct leaf_outcome {
  probe_sight_t sight;
  size_t rows[PLT_MODEL_TABLES_MAX];
  float *gradient[PLT_MODEL_TABLES_MAX]; /* [rows, cols] */
} leaf_outcome_t;

static inline void leaf_outcome_free(leaf_outcome_t *outcome) {
  for (size_t t = 0; t < PLT_MODEL_TABLES_MAX; t++) free(outcome->gradient[t]);
  for (size_t k = 0; k < PLT_STATES_MAX; k++)
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) free(outcome->sight.state[k][s]);
}

/* The rows of a table that a leaf sees; ids NULL: all. */
static inline size_t leaf_rows(const plt_model_t *model, const plt_closure_t *closure, size_t t, const uint32_t **ids) {
  const plt_model_table_t *table = &model->tables[t];
  plt_side_t side = plt_entity_side(table->entity);
  const plt_frontier_t *set = &closure->set[plt_model_set(model, table->at)];
  *ids = side == PLT_SIDES ? NULL : set->id[side];
  return side == PLT_SIDES ? table->rows : set->n[side];
}

/* Forward and backward at the twin's tables. */
static inline leaf_outcome_t leaf_run(const leaf_t *leaf, probe_t *probe, const twin_t *twin, plt_closure_t *closure,
                                      plt_crew_t *crew) {
  const plt_model_t *model = &probe->base;
  leaf_outcome_t outcome = {.rows = {0}};
  plt_tape_t *tape = plt_tape_create(crew);
  plt_var_t table[PLT_MODEL_TABLES_MAX];
  float *w[PLT_MODEL_TABLES_MAX] = {NULL};
  probe->sight = &outcome.sight;
  for (size_t t = 0; t < model->n_tables; t++) {
    const uint32_t *ids;
    size_t cols = model->tables[t].cols, n = outcome.rows[t] = leaf_rows(model, closure, t, &ids);
    w[t] = malloc((n * cols + 1) * sizeof *w[t]);
    outcome.gradient[t] = calloc(n * cols + 1, sizeof *outcome.gradient[t]);
    for (size_t k = 0; k < n * cols; k++)
      w[t][k] = (float)twin->table[t][(ids == NULL ? k / cols : ids[k / cols]) * cols + k % cols];
    table[t] = plt_tape_parameter(tape, n, cols, w[t], outcome.gradient[t]);
  }
  plt_leaf_pass_t pass = {.data = &leaf->graph.data, .closure = closure};
  plt_tape_backward(tape, plt_model_loss(model, tape, &pass, table));
  plt_tape_destroy(&tape);
  probe->sight = NULL;
  for (size_t t = 0; t < model->n_tables; t++) free(w[t]);
  return outcome;
}

/* ---- against the twin ---- */

/* Sums in float are as exact as their largest terms: differences are measured by the largest of all numbers. */
static inline double leaf_scale(const double *x, size_t n) {
  double largest = 0;
  for (size_t k = 0; k < n; k++) largest = fmax(largest, fabs(x[k]));
  return 1 + largest;
}

/* States at the own nodes. */
static inline void leaf_check_values(const leaf_t *leaf, const twin_t *twin, const leaf_outcome_t *outcome,
                                     double tolerance, const char *what) {
  const plt_programme_t *p = &twin->probe->base.programme;
  for (size_t k = 0; k < p->n_states; k++)
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
      size_t cols = p->state[k].cols;
      double slack = tolerance * leaf_scale(twin->value[k], leaf->relations.nodes * cols);
      for (size_t n = 0; n < leaf->own.n[s] * cols && outcome->sight.state[k][s] != NULL; n++) {
        size_t node = naive_first(&leaf->relations, s) + leaf->own.id[s][n / cols];
        double got = outcome->sight.state[k][s][n], want = twin->value[k][node * cols + n % cols];
        cr_assert(fabs(got - want) <= slack, "%s: state %zu at node %zu: %.9g, not %.9g", what, k, node, got, want);
      }
    }
}

/* Every row's gradient; rows that the leaf has not, must have none. */
static inline void leaf_check_gradients(const twin_t *twin, const plt_closure_t *closure, const leaf_outcome_t *outcome,
                                        double tolerance, const char *what) {
  const plt_model_t *model = &twin->probe->base;
  for (size_t t = 0; t < model->n_tables; t++) {
    const uint32_t *ids;
    size_t cols = model->tables[t].cols, n = leaf_rows(model, closure, t, &ids);
    double *left = malloc(model->tables[t].rows * cols * sizeof *left);
    memcpy(left, twin->gradient[t], model->tables[t].rows * cols * sizeof *left);
    double slack = tolerance * leaf_scale(left, model->tables[t].rows * cols);
    for (size_t k = 0; k < n * cols; k++) {
      double *want = &left[(ids == NULL ? k / cols : ids[k / cols]) * cols + k % cols];
      cr_assert(fabs(outcome->gradient[t][k] - *want) <= slack, "%s: table %s, number %zu: %.9g, not %.9g", what,
                model->tables[t].name, k, (double)outcome->gradient[t][k], *want);
      *want = 0;
    }
    for (size_t k = 0; k < model->tables[t].rows * cols; k++)
      cr_assert_eq(left[k], 0, "%s: table %s lacks row %zu", what, model->tables[t].name, k / cols);
    free(left);
  }
}

static inline void leaf_check_bits(const leaf_t *leaf, const plt_model_t *model, const leaf_outcome_t *a,
                                   const leaf_outcome_t *b) {
  for (size_t t = 0; t < model->n_tables; t++)
    cr_assert_eq(memcmp(a->gradient[t], b->gradient[t], a->rows[t] * model->tables[t].cols * sizeof(float)), 0);
  for (size_t k = 0; k < model->programme.n_states; k++)
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++)
      if (a->sight.state[k][s] != NULL)
        cr_assert_eq(memcmp(a->sight.state[k][s], b->sight.state[k][s],
                            leaf->own.n[s] * model->programme.state[k].cols * sizeof(float)),
                     0);
}

#endif
