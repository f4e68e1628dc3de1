/* batch.c - see batch.h. */
#include "worker/batch.h"

#include <stdlib.h>
#include <string.h>

#include "worker/distinct.h"

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

/* The rows that distinct users and items need of every table, laid out in one vector; returns its floats. */
static size_t lay_out(const plt_batch_maker_t *maker, const uint32_t *users, size_t n_users, const uint32_t *items,
                      size_t n_items, plt_arena_t *arena, plt_rows_view_t *rows) {
  const plt_model_t *model = maker->plan->model;
  const uint64_t *user_keys = wide_keys(users, n_users, arena), *item_keys = wide_keys(items, n_items, arena);
  size_t offset = 0;
  for (size_t t = 0; t < model->n_tables; t++) {
    const plt_model_table_t *table = &model->tables[t];
    switch (table->entity) {
      case PLT_ENTITY_USER: rows[t] = (plt_rows_view_t){.keys = user_keys, .n = n_users}; break;
      case PLT_ENTITY_ITEM: rows[t] = (plt_rows_view_t){.keys = item_keys, .n = n_items}; break;
      case PLT_ENTITY_DENSE: rows[t] = (plt_rows_view_t){.keys = maker->all_keys, .n = table->rows}; break;
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
}

/* Around the leaf's own nodes, which the samples go on to refer to. */
static void add_subgraph(const plt_batch_maker_t *maker, const plt_batch_t *batch, plt_leaf_t *leaf) {
  plt_pass_t *pass = &leaf->pass;
  plt_frontier_t own = {{pass->users, pass->items}, {pass->n_users, pass->n_items}};
  pass->graph = plt_subgraph_make(maker->subgraphs, batch->epoch, batch->batch, leaf->number, &own, batch->arena);
  const plt_frontier_t *outer = &pass->graph->frontier[0];
  pass->users = outer->id[PLT_SIDE_USER];
  pass->n_users = outer->n[PLT_SIDE_USER];
  pass->items = outer->id[PLT_SIDE_ITEM];
  pass->n_items = outer->n[PLT_SIDE_ITEM];
}

/* The distinct ids of one side over all leaves. */
static size_t join(const plt_batch_t *batch, plt_side_t side, uint32_t **out) {
  size_t n = 0;
  for (size_t l = 0; l < batch->n_leaves; l++)
    n += side == PLT_SIDE_USER ? batch->leaves[l].pass.n_users : batch->leaves[l].pass.n_items;
  uint32_t *all = plt_arena_alloc(batch->arena, n * sizeof *all);
  uint32_t *unused = plt_arena_alloc(batch->arena, n * sizeof *unused);
  *out = plt_arena_alloc(batch->arena, n * sizeof **out);
  n = 0;
  for (size_t l = 0; l < batch->n_leaves; l++) {
    const plt_pass_t *pass = &batch->leaves[l].pass;
    size_t here = side == PLT_SIDE_USER ? pass->n_users : pass->n_items;
    memcpy(all + n, side == PLT_SIDE_USER ? pass->users : pass->items, here * sizeof *all);
    n += here;
  }
  return plt_distinct(all, n, *out, unused, batch->arena);
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
  uint32_t *users, *items;
  size_t n_users = join(batch, PLT_SIDE_USER, &users), n_items = join(batch, PLT_SIDE_ITEM, &items);
  batch->floats = lay_out(maker, users, n_users, items, n_items, arena, batch->rows);
  for (size_t l = 0; l < batch->n_leaves; l++) {
    plt_leaf_t *leaf = &batch->leaves[l];
    const uint32_t *user_place = places_among(leaf->pass.users, leaf->pass.n_users, users, arena);
    const uint32_t *item_place = places_among(leaf->pass.items, leaf->pass.n_items, items, arena);
    for (size_t t = 0; t < model->n_tables; t++) {
      plt_entity_t entity = model->tables[t].entity;
      if (entity != PLT_ENTITY_DENSE) leaf->rows[t].place = entity == PLT_ENTITY_USER ? user_place : item_place;
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
    leaf->weight = model->ops->loss_is_mean ? (double)size / samples : 1.0;
    if (maker->subgraphs != NULL) add_subgraph(maker, batch, leaf);
    const plt_pass_t *pass = &leaf->pass;
    leaf->rows = plt_arena_alloc(arena, model->n_tables * sizeof *leaf->rows);
    leaf->floats = lay_out(maker, pass->users, pass->n_users, pass->items, pass->n_items, arena, leaf->rows);
  }
  make_pull(maker, batch);
}
