/* test_graph.c - the graph against a dense matrix; a leaf's subgraph, exact and by fan-out, against the whole graph in
 * double: values, gradients, expectations, bits. */
#include <unistd.h>

#include "common/io/fileio.h"
#include "tests/unit/worker/folder.h"
#include "tests/unit/worker/naive_graph.h"
#include "worker/models/model.h"

enum { COLS = 5, CREWS = 3 };

/* ---- the graph ---- */

Test(graph, is_the_matrix_of_distinct_pairs) {
  for (uint32_t turn = 0; turn < 12; turn++) {
    naive_graph_t naive = naive_graph_make(2 + 7 * turn, 2 + 5 * turn, 1 + 30 * turn, turn + 1);
    for (uint32_t threads = 1; threads < 40; threads += 1 + threads) {
      plt_graph_t *graph = plt_graph_create(&naive.data, threads);
      uint64_t edges = 0;
      for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
        const plt_neighbours_t *of = &graph->of[s];
        uint32_t shift = s == PLT_SIDE_USER ? 0 : naive.users, across = s == PLT_SIDE_USER ? naive.users : 0;
        cr_assert_eq(of->nodes, s == PLT_SIDE_USER ? naive.users : naive.items);
        for (uint32_t n = 0; n < of->nodes; n++) {
          const double *row = naive.edge + (size_t)(n + shift) * naive.nodes;
          double degree = 0;
          for (uint32_t other = 0; other < naive.nodes; other++) degree += row[other];
          cr_assert_eq(plt_graph_degree(graph, s, n), (uint64_t)degree);
          cr_assert(naive_near(of->norm[n], degree == 0 ? 0 : 1 / sqrt(degree), 1e-7));
          for (uint64_t e = of->offset[n]; e < of->offset[n + 1]; e++) {
            cr_assert(e == of->offset[n] || of->id[e - 1] < of->id[e]);
            cr_assert_eq(row[across + of->id[e]], 1);
            edges++;
          }
        }
      }
      cr_assert_eq(edges, 2 * graph->edges);
      plt_graph_destroy(&graph);
      cr_assert_null(graph);
    }
    naive_graph_free(&naive);
  }
}

/* ---- the file ---- */

static void expect_same(const plt_graph_t *a, const plt_graph_t *b) {
  cr_assert_eq(a->edges, b->edges);
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    uint32_t n = a->of[s].nodes;
    cr_assert_eq(n, b->of[s].nodes);
    cr_assert_eq(memcmp(a->of[s].offset, b->of[s].offset, (n + 1) * sizeof(uint64_t)), 0);
    cr_assert_eq(memcmp(a->of[s].id, b->of[s].id, a->edges * sizeof(uint32_t)), 0);
    cr_assert_eq(memcmp(a->of[s].norm, b->of[s].norm, n * sizeof(float)), 0);
  }
}

/* The only graph file in a directory. */
static void find_file(const folder_t *folder, char path[PLT_PATH_MAX]) {
  char **names;
  size_t n, found = 0;
  cr_assert_eq(plt_dir_list(folder->path, &names, &n), PLT_OK);
  for (size_t i = 0; i < n; i++) {
    cr_assert_null(strstr(names[i], ".part"));
    if (strstr(names[i], ".lock") != NULL) continue;
    cr_assert_eq(plt_path_join(folder->path, names[i], path), PLT_OK);
    found++;
  }
  cr_assert_eq(found, 1);
  plt_names_free(&names, n);
}

static void damage(const char *path, long at) {
  FILE *file = fopen(path, "r+b");
  cr_assert_eq(fseek(file, at, at < 0 ? SEEK_END : SEEK_SET), 0);
  int byte = fgetc(file);
  fseek(file, -1, SEEK_CUR);
  fputc(byte ^ 4, file);
  fclose(file);
}

Test(graph, is_shared_through_a_file_that_is_made_anew_when_damaged) {
  folder_t folder = folder_make();
  naive_graph_t naive = naive_graph_make(40, 30, 300, 1), other = naive_graph_make(40, 30, 300, 2);
  plt_graph_t *memory = plt_graph_open(&naive.data, 2, NULL), *first = plt_graph_open(&naive.data, 2, folder.path);
  char path[PLT_PATH_MAX];
  cr_assert(memory->map == NULL && first->map != NULL);
  expect_same(memory, first);
  find_file(&folder, path);
  /* -1: the last array; 8: the version; 16: the key; 40: a number of nodes; 3000: in the middle */
  const long places[] = {-1, 0, 8, 16, 24, 32, 40, 48, 64, 3000};
  for (size_t i = 0; i < sizeof places / sizeof *places + 2; i++) {
    if (i < sizeof places / sizeof *places)
      damage(path, places[i]);
    else
      cr_assert_eq(truncate(path, i % 2 == 0 ? 100 : 0), 0);
    plt_graph_t *again = plt_graph_open(&naive.data, 1, folder.path);
    cr_assert_not_null(again->map, "damage %zu", i);
    expect_same(memory, again);
    plt_graph_destroy(&again);
    find_file(&folder, path);
  }
  plt_graph_t *foreign = plt_graph_open(&other.data, 2, folder.path), *want = plt_graph_create(&other.data, 1);
  expect_same(want, foreign);
  plt_graph_destroy(&foreign);
  plt_graph_destroy(&want);
  plt_graph_t *without = plt_graph_open(&naive.data, 2, path); /* no directory: in memory */
  cr_assert_null(without->map);
  expect_same(memory, without);
  plt_graph_destroy(&without);
  plt_graph_destroy(&memory);
  plt_graph_destroy(&first);
  naive_graph_free(&naive);
  naive_graph_free(&other);
  folder_remove(&folder);
}

/* ---- a leaf: its own nodes, weights of a loss, embeddings of all nodes ---- */

typedef struct leaf {
  naive_graph_t naive;
  plt_graph_t *graph;
  uint32_t *own[PLT_SIDES]; /* ids, ascending */
  plt_frontier_t frontier;
  /* [nodes, COLS]: embeddings; weights of the sums and of what is spread in the loss, 0 outside of the own nodes */
  double *x, *r, *q;
} leaf_t;

static leaf_t leaf_make(uint32_t users, uint32_t items, uint32_t pairs, uint32_t share, uint32_t seed) {
  leaf_t leaf = {.naive = naive_graph_make(users, items, pairs, seed)};
  naive_rng_t rng = {seed + 77};
  uint32_t nodes[PLT_SIDES] = {users, items};
  size_t n = leaf.naive.nodes * COLS;
  leaf.graph = plt_graph_create(&leaf.naive.data, 2);
  leaf.x = malloc(n * sizeof *leaf.x);
  leaf.r = calloc(n, sizeof *leaf.r);
  leaf.q = calloc(n, sizeof *leaf.q);
  for (size_t k = 0; k < n; k++) leaf.x[k] = naive_between(&rng, -1, 1);
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    leaf.frontier.id[s] = leaf.own[s] = malloc(64 * sizeof *leaf.own[s]);
    for (uint32_t id = 0; id < nodes[s] && leaf.frontier.n[s] < 64; id++) {
      if (naive_below(&rng, share) != 0 && id != nodes[s] - 1) continue;
      leaf.own[s][leaf.frontier.n[s]++] = id;
      for (size_t c = 0; c < COLS; c++) {
        leaf.r[(id + (s == PLT_SIDE_USER ? 0 : users)) * COLS + c] = naive_between(&rng, -1, 1);
        if (s == PLT_SIDE_ITEM) leaf.q[(id + users) * COLS + c] = naive_between(&rng, -1, 1);
      }
    }
  }
  return leaf;
}

static void leaf_free(leaf_t *leaf) {
  plt_graph_destroy(&leaf->graph);
  naive_graph_free(&leaf->naive);
  free(leaf->x), free(leaf->r), free(leaf->q), free(leaf->own[0]), free(leaf->own[1]);
}

/* Rows of ids out of [nodes, COLS]. */
static float *rows_of(const leaf_t *leaf, plt_side_t side, const double *from, const uint32_t *ids, size_t n) {
  float *rows = malloc((n * COLS + 1) * sizeof *rows);
  size_t shift = side == PLT_SIDE_USER ? 0 : leaf->naive.users;
  for (size_t k = 0; k < n * COLS; k++) rows[k] = (float)from[(ids[k / COLS] + shift) * COLS + k % COLS];
  return rows;
}

/* A model whose loss is the weighted sum of its nodes' sums of layers; it also tells the sums. */
typedef struct probe {
  plt_model_t base;
  size_t own[PLT_SIDES];
  float *r[PLT_SIDES], *q;
  const float *sum[PLT_SIDES], *spread;
} probe_t;

static plt_var_t probe_loss(const plt_model_t *self, const plt_pass_t *pass) {
  probe_t *probe = (probe_t *)(uintptr_t)self;
  plt_var_t part[PLT_SIDES];
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    size_t n = probe->own[s];
    cr_assert_eq(plt_tape_rows(pass->tape, pass->sum[s]), n);
    cr_assert_eq(plt_tape_rows(pass->tape, plt_pass_own(pass, s, pass->base[s])), n);
    probe->sum[s] = plt_tape_value(pass->tape, pass->sum[s]);
    plt_var_t r = plt_tape_constant(pass->tape, n, COLS, probe->r[s]);
    part[s] = plt_op_sum(pass->tape, plt_op_mul(pass->tape, pass->sum[s], r));
  }
  plt_var_t loss = plt_op_add(pass->tape, part[0], part[1]);
  if (pass->graph->item_hops == 0) return loss;
  cr_assert_eq(plt_tape_rows(pass->tape, pass->spread), probe->own[PLT_SIDE_ITEM]);
  probe->spread = plt_tape_value(pass->tape, pass->spread);
  plt_var_t q = plt_tape_constant(pass->tape, probe->own[PLT_SIDE_ITEM], COLS, probe->q);
  return plt_op_add(pass->tape, loss, plt_op_sum(pass->tape, plt_op_mul(pass->tape, pass->spread, q)));
}

static const plt_model_ops_t probe_ops = {.name = "probe", .loss = probe_loss};

/* What one pass gives: sums at the own nodes, gradients at the nodes of layer 0. */
typedef struct outcome {
  float *sum[PLT_SIDES], *gradient[PLT_SIDES], *spread;
  size_t n[PLT_SIDES];
} outcome_t;

static outcome_t run_pass(const leaf_t *leaf, const plt_subgraph_t *graph, plt_crew_t *crew) {
  outcome_t outcome = {0};
  probe_t probe = {.base = {.ops = &probe_ops, .graph = {.layers = graph->layers}}};
  plt_tape_t *tape = plt_tape_create(crew);
  plt_var_t table[PLT_SIDES];
  float *x[PLT_SIDES];
  plt_pass_t pass = {.tape = tape, .table = table, .graph = graph};
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    size_t n = graph->frontier[0].n[s];
    plt_model_add_table(&probe.base, s == PLT_SIDE_USER ? "user" : "item",
                        s == PLT_SIDE_USER ? PLT_ENTITY_USER : PLT_ENTITY_ITEM, n, COLS, plt_init_zero());
    x[s] = rows_of(leaf, s, leaf->x, graph->frontier[0].id[s], n);
    probe.r[s] = rows_of(leaf, s, leaf->r, leaf->own[s], leaf->frontier.n[s]);
    outcome.n[s] = probe.own[s] = leaf->frontier.n[s];
    outcome.gradient[s] = calloc(n * COLS + 1, sizeof(float));
    table[s] = plt_tape_parameter(tape, n, COLS, x[s], outcome.gradient[s]);
  }
  probe.q = rows_of(leaf, PLT_SIDE_ITEM, leaf->q, leaf->own[PLT_SIDE_ITEM], leaf->frontier.n[PLT_SIDE_ITEM]);
  plt_tape_backward(tape, plt_model_loss(&probe.base, &pass));
  if (probe.spread != NULL) outcome.spread = naive_copy(probe.spread, outcome.n[PLT_SIDE_ITEM] * COLS);
  free(probe.q);
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    outcome.sum[s] = naive_copy(probe.sum[s], outcome.n[s] * COLS);
    free(x[s]), free(probe.r[s]);
  }
  plt_tape_destroy(&tape);
  return outcome;
}

static void outcome_free(outcome_t *outcome) {
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) free(outcome->sum[s]), free(outcome->gradient[s]);
  free(outcome->spread);
}

static void expect_ascending(const uint32_t *ids, size_t n) {
  for (size_t i = 1; i < n; i++) cr_assert_lt(ids[i - 1], ids[i]);
}

static bool holds(const uint32_t *ids, size_t n, uint32_t id) {
  for (size_t i = 0; i < n; i++)
    if (ids[i] == id) return true;
  return false;
}

/* Frontiers ascend and are nested, positions say where the own nodes are, transposes are transposes. */
static void check_shape(const leaf_t *leaf, const plt_subgraph_t *graph) {
  for (size_t l = 0; l <= graph->layers; l++)
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
      const plt_frontier_t *at = &graph->frontier[l], *last = &graph->frontier[graph->layers];
      expect_ascending(at->id[s], at->n[s]);
      for (size_t k = 0; k < last->n[s]; k++)
        cr_assert_eq(at->id[s][graph->own[l][s][k]], last->id[s][k], "layer %zu", l);
      if (s == PLT_SIDE_USER || graph->own_item == NULL) cr_assert_eq(last->n[s], leaf->frontier.n[s]);
      if (l == graph->layers) continue;
      for (size_t k = 0; k < graph->frontier[l + 1].n[s]; k++)
        cr_assert(holds(at->id[s], at->n[s], graph->frontier[l + 1].id[s][k]));
      const plt_csr_t *m = &graph->hop[l][s].matrix, *t = &graph->hop[l][s].transpose;
      cr_assert(m->rows == graph->frontier[l + 1].n[s] && m->cols == at->n[plt_side_other(s)]);
      cr_assert(t->rows == m->cols && t->cols == m->rows && t->offset[t->rows] == m->offset[m->rows]);
      for (size_t row = 0; row < m->rows; row++) {
        for (uint64_t e = m->offset[row]; e < m->offset[row + 1]; e++) {
          bool found = false;
          cr_assert(e == m->offset[row] || m->index[e - 1] < m->index[e]);
          for (uint64_t b = t->offset[m->index[e]]; b < t->offset[m->index[e] + 1]; b++)
            found |= t->index[b] == row && t->weight[b] == m->weight[e];
          cr_assert(found, "hop %zu: edge %zu %u is not in the transpose", l, row, m->index[e]);
        }
      }
    }
}

/* The gradient of <r, sum> + <q, S^K (sum or x)>. */
static double *naive_gradient(const leaf_t *leaf, size_t layers, size_t hops, bool spreads_sum) {
  size_t n = leaf->naive.nodes * COLS;
  double *q = malloc(n * sizeof *q), *r = malloc(n * sizeof *r);
  memcpy(q, leaf->q, n * sizeof *q);
  memcpy(r, leaf->r, n * sizeof *r);
  naive_graph_spread(&leaf->naive, q, COLS, hops, true);
  for (size_t k = 0; k < n && hops > 0 && spreads_sum; k++) r[k] += q[k];
  double *gradient = naive_graph_sum(&leaf->naive, r, COLS, layers);
  for (size_t k = 0; k < n && hops > 0 && !spreads_sum; k++) gradient[k] += q[k];
  free(q), free(r);
  return gradient;
}

static void check_spread(const leaf_t *leaf, const plt_subgraph_t *graph, const double *sum, const outcome_t *got) {
  size_t n = leaf->naive.nodes * COLS;
  double *want = malloc(n * sizeof *want);
  memcpy(want, graph->own_item != NULL ? sum : leaf->x, n * sizeof *want);
  naive_graph_spread(&leaf->naive, want, COLS, graph->item_hops, false);
  for (size_t k = 0; k < got->n[PLT_SIDE_ITEM] * COLS; k++) {
    size_t node = leaf->naive.users + leaf->own[PLT_SIDE_ITEM][k / COLS];
    cr_assert(naive_near(got->spread[k], want[node * COLS + k % COLS], 2e-6), "spread %zu: %g, not %g", k,
              (double)got->spread[k], want[node * COLS + k % COLS]);
  }
  free(want);
}

/* Against the whole graph in double; nodes outside of layer 0 must have no gradient. */
static void check_exact(const leaf_t *leaf, const plt_subgraph_t *graph, const outcome_t *got) {
  double *sum = naive_graph_sum(&leaf->naive, leaf->x, COLS, graph->layers);
  double *gradient = naive_gradient(leaf, graph->layers, graph->item_hops, graph->own_item != NULL);
  if (graph->item_hops > 0) check_spread(leaf, graph, sum, got);
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    size_t shift = s == PLT_SIDE_USER ? 0 : leaf->naive.users;
    const plt_frontier_t *outer = &graph->frontier[0];
    for (size_t k = 0; k < got->n[s] * COLS; k++) {
      double want = sum[(leaf->own[s][k / COLS] + shift) * COLS + k % COLS];
      cr_assert(naive_near(got->sum[s][k], want, 1e-6), "sum %zu: %g, not %g", k, (double)got->sum[s][k], want);
    }
    for (size_t k = 0; k < outer->n[s] * COLS; k++) {
      double want = gradient[(outer->id[s][k / COLS] + shift) * COLS + k % COLS];
      cr_assert(naive_near(got->gradient[s][k], want, 1e-6), "gradient %zu: %g, not %g", k, (double)got->gradient[s][k],
                want);
      gradient[(outer->id[s][k / COLS] + shift) * COLS + k % COLS] = 0;
    }
  }
  for (size_t k = 0; k < leaf->naive.nodes * COLS; k++) cr_assert_eq(gradient[k], 0, "node %zu is missing", k / COLS);
  free(sum), free(gradient);
}

static void check_bits(const plt_subgraph_t *graph, const outcome_t *a, const outcome_t *b) {
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    cr_assert_eq(memcmp(a->sum[s], b->sum[s], a->n[s] * COLS * sizeof(float)), 0);
    cr_assert_eq(memcmp(a->gradient[s], b->gradient[s], graph->frontier[0].n[s] * COLS * sizeof(float)), 0);
  }
}

Test(subgraph, exact_is_the_whole_graphs_propagation) {
  plt_arena_t *arena = plt_arena_create();
  plt_crew_t *crews[CREWS];
  for (size_t c = 0; c < CREWS; c++) crews[c] = plt_crew_create(c + 1);
  const uint32_t shapes[][4] = {{30, 20, 40, 9}, {60, 50, 120, 14}, {90, 40, 100, 30}, {40, 60, 900, 3}, {5, 4, 3, 2}};
  for (uint32_t shape = 0; shape < sizeof shapes / sizeof *shapes; shape++)
    for (size_t layers = 1; layers <= 4; layers++) {
      const uint32_t *of = shapes[shape];
      leaf_t leaf = leaf_make(of[0], of[1], of[2], of[3], shape + 1);
      plt_subgraph_plan_t plan = {.layers = layers};
      outcome_t outcomes[CREWS];
      const plt_subgraph_t *graph = NULL;
      for (size_t c = 0; c < CREWS; c++) {
        plt_subgraph_maker_t *maker = plt_subgraph_maker_create(leaf.graph, &plan, 1, crews[c]);
        for (uint32_t batch = 0; batch < 2; batch++) /* the maker forgets the one before */
          graph = plt_subgraph_make(maker, 0, batch, 0, &leaf.frontier, arena);
        check_shape(&leaf, graph);
        outcomes[c] = run_pass(&leaf, graph, crews[c]);
        plt_subgraph_maker_destroy(&maker);
        check_exact(&leaf, graph, &outcomes[c]);
        check_bits(graph, &outcomes[c], &outcomes[0]);
      }
      for (size_t c = 0; c < CREWS; c++) outcome_free(&outcomes[c]);
      leaf_free(&leaf);
      plt_arena_reset(arena);
    }
  for (size_t c = 0; c < CREWS; c++) plt_crew_destroy(&crews[c]);
  plt_arena_destroy(&arena);
}

Test(subgraph, a_graph_of_items_spreads_layer_0_or_the_sum) {
  plt_arena_t *arena = plt_arena_create(), *items = plt_arena_create();
  plt_crew_t *crew = plt_crew_create(2);
  const uint32_t shapes[][4] = {{30, 20, 40, 9}, {60, 50, 120, 14}, {40, 60, 900, 3}, {5, 4, 3, 2}};
  for (uint32_t shape = 0; shape < sizeof shapes / sizeof *shapes; shape++)
    for (size_t layers = 1; layers <= 3; layers++)
      for (size_t variant = 0; variant < 6; variant++) {
        const uint32_t *of = shapes[shape];
        leaf_t leaf = leaf_make(of[0], of[1], of[2], of[3], shape + 1);
        plt_csr_t item_graph = naive_graph_items(&leaf.naive, items);
        plt_subgraph_plan_t plan = {
            .layers = layers, .item_graph = &item_graph, .item_hops = 1 + variant % 3, .spreads_sum = variant < 3};
        plt_subgraph_maker_t *maker = plt_subgraph_maker_create(leaf.graph, &plan, 1, crew);
        const plt_subgraph_t *graph = NULL;
        for (uint32_t batch = 0; batch < 2; batch++)
          graph = plt_subgraph_make(maker, 0, batch, 0, &leaf.frontier, arena);
        check_shape(&leaf, graph);
        outcome_t outcome = run_pass(&leaf, graph, crew);
        check_exact(&leaf, graph, &outcome);
        outcome_free(&outcome);
        plt_subgraph_maker_destroy(&maker);
        leaf_free(&leaf);
        plt_arena_reset(arena);
        plt_arena_reset(items);
      }
  plt_crew_destroy(&crew);
  plt_arena_destroy(&items);
  plt_arena_destroy(&arena);
}

/* ---- fan-out ---- */

Test(subgraph, fan_out_bounds_every_row_and_draws_distinct_neighbours) {
  plt_arena_t *arena = plt_arena_create();
  leaf_t leaf = leaf_make(60, 50, 900, 10, 3);
  plt_subgraph_plan_t plan = {.layers = 3, .n_fanout = 3, .fanout = {4, 3, 1}};
  plt_subgraph_maker_t *maker = plt_subgraph_maker_create(leaf.graph, &plan, 5, NULL);
  for (uint32_t batch = 0; batch < 30; batch++) {
    const plt_subgraph_t *graph = plt_subgraph_make(maker, 1, batch, 0, &leaf.frontier, arena);
    check_shape(&leaf, graph); /* strictly ascending rows: no neighbour twice */
    for (size_t l = 0; l < 3; l++)
      for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
        const plt_csr_t *m = &graph->hop[l][s].matrix;
        for (size_t r = 0; r < m->rows; r++) {
          uint64_t degree = plt_graph_degree(leaf.graph, s, graph->frontier[l + 1].id[s][r]);
          uint64_t most = plan.fanout[2 - l], want = degree < most ? degree : most;
          cr_assert_eq(m->offset[r + 1] - m->offset[r], want);
        }
      }
    plt_arena_reset(arena);
  }
  plt_subgraph_maker_destroy(&maker);
  leaf_free(&leaf);
  plt_arena_destroy(&arena);
}

/* The mean over many batches is the exact sum, within five standard errors. */
static void check_expectation(const uint32_t *fanout, size_t layers) {
  enum { DRAWS = 4000 };
  plt_arena_t *arena = plt_arena_create();
  leaf_t leaf = leaf_make(20, 16, 150, 6, 8);
  plt_subgraph_plan_t plan = {.layers = layers, .n_fanout = layers};
  memcpy(plan.fanout, fanout, layers * sizeof *fanout);
  plt_subgraph_maker_t *maker = plt_subgraph_maker_create(leaf.graph, &plan, 11, NULL);
  double *exact = naive_graph_sum(&leaf.naive, leaf.x, COLS, layers);
  double mean[PLT_SIDES][64 * COLS] = {{0}}, square[PLT_SIDES][64 * COLS] = {{0}}, varies = 0;
  for (uint32_t draw = 0; draw < DRAWS; draw++) {
    outcome_t one = run_pass(&leaf, plt_subgraph_make(maker, draw % 7, draw, draw % 3, &leaf.frontier, arena), NULL);
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++)
      for (size_t k = 0; k < one.n[s] * COLS; k++) {
        mean[s][k] += one.sum[s][k] / DRAWS;
        square[s][k] += (double)one.sum[s][k] * one.sum[s][k] / DRAWS;
      }
    outcome_free(&one);
    plt_arena_reset(arena);
  }
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++)
    for (size_t k = 0; k < leaf.frontier.n[s] * COLS; k++) {
      size_t node = leaf.own[s][k / COLS] + (s == PLT_SIDE_USER ? 0 : leaf.naive.users);
      double want = exact[node * COLS + k % COLS], variance = square[s][k] - mean[s][k] * mean[s][k];
      varies += variance;
      cr_assert(fabs(mean[s][k] - want) <= 5 * sqrt(fmax(variance, 0) / DRAWS) + 1e-5, "%g, not %g, deviation %g",
                mean[s][k], want, sqrt(fmax(variance, 0)));
    }
  cr_assert_gt(varies, 0.1, "nothing was drawn");
  free(exact);
  plt_subgraph_maker_destroy(&maker);
  leaf_free(&leaf);
  plt_arena_destroy(&arena);
}

Test(subgraph, fan_out_is_unbiased) {
  check_expectation((uint32_t[]){3}, 1);
  check_expectation((uint32_t[]){2, 1}, 2);
  check_expectation((uint32_t[]){4, 2, 3}, 3);
}

static bool same_edges(const plt_subgraph_t *a, const plt_subgraph_t *b) {
  for (size_t l = 0; l < a->layers; l++)
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
      const plt_csr_t *x = &a->hop[l][s].matrix, *y = &b->hop[l][s].matrix;
      if (x->rows != y->rows || x->offset[x->rows] != y->offset[y->rows]) return false;
      if (memcmp(x->index, y->index, x->offset[x->rows] * sizeof *x->index) != 0) return false;
      if (memcmp(x->weight, y->weight, x->offset[x->rows] * sizeof *x->weight) != 0) return false;
    }
  return true;
}

Test(subgraph, draws_are_a_function_of_seed_epoch_batch_and_leaf) {
  plt_arena_t *arena = plt_arena_create();
  plt_crew_t *crew = plt_crew_create(3);
  leaf_t leaf = leaf_make(60, 50, 900, 10, 4);
  plt_subgraph_plan_t plan = {.layers = 2, .n_fanout = 2, .fanout = {3, 3}};
  plt_subgraph_maker_t *maker = plt_subgraph_maker_create(leaf.graph, &plan, 5, NULL);
  plt_subgraph_maker_t *other = plt_subgraph_maker_create(leaf.graph, &plan, 5, crew);
  plt_subgraph_maker_t *seeded = plt_subgraph_maker_create(leaf.graph, &plan, 6, NULL);
  const plt_subgraph_t *one = plt_subgraph_make(maker, 3, 4, 5, &leaf.frontier, arena);
  cr_assert(same_edges(one, plt_subgraph_make(other, 3, 4, 5, &leaf.frontier, arena)));
  cr_assert(same_edges(one, plt_subgraph_make(maker, 3, 4, 5, &leaf.frontier, arena)));
  cr_assert_not(same_edges(one, plt_subgraph_make(maker, 2, 4, 5, &leaf.frontier, arena)));
  cr_assert_not(same_edges(one, plt_subgraph_make(maker, 3, 5, 5, &leaf.frontier, arena)));
  cr_assert_not(same_edges(one, plt_subgraph_make(maker, 3, 4, 4, &leaf.frontier, arena)));
  cr_assert_not(same_edges(one, plt_subgraph_make(seeded, 3, 4, 5, &leaf.frontier, arena)));
  plt_subgraph_maker_destroy(&maker);
  plt_subgraph_maker_destroy(&other);
  plt_subgraph_maker_destroy(&seeded);
  plt_subgraph_maker_destroy(&seeded); /* takes NULL */
  plt_crew_destroy(&crew);
  leaf_free(&leaf);
  plt_arena_destroy(&arena);
}

Test(subgraph, a_wide_fan_out_is_exact) {
  plt_arena_t *arena = plt_arena_create();
  leaf_t leaf = leaf_make(40, 30, 200, 8, 5);
  plt_subgraph_plan_t plan = {.layers = 2, .n_fanout = 2, .fanout = {PLT_FANOUT_MAX, PLT_FANOUT_MAX}};
  plt_subgraph_maker_t *maker = plt_subgraph_maker_create(leaf.graph, &plan, 5, NULL);
  const plt_subgraph_t *graph = plt_subgraph_make(maker, 0, 0, 0, &leaf.frontier, arena);
  outcome_t outcome = run_pass(&leaf, graph, NULL);
  check_exact(&leaf, graph, &outcome);
  outcome_free(&outcome);
  plt_subgraph_maker_destroy(&maker);
  leaf_free(&leaf);
  plt_arena_destroy(&arena);
}
