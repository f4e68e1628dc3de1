/* forward.c - see forward.h. */
#include "worker/kit/forward.h"

#include <assert.h>

enum { OUTPUT = PLT_STATES_MAX }; /* who sees the outputs, among those who see states */

typedef struct forward {
  plt_row_source_t source; /* first: plt_row_source_t * is this */
  const plt_model_t *model;
  const plt_leaf_pass_t *leaf;
  plt_tape_t *tape;
  const plt_var_t *table;
  plt_var_t state[PLT_STATES_MAX][PLT_SIDES]; /* at its set */
  /* [side][by whom][state]: at that one's nodes; `near`: at those of its source, for hops that weigh. */
  plt_var_t seen[PLT_SIDES][PLT_STATES_MAX + 1][PLT_STATES_MAX];
  plt_var_t near[PLT_SIDES][PLT_STATES_MAX][PLT_STATES_MAX];
} forward_t;

/* Rows x of the nodes of the set `outer` -> those of `inner`. A node of the tape also where a leaf has the same nodes
 * in both: the order in which derivatives are added up must not depend on the leaf. */
static plt_var_t narrow(const forward_t *f, plt_side_t side, size_t outer, size_t inner, plt_var_t x) {
  if (outer == inner) return x;
  const uint32_t *place = plt_closure_places(f->leaf->closure, outer, inner, side);
  return plt_op_gather(f->tape, x, place, f->leaf->closure->set[inner].n[side]);
}

/* ---- rows ---- */

static plt_var_t rows_of_table(const plt_row_source_t *source, const plt_nodes_t *nodes, size_t table) {
  const forward_t *f = (const forward_t *)source;
  const plt_model_table_t *of = &f->model->tables[table];
  if (of->entity == PLT_ENTITY_DENSE) return f->table[table];
  assert(plt_entity_side(of->entity) == nodes->side);
  return narrow(f, nodes->side, plt_model_set(f->model, of->at), nodes->set, f->table[table]);
}

static plt_var_t rows_of_state(const plt_row_source_t *source, const plt_nodes_t *nodes, size_t state) {
  const forward_t *f = (const forward_t *)source;
  return narrow(f, nodes->side, f->model->programme.set_of[state], nodes->set, f->state[state][nodes->side]);
}

static plt_var_t whole_state(const plt_row_source_t *source, plt_side_t side, size_t state) {
  const forward_t *f = (const forward_t *)source;
  assert(f->model->programme.state[state].whole >> side & 1);
  return f->state[state][side];
}

static plt_var_t features_of_pass(const plt_row_source_t *source, const plt_nodes_t *nodes, size_t first,
                                  const plt_lazy_t *x) {
  return plt_adversary_features(((const forward_t *)source)->leaf->adversary, nodes, first, x);
}

static plt_nodes_t nodes_of(const forward_t *f, plt_side_t side, size_t set, const plt_var_t *states) {
  const plt_frontier_t *nodes = &f->leaf->closure->set[set];
  return (plt_nodes_t){.tape = f->tape,
                       .data = f->leaf->data,
                       .side = side,
                       .id = nodes->id[side],
                       .n = nodes->n[side],
                       .state = states,
                       .draws = &f->leaf->draws,
                       .set = set,
                       .source = &f->source};
}

/* ---- states ---- */

/* Sums over all items: one matrix, seen by whoever wants it. Both factors have all items, in their order. */
static void pool_state(forward_t *f, size_t k) {
  const plt_programme_t *p = &f->model->programme;
  const plt_state_t *how = &p->state[k];
  plt_var_t pooled = plt_op_matmul_at(f->tape, f->state[how->by][PLT_SIDE_ITEM], f->state[how->from][PLT_SIDE_ITEM]);
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    for (size_t later = k + 1; later < p->n_states; later++) f->seen[s][later][k] = pooled;
    f->seen[s][OUTPUT][k] = pooled;
  }
}

static void make_state(forward_t *f, size_t k) {
  const plt_programme_t *p = &f->model->programme;
  const plt_state_t *how = &p->state[k];
  if (how->relation == PLT_POOLED) {
    pool_state(f, k);
    return;
  }
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    plt_var_t product = {0};
    if (!(how->sides >> s & 1)) continue;
    plt_nodes_t at = nodes_of(f, s, p->set_of[k], f->seen[s][k]);
    if (plt_state_is_hop(how)) {
      plt_side_t across = plt_relation_across(p->relation[how->relation].kind, s);
      plt_nodes_t from = nodes_of(f, across, p->set_of[how->from], f->near[across][k]);
      f->near[across][k][how->from] = f->state[how->from][across];
      product = plt_model_product(f->model, plt_closure_hop(f->leaf->closure, k, s), &at, &from, k,
                                  f->state[how->from][across]);
    }
    f->state[k][s] = plt_model_state(f->model, &at, k, product);
  }
}

/* State k at the nodes of those who will see it: at once, so that a state's derivative is always added up in the same
 * order. */
static void show_state(forward_t *f, size_t k) {
  const plt_programme_t *p = &f->model->programme;
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    if (!(p->state[k].sides >> s & 1)) continue;
    for (size_t later = k + 1; later < p->n_states; later++) {
      const plt_state_t *who = &p->state[later];
      if ((who->inputs >> k & 1) && (who->sides >> s & 1))
        f->seen[s][later][k] = narrow(f, s, p->set_of[k], p->set_of[later], f->state[k][s]);
      if (who->sources >> k & 1)
        f->near[s][later][k] = narrow(f, s, p->set_of[k], p->set_of[who->from], f->state[k][s]);
    }
    if (p->outputs >> k & 1) f->seen[s][OUTPUT][k] = narrow(f, s, p->set_of[k], 0, f->state[k][s]);
  }
}

plt_var_t plt_model_loss(const plt_model_t *model, plt_tape_t *tape, const plt_leaf_pass_t *leaf,
                         const plt_var_t *table) {
  forward_t f;
  f.source =
      (plt_row_source_t){rows_of_table, rows_of_state, whole_state, leaf->adversary == NULL ? NULL : features_of_pass};
  f.model = model;
  f.leaf = leaf;
  f.tape = tape;
  f.table = table;
  for (size_t k = 0; k < model->programme.n_states; k++) {
    make_state(&f, k);
    show_state(&f, k);
  }
  plt_nodes_t own[PLT_SIDES];
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) own[s] = nodes_of(&f, s, 0, f.seen[s][OUTPUT]);
  plt_samples_t samples = leaf->samples;
  samples.nodes = own;
  return leaf->ranks && model->ops->rank != NULL ? model->ops->rank(model, &samples)
                                                 : model->ops->loss(model, &samples);
}
