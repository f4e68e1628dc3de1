/* test_programme.c - sets and terms of the models' shapes by hand; of programmes by chance against what the definition
 * says a leaf needs; programmes that are too large; estimates, which no closure exceeds. */
#include "tests/unit/worker/naive_graph.h"
#include "tests/unit/worker/shapes.h"
#include "worker/graph/closure.h"
#include "worker/models/registry.h"

static void settle(plt_programme_t *p) { cr_assert_eq(plt_programme_settle(p), PLT_OK, "%s", plt_fail_text()); }

/* ---- by hand ---- */

static void expect_sets_of(const plt_programme_t *p, size_t n_sets, const uint8_t *set_of) {
  cr_assert_eq(p->n_sets, n_sets);
  for (size_t k = 0; k < p->n_states; k++) cr_assert_eq(p->set_of[k], set_of[k], "state %zu: set %u", k, p->set_of[k]);
}

#define SETS_OF(p, n_sets, ...) expect_sets_of(p, n_sets, (const uint8_t[]){__VA_ARGS__})

/* Which sets it holds, and hops over `relation` of `sides` from each. Terms are in any order. */
static void expect_set(const plt_programme_t *p, size_t number, uint32_t within, size_t n, const plt_term_t *terms) {
  const plt_set_t *set = &p->set[number];
  cr_assert_eq(set->within, within, "set %zu holds %x", number, set->within);
  cr_assert_eq(set->n_terms, n, "set %zu has %zu terms", number, set->n_terms);
  for (size_t t = 0; t < n; t++) {
    size_t found = 0;
    for (size_t other = 0; other < n; other++) {
      const plt_term_t *a = &set->term[other], *b = &terms[t];
      found += a->relation == b->relation && a->set == b->set && a->sides == b->sides && a->fanout == b->fanout &&
               a->draw == b->draw;
    }
    cr_assert_eq(found, 1, "set %zu has term %zu %zu times", number, t, found);
  }
}

#define DRAWN(relation, set, sides, fanout, draw) \
  { relation, set, sides, fanout, draw }
#define ALL(relation, set, sides) DRAWN(relation, set, sides, 0, 0)
#define NO_TERMS(p, number, within) expect_set(p, number, within, 0, NULL)
#define TERMS(p, number, within, ...)                                                           \
  expect_set(p, number, within, sizeof((const plt_term_t[]){__VA_ARGS__}) / sizeof(plt_term_t), \
             (const plt_term_t[]){__VA_ARGS__})

/* Every hop's term is one of its source's set, and the one that it says. */
static void expect_terms_of_hops(const plt_programme_t *p) {
  for (size_t k = 0; k < p->n_states; k++) {
    const plt_state_t *state = &p->state[k];
    if (!plt_state_is_hop(state)) continue;
    const plt_set_t *set = &p->set[p->set_of[state->from]];
    cr_assert_lt(p->term_of[k], set->n_terms);
    const plt_term_t *term = &set->term[p->term_of[k]];
    cr_assert(term->relation == state->relation && term->set == p->set_of[k] && term->sides == state->sides);
    cr_assert(term->fanout == state->fanout && term->draw == state->draw);
  }
}

static plt_programme_t made(void (*make)(plt_programme_t *p, size_t layers, size_t hops), size_t layers, size_t hops) {
  plt_programme_t p = shape_settled(&(shape_t){"shape", make}, layers, hops);
  expect_terms_of_hops(&p);
  return p;
}

Test(programme, without_states_there_are_the_own_nodes) {
  plt_programme_t p = shape_begin();
  settle(&p);
  cr_assert_eq(p.n_sets, 1);
  NO_TERMS(&p, 0, 0);
}

Test(programme, lightgcn) {
  plt_programme_t p = made(shape_lightgcn, 2, 0);
  SETS_OF(&p, 3, 2, 1, 0);
  NO_TERMS(&p, 0, 0);
  TERMS(&p, 1, 1, ALL(UI, 0, PLT_BOTH));
  TERMS(&p, 2, 3, ALL(UI, 1, PLT_BOTH));
  cr_assert(plt_state_is_table(&p.state[0]) && !plt_state_is_table(&p.state[1]));
}

/* Only the last layer is an output: layer 0 still holds the own nodes, through the layers between. */
Test(programme, a_chain_whose_end_is_the_output) {
  plt_programme_t p = made(shape_chain, 3, 0);
  SETS_OF(&p, 4, 3, 2, 1, 0);
  TERMS(&p, 3, 7, ALL(UI, 2, PLT_BOTH));
}

Test(programme, sampled_hops_are_terms_of_their_own) {
  plt_programme_t p = shape_begin();
  naive_alone(&p, PLT_BOTH, 0);
  for (uint32_t k = 0; k < 4; k++) {
    size_t hop = naive_hop(&p, UI, 0, PLT_BOTH);
    p.state[hop].fanout = k < 3 ? 5 : 0;
    p.state[hop].draw = k == 2 ? 1 : 0; /* the first two are the same */
    p.outputs |= naive_bit(hop);
  }
  settle(&p);
  SETS_OF(&p, 2, 1, 0, 0, 0, 0);
  TERMS(&p, 1, 1, DRAWN(UI, 0, PLT_BOTH, 5, 0), DRAWN(UI, 0, PLT_BOTH, 5, 1), ALL(UI, 0, PLT_BOTH));
  cr_assert(p.term_of[1] == p.term_of[2] && p.term_of[3] != p.term_of[1] && p.term_of[4] != p.term_of[3]);
  expect_terms_of_hops(&p);
}

Test(programme, freedom_spreads_layer_0) {
  plt_programme_t p = made(shape_freedom, 2, 1);
  SETS_OF(&p, 3, 2, 1, 0, 0);
  TERMS(&p, 2, 3, ALL(UI, 1, PLT_BOTH), ALL(II, 0, PLT_ITEMS));
}

/* sum: own nodes and two hops of items; of that the layers, the last one at the same nodes. */
Test(programme, cm3_spreads_the_sum) {
  plt_programme_t p = made(shape_cm3, 2, 2);
  SETS_OF(&p, 5, 4, 3, 2, 2, 1, 0);
  TERMS(&p, 1, 1, ALL(II, 0, PLT_ITEMS));
  TERMS(&p, 2, 3, ALL(II, 1, PLT_ITEMS));
  TERMS(&p, 3, 7, ALL(UI, 2, PLT_BOTH));
  TERMS(&p, 4, 15, ALL(UI, 3, PLT_BOTH));
}

Test(programme, dragon) {
  plt_programme_t p = made(shape_dragon, 2, 2);
  SETS_OF(&p, 5, 4, 3, 2, 2, 0, 1, 0);
  TERMS(&p, 1, 1, ALL(II, 0, PLT_ITEMS));
  TERMS(&p, 2, 3, ALL(UU, 0, PLT_USERS), ALL(II, 1, PLT_ITEMS));
  TERMS(&p, 3, 7, ALL(UI, 2, PLT_BOTH));
  TERMS(&p, 4, 15, ALL(UI, 3, PLT_BOTH));
}

/* The modalities' chains have the same reasons. */
Test(programme, mmgcn_chains_share_their_sets) {
  plt_programme_t p = made(shape_mmgcn, 3, 0);
  SETS_OF(&p, 4, 3, 2, 1, 0, 3, 2, 1, 0);
  for (uint8_t s = 1; s < 4; s++) TERMS(&p, s, (1u << s) - 1, ALL(MEAN, (uint8_t)(s - 1), PLT_BOTH));
  for (size_t k = 1; k < 4; k++) cr_assert_eq(p.term_of[k], p.term_of[k + 4]);
}

Test(programme, mgcn) {
  plt_programme_t p = made(shape_mgcn, 1, 2);
  /* states: 0, 1 content; 2 items; 3, 4, 5 and 7, 8, 9 of a modality; 6 and 10 their users */
  cr_assert(p.n_states == 11 && p.n_sets == 8);
  uint8_t users = p.set_of[5], first = p.set_of[4], second = p.set_of[8];
  cr_assert(p.set_of[6] == 0 && p.set_of[10] == 0 && p.set_of[9] == users);
  TERMS(&p, users, 1, ALL(UI, 0, PLT_USERS));
  TERMS(&p, first, 1 | 1u << users, ALL(II, users, PLT_ITEMS));
  TERMS(&p, second, 1 | 1u << users, ALL(II_2, users, PLT_ITEMS));
  TERMS(&p, p.set_of[3], 1 | 1u << users | 1u << first, ALL(II, first, PLT_ITEMS));
  TERMS(&p, p.set_of[7], 1 | 1u << users | 1u << second, ALL(II_2, second, PLT_ITEMS));
  /* neither modality's set holds the other's */
  NO_TERMS(&p, p.set_of[2], 1 | 1u << users | 1u << first | 1u << second | 1u << p.set_of[3] | 1u << p.set_of[7]);
  TERMS(&p, p.set_of[0], 1, ALL(UI, 0, PLT_BOTH));
}

/* Features of items, their mean at users, both together: one hop of items more than the users' own. */
Test(programme, means_at_users_only) {
  plt_programme_t p = made(shape_local, 1, 1);
  SETS_OF(&p, 3, 1, 0, 2, 1, 1, 0);
  TERMS(&p, 1, 1, ALL(UI, 0, PLT_BOTH));
  TERMS(&p, 2, 3, ALL(MEAN, 1, PLT_USERS));
}

Test(programme, slmrec_chains_share_their_sets) {
  plt_programme_t p = made(shape_slmrec, 2, 0);
  SETS_OF(&p, 3, 2, 1, 0, 2, 1, 0, 2, 1, 0);
}

/* What is gathered over all items is at all of them, whatever the leaf; the matrix itself is at no nodes. */
Test(programme, pooled_states_want_all_items) {
  plt_programme_t p = made(shape_pooled, 1, 2);
  /* states: 0, 1 layers; 2 content; 3 edges; 4 and 6 pooled, 5 and 7 spread */
  SETS_OF(&p, 6, 5, 4, 4, 3, 0, 2, 0, 1);
  NO_TERMS(&p, 1, 1);
  NO_TERMS(&p, 2, 0);
  NO_TERMS(&p, 3, 7);
  NO_TERMS(&p, 4, 1);
  TERMS(&p, 5, 1 | 1u << 4, ALL(UI, 4, PLT_BOTH));
  cr_assert(p.set[1].whole == PLT_BOTH && p.set[2].whole == PLT_ITEMS && p.set[4].whole == PLT_ITEMS);
  cr_assert(p.set[0].whole == 0 && p.set[5].whole == 0);
  plt_programme_cost_t cost;
  plt_programme_estimate(&p, &(plt_programme_size_t){{100, 70}, 500}, (const uint64_t[]){3, 4}, &cost);
  cr_assert(cost.nodes[1][PLT_SIDE_USER] == 100 && cost.nodes[1][PLT_SIDE_ITEM] == 70);
  cr_assert(cost.nodes[4][PLT_SIDE_USER] == 3 && cost.nodes[4][PLT_SIDE_ITEM] == 70);
}

/* ---- by chance ---- */

enum { TURNS = 150 };

/* Data and relations of a turn, and some of the nodes as a leaf's own. */
typedef struct turn {
  naive_rng_t rng;
  naive_graph_t graph;
  naive_relations_t relations;
  bool *own; /* [nodes] */
  uint32_t *id[PLT_SIDES];
  plt_frontier_t frontier;
} turn_t;

static void turn_open(turn_t *turn, uint32_t number) {
  static const uint32_t sizes[][3] = {{20, 15, 30}, {30, 40, 60}, {6, 5, 9}, {25, 20, 200}};
  const uint32_t *size = sizes[number % 4];
  plt_relation_plan_t plans[SHAPE_RELATIONS];
  size_t n_plans = 1 + number / 5 % SHAPE_RELATIONS;
  for (size_t r = 0; r < n_plans; r++) plans[r] = shape_relations[(number + r) % SHAPE_RELATIONS];
  *turn = (turn_t){.rng = {naive_seed() + number}, .graph = naive_graph_make(size[0], size[1], size[2], number + 1)};
  turn->relations = naive_relations_make(&turn->graph.data, plans, n_plans, number);
  turn->own = calloc(turn->graph.nodes, sizeof *turn->own);
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    uint32_t n = naive_count(&turn->relations, s), some = naive_below(&turn->rng, n);
    turn->frontier.id[s] = turn->id[s] = malloc(n * sizeof *turn->id[s]);
    for (uint32_t id = 0; id < n; id++) {
      if (id != some && naive_below(&turn->rng, 10) > 0) continue;
      turn->id[s][turn->frontier.n[s]++] = id;
      turn->own[naive_first(&turn->relations, s) + id] = true;
    }
  }
}

static void turn_close(turn_t *turn) {
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) free(turn->id[s]);
  free(turn->own);
  naive_relations_free(&turn->relations);
  naive_graph_free(&turn->graph);
}

static size_t count(const bool *nodes, size_t n) {
  size_t found = 0;
  for (size_t k = 0; k < n; k++) found += nodes[k];
  return found;
}

/* A state's set of a closure is what brute force says. */
static void expect_need(const turn_t *turn, const plt_frontier_t *set, const bool *need, size_t state) {
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    const bool *of_side = need + naive_first(&turn->relations, s);
    cr_assert_eq(set->n[s], count(of_side, naive_count(&turn->relations, s)), "state %zu, side %d", state, (int)s);
    for (size_t k = 0; k < set->n[s]; k++) {
      cr_assert(k == 0 || set->id[s][k - 1] < set->id[s][k]);
      cr_assert(of_side[set->id[s][k]], "state %zu is at node %u of side %d", state, set->id[s][k], (int)s);
    }
  }
}

Test(programme, sets_are_what_the_definition_needs) {
  plt_arena_t *arena = plt_arena_create();
  size_t apart = 0;
  for (uint32_t number = 0; number < TURNS; number++) {
    turn_t turn;
    turn_open(&turn, number);
    plt_programme_t p = naive_programme_make(&turn.rng, turn.relations.real, 1 + naive_below(&turn.rng, 12), false);
    settle(&p);
    expect_terms_of_hops(&p);
    for (size_t s = 1; s < p.n_sets; s++) {
      cr_assert(p.set[s].within >> s == 0 && (p.set[s].within & 1),
                "a set holds earlier ones, the own nodes among them");
      for (size_t inner = 1; inner < s; inner++)
        if (p.set[s].within >> inner & 1) cr_assert_eq(p.set[inner].within & ~p.set[s].within, 0);
      apart += p.set[s].n_terms == 0;
    }
    bool *need = naive_needs(&turn.relations, &p, turn.own);
    plt_closure_maker_t *maker = plt_closure_maker_create(&p, turn.relations.real, 1, NULL);
    for (uint32_t batch = 0; batch < 2; batch++) { /* the maker forgets the one before */
      const plt_closure_t *closure = plt_closure_make(maker, 0, batch, 0, &turn.frontier, arena);
      for (size_t k = 0; k < p.n_states; k++)
        expect_need(&turn, &closure->set[p.set_of[k]], need + k * turn.relations.nodes, k);
      expect_need(&turn, &closure->set[0], turn.own, 0);
    }
    plt_closure_maker_destroy(&maker);
    free(need);
    turn_close(&turn);
    plt_arena_reset(arena);
  }
  cr_assert_gt(apart, 5, "few sets join others: %zu", apart);
  plt_arena_destroy(&arena);
}

/* ---- too large ---- */

Test(programme, too_many_states_are_refused) {
  plt_programme_t p = shape_begin();
  size_t from = naive_alone(&p, PLT_BOTH, 0);
  for (size_t k = 1; k < PLT_STATES_MAX; k++) p.outputs |= naive_bit(naive_hop(&p, UI, from, PLT_BOTH));
  settle(&p);
  cr_assert(p.n_states == PLT_STATES_MAX && p.n_sets == 2 && p.set[1].n_terms == 1);
  naive_hop(&p, UI, from, PLT_BOTH);
  cr_assert_eq(plt_programme_settle(&p), PLT_ERR_USAGE);
  cr_assert(strstr(plt_fail_text(), "65 states") && strstr(plt_fail_text(), "64"), "%s", plt_fail_text());
}

Test(programme, too_many_sets_are_refused) {
  for (size_t hops = PLT_SETS_MAX - 1; hops <= PLT_SETS_MAX; hops++) {
    plt_programme_t p = shape_begin();
    p.outputs = naive_bit(naive_hops(&p, UI, naive_alone(&p, PLT_BOTH, 0), PLT_BOTH, hops));
    plt_status_t status = plt_programme_settle(&p);
    if (hops < PLT_SETS_MAX) {
      cr_assert(status == PLT_OK && p.n_sets == PLT_SETS_MAX && p.set_of[0] == PLT_SETS_MAX - 1);
    } else {
      cr_assert_eq(status, PLT_ERR_USAGE);
      cr_assert(strstr(plt_fail_text(), "32 sets"), "%s", plt_fail_text());
    }
  }
}

Test(programme, too_many_hops_to_one_set_are_refused) {
  for (uint32_t hops = PLT_TERMS_MAX; hops <= PLT_TERMS_MAX + 5; hops++) {
    plt_programme_t p = shape_begin();
    size_t from = naive_alone(&p, PLT_BOTH, 0);
    for (uint32_t draw = 0; draw < hops; draw++) {
      size_t hop = naive_hop(&p, UI, from, PLT_BOTH);
      p.state[hop].fanout = 1;
      p.state[hop].draw = draw;
      p.outputs |= naive_bit(hop);
    }
    plt_status_t status = plt_programme_settle(&p);
    if (hops == PLT_TERMS_MAX) {
      cr_assert(status == PLT_OK && p.set[1].n_terms == PLT_TERMS_MAX);
    } else {
      cr_assert_eq(status, PLT_ERR_USAGE);
      cr_assert(strstr(plt_fail_text(), "10 hops"), "%s", plt_fail_text());
    }
  }
}

/* ---- estimates ---- */

Test(programme, no_closure_is_larger_than_its_estimate) {
  plt_arena_t *arena = plt_arena_create();
  for (uint32_t number = 0; number < 2 * TURNS; number++) {
    turn_t turn;
    turn_open(&turn, number);
    plt_programme_t p =
        naive_programme_make(&turn.rng, turn.relations.real, 1 + naive_below(&turn.rng, 12), number % 2 == 1);
    settle(&p);
    plt_programme_size_t size = {{turn.relations.users, turn.relations.items}, turn.graph.data.n_train};
    plt_programme_cost_t cost;
    const uint64_t own[] = {turn.frontier.n[PLT_SIDE_USER], turn.frontier.n[PLT_SIDE_ITEM]};
    plt_programme_estimate(&p, &size, own, &cost);
    plt_closure_maker_t *maker = plt_closure_maker_create(&p, turn.relations.real, 1, NULL);
    plt_closure_t *closure = plt_closure_make(maker, 0, 0, 0, &turn.frontier, arena);
    uint64_t edges = 0, states = 0;
    for (size_t k = 0; k < p.n_sets; k++)
      for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
        cr_assert_leq(closure->set[k].n[s], cost.nodes[k][s], "programme %u, set %zu, side %d: %zu nodes, not %zu",
                      number, k, (int)s, closure->set[k].n[s], (size_t)cost.nodes[k][s]);
        cr_assert_leq(cost.nodes[k][s], size.nodes[s]);
        for (size_t t = 0; t < p.set[k].n_terms; t++) {
          const plt_csr_t *matrix = &closure->hop[k][t][s].matrix;
          if (matrix->offset != NULL) edges += matrix->offset[matrix->rows];
        }
      }
    for (size_t k = 0; k < p.n_states; k++) /* a state and its derivative */
      for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++)
        if (p.state[k].sides >> s & 1) states += closure->set[p.set_of[k]].n[s] * 2 * p.state[k].cols;
    cr_assert(edges <= cost.edges && states <= cost.states, "%zu of %zu edges, %zu of %zu floats", (size_t)edges,
              (size_t)cost.edges, (size_t)states, (size_t)cost.states);
    plt_closure_maker_destroy(&maker);
    turn_close(&turn);
    plt_arena_reset(arena);
  }
  plt_arena_destroy(&arena);
}

/* The items' rows of two modalities, each with its own likes: what both are made of is at the nodes of both. */
Test(programme, estimates_add_up_sets_that_do_not_hold_each_other) {
  plt_programme_t p = shape_begin();
  p.relation[II].items = (plt_item_graph_plan_t){.k = 3, .share = {1}};
  p.relation[II_2].items = (plt_item_graph_plan_t){.k = 5, .share = {1}};
  size_t both = naive_alone(&p, PLT_ITEMS, 0);
  for (size_t m = 0; m < 2; m++)
    p.outputs |= naive_bit(naive_hop(&p, m == 0 ? II : II_2, naive_alone(&p, PLT_ITEMS, naive_bit(both)), PLT_ITEMS));
  settle(&p);
  plt_programme_cost_t cost;
  plt_programme_estimate(&p, &(plt_programme_size_t){{100, 1000}, 5000}, (const uint64_t[]){2, 4}, &cost);
  NO_TERMS(&p, p.set_of[both], 7);
  cr_assert(cost.nodes[1][PLT_SIDE_ITEM] == 4 + 20 && cost.nodes[2][PLT_SIDE_ITEM] == 4 + 12);
  cr_assert_eq(cost.nodes[p.set_of[both]][PLT_SIDE_ITEM], 4 + 20 + 12);
  plt_programme_estimate(&p, &(plt_programme_size_t){{100, 30}, 5000}, (const uint64_t[]){2, 4}, &cost);
  cr_assert_eq(cost.nodes[p.set_of[both]][PLT_SIDE_ITEM], 30, "more than there are");
}

/* Figures by hand: 10 users, 8 items, 30 pairs; a leaf of 3 users and 4 items. */
Test(programme, estimate_by_hand) {
  plt_programme_t p = shape_begin();
  p.relation[II].items = (plt_item_graph_plan_t){.k = 2, .share = {0.5f, 0.5f}};
  p.relation[UU].users.k = 3;
  size_t layer_0 = naive_alone(&p, PLT_BOTH, 0), hop = naive_hop(&p, UI, layer_0, PLT_BOTH);
  p.state[hop].fanout = 2;
  p.outputs = naive_bit(hop) | naive_bit(naive_hop(&p, II, layer_0, PLT_ITEMS)) |
              naive_bit(naive_hop(&p, UU, layer_0, PLT_USERS));
  p.state[layer_0].cols = 5;
  p.state[layer_0].floats = 7;
  p.state[layer_0].item_floats = 3;
  settle(&p);
  plt_programme_cost_t cost;
  plt_programme_estimate(&p, &(plt_programme_size_t){{10, 8}, 30}, (const uint64_t[]){3, 4}, &cost);
  cr_assert_eq(p.n_sets, 2);
  /* users: 3 own, 8 of 4 items, 9 likes, at most 10; items: 4 own, 6 of 3 users, 16 likes, at most 8 */
  cr_assert(cost.nodes[0][PLT_SIDE_USER] == 3 && cost.nodes[0][PLT_SIDE_ITEM] == 4);
  cr_assert(cost.nodes[1][PLT_SIDE_USER] == 10 && cost.nodes[1][PLT_SIDE_ITEM] == 8);
  cr_assert_eq(cost.edges, 3 * 2 + 4 * 2 + 4 * 4 + 3 * 3);
  cr_assert_eq(cost.states, 18 * (2 * 5 + 7) + 8 * 3 + ((3 + 4) + 4 + 3) * 2 * 2);
}
