/* naive_programme.h - programmes by hand and by chance, and the nodes that each of their states needs, from the
 * definition and the dense matrices alone: the oracle for sets. */
#ifndef PLT_TESTS_UNIT_WORKER_NAIVE_PROGRAMME_H
#define PLT_TESTS_UNIT_WORKER_NAIVE_PROGRAMME_H

#include "tests/unit/worker/naive_relations.h"
#include "worker/graph/programme.h"

/* ---- by hand ---- */

static inline size_t naive_add(plt_programme_t *p, plt_state_t state) {
  if (state.cols == 0) state.cols = 2;
  p->state[p->n_states] = state;
  return p->n_states++;
}

/* A state that a function makes at the nodes alone. */
static inline size_t naive_alone(plt_programme_t *p, uint8_t sides, uint64_t inputs) {
  return naive_add(p, (plt_state_t){.relation = PLT_ALONE, .sides = sides, .computes = true, .inputs = inputs});
}

/* A plain hop. */
static inline size_t naive_hop(plt_programme_t *p, size_t relation, size_t from, uint8_t sides) {
  return naive_add(p, (plt_state_t){.relation = (uint8_t)relation, .from = (uint8_t)from, .sides = sides});
}

static inline size_t naive_hops(plt_programme_t *p, size_t relation, size_t from, uint8_t sides, size_t n) {
  for (size_t k = 0; k < n; k++) from = naive_hop(p, relation, from, sides);
  return from;
}

static inline uint64_t naive_bit(size_t state) { return (uint64_t)1 << state; }

static inline void naive_take_plans(plt_programme_t *p, const plt_relations_t *relations) {
  p->n_relations = relations->n;
  for (size_t r = 0; r < relations->n; r++) p->relation[r] = relations->of[r].plan;
}

/* ---- by chance ---- */

/* A state's relation, source and sides; false: it can be a hop from nowhere. */
static inline bool naive_choose_hop(naive_rng_t *rng, const plt_programme_t *p, plt_state_t *state) {
  for (int turn = 0; turn < 20 && p->n_states > 0 && p->n_relations > 0; turn++) {
    uint32_t relation = naive_below(rng, (uint32_t)p->n_relations), n = (uint32_t)p->n_states;
    uint32_t from = naive_below(rng, 2) == 0 ? naive_below(rng, n) : n - 1 - naive_below(rng, n < 3 ? n : 3);
    uint8_t possible = 0;
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
      plt_side_t across = naive_across(p->relation[relation].kind, s);
      if (across != PLT_SIDES && (p->state[from].sides >> across & 1)) possible |= (uint8_t)(1 << s);
    }
    uint8_t sides = possible & (naive_below(rng, 3) > 0 ? PLT_BOTH : (uint8_t)(1 + naive_below(rng, 2)));
    if (sides == 0) continue;
    *state = (plt_state_t){.relation = (uint8_t)relation, .from = (uint8_t)from, .sides = sides};
    return true;
  }
  return false;
}

/* Two states made of state 0, and a hop from each over a relation of its own: neither's nodes hold the other's. */
static inline void naive_add_fork(naive_rng_t *rng, plt_programme_t *p) {
  uint32_t n = (uint32_t)p->n_relations, relation = naive_below(rng, n), sides = p->state[0].sides;
  for (uint32_t k = 0; k < 2; k++) {
    uint32_t over = (relation + k) % n;
    uint8_t rows = 0;
    size_t from = naive_alone(p, (uint8_t)sides, 1);
    p->state[from].cols = p->state[0].cols;
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++)
      if (naive_across(p->relation[over].kind, s) != PLT_SIDES) rows |= (uint8_t)(1 << s);
    p->state[naive_hop(p, over, from, rows)].cols = p->state[0].cols;
  }
}

/* Sources of a hop that weighs: earlier states at all neighbours, as wide as what is multiplied. */
static inline void naive_choose_sources(naive_rng_t *rng, const plt_programme_t *p, plt_state_t *state) {
  uint8_t across = 0;
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++)
    if (state->sides >> s & 1) across |= (uint8_t)(1 << naive_across(p->relation[state->relation].kind, s));
  for (size_t j = 0; j < state->from; j++)
    if ((p->state[j].sides & across) == across && p->state[j].cols == p->state[state->from].cols &&
        naive_below(rng, 3) == 0)
      state->sources |= naive_bit(j);
}

/* Columns and what a state is made of; state 0 may be the rows of tables. */
static inline void naive_choose_function(naive_rng_t *rng, const plt_programme_t *p, plt_state_t *state, bool sampled) {
  bool hops = state->relation != PLT_ALONE;
  uint32_t wide = hops ? p->state[state->from].cols : 0;
  state->computes = hops || p->n_states == 0 ? naive_below(rng, 3) == 0 : true;
  state->cols = hops && !state->computes ? wide : naive_below(rng, 4) == 0 ? 3 : 2;
  if (hops && sampled && p->relation[state->relation].kind == PLT_RELATION_USER_ITEM && naive_below(rng, 3) > 0) {
    state->fanout = 1 + naive_below(rng, 4);
    state->draw = naive_below(rng, 3);
  } else if (hops && naive_below(rng, 4) == 0) {
    state->weighs = true;
    naive_choose_sources(rng, p, state);
  }
  for (size_t j = 0; j < p->n_states; j++) {
    bool seen = (state->computes && p->state[j].cols == state->cols) || (state->weighs && p->state[j].cols == wide);
    if (seen && (p->state[j].sides & state->sides) != 0 && naive_below(rng, 3) == 0) state->inputs |= naive_bit(j);
  }
}

/* About `n` states; with `sampled` some hops over users and items have a fan-out. A state that no later one uses is an
 * output, and some others are. */
static inline plt_programme_t naive_programme_make(naive_rng_t *rng, const plt_relations_t *relations, size_t n,
                                                   bool sampled) {
  plt_programme_t p = {.n_states = 0};
  uint64_t used = 0;
  naive_take_plans(&p, relations);
  while (p.n_states < n) {
    plt_state_t state = {.relation = PLT_ALONE, .sides = PLT_BOTH};
    if (p.n_states > 0 && (naive_below(rng, 3) == 0 || !naive_choose_hop(rng, &p, &state)))
      state.sides = naive_below(rng, 2) == 0 ? PLT_BOTH : (uint8_t)(1 + naive_below(rng, 2));
    naive_choose_function(rng, &p, &state, sampled);
    naive_add(&p, state);
    if (p.n_states == 1 && n > 5 && p.n_relations > 1 && naive_below(rng, 3) == 0) naive_add_fork(rng, &p);
  }
  for (size_t k = 0; k < p.n_states; k++)
    used |=
        p.state[k].inputs | p.state[k].sources | (p.state[k].relation != PLT_ALONE ? naive_bit(p.state[k].from) : 0);
  for (size_t k = 0; k < p.n_states; k++)
    if (!(used >> k & 1) || naive_below(rng, 6) == 0) p.outputs |= naive_bit(k);
  for (size_t k = 0; k < p.n_states; k++)
    if (naive_below(rng, 12) == 0) p.state[k].whole = p.state[k].sides & (uint8_t)(1 + naive_below(rng, 3));
  return p;
}

/* ---- what is needed ---- */

/* Adds to `reached` [nodes] what a hop from the nodes `rows` reads; all neighbours. */
static inline void naive_reach(const naive_relations_t *r, const plt_programme_t *p, const plt_state_t *hop,
                               const bool *rows, bool *reached) {
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    if (!(hop->sides >> s & 1) || naive_across(p->relation[hop->relation].kind, s) == PLT_SIDES) continue;
    for (uint32_t a = naive_first(r, s); a < naive_first(r, s) + naive_count(r, s); a++)
      for (uint32_t b = 0; b < r->nodes && rows[a]; b++)
        if (r->weight[hop->relation][(size_t)a * r->nodes + b] != 0) reached[b] = true;
  }
}

/* All nodes of `sides`. */
static inline void naive_need_all(const naive_relations_t *r, uint8_t sides, bool *here) {
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++)
    for (uint32_t a = 0; a < naive_count(r, s) && (sides >> s & 1); a++) here[naive_first(r, s) + a] = true;
}

/* need [n_states, nodes]: at which nodes a leaf with the own nodes `own` [nodes] needs each state. */
static inline bool *naive_needs(const naive_relations_t *r, const plt_programme_t *p, const bool *own) {
  bool *need = calloc(p->n_states * r->nodes + 1, sizeof *need);
  for (size_t k = p->n_states; k-- > 0;) {
    bool *here = need + k * r->nodes;
    if (p->outputs >> k & 1) memcpy(here, own, r->nodes * sizeof *here);
    naive_need_all(r, p->state[k].whole, here);
    for (size_t later = k + 1; later < p->n_states; later++) {
      const plt_state_t *state = &p->state[later];
      const bool *there = need + later * r->nodes;
      bool is_hop = plt_state_is_hop(state) && state->from == k;
      if (state->relation == PLT_POOLED && (state->from == k || state->by == k)) naive_need_all(r, PLT_ITEMS, here);
      for (size_t a = 0; a < r->nodes && (state->sources >> k & 1); a++) here[a] |= need[state->from * r->nodes + a];
      if (!is_hop && !(state->inputs >> k & 1)) continue;
      for (size_t a = 0; a < r->nodes; a++) here[a] |= there[a];
      if (is_hop) naive_reach(r, p, state, there, here);
    }
  }
  return need;
}

/* Whether the set `outer` holds `inner` in every leaf. */
static inline bool naive_holds(const plt_programme_t *p, size_t outer, size_t inner) {
  return outer == inner || (p->set[outer].within >> inner & 1);
}

#endif
