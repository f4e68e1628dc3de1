/* test_ultragcn.c - the loss of a leaf against plain loops in double, its gradient against differences of those; what
 * the servers are told of decay. (Whole runs: golden.ultragcn-*; the decay itself: unit.ps.table.table.) */
#include "tests/unit/worker/step.h"

enum { DIM = 3, FEAT = 4, WIDE = DIM + FEAT, X = 2 * TINY_FEATURES, NEGATIVES = 5, VALUES = 1 << 12 };

static const double w1 = 0.5, w2 = 2, w3 = 0.25, w4 = 3;

#define SETTINGS                                                                                        \
  "strategy.name=plain", "model.name=ultragcn", "model.dim=3", "model.feat_dim=4", "model.negatives=5", \
      "model.w1=0.5", "model.w2=2", "model.w3=0.25", "model.w4=3", "model.wd_embedding=0.01",           \
      "model.wd_item_factor=2", "model.wd_projection=0.3"

static double softplus(double x) { return log1p(exp(x)); }

/* Degrees counted from the pairs. */
static double beta(const plt_dataset_t *data, bool of_item, uint32_t id) {
  double degree = 0;
  for (uint64_t p = 0; p < data->n_train; p++) degree += (of_item ? data->train[p].item : data->train[p].user) == id;
  return of_item ? 1 / sqrt(degree + 1) : sqrt(degree + 1) / degree;
}

/* The vector of the k-th item of the leaf. */
static void item_vector(const plt_leaf_t *leaf, const double *w, size_t k, double *out) {
  float x[X];
  plt_dataset_features(NULL, leaf->pass.data, &leaf->pass.closure->set[0].id[PLT_SIDE_ITEM][k], 1, x);
  for (size_t c = 0; c < DIM; c++) out[c] = w[leaf->rows[1].offset + k * DIM + c];
  for (size_t c = 0; c < FEAT; c++) out[DIM + c] = w[leaf->rows[3].offset + c];
  for (size_t m = 0; m < 2; m++) {
    double square = 0;
    for (size_t f = m * TINY_FEATURES; f < (m + 1) * TINY_FEATURES; f++) square += (double)x[f] * (double)x[f];
    for (size_t f = m * TINY_FEATURES; f < (m + 1) * TINY_FEATURES; f++)
      for (size_t c = 0; c < FEAT; c++)
        out[DIM + c] += (double)x[f] / sqrt(square) * w[leaf->rows[2].offset + f * FEAT + c];
  }
}

static double twin(const plt_leaf_t *leaf, const double *w) {
  const plt_samples_t *samples = &leaf->pass.samples;
  const plt_frontier_t *own = &leaf->pass.closure->set[0];
  double loss = 0;
  for (size_t s = 0; s < samples->n; s++) {
    const double *user = w + leaf->rows[0].offset + samples->user[s] * WIDE;
    double of_user = beta(leaf->pass.data, false, own->id[PLT_SIDE_USER][samples->user[s]]);
    for (size_t k = 0; k <= NEGATIVES; k++) {
      size_t i = k == 0 ? samples->positive[s] : samples->negative[s * NEGATIVES + k - 1];
      double item[WIDE], score = 0, of_pair = of_user * beta(leaf->pass.data, true, own->id[PLT_SIDE_ITEM][i]);
      item_vector(leaf, w, i, item);
      for (size_t c = 0; c < WIDE; c++) score += user[c] * item[c];
      loss += k == 0 ? (w1 + w2 * of_pair) * softplus(-score) : (w3 + w4 * of_pair) * softplus(score) / NEGATIVES;
    }
  }
  return loss;
}

/* The first batch at random rows. */
typedef struct turn {
  tiny_t tiny;
  step_t step;
  float *values;
} turn_t;

static void turn_open(turn_t *turn, uint32_t micro_batch) {
  naive_rng_t rng = {8};
  tiny_open_with(&turn->tiny, 2, (const char *const[]){SETTINGS, NULL});
  turn->tiny.plan.batch_size = 12;
  turn->tiny.plan.micro_batch = micro_batch;
  tiny_settle(&turn->tiny);
  turn->values = naive_matrix(&rng, VALUES, -1, 1);
  step_open(&turn->step, &turn->tiny.plan);
  step_make(&turn->step, 0);
  cr_assert_lt(turn->step.batch->floats, VALUES);
  step_compute(&turn->step, turn->values);
}

static void turn_close(turn_t *turn) {
  free(turn->values);
  step_close(&turn->step);
  tiny_close(&turn->tiny);
}

Test(ultragcn, loss_and_gradient) {
  static double w[VALUES];
  turn_t turn;
  turn_open(&turn, 12);
  const plt_leaf_t *leaf = &turn.step.batch->leaves[0];
  for (size_t k = 0; k < VALUES; k++) w[k] = turn.values[k];
  double want = twin(leaf, w);
  cr_assert(naive_near(turn.step.gradients.losses[0].loss, want, 1e-6), "%.9g, not %.9g",
            turn.step.gradients.losses[0].loss, want);
  cr_assert_eq(turn.step.gradients.n_push, 4);
  for (size_t t = 0; t < 4; t++) {
    const plt_push_t *push = &turn.step.gradients.push[t];
    cr_assert(push->table == t && push->n == leaf->rows[t].n);
    for (size_t k = 0; k < push->n * push->cols; k++) {
      const double h = 1e-6, kept = w[leaf->rows[t].offset + k];
      w[leaf->rows[t].offset + k] = kept + h;
      double above = twin(leaf, w);
      w[leaf->rows[t].offset + k] = kept - h;
      double slope = (above - twin(leaf, w)) / (2 * h);
      w[leaf->rows[t].offset + k] = kept;
      cr_assert(naive_near(push->values[k], slope, 5e-6), "table %zu, %zu: %g, not %g", t, k, (double)push->values[k],
                slope);
    }
  }
  turn_close(&turn);
}

/* Twice the weight of the squared norm, of each table its own. */
Test(ultragcn, decay_is_the_servers) {
  static const double want[] = {2 * 0.01, 2 * 0.01 * 2, 2 * 0.3, 2 * 0.3};
  turn_t turn;
  turn_open(&turn, 12);
  cr_assert_eq(turn.tiny.plan.model->n_tables, 4);
  for (size_t t = 0; t < 4; t++) cr_assert(naive_near(turn.tiny.plan.model->tables[t].decay, want[t], 1e-15));
  turn_close(&turn);
}
