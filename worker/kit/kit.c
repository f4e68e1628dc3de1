/* kit.c - see kit.h: tables, programmes, losses. */
#include "worker/kit/kit.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- initial values ---- */

plt_init_t plt_init_xavier_uniform(uint64_t rows, uint64_t cols) {
  return (plt_init_t){PLT_INIT_UNIFORM, sqrt(6.0 / ((double)rows + (double)cols))};
}

plt_init_t plt_init_xavier_normal(uint64_t rows, uint64_t cols) {
  return (plt_init_t){PLT_INIT_NORMAL, sqrt(2.0 / ((double)rows + (double)cols))};
}

plt_init_t plt_init_normal(double deviation) { return (plt_init_t){PLT_INIT_NORMAL, deviation}; }

plt_init_t plt_init_zero(void) { return (plt_init_t){PLT_INIT_ZERO, 0}; }

plt_init_t plt_init_linear(uint64_t inputs, uint64_t d) {
  (void)d;
  return (plt_init_t){PLT_INIT_UNIFORM, 1 / sqrt((double)inputs)};
}

/* ---- tables ---- */

plt_model_table_t *plt_model_add_table(plt_model_t *model, const char *name, plt_entity_t entity, uint64_t rows,
                                       uint32_t cols, plt_init_t init) {
  size_t at = model->n_tables++;
  assert(strlen(name) < PLT_TABLE_NAME_MAX);
  plt_model_table_t *table = &model->tables[at < PLT_MODEL_TABLES_MAX ? at : PLT_MODEL_TABLES_MAX];
  *table = (plt_model_table_t){.entity = entity, .rows = rows, .cols = cols, .init = init};
  snprintf(table->name, sizeof table->name, "%s", name);
  return table;
}

/* ---- programmes ---- */

size_t plt_model_add_relation(plt_model_t *model, const plt_relation_plan_t *plan) {
  assert(model->programme.n_relations < PLT_RELATIONS_MAX);
  model->programme.relation[model->programme.n_relations] = *plan;
  return model->programme.n_relations++;
}

/* A state, or what there is no room for. */
static plt_state_t *state_at(plt_model_t *model, size_t number) {
  return &model->programme.state[number < PLT_STATES_MAX ? number : PLT_STATES_MAX];
}

size_t plt_model_add_state(plt_model_t *model, plt_state_t state) {
  size_t at = model->programme.n_states++;
  *state_at(model, at) = state;
  return at;
}

/* There may be no room for the state: then settling the programme says so. */
void plt_model_add_output(plt_model_t *model, size_t state) {
  model->programme.outputs |= (uint64_t)1 << state % PLT_STATES_MAX;
}

size_t plt_model_add_layers(plt_model_t *model, size_t relation, size_t from) {
  const plt_model_layers_t *layers = &model->layers;
  uint32_t cols = state_at(model, from)->cols;
  for (size_t l = 0; l < layers->n; l++)
    from = plt_model_add_state(model,
                               (plt_state_t){.relation = (uint8_t)relation,
                                             .from = (uint8_t)from,
                                             .sides = PLT_BOTH,
                                             .cols = cols,
                                             .fanout = layers->n_fanout == 0 ? 0 : layers->fanout[layers->n - 1 - l],
                                             .draw = (uint32_t)l});
  return from;
}

size_t plt_model_add_propagation(plt_model_t *model, const plt_state_t *layer_0, double edge_dropout) {
  plt_relation_plan_t pairs = {.kind = PLT_RELATION_USER_ITEM, .edge_dropout = edge_dropout};
  size_t relation = plt_model_add_relation(model, &pairs);
  plt_state_t state = *layer_0;
  state.relation = PLT_ALONE;
  state.sides = PLT_BOTH;
  size_t first = plt_model_add_state(model, state), last = plt_model_add_layers(model, relation, first);
  for (size_t k = first; k <= last; k++) plt_model_add_output(model, k);
  return last;
}

size_t plt_model_add_item_hops(plt_model_t *model, size_t relation, size_t from, size_t hops) {
  uint32_t cols = state_at(model, from)->cols;
  for (size_t k = 0; k < hops; k++)
    from = plt_model_add_state(
        model, (plt_state_t){.relation = (uint8_t)relation, .from = (uint8_t)from, .sides = PLT_ITEMS, .cols = cols});
  plt_model_add_output(model, from);
  return from;
}

size_t plt_model_add_pool(plt_model_t *model, size_t by, size_t from) {
  return plt_model_add_state(
      model,
      (plt_state_t){
          .relation = PLT_POOLED, .by = (uint8_t)by, .from = (uint8_t)from, .cols = state_at(model, from)->cols});
}

static bool is_exact(const plt_config_t *config) {
  return plt_config_list_size(config, "model.fanout") == 1 &&
         strcmp(plt_config_list_text(config, "model.fanout", 0), "exact") == 0;
}

plt_status_t plt_model_check_exact(const plt_config_t *config, plt_model_t *model, const char *reason) {
  model->exact_only = true;
  if (is_exact(config)) return PLT_OK;
  return plt_fail(PLT_ERR_USAGE, "%s: model.fanout: %s takes all neighbours, exact: %s",
                  plt_config_origin(config, "model.fanout"), model->ops->name, reason);
}

plt_status_t plt_model_read_layers(const plt_config_t *config, plt_model_t *model) {
  plt_model_layers_t *layers = &model->layers;
  size_t n = plt_config_list_size(config, "model.fanout");
  *layers = (plt_model_layers_t){.n = (size_t)plt_config_int(config, "model.layers")};
  if (is_exact(config)) return PLT_OK;
  if (n != layers->n)
    return plt_fail(
        PLT_ERR_USAGE,
        "%s: model.fanout has %zu entr%s, and model.layers is %zu: it is exact, or a list of so many numbers",
        plt_config_origin(config, "model.fanout"), n, n == 1 ? "y" : "ies", layers->n);
  for (size_t i = 0; i < n; i++) {
    const char *text = plt_config_list_text(config, "model.fanout", i);
    char *end;
    long long value = strtoll(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || value < 1 || value > PLT_FANOUT_MAX)
      return plt_fail(PLT_ERR_USAGE, "%s: model.fanout: \"%s\" is neither exact nor a whole number from 1 to %d",
                      plt_config_origin(config, "model.fanout"), text, PLT_FANOUT_MAX);
    layers->fanout[layers->n_fanout++] = (uint32_t)value;
  }
  return PLT_OK;
}

/* ---- at nodes ---- */

plt_var_t plt_nodes_sum_of_states(const plt_nodes_t *nodes, size_t first, size_t last) {
  plt_var_t sum = nodes->state[first];
  for (size_t k = first + 1; k <= last; k++) sum = plt_op_add(nodes->tape, sum, nodes->state[k]);
  return sum;
}

plt_var_t plt_nodes_mean_of_layers(const plt_model_t *model, const plt_nodes_t *nodes) {
  return plt_nodes_mean_of_chain(model, nodes, 0);
}

plt_var_t plt_nodes_mean_of_chain(const plt_model_t *model, const plt_nodes_t *nodes, size_t first) {
  return plt_op_scale(nodes->tape, plt_nodes_sum_of_states(nodes, first, first + model->layers.n),
                      1.0f / (float)(model->layers.n + 1));
}

plt_var_t plt_op_linear(plt_tape_t *tape, plt_var_t x, plt_var_t w, plt_var_t b) {
  return plt_op_add(tape, plt_op_matmul(tape, x, w), b);
}

/* ---- losses ---- */

plt_var_t plt_samples_bpr_loss(const plt_samples_t *samples, plt_var_t users, plt_var_t items, float reg) {
  plt_tape_t *t = samples->nodes->tape;
  plt_var_t u = plt_op_gather(t, users, samples->user, samples->n);
  plt_var_t p = plt_op_gather(t, items, samples->positive, samples->n);
  plt_var_t n = plt_op_gather(t, items, samples->negative, samples->n);
  plt_var_t loss = plt_op_bpr(t, plt_op_row_dot(t, u, p), plt_op_row_dot(t, u, n));
  return reg == 0 ? loss : plt_op_add(t, loss, plt_op_scale(t, plt_loss_embedding(t, u, p, n), reg));
}

plt_var_t plt_samples_bpr_loss_over(const plt_samples_t *samples, plt_var_t users, plt_var_t items, plt_var_t emb_users,
                                    plt_var_t emb_items, float reg) {
  plt_tape_t *t = samples->nodes->tape;
  plt_var_t loss = plt_samples_bpr_loss(samples, users, items, 0);
  if (reg == 0) return loss;
  plt_var_t emb = plt_loss_embedding(t, plt_op_gather(t, emb_users, samples->user, samples->n),
                                     plt_op_gather(t, emb_items, samples->positive, samples->n),
                                     plt_op_gather(t, emb_items, samples->negative, samples->n));
  return plt_op_add(t, loss, plt_op_scale(t, emb, reg));
}

plt_var_t plt_samples_rank_loss(const plt_samples_t *samples, plt_var_t u, plt_var_t items) {
  plt_tape_t *t = samples->nodes->tape;
  plt_var_t p = plt_op_gather(t, items, samples->positive, samples->n);
  plt_var_t n = plt_op_gather(t, items, samples->negative, samples->n);
  return plt_op_mean(t, plt_op_softplus(t, plt_op_sub(t, plt_op_row_dot(t, u, n), plt_op_row_dot(t, u, p))));
}

plt_var_t plt_model_rank(const plt_model_t *self, const plt_samples_t *samples) {
  plt_var_t users = plt_model_vectors(self, &samples->nodes[PLT_SIDE_USER]);
  return plt_samples_rank_loss(samples, plt_op_gather(samples->nodes->tape, users, samples->user, samples->n),
                               plt_model_vectors(self, &samples->nodes[PLT_SIDE_ITEM]));
}

plt_var_t plt_loss_embedding(plt_tape_t *t, plt_var_t a, plt_var_t b, plt_var_t c) {
  plt_var_t norms = plt_op_add(t, plt_op_add(t, plt_op_norm(t, a), plt_op_norm(t, b)), plt_op_norm(t, c));
  return plt_op_scale(t, norms, 1.0f / (float)plt_tape_rows(t, c));
}

/* own [n, c]: what each row of a is to find among b. */
static plt_var_t find_among(plt_tape_t *t, plt_var_t a, plt_var_t b, plt_var_t own, float tau) {
  plt_var_t scaled = plt_op_scale(t, a, 1 / tau);
  return plt_op_sub(t, plt_op_contrast(t, scaled, b), plt_op_mean(t, plt_op_row_dot(t, scaled, own)));
}

plt_var_t plt_loss_cross_entropy(plt_tape_t *t, plt_var_t a, plt_var_t b, float tau) {
  static const float nothing;
  return plt_tape_rows(t, a) < 2 ? plt_tape_constant(t, 1, 1, &nothing) : find_among(t, a, b, b, tau);
}

plt_var_t plt_loss_nce_among(plt_tape_t *t, plt_var_t a, plt_var_t b, const uint32_t *own, float tau) {
  plt_var_t among = plt_op_normalise(t, b);
  return find_among(t, plt_op_normalise(t, a), among, plt_op_gather(t, among, own, plt_tape_rows(t, a)), tau);
}

plt_var_t plt_loss_nce(plt_tape_t *t, plt_var_t a, plt_var_t b, float tau) {
  return plt_loss_cross_entropy(t, plt_op_normalise(t, a), plt_op_normalise(t, b), tau);
}

plt_var_t plt_loss_mean_square(plt_tape_t *t, plt_var_t x, const uint32_t *index, size_t n) {
  plt_var_t rows = plt_op_gather(t, x, index, n);
  return plt_op_mean(t, plt_op_mul(t, rows, rows));
}

plt_var_t plt_samples_mean_squares(const plt_samples_t *samples, plt_var_t users, plt_var_t items) {
  plt_tape_t *t = samples->nodes->tape;
  plt_var_t of_items = plt_op_add(t, plt_loss_mean_square(t, items, samples->positive, samples->n),
                                  plt_loss_mean_square(t, items, samples->negative, samples->n));
  return plt_op_add(t, plt_loss_mean_square(t, users, samples->user, samples->n), plt_op_scale(t, of_items, 0.5f));
}
