/* compute.c - see compute.h. */
#include "worker/train/compute.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "worker/math/vectors.h"
#include "worker/tape/tape.h"

struct plt_compute {
  const plt_plan_t *plan;
  plt_crew_t *crew;
  plt_tape_t *tape;
  plt_arena_t *arena;
  plt_adversary_t *adversary;
};

plt_compute_t *plt_compute_create(const plt_plan_t *plan, plt_crew_t *crew) {
  plt_compute_t *compute = plt_mem_zalloc(1, sizeof *compute);
  *compute = (plt_compute_t){.plan = plan, .tape = plt_tape_create(crew), .arena = plt_arena_create(), .crew = crew};
  if (plan->model->amr_weight > 0) compute->adversary = plt_adversary_create();
  return compute;
}

void plt_compute_destroy(plt_compute_t **compute) {
  if (*compute == NULL) return;
  plt_adversary_destroy(&(*compute)->adversary);
  plt_tape_destroy(&(*compute)->tape);
  plt_arena_destroy(&(*compute)->arena);
  free(*compute);
  *compute = NULL;
}

/* ---- one leaf ---- */

typedef struct leaf_run {
  plt_compute_t *compute;
  const plt_leaf_t *leaf;
  const float *values; /* [leaf->floats] as pulled: where rows beside w are read */
  float *aux;          /* [leaf->pushed - leaf->trained]: gradient of what is trained beside w; NULL: nothing is */
  plt_leaf_pass_t pass;
} leaf_run_t;

/* Rows of table t at the point w; gradient NULL: nobody wants one. What is trained beside w has its gradient where w is
 * as it was pulled. */
static plt_var_t table_at(const leaf_run_t *run, size_t t, const float *w, float *gradient) {
  const plt_plan_t *plan = run->compute->plan;
  const plt_rows_view_t *rows = &run->leaf->rows[t];
  plt_tape_t *tape = run->compute->tape;
  uint32_t cols = plan->model->tables[t].cols;
  bool aux = plan->model->tables[t].aux;
  if (plan->specs[t].frozen || (aux && (w != run->values || gradient == NULL)))
    return plt_tape_constant(tape, rows->n, cols, run->values + rows->offset);
  if (aux)
    return plt_tape_parameter(tape, rows->n, cols, run->values + rows->offset,
                              run->aux + (rows->offset - run->leaf->trained));
  return plt_tape_parameter(tape, rows->n, cols, w + rows->offset, gradient == NULL ? NULL : gradient + rows->offset);
}

/* The loss of a pass at the point w, times `weight`; adds its gradient. */
static double run_pass(const leaf_run_t *run, const plt_leaf_pass_t *pass, const float *w, float weight,
                       float *gradient) {
  const plt_model_t *model = run->compute->plan->model;
  plt_tape_t *tape = run->compute->tape;
  plt_var_t tables[PLT_MODEL_TABLES_MAX];
  plt_tape_reset(tape);
  for (size_t t = 0; t < model->n_tables; t++) tables[t] = table_at(run, t, w, gradient);
  plt_var_t loss = plt_model_loss(model, tape, pass, tables);
  if (weight != 1) loss = plt_op_scale(tape, loss, weight);
  double value = plt_tape_scalar(tape, loss);
  plt_tape_backward(tape, loss);
  return value;
}

/* What features that are disturbed at these weights add to loss and gradient (worker/kit/adversary.h). */
static double disturb(const leaf_run_t *run, const float *w, float *gradient) {
  const plt_plan_t *plan = run->compute->plan;
  plt_leaf_pass_t pass = run->pass;
  pass.ranks = true;
  pass.adversary = run->compute->adversary;
  plt_adversary_measure(pass.adversary);
  run_pass(run, &pass, w, 1, NULL);
  if (!plt_adversary_settle(pass.adversary, plan->data, plan->model->amr_eps)) return 0;
  return run_pass(run, &pass, w, plan->model->amr_weight, gradient);
}

/* plt_gradient_fn: the model's loss and gradient at the point w. */
static double gradient_at(void *context, const float *w, float *gradient) {
  const leaf_run_t *run = context;
  memset(gradient, 0, run->leaf->trained * sizeof *gradient);
  if (run->aux != NULL && w == run->values)
    memset(run->aux, 0, (run->leaf->pushed - run->leaf->trained) * sizeof *run->aux);
  double loss = run_pass(run, &run->pass, w, 1, gradient);
  return run->compute->adversary == NULL ? loss : loss + disturb(run, w, gradient);
}

double plt_compute_loss_at(plt_compute_t *compute, const plt_leaf_t *leaf, const float *values, const float *w,
                           float *gradient) {
  leaf_run_t run = {.compute = compute, .leaf = leaf, .values = values, .pass = leaf->pass};
  assert(w != values);
  if (gradient != NULL) memset(gradient, 0, leaf->trained * sizeof *gradient);
  return run_pass(&run, &run.pass, w, 1, gradient);
}

static plt_status_t not_finite(const plt_compute_t *compute, const plt_batch_t *batch, const plt_leaf_t *leaf,
                               double loss) {
  const plt_plan_t *plan = compute->plan;
  uint32_t batches = plt_sampler_batches(plan->sampler);
  bool of_loss = !isfinite(loss);
  return plt_fail(PLT_ERR_NAN,
                  "%s at epoch %" PRIu32 ", step %" PRIu64 " (batch %" PRIu32 " of %" PRIu32 ", leaf %" PRIu32
                  "), strategy %s, lr %g: stopped before the push; lower optimizer.lr or set optimizer.clip_norm",
                  of_loss ? (isnan(loss) ? "the loss is NaN" : "the loss is infinite") : "a gradient is not finite",
                  batch->epoch, (uint64_t)batch->epoch * batches + batch->batch, batch->batch, batches, leaf->number,
                  plan->strategy->ops->name, plan->lr);
}

/* The learning rates of w; NULL if all are that of the step. */
static const plt_lr_span_t *lr_spans(const plt_plan_t *plan, const plt_rows_view_t *rows, plt_arena_t *arena,
                                     size_t *n) {
  plt_lr_span_t *spans = plt_arena_alloc(arena, plan->model->n_tables * sizeof *spans);
  bool differs = false;
  *n = 0;
  for (size_t t = 0; t < plan->model->n_tables; t++) {
    double scale = plan->specs[t].lr_scale;
    if (!plt_plan_trains(plan, t)) continue;
    spans[(*n)++] = (plt_lr_span_t){rows[t].n * plan->model->tables[t].cols, scale == 0 ? 1 : scale};
    differs = differs || scale != 0;
  }
  if (differs) return spans;
  *n = 0;
  return NULL;
}

bool plt_strategy_descend(const plt_plan_t *plan, const plt_rows_view_t *rows, plt_objective_t *objective,
                          plt_arena_t *arena, float **gradient, double *loss) {
  size_t n = objective->n;
  objective->point = plt_arena_alloc(arena, n * sizeof(float));
  objective->second = plt_arena_alloc(arena, n * sizeof(float));
  objective->spans = lr_spans(plan, rows, arena, &objective->n_spans);
  float *g = *gradient = plt_arena_alloc(arena, n * sizeof *g);
  *loss = plan->strategy->ops->gradient(plan->strategy, objective, g);
  if (!isfinite(*loss) || !plt_vector_is_finite(g, n)) return false;
  plt_vector_clip(g, n, plan->clip_norm);
  return true;
}

/* Behind the gradient of w that of what is trained beside it. */
static bool add_aux(plt_compute_t *compute, const plt_leaf_t *leaf, const float *aux, float **gradient) {
  size_t n = leaf->pushed - leaf->trained;
  float *both = plt_arena_alloc(compute->arena, leaf->pushed * sizeof *both);
  memcpy(both, *gradient, leaf->trained * sizeof *both);
  memcpy(both + leaf->trained, aux, n * sizeof *both);
  *gradient = both;
  return plt_vector_is_finite(aux, n);
}

/* The gradient that the leaf hands over, [leaf->pushed]. */
static plt_status_t run_leaf(plt_compute_t *compute, const plt_batch_t *batch, const plt_leaf_t *leaf,
                             const float *values, uint32_t phase, double eta, float **gradient, double *loss) {
  leaf_run_t run = {.compute = compute,
                    .leaf = leaf,
                    .values = plt_batch_leaf_values(compute->plan, batch, leaf, values, compute->arena),
                    .pass = leaf->pass};
  plt_objective_t objective = {.gradient_at = gradient_at,
                               .context = &run,
                               .n = leaf->trained,
                               .w = run.values,
                               .batch = batch->turn,
                               .phase = phase,
                               .eta = eta};
  if (leaf->pushed > leaf->trained)
    run.aux = plt_arena_alloc(compute->arena, (leaf->pushed - leaf->trained) * sizeof *run.aux);
  if (!plt_strategy_descend(compute->plan, leaf->rows, &objective, compute->arena, gradient, loss) ||
      (run.aux != NULL && !add_aux(compute, leaf, run.aux, gradient)))
    return not_finite(compute, batch, leaf, *loss);
  if (leaf->weight != 1.0) plt_vector_scale(*gradient, leaf->pushed, leaf->weight);
  *loss *= leaf->weight;
  return PLT_OK;
}

/* ---- leaves to blocks ---- */

typedef struct leaf_results {
  plt_leaf_span_t *spans;
  float **gradients;
  double *losses;
} leaf_results_t;

/* Leaves [from, from + n) of this worker, one block, one table. */
static plt_push_t block_push(plt_compute_t *compute, const plt_batch_t *batch, const leaf_results_t *results,
                             plt_leaf_span_t block, size_t from, size_t n, uint32_t table) {
  uint32_t cols = compute->plan->model->tables[table].cols;
  plt_rows_t *parts = plt_arena_alloc(compute->arena, n * sizeof *parts);
  for (size_t l = 0; l < n; l++) {
    const plt_rows_view_t *rows = &batch->leaves[from + l].rows[table];
    parts[l] = (plt_rows_t){rows->keys, results->gradients[from + l] + rows->offset, rows->n};
  }
  plt_rows_t sum = plt_tree_sum_rows(results->spans + from, parts, n, cols, compute->arena);
  return (plt_push_t){.table = table, .cols = cols, .span = block, .keys = sum.keys, .values = sum.values, .n = sum.n};
}

/* A batch's second push says nothing of what is trained beside w: its gradient was that at the weights. */
static void add_blocks(plt_compute_t *compute, const plt_batch_t *batch, const leaf_results_t *results, uint32_t phase,
                       plt_gradients_t *out) {
  size_t n_tables = compute->plan->model->n_tables;
  *out = (plt_gradients_t){.push = plt_arena_alloc(compute->arena, batch->n_blocks * n_tables * sizeof *out->push),
                           .losses = plt_arena_alloc(compute->arena, batch->n_blocks * sizeof *out->losses)};
  size_t from = 0;
  for (size_t b = 0; b < batch->n_blocks; b++) {
    plt_leaf_span_t block = batch->blocks[b];
    size_t n = 0;
    while (from + n < batch->n_leaves && batch->leaves[from + n].number - block.first < block.leaves) n++;
    out->losses[out->n_losses++] =
        (plt_block_loss_t){block, plt_tree_sum(results->spans + from, results->losses + from, n)};
    for (uint32_t t = 0; t < n_tables; t++)
      if (!compute->plan->specs[t].frozen && !(phase > 0 && compute->plan->model->tables[t].aux))
        out->push[out->n_push++] = block_push(compute, batch, results, block, from, n, t);
    from += n;
  }
}

plt_status_t plt_compute_gradients(plt_compute_t *compute, const plt_batch_t *batch, const float *values,
                                   uint32_t phase, double eta, plt_gradients_t *out) {
  plt_arena_reset(compute->arena);
  size_t n = batch->n_leaves;
  leaf_results_t results = {.spans = plt_arena_alloc(compute->arena, n * sizeof *results.spans),
                            .gradients = plt_arena_alloc(compute->arena, n * sizeof *results.gradients),
                            .losses = plt_arena_alloc(compute->arena, n * sizeof *results.losses)};
  for (size_t l = 0; l < n; l++) {
    results.spans[l] = (plt_leaf_span_t){batch->leaves[l].number, 1};
    PLT_TRY(run_leaf(compute, batch, &batch->leaves[l], values, phase, eta, &results.gradients[l], &results.losses[l]));
  }
  add_blocks(compute, batch, &results, phase, out);
  return PLT_OK;
}
