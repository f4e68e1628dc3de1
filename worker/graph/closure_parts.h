/* closure_parts.h - what the files of the closure share; for them only.
 *
 *   closure.c             sets, from the own nodes outwards
 *   closure_rows.c        the rows of one hop: neighbours, all or drawn; then columns and weights
 *   closure_transpose.c   what a backward pass multiplies by
 *
 * `place` says of every node of a side where it stands in the set under way, PLT_NOWHERE for those outside.
 *
 * Threads    as the maker: one owner, with its crew. */
#ifndef PLT_WORKER_GRAPH_CLOSURE_PARTS_H
#define PLT_WORKER_GRAPH_CLOSURE_PARTS_H

#include <assert.h>

#include "common/rng.h"
#include "worker/graph/closure.h"

#define PLT_NOWHERE UINT32_MAX

/* ---- rows ---- */
typedef struct plt_hop_rows {
  plt_adjacency_t of;
  const uint32_t *node; /* [n] */
  size_t n;
  uint32_t fanout; /* 0: all neighbours */
  plt_rng_key_t rng;
  uint32_t draw[2]; /* counters beside the node: leaf, draw and side */
  uint64_t *offset;
  uint32_t *index; /* ids, later columns */
  float *weight;
} plt_hop_rows_t;

/* Fills offset and, with ids, index. */
void plt_hop_rows_choose(plt_hop_rows_t *rows, plt_crew_t *crew, plt_arena_t *arena);
/* Fills weight; ids become columns. */
void plt_hop_rows_settle(plt_hop_rows_t *rows, const uint32_t *place, plt_crew_t *crew);

/* ---- transposes ---- */
/* An exact hop over a USER_ITEM relation between two sets. */
typedef struct plt_hop_between {
  const plt_relation_t *relation;
  const plt_frontier_t *outer, *inner;
  uint32_t *const *place; /* [PLT_SIDES]: tell of `outer`, and do so again at the end */
  plt_crew_t *crew;
  plt_arena_t *arena;
} plt_hop_between_t;

/* Fills the transposes of hop [PLT_SIDES], of which `sides` are there. */
void plt_hop_transpose(const plt_hop_between_t *between, uint8_t sides, plt_sparse_t *hop);

static inline void plt_place_all(uint32_t *place, const uint32_t *id, size_t n) {
  assert(n == 0 || id != NULL);
  for (size_t k = 0; k < n; k++) place[id[k]] = (uint32_t)k;
}

static inline void plt_place_none(uint32_t *place, const uint32_t *id, size_t n) {
  assert(n == 0 || id != NULL);
  for (size_t k = 0; k < n; k++) place[id[k]] = PLT_NOWHERE;
}

#endif
