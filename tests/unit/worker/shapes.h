/* shapes.h - the programmes of the models that there are and of some to come, without their functions. */
#ifndef PLT_TESTS_UNIT_WORKER_SHAPES_H
#define PLT_TESTS_UNIT_WORKER_SHAPES_H

#include "tests/unit/worker/naive_programme.h"

enum { UI, MEAN, II, UU, II_2, SHAPE_RELATIONS }; /* relations of all shapes */

static const plt_relation_plan_t shape_relations[SHAPE_RELATIONS] = {
    {.kind = PLT_RELATION_USER_ITEM},
    {.kind = PLT_RELATION_USER_ITEM, .weight = PLT_EDGES_MEAN},
    {.kind = PLT_RELATION_ITEM_ITEM},
    {.kind = PLT_RELATION_USER_USER},
    {.kind = PLT_RELATION_ITEM_ITEM}};

static inline plt_programme_t shape_begin(void) {
  plt_programme_t p = {.n_relations = SHAPE_RELATIONS};
  memcpy(p.relation, shape_relations, sizeof shape_relations);
  return p;
}

/* Layer 0, the rows of tables, and `layers` hops over users and items; the last state. Their bits are added to *all. */
static inline size_t shape_propagate(plt_programme_t *p, size_t layers, uint64_t *all) {
  size_t first = naive_add(p, (plt_state_t){.relation = PLT_ALONE, .sides = PLT_BOTH, .cols = 2});
  size_t last = naive_hops(p, UI, first, PLT_BOTH, layers);
  for (size_t k = first; k <= last; k++) *all |= naive_bit(k);
  return last;
}

static inline void shape_lightgcn(plt_programme_t *p, size_t layers, size_t hops) {
  (void)hops;
  shape_propagate(p, layers, &p->outputs);
}

/* Only the last layer. */
static inline void shape_chain(plt_programme_t *p, size_t layers, size_t hops) {
  uint64_t all = 0;
  (void)hops;
  p->outputs = naive_bit(shape_propagate(p, layers, &all));
}

static inline void shape_freedom(plt_programme_t *p, size_t layers, size_t hops) {
  shape_propagate(p, layers, &p->outputs);
  p->outputs |= naive_bit(naive_hops(p, II, 0, PLT_ITEMS, hops));
}

static inline void shape_cm3(plt_programme_t *p, size_t layers, size_t hops) {
  uint64_t all = 0;
  shape_propagate(p, layers, &all);
  p->state[0].computes = true;
  size_t sum = naive_alone(p, PLT_BOTH, all), last = naive_hops(p, II, sum, PLT_ITEMS, hops);
  p->outputs = naive_bit(0) | naive_bit(sum) | naive_bit(last);
}

static inline void shape_dragon(plt_programme_t *p, size_t layers, size_t hops) {
  uint64_t all = 0;
  shape_propagate(p, layers, &all);
  p->state[0].computes = true;
  size_t sum = naive_alone(p, PLT_BOTH, all);
  size_t users = naive_hop(p, UU, sum, PLT_USERS), items = naive_hops(p, II, sum, PLT_ITEMS, hops);
  p->outputs = naive_bit(sum) | naive_bit(users) | naive_bit(items);
}

/* Two chains; each layer sees the one before at the same nodes. */
static inline void shape_mmgcn(plt_programme_t *p, size_t layers, size_t hops) {
  (void)hops;
  for (size_t m = 0; m < 2; m++) {
    size_t at = naive_alone(p, PLT_BOTH, 0);
    for (size_t l = 0; l < layers; l++) {
      size_t next = naive_hop(p, MEAN, at, PLT_BOTH);
      p->state[next].computes = true;
      p->state[next].inputs = naive_bit(at);
      at = next;
    }
    p->outputs |= naive_bit(at);
  }
}

/* Content; a state of items, and of that per modality: items' rows, hops over the modality's likes, one hop to users
 * only. */
static inline void shape_mgcn(plt_programme_t *p, size_t layers, size_t hops) {
  shape_propagate(p, layers, &p->outputs);
  size_t item = naive_alone(p, PLT_ITEMS, 0);
  for (size_t m = 0; m < 2; m++) {
    size_t made = naive_alone(p, PLT_ITEMS, naive_bit(item));
    size_t last = naive_hops(p, m == 0 ? II : II_2, made, PLT_ITEMS, hops);
    p->outputs |= naive_bit(last) | naive_bit(naive_hop(p, UI, last, PLT_USERS));
  }
}

/* Content; the mean of a user's items, at users only, then on by the symmetric matrix. */
static inline void shape_local(plt_programme_t *p, size_t layers, size_t hops) {
  shape_propagate(p, layers, &p->outputs);
  size_t features = naive_alone(p, PLT_ITEMS, 0), mean = naive_hop(p, MEAN, features, PLT_USERS);
  size_t both = naive_alone(p, PLT_BOTH, naive_bit(features) | naive_bit(mean));
  p->outputs |= naive_bit(naive_hops(p, UI, both, PLT_BOTH, hops));
}

/* The mean of the layers, gathered over all items, `hops` times, and spread to all nodes. */
static inline void shape_pooled(plt_programme_t *p, size_t layers, size_t hops) {
  uint64_t all = 0;
  shape_propagate(p, layers, &all);
  size_t content = naive_alone(p, PLT_BOTH, all), edges = naive_alone(p, PLT_BOTH, 0), spread = content;
  for (size_t h = 0; h < hops; h++) {
    size_t lat = naive_add(p, (plt_state_t){.relation = PLT_POOLED, .from = (uint8_t)spread, .by = (uint8_t)edges});
    spread = naive_alone(p, h + 1 < hops ? PLT_ITEMS : PLT_BOTH, naive_bit(edges) | naive_bit(lat));
  }
  p->state[spread].whole = PLT_BOTH;
  p->outputs = naive_bit(content) | naive_bit(spread);
}

/* Users are routed over their items, both ends of an edge then see their neighbours; hops of other rows whose weights
 * those ends make. */
static inline void shape_grcn(plt_programme_t *p, size_t layers, size_t hops) {
  size_t base = naive_alone(p, PLT_BOTH, 0), last = base;
  for (size_t h = 0; h < hops; h++) {
    size_t next = naive_hop(p, UI, base, PLT_USERS);
    p->state[next].computes = p->state[next].weighs = true;
    p->state[next].inputs = naive_bit(last);
    last = next;
  }
  size_t ends = naive_alone(p, PLT_BOTH, naive_bit(base) | naive_bit(last)), content = naive_hop(p, UI, ends, PLT_BOTH);
  p->state[content].computes = p->state[content].weighs = true;
  p->state[content].inputs = naive_bit(ends);
  p->outputs = naive_bit(content);
  size_t id = naive_alone(p, PLT_BOTH, 0);
  for (size_t l = 0; l < layers; l++) {
    p->outputs |= naive_bit(id);
    id = naive_hop(p, UI, id, PLT_BOTH);
    p->state[id].weighs = true;
    p->state[id].inputs = p->state[id].sources = naive_bit(ends);
  }
  p->outputs |= naive_bit(id);
}

static inline void shape_slmrec(plt_programme_t *p, size_t layers, size_t hops) {
  (void)hops;
  for (size_t m = 0; m < 3; m++) {
    size_t first = p->n_states;
    shape_propagate(p, layers, &p->outputs);
    p->state[first].computes = m > 0;
  }
}

/* Items only: no relation has rows of users. */
static inline void shape_items(plt_programme_t *p, size_t layers, size_t hops) {
  (void)layers;
  p->outputs = naive_bit(naive_hops(p, II, naive_alone(p, PLT_BOTH, 0), PLT_ITEMS, hops)) | naive_bit(0);
}

typedef struct shape {
  const char *name;
  void (*make)(plt_programme_t *p, size_t layers, size_t hops);
} shape_t;

static const shape_t shapes[] = {{"lightgcn", shape_lightgcn}, {"chain", shape_chain},   {"freedom", shape_freedom},
                                 {"cm3", shape_cm3},           {"dragon", shape_dragon}, {"mmgcn", shape_mmgcn},
                                 {"mgcn", shape_mgcn},         {"local", shape_local},   {"slmrec", shape_slmrec},
                                 {"grcn", shape_grcn},         {"items", shape_items}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static inline plt_programme_t shape_settled(const shape_t *shape, size_t layers, size_t hops) {
  plt_programme_t p = shape_begin();
  shape->make(&p, layers, hops);
  cr_assert_eq(plt_programme_settle(&p), PLT_OK, "%s: %s", shape->name, plt_fail_text());
  return p;
}

#endif
