/* batch.c - see batch.h. */
#include "worker/train/batch.h"

#include <stdlib.h>
#include <string.h>

#include "worker/math/distinct.h"

plt_batch_maker_t *plt_batch_maker_create(const plt_plan_t *plan, uint32_t worker, uint32_t workers, plt_crew_t *crew) {
  plt_batch_maker_t *maker = plt_mem_zalloc(1, sizeof *maker);
  const plt_model_t *model = plan->model;
  *maker = (plt_batch_maker_t){.plan = plan, .worker = worker, .workers = workers};
  uint64_t most = 0;
  for (size_t t = 0; t < model->n_tables; t++)
    if (model->tables[t].entity == PLT_ENTITY_DENSE && model->tables[t].rows > most) most = model->tables[t].rows;
  maker->all_keys = plt_mem_alloc(most * sizeof *maker->all_keys);
  for (uint64_t k = 0; k < most; k++) maker->all_keys[k] = k;
  if (model->graph.layers > 0)
    maker->subgraphs = plt_subgraph_maker_create(plan->graph, &model->graph, plan->seed, crew);
  return maker;
}

void plt_batch_maker_destroy(plt_batch_maker_t **maker) {
  if (*maker == NULL) return;
  plt_subgraph_maker_destroy(&(*maker)->subgraphs);
  free((*maker)->all_keys);
  free(*maker);
  *maker = NULL;
}

plt_batch_t *plt_batch_create(void) {
  plt_batch_t *batch = plt_mem_zalloc(1, sizeof *batch);
  batch->arena = plt_arena_create();
  return batch;
}

void plt_batch_destroy(plt_batch_t **batch) {
  if (*batch == NULL) return;
  plt_arena_destroy(&(*batch)->arena);
  free(*batch);
  *batch = NULL;
}

static const uint64_t *wide_keys(const uint32_t *ids, size_t n, plt_arena_t *arena) {
  uint64_t *keys = plt_arena_alloc(arena, n * sizeof *keys);
  for (size_t i = 0; i < n; i++) keys[i] = ids[i];
  return keys;
}

/* Where each of `ids` stands in `among`; both ascend. */
static const uint32_t *places_among(const uint32_t *ids, size_t n, const uint32_t *among, plt_arena_t *arena) {
  uint32_t *place = plt_arena_alloc(arena, n * sizeof *place);
  size_t at = 0;
  for (size_t i = 0; i < n; i++) {
    while (among[at] != ids[i]) at++;
    place[i] = (uint32_t)at;
  }
  return place;
}

/* Which nodes' rows a table gives; NULL for dense tables. `inner` are the own nodes, `outer` all. */
static const plt_frontier_t *nodes_of(plt_entity_t entity, const plt_frontier_t *outer, const plt_frontier_t *inner,
                                      plt_side_t *side) {
  *side = entity == PLT_ENTITY_USER || entity == PLT_ENTITY_OWN_USER ? PLT_SIDE_USER : PLT_SIDE_ITEM;
  if (entity == PLT_ENTITY_DENSE) return NULL;
  return entity == PLT_ENTITY_USER || entity == PLT_ENTITY_ITEM ? outer : inner;
}

/* The rows that distinct nodes, all and own ones, need of every table, laid out in one vector; returns its floats. */
static size_t lay_out(const plt_batch_maker_t *maker, const plt_frontier_t *outer, const plt_frontier_t *inner,
                      plt_arena_t *arena, plt_rows_view_t *rows) {
  const plt_model_t *model = maker->plan->model;
  const uint64_t *keys[2][PLT_SIDES] = {{NULL}};
  size_t offset = 0;
  for (size_t t = 0; t < model->n_tables; t++) {
    const plt_model_table_t *table = &model->tables[t];
    plt_side_t side;
    const plt_frontier_t *nodes = nodes_of(table->entity, outer, inner, &side);
    if (nodes == NULL) {
      rows[t] = (plt_rows_view_t){.keys = maker->all_keys, .n = table->rows};
    } else {
      const uint64_t **wide = &keys[nodes == inner][side];
      if (*wide == NULL) *wide = wide_keys(nodes->id[side], nodes->n[side], arena);
      rows[t] = (plt_rows_view_t){.keys = *wide, .n = nodes->n[side]};
    }
    rows[t].offset = offset;
    offset += rows[t].n * table->cols;
  }
  return offset;
}

/* One leaf from its samples: users, then positives and all negatives together as items. */
static void take_samples(const plt_batch_maker_t *maker, const uint32_t *user, const uint32_t *positive,
                         const uint32_t *negative, size_t n, plt_arena_t *arena, plt_leaf_t *leaf) {
  size_t negatives = maker->plan->model->negatives, n_items = n * (1 + negatives);
  uint32_t *both = plt_arena_alloc(arena, n_items * sizeof *both);
  uint32_t *users = plt_arena_alloc(arena, n * sizeof *users);
  uint32_t *items = plt_arena_alloc(arena, n_items * sizeof *items);
  uint32_t *user_at = plt_arena_alloc(arena, n * sizeof *user_at);
  uint32_t *item_at = plt_arena_alloc(arena, n_items * sizeof *item_at);
  memcpy(both, positive, n * sizeof *both);
  memcpy(both + n, negative, n * negatives * sizeof *both);
  leaf->pass = (plt_pass_t){.data = maker->plan->data,
                            .users = users,
                            .n_users = plt_distinct(user, n, users, user_at, arena),
                            .items = items,
                            .n_items = plt_distinct(both, n_items, items, item_at, arena),
                            .n = n,
                            .negatives = negatives,
                            .user = user_at,
                            .positive = item_at,
                            .negative = item_at + n,
                            .seed = maker->plan->seed};
  leaf->pass.own = (plt_frontier_t){{users, items}, {leaf->pass.n_users, leaf->pass.n_items}};
}

/* Around the leaf's own nodes, which the samples go on to refer to. */
static void add_subgraph(const plt_batch_maker_t *maker, const plt_batch_t *batch, plt_leaf_t *leaf) {
  plt_pass_t *pass = &leaf->pass;
  pass->graph = plt_subgraph_make(maker->subgraphs, batch->epoch, batch->batch, leaf->number, &pass->own, batch->arena);
  const plt_frontier_t *outer = &pass->graph->frontier[0];
  pass->users = outer->id[PLT_SIDE_USER];
  pass->n_users = outer->n[PLT_SIDE_USER];
  pass->items = outer->id[PLT_SIDE_ITEM];
  pass->n_items = outer->n[PLT_SIDE_ITEM];
}

/* Nodes of a leaf, all or its own. */
static plt_frontier_t nodes_of_leaf(const plt_leaf_t *leaf, bool own) {
  const plt_pass_t *pass = &leaf->pass;
  return own ? pass->own : (plt_frontier_t){{pass->users, pass->items}, {pass->n_users, pass->n_items}};
}

/* The distinct nodes over all leaves. */
static plt_frontier_t join(const plt_batch_t *batch, bool own) {
  plt_frontier_t joined;
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    size_t n = 0;
    for (size_t l = 0; l < batch->n_leaves; l++) n += nodes_of_leaf(&batch->leaves[l], own).n[s];
    uint32_t *all = plt_arena_alloc(batch->arena, n * sizeof *all);
    uint32_t *unused = plt_arena_alloc(batch->arena, n * sizeof *unused);
    uint32_t *distinct = plt_arena_alloc(batch->arena, n * sizeof *distinct);
    n = 0;
    for (size_t l = 0; l < batch->n_leaves; l++) {
      plt_frontier_t nodes = nodes_of_leaf(&batch->leaves[l], own);
      memcpy(all + n, nodes.id[s], nodes.n[s] * sizeof *all);
      n += nodes.n[s];
    }
    joined.n[s] = plt_distinct(all, n, distinct, unused, batch->arena);
    joined.id[s] = distinct;
  }
  return joined;
}

/* The pull of several leaves: the union of what they touch. One leaf's rows are pulled as they are. */
static void make_pull(const plt_batch_maker_t *maker, plt_batch_t *batch) {
  plt_arena_t *arena = batch->arena;
  const plt_model_t *model = maker->plan->model;
  batch->rows = plt_arena_alloc(arena, model->n_tables * sizeof *batch->rows);
  if (batch->n_leaves == 1) {
    memcpy(batch->rows, batch->leaves[0].rows, model->n_tables * sizeof *batch->rows);
    batch->floats = batch->leaves[0].floats;
    return;
  }
  plt_frontier_t outer = join(batch, false), inner = join(batch, true);
  batch->floats = lay_out(maker, &outer, &inner, arena, batch->rows);
  for (size_t l = 0; l < batch->n_leaves; l++) {
    plt_leaf_t *leaf = &batch->leaves[l];
    const uint32_t *place[2][PLT_SIDES] = {{NULL}};
    for (size_t t = 0; t < model->n_tables; t++) {
      plt_side_t side;
      const plt_frontier_t *among = nodes_of(model->tables[t].entity, &outer, &inner, &side);
      if (among == NULL) continue;
      const uint32_t **here = &place[among == &inner][side];
      plt_frontier_t nodes = nodes_of_leaf(leaf, among == &inner);
      if (*here == NULL) *here = places_among(nodes.id[side], nodes.n[side], among->id[side], arena);
      leaf->rows[t].place = *here;
    }
  }
}

static uint32_t divide_up(uint32_t a, uint32_t b) { return a / b + (a % b != 0); }

void plt_batch_make(const plt_batch_maker_t *maker, uint32_t epoch, uint32_t number, plt_batch_t *batch) {
  plt_arena_t *arena = batch->arena;
  const plt_plan_t *plan = maker->plan;
  const plt_model_t *model = plan->model;
  plt_arena_reset(arena);
  uint32_t micro = plan->micro_batch, samples = plt_sampler_samples(plan->sampler, number), from, end;
  uint32_t leaves = divide_up(samples, micro);
  plt_tree_share(maker->worker, maker->workers, divide_up(plan->batch_size, micro), leaves, &from, &end);
  *batch = (plt_batch_t){.epoch = epoch,
                         .batch = number,
                         .turn = number,
                         .samples = samples,
                         .leaves_total = leaves,
                         .n_leaves = end - from,
                         .arena = arena};
  batch->n_blocks = plt_tree_blocks(from, end, leaves, batch->blocks);
  batch->leaves = plt_arena_zalloc(arena, batch->n_leaves * sizeof *batch->leaves);

  uint32_t first = from * micro, last = end * micro < samples ? end * micro : samples;
  size_t n = last > first ? last - first : 0, negatives = model->negatives;
  uint32_t *user = plt_arena_alloc(arena, n * sizeof *user);
  uint32_t *item = plt_arena_alloc(arena, n * (1 + negatives) * sizeof *item); /* positives, then negatives */
  if (n > 0) plt_sampler_draw(plan->sampler, epoch, number, first, (uint32_t)n, user, item, item + n);
  for (uint32_t l = from; l < end; l++) {
    plt_leaf_t *leaf = &batch->leaves[l - from];
    size_t at = (size_t)(l - from) * micro, size = n - at < micro ? n - at : micro;
    take_samples(maker, user + at, item + at, item + n + at * negatives, size, arena, leaf);
    leaf->number = leaf->pass.leaf = l;
    leaf->pass.epoch = epoch;
    leaf->pass.batch = number;
    leaf->pass.share = (float)size / (float)samples;
    leaf->weight = model->ops->loss_is_mean ? (double)size / samples : 1.0;
    if (maker->subgraphs != NULL) add_subgraph(maker, batch, leaf);
    plt_frontier_t outer = nodes_of_leaf(leaf, false);
    leaf->rows = plt_arena_alloc(arena, model->n_tables * sizeof *leaf->rows);
    leaf->floats = lay_out(maker, &outer, &leaf->pass.own, arena, leaf->rows);
  }
  make_pull(maker, batch);
}
