/* test_closure.c - the exact closure of a leaf: sets, matrices, transposes and places against dense matrices, for the
 * models' shapes; what is shared; versions of epochs; the same bits for every crew. By fan-out: test_fanout.c. */
#include "tests/unit/worker/leaf.h"

static const uint32_t sizes[][4] = {
    {30, 20, 40, 9}, {60, 50, 120, 14}, {90, 40, 100, 30}, {40, 60, 900, 3}, {5, 4, 3, 2}};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* ---- sets ---- */

static void check_sets(const leaf_t *leaf, const plt_closure_t *closure) {
  const plt_programme_t *p = closure->programme;
  const naive_relations_t *r = &leaf->relations;
  bool *own = calloc(r->nodes, sizeof *own);
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++)
    for (size_t k = 0; k < leaf->own.n[s]; k++) own[naive_first(r, s) + leaf->own.id[s][k]] = true;
  bool *need = naive_needs(r, p, own);
  for (size_t k = 0; k < p->n_states; k++) {
    size_t found = 0, want = 0;
    if (p->state[k].relation == PLT_POOLED) continue; /* at no nodes */
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
      const plt_frontier_t *set = &closure->set[p->set_of[k]];
      for (size_t n = 0; n < set->n[s]; n++, found++) {
        cr_assert(n == 0 || set->id[s][n - 1] < set->id[s][n]);
        cr_assert(need[k * r->nodes + naive_first(r, s) + set->id[s][n]], "state %zu, side %d, node %u", k, (int)s,
                  set->id[s][n]);
      }
    }
    for (size_t a = 0; a < r->nodes; a++) want += need[k * r->nodes + a];
    cr_assert_eq(found, want, "state %zu", k);
  }
  free(need), free(own);
}

/* Where the nodes of every set stand in those that hold it. */
static void check_places(plt_closure_t *closure) {
  const plt_programme_t *p = closure->programme;
  for (size_t outer = 0; outer < p->n_sets; outer++)
    for (size_t inner = 0; inner <= outer; inner++)
      for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES && naive_holds(p, outer, inner); s++) {
        const uint32_t *place = plt_closure_places(closure, outer, inner, s);
        for (size_t k = 0; k < closure->set[inner].n[s]; k++) {
          cr_assert_lt(place[k], closure->set[outer].n[s]);
          cr_assert_eq(closure->set[outer].id[s][place[k]], closure->set[inner].id[s][k]);
        }
        cr_assert_eq(plt_closure_places(closure, outer, inner, s), place);
      }
}

/* ---- matrices ---- */

/* Rows ascend; the transpose has the same entries, in order too. */
static void check_transpose(const plt_sparse_t *hop) {
  const plt_csr_t *m = &hop->matrix, *t = &hop->transpose;
  cr_assert(t->rows == m->cols && t->cols == m->rows && t->offset[t->rows] == m->offset[m->rows]);
  for (size_t row = 0; row < t->rows; row++)
    for (uint64_t e = t->offset[row]; e < t->offset[row + 1]; e++) {
      uint32_t of = t->index[e];
      bool found = false;
      cr_assert(of < m->rows && (e == t->offset[row] || t->index[e - 1] < of));
      for (uint64_t b = m->offset[of]; b < m->offset[of + 1]; b++)
        found |= m->index[b] == row && m->weight[b] == t->weight[e];
      cr_assert(found, "column %zu has an entry that row %u has not", row, of);
    }
}

/* A matrix of all edges of the nodes of `rows`, whose columns are those of `cols`. */
static void check_matrix(const naive_relations_t *r, size_t relation, plt_side_t side, const plt_frontier_t *rows,
                         const plt_frontier_t *cols, const plt_sparse_t *hop) {
  plt_side_t across = naive_across(r->real->of[relation].plan.kind, side);
  const plt_csr_t *m = &hop->matrix;
  if (across == PLT_SIDES) {
    cr_assert_null(m->offset, "a matrix for rows that the relation has not");
    return;
  }
  cr_assert(m->rows == rows->n[side] && m->cols == cols->n[across]);
  for (size_t row = 0; row < m->rows; row++) {
    const double *want = r->weight[relation] + (size_t)(naive_first(r, side) + rows->id[side][row]) * r->nodes;
    uint64_t edges = 0;
    for (uint32_t b = 0; b < r->nodes; b++) edges += want[b] != 0;
    cr_assert_eq(m->offset[row + 1] - m->offset[row], edges);
    for (uint64_t e = m->offset[row]; e < m->offset[row + 1]; e++) {
      double weight = want[naive_first(r, across) + cols->id[across][m->index[e]]];
      cr_assert(e == m->offset[row] || m->index[e - 1] < m->index[e]);
      cr_assert(weight != 0 && fabs(m->weight[e] - weight) <= 2e-7 * weight, "%.9g, not %.9g", (double)m->weight[e],
                weight);
    }
  }
  check_transpose(hop);
}

static void check_matrices(const leaf_t *leaf, const plt_closure_t *closure) {
  const plt_programme_t *p = closure->programme;
  for (size_t k = 0; k < p->n_sets; k++)
    for (size_t t = 0; t < p->set[k].n_terms; t++)
      for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
        const plt_term_t *term = &p->set[k].term[t];
        if (term->sides >> s & 1)
          check_matrix(&leaf->relations, term->relation, s, &closure->set[term->set], &closure->set[k],
                       &closure->hop[k][t][s]);
        else
          cr_assert_null(closure->hop[k][t][s].matrix.offset, "a matrix for a side that nobody asked for");
      }
  for (size_t k = 0; k < p->n_states; k++)
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES && p->state[k].relation != PLT_ALONE; s++) {
      if (!(p->state[k].sides >> s & 1)) continue;
      const plt_csr_t *m = &plt_closure_hop(closure, k, s)->matrix;
      plt_side_t across = naive_across(p->relation[p->state[k].relation].kind, s);
      cr_assert_eq(m->rows, closure->set[p->set_of[k]].n[s]);
      cr_assert_eq(m->cols, closure->set[p->set_of[p->state[k].from]].n[across]);
    }
}

Test(closure, has_the_nodes_and_the_edges_that_it_needs) {
  plt_arena_t *arena = plt_arena_create();
  plt_crew_t *crew = plt_crew_create(2);
  for (size_t size = 0; size < SIZES; size++) {
    leaf_t leaf;
    leaf_open(&leaf, sizes[size], shape_relations, SHAPE_RELATIONS, (uint32_t)size + 1);
    for (size_t shape = 0; shape < SHAPES; shape++)
      for (size_t layers = 1; layers <= 4; layers++) {
        plt_programme_t p = shape_settled(&shapes[shape], layers, 1 + layers % 3);
        plt_closure_maker_t *maker = plt_closure_maker_create(&p, leaf.relations.real, 1, crew);
        for (uint32_t batch = 0; batch < 2; batch++) { /* the maker forgets the one before */
          plt_closure_t *closure = plt_closure_make(maker, 0, batch, 0, &leaf.own, arena);
          cr_assert(closure->set[0].id[PLT_SIDE_USER] == leaf.own.id[PLT_SIDE_USER]);
          check_sets(&leaf, closure);
          check_places(closure);
          check_matrices(&leaf, closure);
        }
        plt_closure_maker_destroy(&maker);
        cr_assert_null(maker);
        plt_arena_reset(arena);
      }
    leaf_close(&leaf);
  }
  plt_crew_destroy(&crew);
  plt_arena_destroy(&arena);
}

/* Without relations: a leaf of a model that has no programme. */
Test(closure, of_no_programme_is_the_own_nodes) {
  plt_arena_t *arena = plt_arena_create();
  plt_programme_t p = {0};
  const uint32_t ids[] = {3, 5, 9};
  cr_assert_eq(plt_programme_settle(&p), PLT_OK);
  plt_closure_maker_t *maker = plt_closure_maker_create(&p, NULL, 1, NULL);
  plt_closure_t *closure = plt_closure_make(maker, 0, 0, 0, &(plt_frontier_t){{ids, ids}, {2, 3}}, arena);
  cr_assert(closure->set[0].id[PLT_SIDE_USER] == ids && closure->set[0].n[PLT_SIDE_ITEM] == 3);
  plt_closure_maker_destroy(&maker);
  plt_closure_maker_destroy(&maker); /* takes NULL */
  plt_arena_destroy(&arena);
}

/* ---- what is shared ---- */

Test(closure, chains_with_the_same_reasons_share_matrices) {
  plt_arena_t *arena = plt_arena_create();
  leaf_t leaf;
  leaf_open(&leaf, sizes[1], shape_relations, SHAPE_RELATIONS, 7);
  for (size_t layers = 1; layers <= 3; layers++) {
    plt_programme_t p = shape_settled(&(shape_t){"mmgcn", shape_mmgcn}, layers, 0);
    plt_closure_maker_t *maker = plt_closure_maker_create(&p, leaf.relations.real, 1, NULL);
    plt_closure_t *closure = plt_closure_make(maker, 0, 0, 0, &leaf.own, arena);
    for (size_t k = 1; k <= layers; k++)
      for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++)
        cr_assert_eq(plt_closure_hop(closure, k, s), plt_closure_hop(closure, k + layers + 1, s));
    plt_closure_maker_destroy(&maker);
  }
  leaf_close(&leaf);
  plt_arena_destroy(&arena);
}

/* Where a hop reaches nothing new, the next one over the same edges is the same matrix, and a symmetric one its other
 * side's transpose; also where rows are means, whose transposes are not. */
Test(closure, closed_sets_share_nodes_and_matrices) {
  for (int mean = 0; mean < 2; mean++) {
    plt_arena_t *arena = plt_arena_create();
    plt_programme_t p = shape_begin();
    leaf_t leaf;
    leaf_open(&leaf, sizes[3], shape_relations, SHAPE_RELATIONS, 2);
    p.outputs = naive_bit(naive_hops(&p, mean ? MEAN : UI, naive_alone(&p, PLT_BOTH, 0), PLT_BOTH, 6));
    cr_assert_eq(plt_programme_settle(&p), PLT_OK);
    plt_closure_maker_t *maker = plt_closure_maker_create(&p, leaf.relations.real, 1, NULL);
    plt_closure_t *closure = plt_closure_make(maker, 0, 0, 0, &leaf.own, arena);
    const plt_frontier_t *last = &closure->set[6], *before = &closure->set[5];
    cr_assert(last->n[PLT_SIDE_USER] == before->n[PLT_SIDE_USER] && last->n[PLT_SIDE_ITEM] == before->n[PLT_SIDE_ITEM]);
    cr_assert(last->id[PLT_SIDE_USER] == before->id[PLT_SIDE_USER] && closure->hop[6][0] == closure->hop[5][0]);
    cr_assert_neq(closure->hop[1][0], closure->hop[2][0], "the first hops reach more");
    const plt_sparse_t *hop = closure->hop[6][0];
    bool one = hop[PLT_SIDE_USER].transpose.weight == hop[PLT_SIDE_ITEM].matrix.weight;
    cr_assert_eq(one, !mean);
    check_sets(&leaf, closure);
    check_matrices(&leaf, closure);
    plt_closure_maker_destroy(&maker);
    leaf_close(&leaf);
    plt_arena_destroy(&arena);
  }
}

/* Sets that are whole have every node, and the sets and matrices around them are those of brute force. */
Test(closure, pooled_states_have_all_items) {
  for (size_t layers = 1; layers < 4; layers++) {
    plt_arena_t *arena = plt_arena_create();
    plt_programme_t p = shape_settled(&(shape_t){"pooled", shape_pooled}, layers, layers);
    leaf_t leaf;
    leaf_open(&leaf, sizes[layers], shape_relations, SHAPE_RELATIONS, 4);
    naive_take_plans(&p, leaf.relations.real);
    plt_closure_maker_t *maker = plt_closure_maker_create(&p, leaf.relations.real, 1, NULL);
    plt_closure_t *closure = plt_closure_make(maker, 0, 0, 0, &leaf.own, arena);
    const plt_frontier_t *whole = &closure->set[p.set_of[p.n_states - 1]];
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
      cr_assert_eq(whole->n[s], naive_count(&leaf.relations, s));
      for (uint32_t k = 0; k < whole->n[s]; k++) cr_assert_eq(whole->id[s][k], k);
    }
    check_sets(&leaf, closure);
    check_matrices(&leaf, closure);
    plt_closure_maker_destroy(&maker);
    leaf_close(&leaf);
    plt_arena_destroy(&arena);
  }
}

/* A closed chain beside one that is not: hops of users alone reach no users. */
Test(closure, hops_of_one_side_are_not_closed_by_the_other) {
  plt_arena_t *arena = plt_arena_create();
  leaf_t leaf;
  leaf_open(&leaf, sizes[3], shape_relations, SHAPE_RELATIONS, 2);
  for (uint8_t sides = PLT_USERS; sides <= PLT_ITEMS; sides++) {
    plt_programme_t p = shape_begin();
    size_t far = naive_alone(&p, PLT_BOTH, 0), near = naive_hop(&p, MEAN, far, sides);
    size_t both = naive_alone(&p, PLT_BOTH, naive_bit(near));
    p.outputs = naive_bit(naive_hop(&p, MEAN, both, sides));
    cr_assert_eq(plt_programme_settle(&p), PLT_OK);
    plt_closure_maker_t *maker = plt_closure_maker_create(&p, leaf.relations.real, 1, NULL);
    plt_closure_t *closure = plt_closure_make(maker, 0, 0, 0, &leaf.own, arena);
    check_sets(&leaf, closure);
    check_matrices(&leaf, closure);
    plt_closure_maker_destroy(&maker);
  }
  leaf_close(&leaf);
  plt_arena_destroy(&arena);
}

/* Between all nodes by all edges a matrix is made once for all batches; where an edge or a node is missing, or an epoch
 * has its own edges, it is the batch's. */
Test(closure, matrices_among_all_nodes_are_kept) {
  const plt_relation_plan_t plans[] = {{.kind = PLT_RELATION_USER_ITEM},
                                       {.kind = PLT_RELATION_USER_ITEM, .weight = PLT_EDGES_MEAN},
                                       {.kind = PLT_RELATION_USER_ITEM, .edge_dropout = 0.5}};
  leaf_t leaf;
  leaf_open(&leaf, sizes[1], plans, 3, 5);
  plt_frontier_t few = leaf.own, all = {.n = {0}};
  uint32_t id[PLT_SIDES][64];
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    cr_assert(few.n[s] < naive_count(&leaf.relations, s) && naive_count(&leaf.relations, s) <= 64);
    for (uint32_t k = 0; k < naive_count(&leaf.relations, s); k++) id[s][all.n[s]++] = k;
    all.id[s] = id[s];
  }
  for (uint8_t relation = 0; relation < 3; relation++)
    for (uint8_t sides = PLT_USERS; sides <= PLT_BOTH; sides++) {
      plt_programme_t p = {.n_relations = 3, .relation = {plans[0], plans[1], plans[2]}};
      p.outputs = naive_bit(naive_hop(&p, relation, naive_alone(&p, PLT_BOTH, 0), sides));
      cr_assert_eq(plt_programme_settle(&p), PLT_OK);
      plt_closure_maker_t *maker = plt_closure_maker_create(&p, leaf.relations.real, 1, NULL);
      const plt_sparse_t *hop[4];
      plt_arena_t *arena = plt_arena_create();
      for (uint32_t batch = 0; batch < 4; batch++) {
        leaf.own = batch == 2 ? few : all;
        plt_closure_t *closure = plt_closure_make(maker, batch, batch, 0, &leaf.own, arena);
        hop[batch] = closure->hop[1][0];
        if (relation != 2) { /* brute force knows nothing of epochs */
          check_sets(&leaf, closure);
          check_matrices(&leaf, closure);
        }
        plt_arena_reset(arena);
      }
      if (relation != 2) cr_assert(hop[0] == hop[1] && hop[1] == hop[3] && hop[2] != hop[0]);
      plt_closure_maker_destroy(&maker);
      plt_arena_destroy(&arena);
    }
  leaf.own = few;
  leaf_close(&leaf);
}

/* ---- crews ---- */

static void expect_same_matrix(const plt_csr_t *a, const plt_csr_t *b) {
  cr_assert(a->rows == b->rows && a->cols == b->cols && (a->offset == NULL) == (b->offset == NULL));
  if (a->offset == NULL) return;
  uint64_t n = a->offset[a->rows];
  cr_assert_eq(memcmp(a->offset, b->offset, (a->rows + 1) * sizeof *a->offset), 0);
  cr_assert_eq(memcmp(a->index, b->index, n * sizeof *a->index), 0);
  cr_assert_eq(memcmp(a->weight, b->weight, n * sizeof *a->weight), 0);
}

Test(closure, crews_change_no_bits) {
  plt_arena_t *arena = plt_arena_create();
  leaf_t leaf;
  leaf_open(&leaf, (const uint32_t[]){1500, 700, 30000, 20}, shape_relations, SHAPE_RELATIONS, 5);
  for (size_t shape = 0; shape < SHAPES; shape++)
    for (uint32_t fanout = 0; fanout < 2; fanout++) {
      plt_programme_t p = shape_begin();
      shapes[shape].make(&p, 2, 2);
      for (size_t k = 0; k < p.n_states && fanout; k++)
        if (p.state[k].relation <= MEAN && !p.state[k].weighs) p.state[k].fanout = 7;
      cr_assert_eq(plt_programme_settle(&p), PLT_OK);
      plt_closure_maker_t *alone = plt_closure_maker_create(&p, leaf.relations.real, 1, NULL);
      const plt_closure_t *first = plt_closure_make(alone, 1, 2, 3, &leaf.own, arena);
      for (size_t threads = 1; threads <= 3; threads++) {
        plt_crew_t *crew = plt_crew_create(threads);
        plt_closure_maker_t *maker = plt_closure_maker_create(&p, leaf.relations.real, 1, crew);
        const plt_closure_t *closure = plt_closure_make(maker, 1, 2, 3, &leaf.own, arena);
        for (size_t k = 1; k < p.n_sets; k++)
          for (size_t t = 0; t < p.set[k].n_terms; t++)
            for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
              expect_same_matrix(&closure->hop[k][t][s].matrix, &first->hop[k][t][s].matrix);
              expect_same_matrix(&closure->hop[k][t][s].transpose, &first->hop[k][t][s].transpose);
            }
        plt_closure_maker_destroy(&maker);
        plt_crew_destroy(&crew);
      }
      plt_closure_maker_destroy(&alone);
      plt_arena_reset(arena);
    }
  leaf_close(&leaf);
  plt_arena_destroy(&arena);
}

/* ---- versions ---- */

/* The entries of the users' rows of the only hop, as pairs of ids and weights. */
static size_t list_edges(const plt_closure_t *closure, uint32_t *user, uint32_t *other, float *weight) {
  const plt_csr_t *m = &closure->hop[1][0][PLT_SIDE_USER].matrix;
  plt_side_t across = naive_across(closure->programme->relation[0].kind, PLT_SIDE_USER);
  for (size_t row = 0; row < m->rows; row++)
    for (uint64_t e = m->offset[row]; e < m->offset[row + 1]; e++) {
      user[e] = closure->set[0].id[PLT_SIDE_USER][row];
      other[e] = closure->set[1].id[across][m->index[e]];
      weight[e] = m->weight[e];
    }
  return m->offset[m->rows];
}

/* Leaves of an epoch have that epoch's edges: those of the graph that is left, by their degrees there. */
Test(closure, edges_are_those_of_the_epoch) {
  enum { EDGES = 400 };
  plt_arena_t *arena = plt_arena_create();
  leaf_t leaf;
  const plt_relation_plan_t plans[] = {{.kind = PLT_RELATION_USER_ITEM, .edge_dropout = 0.5},
                                       {.kind = PLT_RELATION_USER_ITEM, .edge_dropout = 0.5, .weight = PLT_EDGES_MEAN}};
  leaf_open(&leaf, sizes[0], plans, 2, 9);
  plt_graph_t *graph = plt_graph_create(&leaf.graph.data, 1);
  for (uint8_t relation = 0; relation < 2; relation++) {
    plt_programme_t p = {.n_relations = 2, .relation = {plans[0], plans[1]}};
    p.outputs = naive_bit(naive_hop(&p, relation, naive_alone(&p, PLT_BOTH, 0), PLT_BOTH));
    cr_assert_eq(plt_programme_settle(&p), PLT_OK);
    plt_closure_maker_t *maker = plt_closure_maker_create(&p, leaf.relations.real, 6, NULL);
    uint32_t user[3][EDGES], item[3][EDGES];
    float weight[3][EDGES];
    size_t n[3];
    for (uint32_t turn = 0; turn < 3; turn++) { /* epochs 4, 5 and 4 again */
      const plt_closure_t *closure = plt_closure_make(maker, 4 + turn % 2, turn, 0, &leaf.own, arena);
      plt_graph_t *left = plt_graph_prune(graph, 0.5, false, 6, 4 + turn % 2, NULL);
      n[turn] = list_edges(closure, user[turn], item[turn], weight[turn]);
      size_t want = 0;
      for (size_t k = 0; k < leaf.own.n[PLT_SIDE_USER]; k++)
        want += plt_graph_degree(left, PLT_SIDE_USER, leaf.own.id[PLT_SIDE_USER][k]);
      cr_assert(n[turn] == want && want > 0);
      for (size_t e = 0; e < want; e++) {
        const plt_neighbours_t *of = &left->of[PLT_SIDE_USER];
        uint32_t u = user[turn][e];
        double degree = (double)plt_graph_degree(left, PLT_SIDE_USER, u);
        double there = (double)plt_graph_degree(left, PLT_SIDE_ITEM, item[turn][e]);
        bool found = false;
        for (uint64_t b = of->offset[u]; b < of->offset[u + 1]; b++) found |= of->id[b] == item[turn][e];
        cr_assert(found, "an edge that epoch %u has not", 4 + turn % 2);
        cr_assert(naive_near(weight[turn][e], relation == 1 ? 1 / degree : 1 / sqrt(degree * there), 1e-6));
      }
      for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) check_transpose(&closure->hop[1][0][s]);
      plt_graph_destroy(&left);
    }
    cr_assert(n[0] == n[2] && memcmp(item[0], item[2], n[0] * sizeof **item) == 0);
    cr_assert(n[0] != n[1] || memcmp(item[0], item[1], n[0] * sizeof **item) != 0);
    plt_closure_maker_destroy(&maker);
  }
  plt_graph_destroy(&graph);
  leaf_close(&leaf);
  plt_arena_destroy(&arena);
}

/* Lists of alike users that are padded anew in each epoch keep their entries. */
Test(closure, padded_lists_are_those_of_the_epoch) {
  enum { EDGES = 400 };
  plt_arena_t *arena = plt_arena_create();
  leaf_t leaf;
  const plt_relation_plan_t plan = {.kind = PLT_RELATION_USER_USER, .users = {.k = 12, .pads = true}};
  leaf_open(&leaf, sizes[0], NULL, 0, 9);
  plt_relations_t *relations;
  cr_assert_eq(plt_relations_open(&leaf.graph.data, &plan, 1, 1, NULL, &relations), PLT_OK);
  plt_programme_t p = {.n_relations = 1, .relation = {plan}};
  p.outputs = naive_bit(naive_hop(&p, 0, naive_alone(&p, PLT_USERS, 0), PLT_USERS));
  cr_assert_eq(plt_programme_settle(&p), PLT_OK);
  plt_closure_maker_t *maker = plt_closure_maker_create(&p, relations, 6, NULL);
  uint32_t user[3][EDGES], other[3][EDGES];
  float weight[3][EDGES];
  size_t n = 0;
  for (uint32_t turn = 0; turn < 3; turn++) {
    const plt_closure_t *closure = plt_closure_make(maker, turn % 2, turn, 0, &leaf.own, arena);
    n = list_edges(closure, user[turn], other[turn], weight[turn]);
    cr_assert(n > 0 && memcmp(other[turn], other[0], n * sizeof **other) == 0);
    check_transpose(&closure->hop[1][0][PLT_SIDE_USER]);
  }
  cr_assert_eq(memcmp(weight[0], weight[2], n * sizeof **weight), 0);
  cr_assert_neq(memcmp(weight[0], weight[1], n * sizeof **weight), 0);
  plt_closure_maker_destroy(&maker);
  plt_relations_destroy(&relations);
  leaf_close(&leaf);
  plt_arena_destroy(&arena);
}
