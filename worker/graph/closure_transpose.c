/* closure_transpose.c - transposes of exact hops over users and items: see closure_parts.h.
 *
 * A row of the transpose is a row of the graph without the nodes that are not in the inner set: cheaper to filter than
 * to sort into, unless most of it goes. */
#include "worker/graph/closure_parts.h"
#include "worker/math/kernels.h"

enum { FILTER_COST = 4 }; /* as many edges are looked at in the time in which one entry is sorted into a transpose */

typedef struct filter {
  plt_adjacency_t of;        /* the transpose's rows */
  const float *left, *right; /* of the hop: left of its rows, here the columns; right of its columns, NULL: ones */
  const uint32_t *node;      /* [n] */
  const uint32_t *place;     /* in the inner set */
  uint64_t *offset;
  uint32_t *index;
  float *weight;
} filter_t;

static void count_kept(void *context, size_t first, size_t last) {
  const filter_t *filter = context;
  const plt_adjacency_t *of = &filter->of;
  for (size_t r = first; r < last; r++) {
    uint64_t kept = 0;
    for (uint64_t e = of->offset[filter->node[r]]; e < of->offset[filter->node[r] + 1]; e++)
      kept += filter->place[of->id[e]] != PLT_NOWHERE;
    filter->offset[r + 1] = kept;
  }
}

static void fill_kept(void *context, size_t first, size_t last) {
  const filter_t *filter = context;
  const plt_adjacency_t *of = &filter->of;
  for (size_t r = first; r < last; r++) {
    uint64_t at = filter->offset[r], end = filter->offset[r + 1];
    float right = filter->right == NULL ? 1 : filter->right[filter->node[r]];
    /* What goes is written too, and then over: no branch that could be guessed wrong. */
    for (uint64_t e = of->offset[filter->node[r]]; at < end; e++) {
      uint32_t place = filter->place[of->id[e]];
      filter->index[at] = place;
      filter->weight[at] = right * filter->left[of->id[e]];
      at += place != PLT_NOWHERE;
    }
  }
}

/* The transpose of the hop's rows of `side`. */
static void filter_transpose(const plt_hop_between_t *b, plt_side_t side, plt_sparse_t *hop) {
  plt_side_t across = plt_side_other(side);
  plt_adjacency_t rows = plt_relation_rows(b->relation, side);
  uint32_t *place = b->place[side];
  size_t n = b->outer->n[across];
  uint64_t entries = hop->matrix.offset[hop->matrix.rows];
  filter_t filter = {.of = plt_relation_rows(b->relation, across),
                     .left = rows.left,
                     .right = rows.right,
                     .node = b->outer->id[across],
                     .place = place,
                     .offset = plt_arena_alloc(b->arena, (n + 1) * sizeof *filter.offset),
                     .index = plt_arena_alloc(b->arena, entries * sizeof *filter.index),
                     .weight = plt_arena_alloc(b->arena, entries * sizeof *filter.weight)};
  size_t cost = n == 0 ? 1 : 2 * (size_t)entries / n + 1;
  plt_place_none(place, b->outer->id[side], b->outer->n[side]);
  plt_place_all(place, b->inner->id[side], b->inner->n[side]);
  filter.offset[0] = 0;
  plt_kernel_ranges(b->crew, n, cost, count_kept, &filter);
  for (size_t r = 0; r < n; r++) filter.offset[r + 1] += filter.offset[r];
  plt_kernel_ranges(b->crew, n, cost, fill_kept, &filter);
  plt_place_all(place, b->outer->id[side], b->outer->n[side]);
  hop->transpose = (plt_csr_t){
      .rows = n, .cols = hop->matrix.rows, .offset = filter.offset, .index = filter.index, .weight = filter.weight};
}

void plt_hop_transpose(const plt_hop_between_t *b, uint8_t sides, plt_sparse_t *hop) {
  const plt_frontier_t *outer = b->outer, *inner = b->inner;
  bool closed =
      outer->n[PLT_SIDE_USER] == inner->n[PLT_SIDE_USER] && outer->n[PLT_SIDE_ITEM] == inner->n[PLT_SIDE_ITEM];
  if (closed && sides == PLT_BOTH && b->relation->plan.weight == PLT_EDGES_SYMMETRIC) {
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) /* all edges between the same nodes: the other side's rows */
      hop[s].transpose = hop[plt_side_other(s)].matrix;
    return;
  }
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    if (!(sides >> s & 1)) continue;
    plt_side_t across = plt_side_other(s);
    plt_adjacency_t of = plt_relation_rows(b->relation, across);
    uint64_t edges = 0; /* that a filter would look at */
    for (size_t k = 0; k < outer->n[across]; k++) edges += plt_adjacency_degree(&of, outer->id[across][k]);
    if (edges <= FILTER_COST * hop[s].matrix.offset[hop[s].matrix.rows])
      filter_transpose(b, s, &hop[s]);
    else
      plt_sparse_transpose(b->crew, &hop[s], 1, b->arena);
  }
}
