/* programme.c - see programme.h. Sets are found from the last state to the first: when one's turn has come, all
 * that use it have theirs. */
#include "worker/graph/programme.h"

#include <assert.h>
#include <string.h>

/* ---- sets ---- */

static bool same_term(const plt_term_t *a, const plt_term_t *b) {
  return a->relation == b->relation && a->set == b->set && a->sides == b->sides && a->fanout == b->fanout &&
         a->draw == b->draw;
}

/* The term's number in the set; terms are kept apart but for equal ones. PLT_TERMS_MAX: there is no room. */
static size_t add_term(plt_set_t *set, plt_term_t term) {
  for (size_t t = 0; t < set->n_terms; t++)
    if (same_term(&set->term[t], &term)) return t;
  if (set->n_terms == PLT_TERMS_MAX) return PLT_TERMS_MAX;
  set->term[set->n_terms] = term;
  return set->n_terms++;
}

/* The term that hop k is of its source's set. */
static plt_term_t term_of(const plt_programme_t *p, size_t k) {
  const plt_state_t *state = &p->state[k];
  return (plt_term_t){state->relation, p->set_of[k], state->sides, state->fanout, state->draw};
}

static bool same_set(const plt_set_t *a, const plt_set_t *b) {
  if (a->within != b->within || a->whole != b->whole || a->n_terms != b->n_terms) return false;
  for (size_t t = 0; t < a->n_terms; t++)
    if (!same_term(&a->term[t], &b->term[t])) return false;
  return true;
}

/* All that asks for a state, by the states behind it; false: more than there is room for. */
static bool gather_terms(const plt_programme_t *p, size_t asked, plt_set_t *set) {
  *set = (plt_set_t){.within = p->outputs >> asked & 1, .whole = p->state[asked].whole};
  for (size_t k = asked + 1; k < p->n_states; k++) {
    const plt_state_t *state = &p->state[k];
    bool is_hop = plt_state_is_hop(state) && state->from == asked;
    if (state->relation == PLT_POOLED && (state->from == asked || state->by == asked)) set->whole |= PLT_ITEMS;
    if (is_hop || (state->inputs >> asked & 1)) set->within |= (uint32_t)1 << p->set_of[k];
    if (state->sources >> asked & 1) set->within |= (uint32_t)1 << p->set_of[state->from];
    if (is_hop && add_term(set, term_of(p, k)) == PLT_TERMS_MAX) return false;
  }
  return true;
}

/* The number of the set that these terms make: an earlier one, where they are its own or its nodes alone. */
static size_t find_set(plt_programme_t *p, const plt_set_t *set) {
  if (set->n_terms == 0) {
    size_t largest = 0;
    for (size_t s = 0; s < p->n_sets; s++)
      if (set->within >> s & 1) largest = s;
    /* one set, or one that holds the others and all that is to be whole */
    if (set->within != 0 && (set->within & ~(p->set[largest].within | (uint32_t)1 << largest)) == 0 &&
        (set->whole & ~p->set[largest].whole) == 0)
      return largest;
  }
  for (size_t s = 1; s < p->n_sets; s++)
    if (same_set(&p->set[s], set)) return s;
  return p->n_sets;
}

/* What is within a set is within those that hold it. */
static void close_within(plt_programme_t *p, plt_set_t *set) {
  for (size_t s = p->n_sets; s-- > 0;)
    if (set->within >> s & 1) set->within |= p->set[s].within;
}

static void check_state(const plt_programme_t *p, size_t k) {
  const plt_state_t *state = &p->state[k];
  if (state->relation == PLT_POOLED) {
    assert(state->from < k && state->by < k && state->sides == 0 && state->whole == 0 && state->inputs == 0);
    assert((p->state[state->from].sides & p->state[state->by].sides & PLT_ITEMS) != 0);
    return;
  }
  assert(state->relation == PLT_ALONE || (state->relation < p->n_relations && state->from < k));
  assert(state->inputs >> k == 0 && state->sides != 0 && state->cols > 0 && (state->whole & ~state->sides) == 0);
  assert(state->sources == 0 || (state->weighs && state->fanout == 0 && state->sources >> state->from == 0));
  (void)state;
}

plt_status_t plt_programme_settle(plt_programme_t *p) {
  if (p->n_states > PLT_STATES_MAX)
    return plt_fail(PLT_ERR_USAGE, "this model has %zu states with so many layers and modalities, more than %d",
                    p->n_states, PLT_STATES_MAX);
  p->n_sets = 1;
  p->set[0] = (plt_set_t){0};
  for (size_t k = p->n_states; k-- > 0;) {
    check_state(p, k);
    plt_set_t set;
    if (p->state[k].relation == PLT_POOLED) continue; /* at no nodes */
    if (!gather_terms(p, k, &set))
      return plt_fail(PLT_ERR_USAGE, "this model makes more than %d hops from one state with so many modalities",
                      PLT_TERMS_MAX);
    assert(set.within != 0 || set.whole != 0); /* somebody wants it */
    close_within(p, &set);
    size_t number = find_set(p, &set);
    if (number == p->n_sets) {
      if (p->n_sets == PLT_SETS_MAX)
        return plt_fail(PLT_ERR_USAGE, "this model needs more than %d sets of nodes with so many layers and modalities",
                        PLT_SETS_MAX);
      p->set[p->n_sets++] = set;
    }
    p->set_of[k] = (uint8_t)number;
  }
  for (size_t k = 0; k < p->n_states; k++)
    if (plt_state_is_hop(&p->state[k]))
      p->term_of[k] = (uint8_t)add_term(&p->set[p->set_of[p->state[k].from]], term_of(p, k)); /* it is there */
  return PLT_OK;
}

/* ---- estimates ---- */

static uint64_t smaller(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* Edges of one side's rows altogether. */
static uint64_t edges_of(const plt_relation_plan_t *plan, const plt_programme_size_t *size) {
  switch (plan->kind) {
    case PLT_RELATION_ITEM_ITEM: {
      uint64_t modalities = 0;
      for (size_t m = 0; m < PLT_MODALITIES_MAX; m++) modalities += plan->items.share[m] != 0;
      return size->nodes[PLT_SIDE_ITEM] * smaller(plan->items.k, size->nodes[PLT_SIDE_ITEM]) * modalities;
    }
    case PLT_RELATION_USER_USER: return size->nodes[PLT_SIDE_USER] * smaller(plan->users.k, size->nodes[PLT_SIDE_USER]);
    case PLT_RELATION_USER_ITEM: break; /* no default: a new kind is to be told of here */
  }
  return size->pairs;
}

/* Edges of so many rows: those that are drawn, or at most all (the rows may be the busiest). Graphs of likes have the
 * same number in every row. */
static uint64_t edges_of_rows(const plt_relation_plan_t *plan, const plt_programme_size_t *size, plt_side_t side,
                              uint64_t rows, uint32_t fanout) {
  uint64_t all = edges_of(plan, size), nodes = size->nodes[side];
  if (fanout != 0) return smaller(rows * fanout, all);
  return plan->kind == PLT_RELATION_USER_ITEM ? (rows == 0 ? 0 : all) : nodes == 0 ? 0 : all * rows / nodes;
}

static uint64_t bytes_of(const plt_relation_plan_t *plan, const plt_programme_size_t *size) {
  uint64_t nodes = size->nodes[PLT_SIDE_USER] + size->nodes[PLT_SIDE_ITEM], bytes = edges_of(plan, size) * 8;
  if (plan->kind != PLT_RELATION_USER_ITEM) return bytes + nodes * 8;
  return (bytes + nodes * 12) * (plt_relation_varies(plan) ? 2 : 1) +
         (plan->weight != PLT_EDGES_SYMMETRIC ? nodes * 4 : 0);
}

/* At most as many nodes as all sets within set `s` have together: the own ones are in each, what is within another is
 * counted with that. */
static uint64_t nodes_within(const plt_programme_t *p, const plt_programme_cost_t *cost, size_t s, plt_side_t side) {
  uint64_t own = cost->nodes[0][side], nodes = own;
  uint32_t held = 0;
  for (size_t inner = s; inner-- > 0;) {
    if (!(p->set[s].within >> inner & 1) || (held >> inner & 1)) continue;
    nodes += cost->nodes[inner][side] - own;
    held |= p->set[inner].within;
  }
  return nodes;
}

void plt_programme_estimate(const plt_programme_t *p, const plt_programme_size_t *size, const uint64_t own[PLT_SIDES],
                            plt_programme_cost_t *cost) {
  memset(cost, 0, sizeof *cost);
  for (size_t s = 0; s < p->n_sets; s++) {
    uint64_t *here = cost->nodes[s];
    for (plt_side_t side = PLT_SIDE_USER; side < PLT_SIDES; side++) {
      here[side] = smaller(s == 0 ? own[side] : nodes_within(p, cost, s, side), size->nodes[side]);
      if (p->set[s].whole >> side & 1) here[side] = size->nodes[side];
    }
    for (size_t t = 0; t < p->set[s].n_terms; t++) {
      const plt_term_t *term = &p->set[s].term[t];
      const plt_relation_plan_t *plan = &p->relation[term->relation];
      for (plt_side_t side = PLT_SIDE_USER; side < PLT_SIDES; side++) {
        plt_side_t across = plt_relation_across(plan->kind, side);
        if (!(term->sides >> side & 1) || !plt_relation_has(plan->kind, side)) continue;
        uint64_t edges = edges_of_rows(plan, size, side, cost->nodes[term->set][side], term->fanout);
        cost->edges += edges;
        here[across] = smaller(here[across] + edges, size->nodes[across]);
      }
    }
  }
  for (size_t k = 0; k < p->n_states; k++)
    for (plt_side_t side = PLT_SIDE_USER; side < PLT_SIDES; side++)
      if (p->state[k].sides >> side & 1)
        cost->states += cost->nodes[p->set_of[k]][side] * (2 * (uint64_t)p->state[k].cols + p->state[k].floats +
                                                           (side == PLT_SIDE_ITEM ? p->state[k].item_floats : 0));
  for (size_t r = 0; r < p->n_relations; r++) cost->relations += bytes_of(&p->relation[r], size);
}
