/* batch.c - see batch.h. */
#include "worker/train/batch.h"

#include <stdlib.h>
#include <string.h>

#include "worker/math/distinct.h"
#include "worker/math/narrow.h"

plt_batch_maker_t *plt_batch_maker_create(const plt_plan_t *plan, uint32_t worker, uint32_t workers, plt_crew_t *crew) {
  plt_batch_maker_t *maker = plt_mem_zalloc(1, sizeof *maker);
  const plt_model_t *model = plan->model;
  *maker = (plt_batch_maker_t){.plan = plan, .worker = worker, .workers = workers};
  uint64_t most = 0;
  for (size_t t = 0; t < model->n_tables; t++)
    if (model->tables[t].entity == PLT_ENTITY_DENSE && model->tables[t].rows > most) most = model->tables[t].rows;
  maker->all_keys = plt_mem_alloc(most * sizeof *maker->all_keys);
  for (uint64_t k = 0; k < most; k++) maker->all_keys[k] = k;
  maker->closures = plt_closure_maker_create(&model->programme, plan->relations, plan->seed, crew);
  return maker;
}

void plt_batch_maker_destroy(plt_batch_maker_t **maker) {
  if (*maker == NULL) return;
  plt_closure_maker_destroy(&(*maker)->closures);
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

typedef enum { IN_W, AUX, FROZEN, PLACES } place_t;

static place_t place_of(const plt_plan_t *plan, size_t t) {
  return plan->specs[t].frozen ? FROZEN : plan->model->tables[t].aux ? AUX : IN_W;
}

/* The rows that tables need of the nodes of the sets, laid out in one vector; end[p]: where those of place p end. */
static void lay_out(const plt_batch_maker_t *maker, const plt_frontier_t *set, plt_arena_t *arena,
                    plt_rows_view_t *rows, size_t end[PLACES]) {
  const plt_model_t *model = maker->plan->model;
  const uint64_t *keys[PLT_SETS_MAX][PLT_SIDES] = {{NULL}};
  size_t offset = 0;
  for (size_t t = 0; t < model->n_tables; t++) {
    const plt_model_table_t *table = &model->tables[t];
    plt_side_t side = plt_entity_side(table->entity);
    if (table->entity == PLT_ENTITY_ASIDE) {
      rows[t] = (plt_rows_view_t){.keys = maker->all_keys};
      continue;
    }
    if (side == PLT_SIDES) {
      rows[t] = (plt_rows_view_t){.keys = maker->all_keys, .n = table->rows};
      continue;
    }
    size_t at = plt_model_set(model, table->at);
    if (keys[at][side] == NULL) keys[at][side] = wide_keys(set[at].id[side], set[at].n[side], arena);
    rows[t] = (plt_rows_view_t){.keys = keys[at][side], .n = set[at].n[side]};
  }
  for (place_t place = IN_W; place < PLACES; place++) {
    for (size_t t = 0; t < model->n_tables; t++) {
      if (place_of(maker->plan, t) != place) continue;
      rows[t].offset = offset;
      offset += rows[t].n * model->tables[t].cols;
    }
    end[place] = offset;
  }
}

/* One leaf from its samples: users, then positives and all negatives together as items. Its own nodes into `own`. */
static void take_samples(const plt_batch_maker_t *maker, const uint32_t *user, const uint32_t *positive,
                         const uint32_t *negative, size_t n, plt_arena_t *arena, plt_leaf_t *leaf,
                         plt_frontier_t *own) {
  size_t negatives = maker->plan->model->negatives, n_items = n * (1 + negatives);
  uint32_t *both = plt_arena_alloc(arena, n_items * sizeof *both);
  uint32_t *users = plt_arena_alloc(arena, n * sizeof *users);
  uint32_t *items = plt_arena_alloc(arena, n_items * sizeof *items);
  uint32_t *user_at = plt_arena_alloc(arena, n * sizeof *user_at);
  uint32_t *item_at = plt_arena_alloc(arena, n_items * sizeof *item_at);
  memcpy(both, positive, n * sizeof *both);
  memcpy(both + n, negative, n * negatives * sizeof *both);
  *own = (plt_frontier_t){
      {users, items},
      {plt_distinct(user, n, users, user_at, arena), plt_distinct(both, n_items, items, item_at, arena)}};
  leaf->pass = (plt_leaf_pass_t){
      .data = maker->plan->data,
      .samples = {.n = n, .negatives = negatives, .user = user_at, .positive = item_at, .negative = item_at + n}};
}

/* The distinct nodes of one side of a set over all leaves. */
static void join(const plt_batch_t *batch, size_t set, plt_side_t side, plt_frontier_t *joined) {
  size_t n = 0;
  for (size_t l = 0; l < batch->n_leaves; l++) n += batch->leaves[l].pass.closure->set[set].n[side];
  uint32_t *all = plt_arena_alloc(batch->arena, n * sizeof *all);
  uint32_t *unused = plt_arena_alloc(batch->arena, n * sizeof *unused);
  uint32_t *distinct = plt_arena_alloc(batch->arena, n * sizeof *distinct);
  n = 0;
  for (size_t l = 0; l < batch->n_leaves; l++) {
    const plt_frontier_t *nodes = &batch->leaves[l].pass.closure->set[set];
    memcpy(all + n, nodes->id[side], nodes->n[side] * sizeof *all);
    n += nodes->n[side];
  }
  joined->n[side] = plt_distinct(all, n, distinct, unused, batch->arena);
  joined->id[side] = distinct;
}

/* The pull of several leaves: the union of what they touch. One leaf's rows are pulled as they are. */
static void make_pull(const plt_batch_maker_t *maker, plt_batch_t *batch) {
  plt_arena_t *arena = batch->arena;
  const plt_model_t *model = maker->plan->model;
  plt_frontier_t set[PLT_SETS_MAX] = {0};
  batch->rows = plt_arena_alloc(arena, model->n_tables * sizeof *batch->rows);
  if (batch->n_leaves == 1) {
    memcpy(batch->rows, batch->leaves[0].rows, model->n_tables * sizeof *batch->rows);
    batch->floats = batch->leaves[0].floats;
    return;
  }
  for (size_t t = 0; t < model->n_tables; t++) {
    plt_side_t side = plt_entity_side(model->tables[t].entity);
    size_t at = plt_model_set(model, model->tables[t].at);
    if (side != PLT_SIDES && set[at].id[side] == NULL) join(batch, at, side, &set[at]);
  }
  size_t end[PLACES];
  lay_out(maker, set, arena, batch->rows, end);
  batch->floats = end[FROZEN];
  for (size_t l = 0; l < batch->n_leaves; l++) {
    plt_leaf_t *leaf = &batch->leaves[l];
    const uint32_t *place[PLT_SETS_MAX][PLT_SIDES] = {{NULL}};
    for (size_t t = 0; t < model->n_tables; t++) {
      plt_side_t side = plt_entity_side(model->tables[t].entity);
      if (side == PLT_SIDES) continue;
      size_t at = plt_model_set(model, model->tables[t].at);
      const plt_frontier_t *nodes = &leaf->pass.closure->set[at];
      if (place[at][side] == NULL)
        place[at][side] = places_among(nodes->id[side], nodes->n[side], set[at].id[side], arena);
      leaf->rows[t].place = place[at][side];
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
    plt_frontier_t own;
    take_samples(maker, user + at, item + at, item + n + at * negatives, size, arena, leaf, &own);
    leaf->number = l;
    leaf->pass.draws = (plt_draws_t){.seed = plan->seed,
                                     .epoch = epoch,
                                     .batch = number,
                                     .leaf = l,
                                     .augment = model->augment.features ? &model->augment : NULL,
                                     .narrow = model->narrow && plt_narrow_is_there(),
                                     .replayed = plt_sampler_number(plan->sampler, number, l)};
    leaf->pass.samples.share = (float)size / (float)samples;
    leaf->weight = model->ops->loss_is_mean ? (double)size / samples : 1.0;
    leaf->pass.closure = plt_closure_make(maker->closures, epoch, number, l, &own, arena);
    leaf->rows = plt_arena_alloc(arena, model->n_tables * sizeof *leaf->rows);
    size_t end_of[PLACES];
    lay_out(maker, leaf->pass.closure->set, arena, leaf->rows, end_of);
    leaf->trained = end_of[IN_W];
    leaf->pushed = end_of[AUX];
    leaf->floats = end_of[FROZEN];
  }
  make_pull(maker, batch);
}

size_t plt_batch_pulls(const plt_plan_t *plan, const plt_batch_t *batch, float *values, plt_pull_t *pulls) {
  const plt_model_t *model = plan->model;
  size_t n = 0;
  for (uint32_t t = 0; t < model->n_tables; t++) {
    const plt_rows_view_t *rows = &batch->rows[t];
    if (model->tables[t].entity == PLT_ENTITY_ASIDE) continue;
    pulls[n++] = (plt_pull_t){t, model->tables[t].cols, rows->keys, rows->n, values + rows->offset};
  }
  return n;
}

const float *plt_batch_leaf_values(const plt_plan_t *plan, const plt_batch_t *batch, const plt_leaf_t *leaf,
                                   const float *values, plt_arena_t *arena) {
  if (batch->n_leaves == 1) return values;
  const plt_model_t *model = plan->model;
  float *own = plt_arena_alloc(arena, leaf->floats * sizeof *own);
  for (size_t t = 0; t < model->n_tables; t++) {
    const plt_rows_view_t *rows = &leaf->rows[t];
    size_t cols = model->tables[t].cols;
    const float *from = values + batch->rows[t].offset;
    if (rows->place == NULL) {
      memcpy(own + rows->offset, from, rows->n * cols * sizeof *own);
      continue;
    }
    for (size_t k = 0; k < rows->n; k++)
      memcpy(own + rows->offset + k * cols, from + rows->place[k] * cols, cols * sizeof *own);
  }
  return own;
}
