/* test_fanout.c - closures by fan-out: as many distinct neighbours as are allowed, weights that make the expectation of
 * every product the exact one, draws that are a function of seed, epoch, batch, leaf and draw alone. */
#include "tests/unit/worker/leaf.h"

static const plt_relation_plan_t plans[] = {{.kind = PLT_RELATION_USER_ITEM},
                                            {.kind = PLT_RELATION_USER_ITEM, .weight = PLT_EDGES_MEAN}};

/* Rows of tables and a hop over `relation` per fan-out, the farthest first; all are outputs. */
static plt_programme_t sampled(uint8_t relation, const uint32_t *fanout, size_t layers) {
  plt_programme_t p = {.n_relations = 2, .relation = {plans[0], plans[1]}};
  size_t at = naive_add(&p, (plt_state_t){.relation = PLT_ALONE, .sides = PLT_BOTH});
  p.outputs = naive_bit(at);
  for (size_t l = 0; l < layers; l++) {
    at = naive_hop(&p, relation, at, PLT_BOTH);
    p.state[at].fanout = fanout[layers - 1 - l];
    p.state[at].draw = (uint32_t)l;
    p.outputs |= naive_bit(at);
  }
  cr_assert_eq(plt_programme_settle(&p), PLT_OK);
  return p;
}

/* The matrix of a hop: distinct neighbours, as many as may be, each weighing degree / drawn times as much. */
static void check_drawn(const leaf_t *leaf, const plt_closure_t *closure, size_t state, plt_side_t side) {
  const plt_programme_t *p = closure->programme;
  const plt_state_t *how = &p->state[state];
  const plt_csr_t *m = &plt_closure_hop(closure, state, side)->matrix;
  const plt_frontier_t *rows = &closure->set[p->set_of[state]], *cols = &closure->set[p->set_of[how->from]];
  const naive_relations_t *r = &leaf->relations;
  plt_side_t across = plt_side_other(side);
  cr_assert(m->rows == rows->n[side] && m->cols == cols->n[across]);
  for (size_t row = 0; row < m->rows; row++) {
    const double *exact = r->weight[how->relation] + (size_t)(naive_first(r, side) + rows->id[side][row]) * r->nodes;
    uint64_t degree = 0, drawn = m->offset[row + 1] - m->offset[row];
    for (uint32_t b = 0; b < r->nodes; b++) degree += exact[b] != 0;
    cr_assert_eq(drawn, how->fanout == 0 || degree < how->fanout ? degree : how->fanout);
    for (uint64_t e = m->offset[row]; e < m->offset[row + 1]; e++) {
      double weight = exact[naive_first(r, across) + cols->id[across][m->index[e]]];
      cr_assert(e == m->offset[row] || m->index[e - 1] < m->index[e], "no neighbour twice");
      cr_assert(weight != 0 && naive_near(m->weight[e], weight * (double)degree / (double)drawn, 1e-6));
    }
  }
}

/* The transpose has the same entries. */
static void check_transpose(const plt_sparse_t *hop) {
  const plt_csr_t *m = &hop->matrix, *t = &hop->transpose;
  cr_assert(t->rows == m->cols && t->cols == m->rows && t->offset[t->rows] == m->offset[m->rows]);
  for (size_t row = 0; row < m->rows; row++)
    for (uint64_t e = m->offset[row]; e < m->offset[row + 1]; e++) {
      bool found = false;
      for (uint64_t b = t->offset[m->index[e]]; b < t->offset[m->index[e] + 1]; b++)
        found |= t->index[b] == row && t->weight[b] == m->weight[e];
      cr_assert(found);
    }
}

Test(fanout, bounds_every_row_and_draws_distinct_neighbours) {
  plt_arena_t *arena = plt_arena_create();
  leaf_t leaf;
  leaf_open(&leaf, (const uint32_t[]){60, 50, 900, 10}, plans, 2, 3);
  for (uint8_t relation = 0; relation < 2; relation++) {
    plt_programme_t p = sampled(relation, (const uint32_t[]){4, 3, 1}, 3);
    plt_closure_maker_t *maker = plt_closure_maker_create(&p, leaf.relations.real, 5, NULL);
    for (uint32_t batch = 0; batch < 30; batch++) {
      const plt_closure_t *closure = plt_closure_make(maker, 1, batch, 0, &leaf.own, arena);
      for (size_t k = 1; k < p.n_states; k++)
        for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
          check_drawn(&leaf, closure, k, s);
          check_transpose(plt_closure_hop(closure, k, s));
        }
      plt_arena_reset(arena);
    }
    plt_closure_maker_destroy(&maker);
  }
  leaf_close(&leaf);
  plt_arena_destroy(&arena);
}

/* A set holds what was drawn and nothing else. */
Test(fanout, sets_hold_what_was_drawn) {
  plt_arena_t *arena = plt_arena_create();
  leaf_t leaf;
  leaf_open(&leaf, (const uint32_t[]){200, 150, 3000, 40}, plans, 2, 6);
  plt_programme_t p = sampled(0, (const uint32_t[]){2, 2}, 2);
  plt_closure_maker_t *maker = plt_closure_maker_create(&p, leaf.relations.real, 5, NULL);
  const plt_closure_t *closure = plt_closure_make(maker, 0, 0, 0, &leaf.own, arena);
  for (size_t set = 1; set < p.n_sets; set++)
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
      const plt_frontier_t *inner = &closure->set[set - 1], *outer = &closure->set[set];
      const plt_csr_t *m = &closure->hop[set][0][plt_side_other(s)].matrix; /* rows across, columns of s */
      bool *wanted = calloc(outer->n[s], sizeof *wanted);
      for (uint64_t e = 0; e < m->offset[m->rows]; e++) wanted[m->index[e]] = true;
      for (size_t k = 0; k < outer->n[s]; k++) {
        bool within = false;
        for (size_t i = 0; i < inner->n[s]; i++) within |= inner->id[s][i] == outer->id[s][k];
        cr_assert(within || wanted[k], "node %u is there for nothing", outer->id[s][k]);
      }
      cr_assert_lt(outer->n[s], naive_count(&leaf.relations, s) / 2, "the leaf is small");
      free(wanted);
    }
  plt_closure_maker_destroy(&maker);
  leaf_close(&leaf);
  plt_arena_destroy(&arena);
}

/* ---- expectations ---- */

/* The mean over many leaves is the exact state, within five standard errors. */
static void check_expectation(uint8_t relation, const uint32_t *fanout, size_t layers) {
  enum { DRAWS = 4000, ROOM = 64 };
  plt_arena_t *arena = plt_arena_create();
  naive_rng_t rng = {naive_seed() + 8};
  leaf_t leaf;
  probe_t probe;
  leaf_open(&leaf, (const uint32_t[]){20, 16, 150, 6}, plans, 2, 8);
  plt_programme_t p = sampled(relation, fanout, layers);
  probe_open(&probe, &rng, &p, &leaf.graph.data);
  twin_t twin = twin_open(&probe, &leaf.relations, &leaf.graph.data);
  twin_invent_tables(&twin, &rng);
  twin_values(&twin);
  plt_closure_maker_t *maker = plt_closure_maker_create(&probe.base.programme, leaf.relations.real, 11, NULL);
  double mean[PLT_SIDES][ROOM] = {{0}}, square[PLT_SIDES][ROOM] = {{0}}, varies = 0;
  size_t last = layers, cols = p.state[last].cols;
  for (uint32_t draw = 0; draw < DRAWS; draw++) {
    plt_closure_t *closure = plt_closure_make(maker, draw % 7, draw, draw % 3, &leaf.own, arena);
    leaf_outcome_t one = leaf_run(&leaf, &probe, &twin, closure, NULL);
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++)
      for (size_t k = 0; k < leaf.own.n[s] * cols; k++) {
        cr_assert_lt(k, ROOM);
        mean[s][k] += (double)one.sight.state[last][s][k] / DRAWS;
        square[s][k] += (double)one.sight.state[last][s][k] * one.sight.state[last][s][k] / DRAWS;
      }
    leaf_outcome_free(&one);
    plt_arena_reset(arena);
  }
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++)
    for (size_t k = 0; k < leaf.own.n[s] * cols; k++) {
      size_t node = naive_first(&leaf.relations, s) + leaf.own.id[s][k / cols];
      double want = twin.value[last][node * cols + k % cols], variance = square[s][k] - mean[s][k] * mean[s][k];
      varies += variance;
      cr_assert(fabs(mean[s][k] - want) <= 5 * sqrt(fmax(variance, 0) / DRAWS) + 1e-5, "%g, not %g, deviation %g",
                mean[s][k], want, sqrt(fmax(variance, 0)));
    }
  cr_assert_gt(varies, 0.05, "nothing was drawn");
  plt_closure_maker_destroy(&maker);
  twin_close(&twin);
  leaf_close(&leaf);
  plt_arena_destroy(&arena);
}

Test(fanout, is_unbiased) {
  for (uint8_t relation = 0; relation < 2; relation++) {
    check_expectation(relation, (const uint32_t[]){3}, 1);
    check_expectation(relation, (const uint32_t[]){2, 1}, 2);
    check_expectation(relation, (const uint32_t[]){4, 2, 3}, 3);
  }
}

/* ---- draws ---- */

static bool same_edges(const plt_closure_t *a, const plt_closure_t *b) {
  for (size_t k = 1; k < a->programme->n_sets; k++)
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
      const plt_csr_t *x = &a->hop[k][0][s].matrix, *y = &b->hop[k][0][s].matrix;
      if (x->rows != y->rows || x->offset[x->rows] != y->offset[y->rows]) return false;
      if (memcmp(x->index, y->index, x->offset[x->rows] * sizeof *x->index) != 0) return false;
      if (memcmp(x->weight, y->weight, x->offset[x->rows] * sizeof *x->weight) != 0) return false;
    }
  return true;
}

Test(fanout, draws_are_a_function_of_seed_epoch_batch_and_leaf) {
  plt_arena_t *arena = plt_arena_create();
  plt_crew_t *crew = plt_crew_create(3);
  leaf_t leaf;
  leaf_open(&leaf, (const uint32_t[]){60, 50, 900, 10}, plans, 2, 4);
  plt_programme_t p = sampled(0, (const uint32_t[]){3, 3}, 2);
  plt_closure_maker_t *maker = plt_closure_maker_create(&p, leaf.relations.real, 5, NULL);
  plt_closure_maker_t *other = plt_closure_maker_create(&p, leaf.relations.real, 5, crew);
  plt_closure_maker_t *seeded = plt_closure_maker_create(&p, leaf.relations.real, 6, NULL);
  const plt_closure_t *one = plt_closure_make(maker, 3, 4, 5, &leaf.own, arena);
  cr_assert(same_edges(one, plt_closure_make(other, 3, 4, 5, &leaf.own, arena)));
  cr_assert(same_edges(one, plt_closure_make(maker, 3, 4, 5, &leaf.own, arena)));
  cr_assert_not(same_edges(one, plt_closure_make(maker, 2, 4, 5, &leaf.own, arena)));
  cr_assert_not(same_edges(one, plt_closure_make(maker, 3, 5, 5, &leaf.own, arena)));
  cr_assert_not(same_edges(one, plt_closure_make(maker, 3, 4, 4, &leaf.own, arena)));
  cr_assert_not(same_edges(one, plt_closure_make(seeded, 3, 4, 5, &leaf.own, arena)));
  plt_closure_maker_destroy(&maker);
  plt_closure_maker_destroy(&other);
  plt_closure_maker_destroy(&seeded);
  plt_crew_destroy(&crew);
  leaf_close(&leaf);
  plt_arena_destroy(&arena);
}

/* Of two hops from one state whose rows are the own nodes: whether row by row the same neighbours were drawn. */
static bool same_neighbours(const plt_closure_t *closure, size_t a, size_t b) {
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    const plt_csr_t *x = &plt_closure_hop(closure, a, s)->matrix, *y = &plt_closure_hop(closure, b, s)->matrix;
    if (memcmp(x->index, y->index, x->offset[x->rows] * sizeof *x->index) != 0) return false;
  }
  return true;
}

Test(fanout, hops_with_the_same_draw_have_the_same_neighbours) {
  plt_arena_t *arena = plt_arena_create();
  leaf_t leaf;
  leaf_open(&leaf, (const uint32_t[]){60, 50, 900, 10}, plans, 2, 4);
  plt_programme_t p = {.n_relations = 2, .relation = {plans[0], plans[1]}};
  size_t from = naive_alone(&p, PLT_BOTH, 0), hop[3];
  for (uint32_t k = 0; k < 3; k++) { /* two relations over the same pairs; the third draws anew */
    hop[k] = naive_hop(&p, k == 1 ? 1 : 0, from, PLT_BOTH);
    p.state[hop[k]].fanout = 3;
    p.state[hop[k]].draw = k == 2 ? 1 : 0;
    p.outputs |= naive_bit(hop[k]);
  }
  cr_assert_eq(plt_programme_settle(&p), PLT_OK);
  plt_closure_maker_t *maker = plt_closure_maker_create(&p, leaf.relations.real, 5, NULL);
  const plt_closure_t *closure = plt_closure_make(maker, 0, 0, 0, &leaf.own, arena);
  cr_assert_neq(plt_closure_hop(closure, hop[0], PLT_SIDE_USER), plt_closure_hop(closure, hop[1], PLT_SIDE_USER));
  cr_assert(same_neighbours(closure, hop[0], hop[1]));
  cr_assert_not(same_neighbours(closure, hop[0], hop[2]));
  plt_closure_maker_destroy(&maker);
  leaf_close(&leaf);
  plt_arena_destroy(&arena);
}

Test(fanout, a_wide_one_is_exact) {
  plt_arena_t *arena = plt_arena_create();
  naive_rng_t rng = {naive_seed() + 3};
  for (uint8_t relation = 0; relation < 2; relation++) {
    leaf_t leaf;
    probe_t probe;
    leaf_open(&leaf, (const uint32_t[]){40, 30, 200, 8}, plans, 2, 5);
    plt_programme_t p = sampled(relation, (const uint32_t[]){PLT_FANOUT_MAX, PLT_FANOUT_MAX}, 2);
    probe_open(&probe, &rng, &p, &leaf.graph.data);
    twin_t twin = twin_open(&probe, &leaf.relations, &leaf.graph.data);
    twin_invent_tables(&twin, &rng);
    twin_values(&twin);
    twin_gradients(&twin, &leaf.own);
    plt_closure_maker_t *maker = plt_closure_maker_create(&probe.base.programme, leaf.relations.real, 5, NULL);
    plt_closure_t *closure = plt_closure_make(maker, 0, 0, 0, &leaf.own, arena);
    leaf_outcome_t outcome = leaf_run(&leaf, &probe, &twin, closure, NULL);
    leaf_check_values(&leaf, &twin, &outcome, 1e-6, "wide");
    leaf_check_gradients(&twin, closure, &outcome, 1e-6, "wide");
    leaf_outcome_free(&outcome);
    plt_closure_maker_destroy(&maker);
    twin_close(&twin);
    leaf_close(&leaf);
  }
  plt_arena_destroy(&arena);
}
