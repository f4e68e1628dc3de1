/* closure.c - see closure.h. From the own nodes outwards, set by set:
 *
 *   nodes of the sets within ─▶ per term: their neighbours' ids, all or drawn ─▶ the set, and where each id is in it
 *                                                                            ─▶ ids as columns; weights; transposes */
#include "worker/graph/closure.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "worker/graph/closure_parts.h"
#include "worker/math/distinct.h"

enum { SCAN_SHARE = 64 }; /* a set that has one node of so many is sorted by going through all */

struct plt_closure_maker {
  const plt_programme_t *programme;
  const plt_relations_t *relations;
  plt_relation_t *version[PLT_RELATIONS_MAX]; /* of `epoch`, where it has one */
  uint32_t epoch;
  uint64_t seed;
  plt_crew_t *crew;
  uint32_t nodes[PLT_SIDES];
  uint32_t *place[PLT_SIDES];
  uint32_t *all;         /* 0, 1, 2 .. as many as either side has, where sets are whole */
  plt_frontier_t placed; /* the nodes that `place` tells of */
  /* Between all nodes a term's matrices are the same for every batch: made when first needed, then kept. */
  const plt_sparse_t *among_all[PLT_RELATIONS_MAX][PLT_BOTH + 1]; /* by the term's sides */
  plt_arena_t *kept;
};

/* ---- life ---- */

static void number_all(plt_closure_maker_t *maker) {
  uint32_t n = maker->nodes[PLT_SIDE_USER] > maker->nodes[PLT_SIDE_ITEM] ? maker->nodes[PLT_SIDE_USER]
                                                                         : maker->nodes[PLT_SIDE_ITEM];
  uint8_t whole = 0;
  for (size_t k = 0; k < maker->programme->n_sets; k++) whole |= maker->programme->set[k].whole;
  if (whole == 0) return;
  maker->all = plt_mem_alloc(n * sizeof *maker->all);
  for (uint32_t node = 0; node < n; node++) maker->all[node] = node;
}

plt_closure_maker_t *plt_closure_maker_create(const plt_programme_t *programme, const plt_relations_t *relations,
                                              uint64_t seed, plt_crew_t *crew) {
  plt_closure_maker_t *maker = plt_mem_zalloc(1, sizeof *maker);
  *maker = (plt_closure_maker_t){.programme = programme, .relations = relations, .seed = seed, .crew = crew};
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    maker->nodes[s] = relations == NULL ? 0 : relations->nodes[s];
    size_t bytes = (size_t)maker->nodes[s] * sizeof *maker->place[s];
    maker->place[s] = memset(plt_mem_alloc(bytes), 0xff, bytes);
  }
  maker->kept = plt_arena_create();
  number_all(maker);
  return maker;
}

void plt_closure_maker_destroy(plt_closure_maker_t **maker) {
  if (*maker == NULL) return;
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) free((*maker)->place[s]);
  for (size_t r = 0; r < PLT_RELATIONS_MAX; r++) plt_relation_destroy_version(&(*maker)->version[r]);
  free((*maker)->all);
  plt_arena_destroy(&(*maker)->kept);
  free(*maker);
  *maker = NULL;
}

static void take_versions_of(plt_closure_maker_t *maker, uint32_t epoch) {
  for (size_t r = 0; r < maker->relations->n; r++) {
    const plt_relation_t *whole = &maker->relations->of[r];
    if (!plt_relation_varies(&whole->plan) || (maker->version[r] != NULL && maker->epoch == epoch)) continue;
    plt_relation_destroy_version(&maker->version[r]);
    maker->version[r] = plt_relation_of_epoch(whole, maker->seed, epoch, maker->crew);
  }
  maker->epoch = epoch;
}

static const plt_relation_t *relation_of(const plt_closure_maker_t *maker, size_t number) {
  return maker->version[number] != NULL ? maker->version[number] : &maker->relations->of[number];
}

/* ---- sets ---- */

/* The nodes of `inner` [n], all placed, and those in `found` [n_found]; all are placed among each other then. */
static const uint32_t *grow(uint32_t *place, uint32_t nodes, const uint32_t *inner, size_t *n, const uint32_t *found,
                            uint64_t n_found, plt_arena_t *arena) {
  if (*n == nodes) return inner;
  size_t most = *n + n_found < nodes ? *n + (size_t)n_found : nodes, grown = *n;
  uint32_t *id = plt_arena_alloc(arena, most * sizeof *id);
  memcpy(id, inner, *n * sizeof *id);
  for (uint64_t e = 0; e < n_found && grown < nodes; e++) {
    if (place[found[e]] != PLT_NOWHERE) continue;
    place[found[e]] = 0;
    id[grown++] = found[e];
  }
  if (grown == *n) return inner; /* nothing new: they stand where they stood */
  if (grown >= nodes / SCAN_SHARE) {
    grown = 0;
    for (uint32_t node = 0; node < nodes; node++) {
      if (place[node] == PLT_NOWHERE) continue;
      place[node] = (uint32_t)grown;
      id[grown++] = node;
    }
  } else {
    uint32_t *sorted = plt_arena_alloc(arena, grown * sizeof *sorted);
    uint32_t *unused = plt_arena_alloc(arena, grown * sizeof *unused);
    plt_distinct(id, grown, sorted, unused, arena);
    plt_place_all(place, sorted, grown);
    id = sorted;
  }
  *n = grown;
  return id;
}

static void add_nodes(plt_closure_maker_t *maker, plt_side_t side, const uint32_t *found, uint64_t n,
                      plt_arena_t *arena) {
  plt_frontier_t *placed = &maker->placed;
  placed->id[side] = grow(maker->place[side], maker->nodes[side], placed->id[side], &placed->n[side], found, n, arena);
}

/* Places the nodes of `side` [n] and no others. */
static void place_only(plt_closure_maker_t *maker, plt_side_t side, const uint32_t *id, size_t n) {
  plt_frontier_t *placed = &maker->placed;
  if (placed->id[side] == id && placed->n[side] == n) return;
  plt_place_none(maker->place[side], placed->id[side], placed->n[side]);
  plt_place_all(maker->place[side], id, n);
  placed->id[side] = id;
  placed->n[side] = n;
}

/* The nodes of all sets within set `k`, or all there are of a side that is whole. */
static void join_within(plt_closure_maker_t *maker, plt_closure_t *closure, size_t k) {
  uint32_t within = maker->programme->set[k].within;
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    size_t largest = 0;
    bool whole = maker->programme->set[k].whole >> s & 1;
    if (whole || within == 0) {
      place_only(maker, s, whole ? maker->all : NULL, whole ? maker->nodes[s] : 0);
      continue;
    }
    for (size_t inner = 0; inner < k; inner++)
      if ((within >> inner & 1) && closure->set[inner].n[s] > closure->set[largest].n[s]) largest = inner;
    place_only(maker, s, closure->set[largest].id[s], closure->set[largest].n[s]);
    for (size_t inner = 0; inner < k; inner++)
      if ((within >> inner & 1) && inner != largest)
        add_nodes(maker, s, closure->set[inner].id[s], closure->set[inner].n[s], closure->arena);
  }
}

/* ---- terms ---- */

typedef struct hop_draft {
  const plt_relation_t *relation;
  const plt_term_t *term;
  bool among_all; /* rows are not needed */
  plt_hop_rows_t rows[PLT_SIDES];
} hop_draft_t;

static bool has_rows(const hop_draft_t *draft, plt_side_t side) {
  return (draft->term->sides >> side & 1) && plt_relation_has(draft->relation->plan.kind, side);
}

/* Whether a term leads from all nodes to all nodes, by all edges, which no epoch changes. */
static bool is_among_all(const plt_closure_maker_t *maker, const plt_frontier_t *inner, const hop_draft_t *draft) {
  if (draft->term->fanout != 0 || plt_relation_varies(&draft->relation->plan)) return false;
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    plt_side_t across = plt_relation_across(draft->relation->plan.kind, s);
    if (has_rows(draft, s) && (inner->n[s] < maker->nodes[s] || maker->placed.n[across] < maker->nodes[across]))
      return false;
  }
  return true;
}

static void draft_rows(plt_closure_maker_t *maker, const plt_frontier_t *inner, plt_rng_key_t rng, uint32_t leaf,
                       hop_draft_t *draft, plt_arena_t *arena) {
  const plt_term_t *term = draft->term;
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    plt_hop_rows_t *rows = &draft->rows[s];
    if (!has_rows(draft, s)) continue;
    *rows = (plt_hop_rows_t){.of = plt_relation_rows(draft->relation, s),
                             .node = inner->id[s],
                             .n = inner->n[s],
                             .fanout = term->fanout,
                             .rng = rng,
                             .draw = {leaf, (uint32_t)(term->draw * PLT_SIDES + s)}};
    plt_hop_rows_choose(rows, maker->crew, arena);
    add_nodes(maker, rows->of.across, rows->index, rows->offset[rows->n], arena);
  }
}

/* The rows of a term with ids; their nodes join the set under way. */
static void draft_term(plt_closure_maker_t *maker, plt_closure_t *closure, plt_rng_key_t rng, uint32_t leaf,
                       const plt_term_t *term, hop_draft_t *draft) {
  const plt_frontier_t *inner = &closure->set[term->set];
  *draft = (hop_draft_t){.relation = relation_of(maker, term->relation), .term = term};
  draft->among_all = is_among_all(maker, inner, draft);
  if (!draft->among_all) draft_rows(maker, inner, rng, leaf, draft, closure->arena);
}

static const plt_sparse_t *settle_rows(plt_closure_maker_t *maker, const plt_frontier_t *inner, hop_draft_t *draft,
                                       plt_arena_t *arena) {
  plt_sparse_t *hop = plt_arena_zalloc(arena, PLT_SIDES * sizeof *hop);
  const plt_term_t *term = draft->term;
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    plt_hop_rows_t *rows = &draft->rows[s];
    if (!has_rows(draft, s)) continue;
    plt_hop_rows_settle(rows, maker->place[rows->of.across], maker->crew);
    hop[s].matrix = (plt_csr_t){.rows = rows->n,
                                .cols = maker->placed.n[rows->of.across],
                                .offset = rows->offset,
                                .index = rows->index,
                                .weight = rows->weight};
  }
  if (draft->relation->plan.kind == PLT_RELATION_USER_ITEM && term->fanout == 0) {
    plt_hop_between_t between = {.relation = draft->relation,
                                 .outer = &maker->placed,
                                 .inner = inner,
                                 .place = maker->place,
                                 .crew = maker->crew,
                                 .arena = arena};
    plt_hop_transpose(&between, term->sides, hop);
  } else {
    plt_side_t first = has_rows(draft, PLT_SIDE_USER) ? PLT_SIDE_USER : PLT_SIDE_ITEM;
    size_t n = has_rows(draft, PLT_SIDE_USER) && has_rows(draft, PLT_SIDE_ITEM) ? PLT_SIDES : 1;
    plt_sparse_transpose(maker->crew, hop + first, n, arena);
  }
  return hop;
}

static const plt_sparse_t *settle_term(plt_closure_maker_t *maker, const plt_closure_t *closure, hop_draft_t *draft) {
  const plt_term_t *term = draft->term;
  const plt_frontier_t *inner = &closure->set[term->set];
  if (!draft->among_all) return settle_rows(maker, inner, draft, closure->arena);
  const plt_sparse_t **kept = &maker->among_all[term->relation][term->sides];
  if (*kept == NULL) {
    draft_rows(maker, inner, (plt_rng_key_t){{0}}, 0, draft, maker->kept); /* nothing is drawn */
    *kept = settle_rows(maker, inner, draft, maker->kept);
  }
  return *kept;
}

static bool same_nodes(const plt_frontier_t *a, const plt_frontier_t *b) {
  return a->n[PLT_SIDE_USER] == b->n[PLT_SIDE_USER] && a->n[PLT_SIDE_ITEM] == b->n[PLT_SIDE_ITEM];
}

/* Whether set k's only term leads on by the same edges as that of the set before it, which reached nothing new: then
 * it reaches nothing new either, and its matrices are those. */
static bool is_closed(const plt_closure_t *closure, size_t k) {
  const plt_set_t *set = &closure->programme->set[k];
  const plt_term_t *term = &set->term[0];
  if (set->n_terms != 1 || set->whole != 0 || term->set == 0 || term->fanout != 0) return false;
  const plt_set_t *before = &closure->programme->set[term->set];
  const plt_term_t *last = &before->term[0];
  return before->n_terms == 1 && last->relation == term->relation && last->sides == term->sides && last->fanout == 0 &&
         (set->within & ~(before->within | (uint32_t)1 << term->set)) == 0 &&
         same_nodes(&closure->set[term->set], &closure->set[last->set]);
}

static void make_set(plt_closure_maker_t *maker, plt_closure_t *closure, size_t k, plt_rng_key_t rng, uint32_t leaf) {
  const plt_set_t *set = &maker->programme->set[k];
  hop_draft_t draft[PLT_TERMS_MAX];
  if (is_closed(closure, k)) {
    closure->set[k] = closure->set[set->term[0].set];
    closure->hop[k][0] = closure->hop[set->term[0].set][0];
    return;
  }
  join_within(maker, closure, k);
  for (size_t t = 0; t < set->n_terms; t++) draft_term(maker, closure, rng, leaf, &set->term[t], &draft[t]);
  closure->set[k] = maker->placed;
  for (size_t t = 0; t < set->n_terms; t++) closure->hop[k][t] = settle_term(maker, closure, &draft[t]);
}

plt_closure_t *plt_closure_make(plt_closure_maker_t *maker, uint32_t epoch, uint32_t batch, uint32_t leaf,
                                const plt_frontier_t *own, plt_arena_t *arena) {
  plt_closure_t *closure = plt_arena_zalloc(arena, sizeof *closure);
  plt_rng_key_t rng = plt_rng_key(maker->seed, "neighbours", (uint64_t)epoch << 32 | batch);
  *closure = (plt_closure_t){.programme = maker->programme, .arena = arena};
  closure->set[0] = *own;
  if (maker->relations == NULL) return closure; /* a programme without states: there is no other set */
  take_versions_of(maker, epoch);
  for (size_t k = 1; k < maker->programme->n_sets; k++) make_set(maker, closure, k, rng, leaf);
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) place_only(maker, s, NULL, 0); /* ids are the arena's */
  return closure;
}

/* ---- looking into it ---- */

const uint32_t *plt_closure_places(plt_closure_t *closure, size_t outer, size_t inner, plt_side_t side) {
  const plt_frontier_t *among = &closure->set[outer], *nodes = &closure->set[inner];
  const uint32_t **kept = &closure->places[outer][inner][side];
  if (*kept != NULL) return *kept;
  uint32_t *place = plt_arena_alloc(closure->arena, nodes->n[side] * sizeof *place);
  size_t at = 0;
  for (size_t k = 0; k < nodes->n[side]; k++) {
    while (among->id[side][at] != nodes->id[side][k]) at++;
    place[k] = (uint32_t)at;
  }
  return *kept = place;
}

const plt_sparse_t *plt_closure_hop(const plt_closure_t *closure, size_t state, plt_side_t side) {
  const plt_programme_t *programme = closure->programme;
  return &closure->hop[programme->set_of[programme->state[state].from]][programme->term_of[state]][side];
}
