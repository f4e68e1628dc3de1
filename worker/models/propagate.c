/* propagate.c - how a pass of a graph model goes: layer 0, one product per hop and side, the sum of all layers at the
 * leaf's own nodes (model.h, subgraph.h). */
#include <assert.h>

#include "worker/models/model.h"

uint32_t plt_model_base_table(const plt_model_t *model, plt_side_t side) {
  plt_entity_t entity = side == PLT_SIDE_USER ? PLT_ENTITY_USER : PLT_ENTITY_ITEM;
  uint32_t t = 0;
  while (model->tables[t].entity != entity) t++;
  return t;
}

plt_var_t plt_model_base(const plt_model_t *model, const plt_pass_t *pass, plt_side_t side) {
  if (model->ops->base != NULL) return model->ops->base(model, pass, side);
  return pass->table[plt_model_base_table(model, side)];
}

/* Rows of F_L's nodes -> those of the leaf's own, which are fewer when the sum of the layers is spread over items. */
static plt_var_t own_of_last(const plt_pass_t *pass, plt_side_t side, plt_var_t x) {
  const plt_subgraph_t *graph = pass->graph;
  if (side == PLT_SIDE_USER || graph->own_item == NULL) return x;
  return plt_op_gather(pass->tape, x, graph->own_item, graph->n_own_item);
}

/* Rows of F_l's nodes -> those of F_L's. */
static plt_var_t last_of_layer(const plt_pass_t *pass, size_t l, plt_side_t side, plt_var_t x) {
  const plt_subgraph_t *graph = pass->graph;
  if (l == graph->layers) return x;
  return plt_op_gather(pass->tape, x, graph->own[l][side], graph->frontier[graph->layers].n[side]);
}

plt_var_t plt_pass_own(const plt_pass_t *pass, plt_side_t side, plt_var_t x) {
  if (pass->graph == NULL) return x;
  return own_of_last(pass, side, last_of_layer(pass, 0, side, x));
}

plt_var_t plt_pass_mean_of_layers(const plt_model_t *model, const plt_pass_t *pass, plt_side_t side) {
  return plt_op_scale(pass->tape, pass->sum[side], 1.0f / (float)(model->graph.layers + 1));
}

plt_var_t plt_model_vectors(const plt_model_t *model, const plt_pass_t *pass, plt_side_t side) {
  plt_var_t (*of_side)(const plt_model_t *, const plt_pass_t *) =
      side == PLT_SIDE_USER ? model->ops->users : model->ops->items;
  if (of_side != NULL) return of_side(model, pass);
  if (model->graph.layers > 0) return plt_pass_mean_of_layers(model, pass, side);
  return pass->table[plt_model_base_table(model, side)];
}

/* Fills pass->sum from pass->base: at F_L's nodes. */
static void propagate(plt_pass_t *pass) {
  const plt_subgraph_t *graph = pass->graph;
  plt_tape_t *t = pass->tape;
  plt_var_t layer[PLT_SIDES] = {pass->base[PLT_SIDE_USER], pass->base[PLT_SIDE_ITEM]};
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) pass->sum[s] = last_of_layer(pass, 0, s, layer[s]);
  for (size_t l = 0; l < graph->layers; l++) {
    plt_var_t next[PLT_SIDES];
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
      next[s] = plt_op_propagate(t, &graph->hop[l][s], layer[plt_side_other(s)]);
      pass->sum[s] = plt_op_add(t, pass->sum[s], last_of_layer(pass, l + 1, s, next[s]));
    }
    layer[PLT_SIDE_USER] = next[PLT_SIDE_USER];
    layer[PLT_SIDE_ITEM] = next[PLT_SIDE_ITEM];
  }
}

/* Fills pass->spread, and takes pass->sum to the leaf's own items. */
static void spread(plt_pass_t *pass) {
  const plt_subgraph_t *graph = pass->graph;
  plt_var_t x = pass->sum[PLT_SIDE_ITEM];
  if (graph->item_hops == 0) return;
  if (graph->source != NULL) x = plt_op_gather(pass->tape, pass->base[PLT_SIDE_ITEM], graph->source, graph->n_source);
  for (size_t k = 0; k < graph->item_hops; k++) x = plt_op_propagate(pass->tape, &graph->spread[k], x);
  pass->spread = x;
  pass->sum[PLT_SIDE_ITEM] = own_of_last(pass, PLT_SIDE_ITEM, pass->sum[PLT_SIDE_ITEM]);
}

plt_var_t plt_model_loss(const plt_model_t *model, const plt_pass_t *pass) {
  if (model->graph.layers == 0) return model->ops->loss(model, pass);
  plt_pass_t whole = *pass;
  assert(pass->graph != NULL);
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) whole.base[s] = plt_model_base(model, pass, s);
  propagate(&whole);
  spread(&whole);
  return model->ops->loss(model, &whole);
}
