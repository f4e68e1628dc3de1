/* test_forward.c - a leaf's forward and backward pass through a probe: states at own nodes and the gradient of every
 * row of every table against the whole of the data in double, for the models' shapes and for programmes by chance; the
 * same bits for every crew. */
#include "tests/unit/worker/leaf.h"

enum { CREWS = 3, TURNS = 120 };

static plt_crew_t *crews[CREWS];

static void open_crews(void) {
  for (size_t c = 0; c < CREWS; c++) crews[c] = plt_crew_create(c + 1);
}

static void close_crews(void) {
  for (size_t c = 0; c < CREWS; c++) plt_crew_destroy(&crews[c]);
}

/* users, items, pairs; one of so many nodes is the leaf's own */
static const uint32_t sizes[][4] = {
    {30, 20, 40, 9}, {60, 50, 120, 14}, {90, 40, 100, 30}, {40, 60, 900, 3}, {5, 4, 3, 2}};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* A probe with this programme on a leaf. */
static void check_pass(const leaf_t *leaf, const plt_programme_t *programme, naive_rng_t *rng, double tolerance,
                       const char *what) {
  plt_arena_t *arena = plt_arena_create();
  leaf_outcome_t outcomes[CREWS];
  probe_t probe;
  probe_open(&probe, rng, programme, &leaf->graph.data);
  twin_t twin = twin_open(&probe, &leaf->relations, &leaf->graph.data);
  twin_invent_tables(&twin, rng);
  twin_values(&twin);
  twin_gradients(&twin, &leaf->own);
  for (size_t c = 0; c < CREWS; c++) {
    plt_closure_maker_t *maker = plt_closure_maker_create(&probe.base.programme, leaf->relations.real, 1, crews[c]);
    plt_closure_t *closure = plt_closure_make(maker, 0, 0, 0, &leaf->own, arena);
    outcomes[c] = leaf_run(leaf, &probe, &twin, closure, crews[c]);
    leaf_check_values(leaf, &twin, &outcomes[c], tolerance, what);
    leaf_check_gradients(&twin, closure, &outcomes[c], 2 * tolerance, what);
    leaf_check_bits(leaf, &probe.base, &outcomes[c], &outcomes[0]);
    plt_closure_maker_destroy(&maker);
  }
  for (size_t c = 0; c < CREWS; c++) leaf_outcome_free(&outcomes[c]);
  twin_close(&twin);
  plt_arena_destroy(&arena);
}

Test(forward, shapes_of_models, .init = open_crews, .fini = close_crews) {
  naive_rng_t rng = {naive_seed() + 5};
  for (size_t size = 0; size < SIZES; size++) {
    leaf_t leaf;
    leaf_open(&leaf, sizes[size], shape_relations, SHAPE_RELATIONS, (uint32_t)size + 1);
    for (size_t shape = 0; shape < SHAPES; shape++)
      for (size_t layers = 1; layers <= 4; layers++) {
        char what[64];
        snprintf(what, sizeof what, "%s, %zu layers, data %zu", shapes[shape].name, layers, size);
        plt_programme_t p = shape_settled(&shapes[shape], layers, 1 + (layers + shape) % 3);
        naive_take_plans(&p, leaf.relations.real);
        check_pass(&leaf, &p, &rng, 3e-6, what);
      }
    leaf_close(&leaf);
  }
}

/* Matrices that are cut for the threads. */
Test(forward, crews_change_no_bits_of_wide_leaves, .init = open_crews, .fini = close_crews) {
  static const char *const names[] = {"dragon", "mmgcn", "grcn"};
  naive_rng_t rng = {naive_seed() + 9};
  leaf_t leaf;
  leaf_open(&leaf, (const uint32_t[]){700, 400, 9000, 25}, shape_relations, SHAPE_RELATIONS, 3);
  for (size_t shape = 0; shape < SHAPES; shape++)
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
      if (strcmp(shapes[shape].name, names[n]) != 0) continue;
      plt_programme_t p = shape_settled(&shapes[shape], 1, 1);
      naive_take_plans(&p, leaf.relations.real);
      check_pass(&leaf, &p, &rng, 1e-5, names[n]);
    }
  leaf_close(&leaf);
}

Test(forward, programmes_by_chance, .init = open_crews, .fini = close_crews) {
  for (uint32_t turn = 0; turn < TURNS; turn++) {
    naive_rng_t rng = {naive_seed() + turn};
    char what[32];
    plt_relation_plan_t plans[SHAPE_RELATIONS];
    size_t n_plans = 1 + turn / 5 % SHAPE_RELATIONS;
    leaf_t leaf;
    for (size_t r = 0; r < n_plans; r++) plans[r] = shape_relations[(turn + r) % SHAPE_RELATIONS];
    leaf_open(&leaf, sizes[turn % SIZES], plans, n_plans, turn + 1);
    plt_programme_t p = naive_programme_make(&rng, leaf.relations.real, 1 + naive_below(&rng, 10), false);
    cr_assert_eq(plt_programme_settle(&p), PLT_OK, "%s", plt_fail_text());
    snprintf(what, sizeof what, "turn %u", turn);
    check_pass(&leaf, &p, &rng, 2e-5, what); /* chances may make large numbers of small ones */
    leaf_close(&leaf);
  }
}
