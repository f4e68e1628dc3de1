/* subgraph.c - see subgraph.h. From the last layer to the first:
 *
 *   rows: nodes of F_{l+1} ─▶ their neighbours' ids, all or drawn ─▶ F_l, and where each id stands in it
 *                                                                 ─▶ ids become columns, weights, transpose
 *
 * `place` says of every node of the graph where it stands in the frontier under way, NOWHERE for those outside. */
#include "worker/graph/subgraph.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/rng.h"
#include "worker/math/distinct.h"
#include "worker/math/kernels.h"

#define NOWHERE UINT32_MAX
enum {
  SCAN_SHARE = 64, /* a frontier that has one node of so many is sorted by going through all */
  FILTER_COST = 4  /* as many edges are looked at in the time in which one entry is sorted into a transpose */
};

struct plt_subgraph_maker {
  const plt_graph_t *graph; /* of the epoch */
  const plt_graph_t *whole;
  plt_graph_t *pruned; /* NULL: graph is the whole */
  uint32_t epoch;      /* of `pruned` */
  plt_subgraph_plan_t plan;
  uint64_t seed;
  plt_crew_t *crew;
  uint32_t *place[PLT_SIDES];
};

plt_subgraph_maker_t *plt_subgraph_maker_create(const plt_graph_t *graph, const plt_subgraph_plan_t *plan,
                                                uint64_t seed, plt_crew_t *crew) {
  plt_subgraph_maker_t *maker = plt_mem_zalloc(1, sizeof *maker);
  assert(plan->layers > 0 && plan->layers <= PLT_LAYERS_MAX);
  *maker = (plt_subgraph_maker_t){.graph = graph, .whole = graph, .plan = *plan, .seed = seed, .crew = crew};
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    size_t bytes = (size_t)graph->of[s].nodes * sizeof *maker->place[s];
    maker->place[s] = memset(plt_mem_alloc(bytes), 0xff, bytes);
  }
  return maker;
}

void plt_subgraph_maker_destroy(plt_subgraph_maker_t **maker) {
  if (*maker == NULL) return;
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) free((*maker)->place[s]);
  plt_graph_destroy(&(*maker)->pruned);
  free(*maker);
  *maker = NULL;
}

static void take_graph_of(plt_subgraph_maker_t *maker, uint32_t epoch) {
  if (maker->plan.edge_dropout == 0 || (maker->pruned != NULL && maker->epoch == epoch)) return;
  plt_graph_destroy(&maker->pruned);
  maker->graph = maker->pruned =
      plt_graph_prune(maker->whole, maker->plan.edge_dropout, maker->seed, epoch, maker->crew);
  maker->epoch = epoch;
}

/* ---- rows of one hop and side ---- */

typedef struct rows {
  const plt_neighbours_t *of, *other; /* the rows' side of the graph, and the columns' */
  const uint32_t *node;               /* [n] */
  size_t n;
  uint32_t fanout; /* 0: all neighbours */
  plt_rng_key_t rng;
  uint32_t draw[2]; /* counters beside the node: leaf, layer and side */
  const uint32_t *place;
  uint64_t *offset;
  uint32_t *index; /* ids, later columns */
  float *weight;
} rows_t;

static uint64_t degree_of(const rows_t *rows, size_t r) {
  return rows->of->offset[rows->node[r] + 1] - rows->of->offset[rows->node[r]];
}

/* `n` of the numbers below `degree`, ascending, every subset as likely (Floyd's algorithm, by insertion). */
static void draw_distinct(const rows_t *rows, uint32_t node, uint32_t degree, uint32_t n, uint32_t *out) {
  plt_rng_block_t block = {{0}};
  for (uint32_t k = 0; k < n; k++) {
    uint32_t bound = degree - n + k + 1, have = k, at = 0;
    if (k % 2 == 0) block = plt_rng_draw(rows->rng, rows->draw[0], rows->draw[1], node, k / 2);
    uint32_t drawn = plt_rng_below((uint64_t)block.word[2 * (k % 2)] << 32 | block.word[2 * (k % 2) + 1], bound);
    while (at < have && out[at] < drawn) at++;
    if (at < have && out[at] == drawn) {
      drawn = bound - 1; /* larger than all there are */
      at = have;
    }
    memmove(out + at + 1, out + at, (have - at) * sizeof *out);
    out[at] = drawn;
  }
}

static void choose_range(void *context, size_t first, size_t last) {
  const rows_t *rows = context;
  for (size_t r = first; r < last; r++) {
    const uint32_t *all = rows->of->id + rows->of->offset[rows->node[r]];
    uint32_t *out = rows->index + rows->offset[r];
    uint64_t n = rows->offset[r + 1] - rows->offset[r], degree = degree_of(rows, r);
    if (n == degree) {
      memcpy(out, all, n * sizeof *out);
    } else {
      draw_distinct(rows, rows->node[r], (uint32_t)degree, (uint32_t)n, out);
      for (uint64_t k = 0; k < n; k++) out[k] = all[out[k]];
    }
  }
}

static void settle_range(void *context, size_t first, size_t last) {
  const rows_t *rows = context;
  for (size_t r = first; r < last; r++) {
    uint64_t from = rows->offset[r], to = rows->offset[r + 1];
    if (from == to) continue;
    float norm = rows->of->norm[rows->node[r]] * ((float)degree_of(rows, r) / (float)(to - from));
    for (uint64_t e = from; e < to; e++) {
      uint32_t id = rows->index[e];
      rows->weight[e] = norm * rows->other->norm[id];
      rows->index[e] = rows->place[id];
    }
  }
}

/* Fills offset and, with ids, index. */
static void choose(plt_subgraph_maker_t *maker, rows_t *rows, plt_arena_t *arena) {
  rows->offset = plt_arena_alloc(arena, (rows->n + 1) * sizeof *rows->offset);
  rows->offset[0] = 0;
  for (size_t r = 0; r < rows->n; r++) {
    uint64_t degree = degree_of(rows, r);
    rows->offset[r + 1] = rows->offset[r] + (rows->fanout != 0 && degree > rows->fanout ? rows->fanout : degree);
  }
  rows->index = plt_arena_alloc(arena, rows->offset[rows->n] * sizeof *rows->index);
  rows->weight = plt_arena_alloc(arena, rows->offset[rows->n] * sizeof *rows->weight);
  size_t cost = rows->n == 0 ? 1 : (size_t)rows->offset[rows->n] / rows->n * (rows->fanout == 0 ? 1 : 64) + 1;
  plt_kernel_ranges(maker->crew, rows->n, cost, choose_range, rows);
}

static void settle(plt_subgraph_maker_t *maker, rows_t *rows) {
  size_t cost = rows->n == 0 ? 1 : 4 * (size_t)rows->offset[rows->n] / rows->n + 1;
  plt_kernel_ranges(maker->crew, rows->n, cost, settle_range, rows);
}

/* ---- frontiers ---- */

static void place_all(uint32_t *place, const uint32_t *id, size_t n) {
  for (size_t k = 0; k < n; k++) place[id[k]] = (uint32_t)k;
}

/* The nodes of `inner` [n], all placed, and those in `found` [n_found]; all are placed among each other then. */
static const uint32_t *grow(uint32_t *place, uint32_t nodes, const uint32_t *inner, size_t *n, const uint32_t *found,
                            uint64_t n_found, plt_arena_t *arena) {
  size_t most = *n + n_found < nodes ? *n + (size_t)n_found : nodes, grown = *n;
  uint32_t *id = plt_arena_alloc(arena, most * sizeof *id);
  memcpy(id, inner, *n * sizeof *id);
  for (uint64_t e = 0; e < n_found; e++) {
    if (place[found[e]] != NOWHERE) continue;
    place[found[e]] = 0;
    id[grown++] = found[e];
  }
  if (grown == *n) return inner; /* nothing new: they stand where they stood */
  if (grown >= nodes / SCAN_SHARE) {
    grown = 0;
    for (uint32_t node = 0; node < nodes; node++) {
      if (place[node] == NOWHERE) continue;
      place[node] = (uint32_t)grown;
      id[grown++] = node;
    }
  } else {
    uint32_t *sorted = plt_arena_alloc(arena, grown * sizeof *sorted);
    uint32_t *unused = plt_arena_alloc(arena, grown * sizeof *unused);
    plt_distinct(id, grown, sorted, unused, arena);
    place_all(place, sorted, grown);
    id = sorted;
  }
  *n = grown;
  return id;
}

static const uint32_t *places_of(const uint32_t *place, const uint32_t *id, size_t n, plt_arena_t *arena) {
  uint32_t *out = plt_arena_alloc(arena, n * sizeof *out);
  for (size_t k = 0; k < n; k++) out[k] = place[id[k]];
  return out;
}

static void forget(plt_subgraph_maker_t *maker, plt_side_t side, const uint32_t *id, size_t n) {
  for (size_t k = 0; k < n; k++) maker->place[side][id[k]] = NOWHERE;
}

/* ---- transposes of exact hops ----
 *
 * A row of the transpose is a row of the graph without the nodes that are not in F_{l+1}: cheaper to filter than to
 * sort into, unless most of it goes. */

typedef struct filter {
  const plt_neighbours_t *of, *other; /* the transpose's rows' side of the graph, and its columns' */
  const uint32_t *node;               /* [n] */
  const uint32_t *place;              /* in F_{l+1} */
  uint64_t *offset;
  uint32_t *index;
  float *weight;
} filter_t;

static void count_kept(void *context, size_t first, size_t last) {
  const filter_t *filter = context;
  const plt_neighbours_t *of = filter->of;
  for (size_t r = first; r < last; r++) {
    uint64_t kept = 0;
    for (uint64_t e = of->offset[filter->node[r]]; e < of->offset[filter->node[r] + 1]; e++)
      kept += filter->place[of->id[e]] != NOWHERE;
    filter->offset[r + 1] = kept;
  }
}

static void fill_kept(void *context, size_t first, size_t last) {
  const filter_t *filter = context;
  const plt_neighbours_t *of = filter->of;
  for (size_t r = first; r < last; r++) {
    uint64_t at = filter->offset[r];
    float norm = of->norm[filter->node[r]];
    for (uint64_t e = of->offset[filter->node[r]]; e < of->offset[filter->node[r] + 1]; e++) {
      uint32_t place = filter->place[of->id[e]];
      if (place == NOWHERE) continue;
      filter->index[at] = place;
      filter->weight[at++] = norm * filter->other->norm[of->id[e]];
    }
  }
}

/* The transpose of hop l's rows of `side`. place[side] tells of F_l; it does so again at the end. */
static void filter_transpose(plt_subgraph_maker_t *maker, plt_subgraph_t *graph, size_t l, plt_side_t side,
                             plt_arena_t *arena) {
  const plt_frontier_t *outer = &graph->frontier[l], *inner = &graph->frontier[l + 1];
  plt_side_t rows_side = plt_side_other(side);
  plt_sparse_t *hop = &graph->hop[l][side];
  size_t n = outer->n[rows_side];
  uint64_t entries = hop->matrix.offset[hop->matrix.rows];
  filter_t filter = {.of = &maker->graph->of[rows_side],
                     .other = &maker->graph->of[side],
                     .node = outer->id[rows_side],
                     .place = maker->place[side],
                     .offset = plt_arena_alloc(arena, (n + 1) * sizeof *filter.offset),
                     .index = plt_arena_alloc(arena, entries * sizeof *filter.index),
                     .weight = plt_arena_alloc(arena, entries * sizeof *filter.weight)};
  size_t cost = n == 0 ? 1 : 2 * (size_t)entries / n + 1;
  forget(maker, side, outer->id[side], outer->n[side]);
  place_all(maker->place[side], inner->id[side], inner->n[side]);
  filter.offset[0] = 0;
  plt_kernel_ranges(maker->crew, n, cost, count_kept, &filter);
  for (size_t r = 0; r < n; r++) filter.offset[r + 1] += filter.offset[r];
  plt_kernel_ranges(maker->crew, n, cost, fill_kept, &filter);
  place_all(maker->place[side], outer->id[side], outer->n[side]);
  hop->transpose = (plt_csr_t){
      .rows = n, .cols = hop->matrix.rows, .offset = filter.offset, .index = filter.index, .weight = filter.weight};
}

static void transpose_hop(plt_subgraph_maker_t *maker, plt_subgraph_t *graph, size_t l, plt_arena_t *arena) {
  const plt_frontier_t *outer = &graph->frontier[l], *inner = &graph->frontier[l + 1];
  plt_sparse_t *hop = graph->hop[l];
  if (maker->plan.n_fanout != 0) {
    plt_sparse_transpose(maker->crew, hop, PLT_SIDES, arena);
    return;
  }
  if (outer->n[PLT_SIDE_USER] == inner->n[PLT_SIDE_USER] && outer->n[PLT_SIDE_ITEM] == inner->n[PLT_SIDE_ITEM]) {
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) /* all edges between the same nodes: the other side's rows */
      hop[s].transpose = hop[plt_side_other(s)].matrix;
    return;
  }
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    plt_side_t rows_side = plt_side_other(s);
    uint64_t edges = 0; /* that a filter would look at */
    for (size_t k = 0; k < outer->n[rows_side]; k++)
      edges += plt_graph_degree(maker->graph, rows_side, outer->id[rows_side][k]);
    if (edges <= FILTER_COST * hop[s].matrix.offset[hop[s].matrix.rows])
      filter_transpose(maker, graph, l, s, arena);
    else
      plt_sparse_transpose(maker->crew, &hop[s], 1, arena);
  }
}

/* ---- a hop ---- */

/* F_l and hop l from F_{l+1}; F_l also holds the items `more`. */
static void make_hop(plt_subgraph_maker_t *maker, plt_subgraph_t *graph, size_t l, plt_rng_key_t rng, uint32_t leaf,
                     const uint32_t *more, size_t n_more, plt_arena_t *arena) {
  const plt_frontier_t *inner = &graph->frontier[l + 1];
  plt_frontier_t *outer = &graph->frontier[l];
  rows_t rows[PLT_SIDES];
  *outer = *inner;
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    plt_side_t other = plt_side_other(s);
    rows[s] = (rows_t){.of = &maker->graph->of[s],
                       .other = &maker->graph->of[other],
                       .node = inner->id[s],
                       .n = inner->n[s],
                       .fanout = maker->plan.n_fanout == 0 ? 0 : maker->plan.fanout[graph->layers - 1 - l],
                       .rng = rng,
                       .draw = {leaf, (uint32_t)(l * PLT_SIDES + s)},
                       .place = maker->place[other]};
    choose(maker, &rows[s], arena);
    outer->id[other] = grow(maker->place[other], maker->graph->of[other].nodes, inner->id[other], &outer->n[other],
                            rows[s].index, rows[s].offset[rows[s].n], arena);
  }
  if (n_more > 0)
    outer->id[PLT_SIDE_ITEM] = grow(maker->place[PLT_SIDE_ITEM], maker->graph->of[PLT_SIDE_ITEM].nodes,
                                    outer->id[PLT_SIDE_ITEM], &outer->n[PLT_SIDE_ITEM], more, n_more, arena);
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    plt_sparse_t *hop = &graph->hop[l][s];
    settle(maker, &rows[s]);
    hop->matrix = (plt_csr_t){.rows = rows[s].n,
                              .cols = outer->n[plt_side_other(s)],
                              .offset = rows[s].offset,
                              .index = rows[s].index,
                              .weight = rows[s].weight};
  }
  transpose_hop(maker, graph, l, arena);
}

/* Whether hop l + 1 reached nothing new and leads on by the same edges: hop l is the same. */
static bool is_closed(const plt_subgraph_maker_t *maker, const plt_subgraph_t *graph, size_t l) {
  return maker->plan.n_fanout == 0 && l + 1 < graph->layers &&
         graph->frontier[l + 1].n[PLT_SIDE_USER] == graph->frontier[l + 2].n[PLT_SIDE_USER] &&
         graph->frontier[l + 1].n[PLT_SIDE_ITEM] == graph->frontier[l + 2].n[PLT_SIDE_ITEM];
}

/* ---- the graph of items ---- */

/* The rows of `items` [n], ids for columns. */
static plt_csr_t take_rows(const plt_csr_t *from, const uint32_t *items, size_t n, plt_arena_t *arena,
                           uint32_t **index_out) {
  uint64_t *offset = plt_arena_alloc(arena, (n + 1) * sizeof *offset);
  offset[0] = 0;
  for (size_t r = 0; r < n; r++) offset[r + 1] = offset[r] + from->offset[items[r] + 1] - from->offset[items[r]];
  uint32_t *index = *index_out = plt_arena_alloc(arena, offset[n] * sizeof *index);
  float *weight = plt_arena_alloc(arena, offset[n] * sizeof *weight);
  for (size_t r = 0; r < n; r++) {
    size_t entries = (size_t)(offset[r + 1] - offset[r]);
    memcpy(index + offset[r], from->index + from->offset[items[r]], entries * sizeof *index);
    memcpy(weight + offset[r], from->weight + from->offset[items[r]], entries * sizeof *weight);
  }
  return (plt_csr_t){.rows = n, .offset = offset, .index = index, .weight = weight};
}

/* G_{K-1} .. G_0 and the hops between them; returns G_0. */
static const uint32_t *make_spread(plt_subgraph_maker_t *maker, plt_subgraph_t *graph, const plt_frontier_t *own,
                                   plt_arena_t *arena) {
  const uint32_t *items = own->id[PLT_SIDE_ITEM];
  uint32_t *place = maker->place[PLT_SIDE_ITEM], *index;
  size_t n = own->n[PLT_SIDE_ITEM];
  graph->item_hops = maker->plan.item_hops;
  place_all(place, items, n);
  for (size_t k = graph->item_hops; k-- > 0;) {
    plt_csr_t rows = take_rows(maker->plan.item_graph, items, n, arena, &index);
    uint64_t entries = rows.offset[n];
    items = grow(place, maker->graph->of[PLT_SIDE_ITEM].nodes, items, &n, index, entries, arena);
    for (uint64_t e = 0; e < entries; e++) index[e] = place[index[e]];
    rows.cols = n;
    graph->spread[k].matrix = rows;
  }
  plt_sparse_transpose(maker->crew, graph->spread, graph->item_hops, arena);
  graph->n_source = n;
  graph->n_own_item = own->n[PLT_SIDE_ITEM];
  if (maker->plan.spreads_sum) graph->own_item = places_of(place, own->id[PLT_SIDE_ITEM], graph->n_own_item, arena);
  forget(maker, PLT_SIDE_ITEM, items, n);
  return items;
}

const plt_subgraph_t *plt_subgraph_make(plt_subgraph_maker_t *maker, uint32_t epoch, uint32_t batch, uint32_t leaf,
                                        const plt_frontier_t *own, plt_arena_t *arena) {
  plt_subgraph_t *graph = plt_arena_zalloc(arena, sizeof *graph);
  size_t layers = maker->plan.layers;
  plt_rng_key_t rng = plt_rng_key(maker->seed, "neighbours", (uint64_t)epoch << 32 | batch);
  const uint32_t *source = NULL; /* items of layer 0 that no hop needs */
  graph->layers = layers;
  take_graph_of(maker, epoch);
  plt_frontier_t *last = &graph->frontier[layers];
  *last = *own;
  if (maker->plan.item_graph != NULL) {
    const uint32_t *reached = make_spread(maker, graph, own, arena);
    if (maker->plan.spreads_sum) {
      last->id[PLT_SIDE_ITEM] = reached;
      last->n[PLT_SIDE_ITEM] = graph->n_source;
    } else {
      source = reached;
    }
  }
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    place_all(maker->place[s], last->id[s], last->n[s]);
    graph->own[layers][s] = places_of(maker->place[s], last->id[s], last->n[s], arena);
  }
  for (size_t l = layers; l-- > 0;) {
    size_t n_more = l == 0 && source != NULL ? graph->n_source : 0;
    if (n_more == 0 && is_closed(maker, graph, l)) {
      graph->frontier[l] = graph->frontier[l + 1];
      memcpy(graph->hop[l], graph->hop[l + 1], sizeof graph->hop[l]);
      memcpy(graph->own[l], graph->own[l + 1], sizeof graph->own[l]);
      continue;
    }
    make_hop(maker, graph, l, rng, leaf, source, n_more, arena);
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++)
      graph->own[l][s] = places_of(maker->place[s], last->id[s], last->n[s], arena);
  }
  if (source != NULL) graph->source = places_of(maker->place[PLT_SIDE_ITEM], source, graph->n_source, arena);
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++)
    forget(maker, s, graph->frontier[0].id[s], graph->frontier[0].n[s]);
  return graph;
}
