/* A batch cut into leaves for any number of workers, and what compute makes of it against sums in double. */
#include <malloc.h>

#include "tests/unit/worker/tiny.h"
#include "worker/math/distinct.h"
#include "worker/train/compute.h"

typedef struct maker {
  plt_batch_maker_t *maker;
  plt_batch_t *batch;
} maker_t;

static maker_t maker_open(const tiny_t *tiny, uint32_t worker, uint32_t workers) {
  return (maker_t){plt_batch_maker_create(&tiny->plan, worker, workers, NULL), plt_batch_create()};
}

static void maker_close(maker_t *maker) {
  plt_batch_destroy(&maker->batch);
  plt_batch_maker_destroy(&maker->maker);
  cr_assert(maker->batch == NULL && maker->maker == NULL);
}

/* ---- what a leaf holds ---- */

static void expect_ascending(const uint32_t *ids, size_t n) {
  for (size_t i = 1; i < n; i++) cr_assert_lt(ids[i - 1], ids[i]);
}

static bool has_key(const plt_rows_view_t *rows, uint64_t key) {
  for (size_t i = 0; i < rows->n; i++)
    if (rows->keys[i] == key) return true;
  return false;
}

/* The leaf's samples are those that the sampler gives for its places, its ids exactly those of the samples. */
static void check_leaf(const tiny_t *tiny, const plt_batch_t *batch, const plt_leaf_t *leaf) {
  const plt_samples_t *samples = &leaf->pass.samples;
  const plt_frontier_t *own = &leaf->pass.closure->set[0];
  const uint32_t *users = own->id[PLT_SIDE_USER], *items = own->id[PLT_SIDE_ITEM];
  uint32_t first = leaf->number * tiny->plan.micro_batch, left = batch->samples - first;
  uint32_t n = left < tiny->plan.micro_batch ? left : tiny->plan.micro_batch;
  uint32_t user[64], positive[64], negative[64];
  bool user_seen[64] = {false}, item_seen[128] = {false};
  cr_assert(samples->n == n && samples->negatives == 1);
  plt_sampler_draw(tiny->sampler, batch->epoch, batch->batch, first, n, user, positive, negative);
  expect_ascending(users, own->n[PLT_SIDE_USER]);
  expect_ascending(items, own->n[PLT_SIDE_ITEM]);
  for (size_t s = 0; s < n; s++) {
    cr_assert_eq(users[samples->user[s]], user[s]);
    cr_assert_eq(items[samples->positive[s]], positive[s]);
    cr_assert_eq(items[samples->negative[s]], negative[s]);
    user_seen[samples->user[s]] = item_seen[samples->positive[s]] = item_seen[samples->negative[s]] = true;
  }
  for (size_t i = 0; i < own->n[PLT_SIDE_USER]; i++) cr_assert(user_seen[i]);
  for (size_t i = 0; i < own->n[PLT_SIDE_ITEM]; i++) cr_assert(item_seen[i]);
  cr_assert_eq(leaf->weight, tiny->model->ops->loss_is_mean ? (double)n / batch->samples : 1.0);
  cr_assert(naive_near(samples->share, (double)n / batch->samples, 1e-7));
  const plt_draws_t *draws = &leaf->pass.draws;
  cr_assert(draws->seed == tiny->plan.seed && draws->epoch == batch->epoch && draws->batch == batch->batch &&
            draws->leaf == leaf->number);
}

/* Table after table, those that a strategy trains first, frozen ones last; end[k]: where each kind ends. */
static void check_offsets(const tiny_t *tiny, const plt_rows_view_t *rows, size_t end[3]) {
  size_t offset = 0;
  for (int kind = 0; kind < 3; kind++) {
    for (size_t t = 0; t < tiny->model->n_tables; t++) {
      const plt_model_table_t *table = &tiny->model->tables[t];
      if ((table->frozen ? 2 : table->aux ? 1 : 0) != kind) continue;
      cr_assert_eq(rows[t].offset, offset);
      offset += rows[t].n * table->cols;
    }
    end[kind] = offset;
  }
}

/* Rows of leaf and pull: a leaf's are the nodes of the set at which the table is read, the pull is the union of the
 * leaves, and place says where. */
static void check_rows(const tiny_t *tiny, const plt_batch_t *batch) {
  size_t end[3];
  check_offsets(tiny, batch->rows, end);
  cr_assert_eq(batch->floats, end[2]);
  for (size_t l = 0; l < batch->n_leaves; l++) {
    const plt_leaf_t *leaf = &batch->leaves[l];
    check_offsets(tiny, leaf->rows, end);
    cr_assert(leaf->trained == end[0] && leaf->pushed == end[1] && leaf->floats == end[2]);
  }
  for (size_t t = 0; t < tiny->model->n_tables; t++) {
    const plt_model_table_t *table = &tiny->model->tables[t];
    const plt_rows_view_t *rows = &batch->rows[t];
    for (size_t k = 0; k < rows->n; k++) {
      bool wanted = table->entity == PLT_ENTITY_DENSE;
      cr_assert(k == 0 || rows->keys[k - 1] < rows->keys[k]);
      for (size_t l = 0; l < batch->n_leaves && !wanted; l++)
        wanted = has_key(&batch->leaves[l].rows[t], rows->keys[k]);
      cr_assert(wanted, "table %s: row %d is pulled for nobody", table->name, (int)rows->keys[k]);
    }
    if (table->entity == PLT_ENTITY_DENSE) cr_assert_eq(rows->n, table->rows);
    for (size_t l = 0; l < batch->n_leaves; l++) {
      const plt_rows_view_t *own = &batch->leaves[l].rows[t];
      const plt_frontier_t *set = &batch->leaves[l].pass.closure->set[plt_model_set(tiny->model, table->at)];
      plt_side_t side = plt_entity_side(table->entity);
      cr_assert_eq(own->n, side == PLT_SIDES ? table->rows : set->n[side]);
      for (size_t k = 0; k < own->n; k++) cr_assert_eq(own->keys[k], side == PLT_SIDES ? k : set->id[side][k]);
      for (size_t k = 0; k < own->n; k++)
        cr_assert_eq(rows->keys[own->place == NULL ? k : own->place[k]], own->keys[k]);
    }
  }
}

/* All cuts of two batches. */
static void check_cuts(size_t modalities, const char *const *settings) {
  tiny_t tiny;
  tiny_open_with(&tiny, modalities, settings);
  tiny.plan.seed = 6;
  const uint32_t sizes[] = {40, 33, 1}, micros[] = {1, 3, 7, 20, 40};
  for (size_t i = 0; i < 3; i++)
    for (size_t m = 0; m < 5; m++) {
      tiny.plan.batch_size = sizes[i];
      tiny.plan.micro_batch = micros[m] < sizes[i] ? micros[m] : sizes[i];
      tiny_settle(&tiny);
      uint32_t batches = plt_sampler_batches(tiny.sampler), numbers[] = {0, batches - 1}; /* the last one is short */
      for (size_t b = 0; b < 2; b++)
        for (uint32_t workers = 1; workers <= 8; workers++) {
          uint32_t next_leaf = 0, samples = 0;
          for (uint32_t w = 0; w < workers; w++) {
            maker_t maker = maker_open(&tiny, w, workers);
            plt_batch_t *batch = maker.batch;
            plt_batch_make(maker.maker, 2, numbers[b], batch);
            cr_assert_eq(batch->samples, plt_sampler_samples(tiny.sampler, numbers[b]));
            for (size_t l = 0; l < batch->n_leaves; l++) {
              cr_assert_eq(batch->leaves[l].number, next_leaf++);
              samples += (uint32_t)batch->leaves[l].pass.samples.n;
              check_leaf(&tiny, batch, &batch->leaves[l]);
            }
            check_rows(&tiny, batch);
            uint32_t covered = 0;
            for (size_t k = 0; k < batch->n_blocks; k++)
              for (size_t l = 0; l < batch->n_leaves; l++)
                covered += batch->leaves[l].number - batch->blocks[k].first < batch->blocks[k].leaves;
            cr_assert_eq(covered, batch->n_leaves, "every leaf is in one block");
            maker_close(&maker);
          }
          cr_assert_eq(samples, plt_sampler_samples(tiny.sampler, numbers[b]));
        }
    }
  tiny_close(&tiny);
}

#define CHECK_CUTS(modalities, ...) check_cuts(modalities, (const char *const[]){__VA_ARGS__, NULL})

Test(batch, leaves_tile_the_batch_for_all_workers_and_micro_batches) {
  CHECK_CUTS(1, "model.name=vbpr", "model.dim=3", "strategy.name=plain");
}

/* Tables at several sets, at the own nodes, frozen. */
Test(batch, leaves_of_closures_tile_the_batch) {
  CHECK_CUTS(2, "model.name=freedom", "model.dim=3", "model.layers=1", "model.knn=3", "model.train_features=true",
             "strategy.name=plain");
  CHECK_CUTS(2, "model.name=dragon", "model.dim=3", "model.layers=1", "model.knn=3", "model.user_knn=2",
             "strategy.name=plain");
  CHECK_CUTS(2, "model.name=mmgcn", "model.dim=3", "model.layers=2", "model.freeze_id=true", "model.latent={text: 4}",
             "strategy.name=plain");
}

Test(batch, one_leaf_is_pulled_as_it_is) {
  tiny_t tiny;
  TINY_OPEN(&tiny, "model.name=vbpr", "model.dim=3", "strategy.name=plain");
  tiny.plan.micro_batch = tiny.plan.batch_size;
  tiny_settle(&tiny);
  maker_t maker = maker_open(&tiny, 0, 1);
  plt_batch_make(maker.maker, 0, 0, maker.batch);
  cr_assert(maker.batch->n_leaves == 1 && maker.batch->n_blocks == 1);
  for (size_t t = 0; t < tiny.model->n_tables; t++) {
    cr_assert_eq(maker.batch->rows[t].keys, maker.batch->leaves[0].rows[t].keys);
    cr_assert_null(maker.batch->leaves[0].rows[t].place);
  }
  cr_assert_eq(maker.batch->floats, maker.batch->leaves[0].floats);
  maker_close(&maker);
  tiny_close(&tiny);
}

Test(batch, distinct_ids) {
  plt_arena_t *arena = plt_arena_create();
  naive_rng_t rng = {2};
  const uint32_t spans[] = {1, 5, 1000, 100000, UINT32_MAX};
  uint32_t ids[600], out[600], position[600];
  cr_assert_eq(plt_distinct(ids, 0, out, position, arena), 0);
  for (int turn = 0; turn < 200; turn++) {
    size_t n = 1 + naive_below(&rng, 600);
    for (size_t i = 0; i < n; i++) ids[i] = (naive_next(&rng) << 1) % spans[turn % 5];
    size_t distinct = plt_distinct(ids, n, out, position, arena);
    expect_ascending(out, distinct);
    bool used[600] = {false};
    for (size_t i = 0; i < n; i++) {
      cr_assert(position[i] < distinct && out[position[i]] == ids[i]);
      used[position[i]] = true;
    }
    for (size_t i = 0; i < distinct; i++) cr_assert(used[i]);
    plt_arena_reset(arena);
  }
  plt_arena_destroy(&arena);
}

/* ---- compute ---- */

static float *invented_values(const plt_batch_t *batch, const plt_model_t *model) {
  float *values = malloc((batch->floats + 1) * sizeof *values);
  for (size_t t = 0; t < model->n_tables; t++) /* a function of table, key and column: the same for every split */
    for (size_t k = 0; k < batch->rows[t].n; k++)
      for (uint32_t c = 0; c < model->tables[t].cols; c++) {
        naive_rng_t rng = {t * 1000003 + batch->rows[t].keys[k] * 131 + c};
        naive_next(&rng);
        values[batch->rows[t].offset + k * model->tables[t].cols + c] = naive_between(&rng, -0.5, 0.5);
      }
  return values;
}

/* BPR's gradient over samples, by plain loops in double: d/dx of -log sigmoid(x) is -sigmoid(-x). The embedding term
 * has weight 0 here. Means over the whole batch. */
static double naive_bpr(const tiny_t *tiny, const plt_batch_t *batch, uint32_t first, uint32_t n, double *users,
                        double *items, const float *user_w, const float *item_w, uint32_t cols) {
  uint32_t u[64], p[64], g[64];
  double loss = 0;
  plt_sampler_draw(tiny->sampler, batch->epoch, batch->batch, first, n, u, p, g);
  for (uint32_t s = 0; s < n; s++) {
    const float *a = user_w + u[s] * cols, *b = item_w + p[s] * cols, *c = item_w + g[s] * cols;
    double x = 0;
    for (uint32_t k = 0; k < cols; k++) x += (double)a[k] * ((double)b[k] - c[k]);
    double slope = -1 / (1 + exp(x)) / batch->samples;
    loss += log1p(exp(-x)) / batch->samples;
    for (uint32_t k = 0; k < cols; k++) {
      users[u[s] * cols + k] += slope * ((double)b[k] - c[k]);
      items[p[s] * cols + k] += slope * a[k];
      items[g[s] * cols + k] -= slope * a[k];
    }
  }
  return loss;
}

/* Whole tables of the invented values. */
static void full_tables(const tiny_t *tiny, float *users, float *items, uint32_t cols) {
  uint64_t keys[TINY_ITEMS];
  for (uint64_t k = 0; k < TINY_ITEMS; k++) keys[k] = k;
  plt_rows_view_t rows[2] = {{.keys = keys, .n = TINY_USERS}, {.keys = keys, .n = TINY_ITEMS}};
  rows[1].offset = TINY_USERS * cols;
  plt_batch_t batch = {.rows = rows, .floats = (TINY_USERS + TINY_ITEMS) * cols};
  float *values = invented_values(&batch, tiny->model);
  memcpy(users, values, TINY_USERS * cols * sizeof *users);
  memcpy(items, values + rows[1].offset, TINY_ITEMS * cols * sizeof *items);
  free(values);
}

Test(compute, gradients_of_leaves_add_up_to_the_batchs) {
  tiny_t tiny;
  enum { COLS = 4 };
  TINY_OPEN(&tiny, "model.name=bpr", "model.dim=4", "model.reg=0", "strategy.name=plain");
  cr_assert(tiny.model->ops->loss_is_mean);
  float user_w[TINY_USERS * COLS], item_w[TINY_ITEMS * COLS];
  full_tables(&tiny, user_w, item_w, COLS);
  for (uint32_t micro = 1; micro <= 40; micro += micro < 4 ? 1 : 9)
    for (uint32_t workers = 1; workers <= 8; workers++) {
      double want[2][TINY_ITEMS * COLS] = {{0}}, got[2][TINY_ITEMS * COLS] = {{0}}, want_loss = 0, got_loss = 0;
      tiny.plan.micro_batch = micro;
      tiny_settle(&tiny);
      for (uint32_t w = 0; w < workers; w++) {
        maker_t maker = maker_open(&tiny, w, workers);
        plt_compute_t *compute = plt_compute_create(&tiny.plan, NULL);
        plt_batch_make(maker.maker, 1, 0, maker.batch);
        if (w == 0)
          want_loss = naive_bpr(&tiny, maker.batch, 0, maker.batch->samples, want[0], want[1], user_w, item_w, COLS);
        float *values = invented_values(maker.batch, tiny.model);
        plt_gradients_t gradients;
        cr_assert_eq(plt_compute_gradients(compute, maker.batch, values, 0, 0.1, &gradients), PLT_OK);
        cr_assert(gradients.n_push == maker.batch->n_blocks * 2 && gradients.n_losses == maker.batch->n_blocks);
        for (size_t i = 0; i < gradients.n_losses; i++) got_loss += gradients.losses[i].loss;
        for (size_t i = 0; i < gradients.n_push; i++) {
          const plt_push_t *push = &gradients.push[i];
          for (size_t k = 0; k < push->n * COLS; k++)
            got[push->table][push->keys[k / COLS] * COLS + k % COLS] += push->values[k];
        }
        free(values);
        plt_compute_destroy(&compute);
        maker_close(&maker);
      }
      cr_assert(naive_near(got_loss, want_loss, 1e-6), "loss %g, not %g", got_loss, want_loss);
      for (int t = 0; t < 2; t++)
        for (int i = 0; i < (t == 0 ? TINY_USERS : TINY_ITEMS) * COLS; i++)
          cr_assert(naive_near(got[t][i], want[t][i], 1e-6), "micro %u W %u: %g, not %g", micro, workers, got[t][i],
                    want[t][i]);
    }
  tiny_close(&tiny);
}

/* Frozen tables are read and never pushed. */
Test(compute, frozen_tables_are_not_pushed) {
  tiny_t tiny;
  tiny_open_with(&tiny, 2,
                 (const char *const[]){"model.name=mmgcn", "model.dim=3", "model.layers=1", "model.freeze_id=true",
                                       "model.latent={text: 4}", "strategy.name=plain", NULL});
  tiny_settle(&tiny);
  maker_t maker = maker_open(&tiny, 0, 1);
  plt_compute_t *compute = plt_compute_create(&tiny.plan, NULL);
  plt_gradients_t gradients;
  size_t frozen = 0, n = 0;
  plt_batch_make(maker.maker, 0, 0, maker.batch);
  float *values = invented_values(maker.batch, tiny.model);
  cr_assert_eq(plt_compute_gradients(compute, maker.batch, values, 0, 0.1, &gradients), PLT_OK, "%s", plt_fail_text());
  double loss = gradients.losses[0].loss;
  for (size_t t = 0; t < tiny.model->n_tables; t++) frozen += tiny.model->tables[t].frozen;
  cr_assert_eq(frozen, 4); /* users, items, preferences of both modalities */
  for (size_t b = 0; b < maker.batch->n_blocks; b++)
    for (size_t t = 0; t < tiny.model->n_tables; t++)
      if (!tiny.model->tables[t].frozen) cr_assert_eq(gradients.push[n++].table, t);
  cr_assert_eq(gradients.n_push, n);
  values[maker.batch->rows[0].offset] += 1; /* a row of users: frozen, and yet it matters */
  cr_assert(tiny.model->tables[0].frozen);
  cr_assert_eq(plt_compute_gradients(compute, maker.batch, values, 0, 0.1, &gradients), PLT_OK);
  cr_assert_neq(gradients.losses[0].loss, loss);
  free(values);
  plt_compute_destroy(&compute);
  maker_close(&maker);
  tiny_close(&tiny);
}

Test(compute, what_is_not_finite_stops_before_the_push) {
  tiny_t tiny;
  const float faults[] = {NAN, INFINITY, -INFINITY, 3e38f};
  TINY_OPEN(&tiny, "model.name=bpr", "model.dim=4", "strategy.name=plain");
  tiny.plan.lr = 0.25;
  tiny_settle(&tiny);
  maker_t maker = maker_open(&tiny, 0, 1);
  plt_compute_t *compute = plt_compute_create(&tiny.plan, NULL);
  plt_batch_make(maker.maker, 3, 2, maker.batch);
  for (size_t i = 0; i < 4; i++) {
    float *values = invented_values(maker.batch, tiny.model);
    plt_gradients_t gradients;
    for (uint32_t c = 0; c < 4; c++) values[c] = faults[i];
    cr_assert_eq(plt_compute_gradients(compute, maker.batch, values, 0, 0.1, &gradients), PLT_ERR_NAN);
    char step[64];
    snprintf(step, sizeof step, "epoch 3, step %u (batch 2 of %u, leaf ", 3 * plt_sampler_batches(tiny.sampler) + 2,
             plt_sampler_batches(tiny.sampler));
    const char *text = plt_fail_text();
    cr_assert(strstr(text, step) && strstr(text, "strategy plain, lr 0.25") && strstr(text, "optimizer.clip_norm"),
              "%s", text);
    free(values);
  }
  plt_compute_destroy(&compute);
  maker_close(&maker);
  tiny_close(&tiny);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* Memory in use after some warm epochs is what it was: nothing is taken per step. */
Test(compute, nothing_is_allocated_once_warm) {
  tiny_t tiny;
  TINY_OPEN(&tiny, "model.name=vbpr", "model.dim=4", "strategy.name=bsam+");
  tiny_settle(&tiny);
  maker_t maker = maker_open(&tiny, 0, 1);
  plt_compute_t *compute = plt_compute_create(&tiny.plan, NULL);
  float *values = calloc(100000, sizeof *values);
  size_t blocks = 0, in_use = 0;
  for (uint32_t step = 0; step < 400; step++) {
    plt_gradients_t gradients;
    plt_batch_make(maker.maker, step, 0, maker.batch);
    cr_assert_lt(maker.batch->floats, 100000);
    for (size_t i = 0; i < maker.batch->floats; i++) values[i] = 0.01f * (float)(i % 13);
    cr_assert_eq(plt_compute_gradients(compute, maker.batch, values, 0, 0.1, &gradients), PLT_OK);
    if (step == 199) {
      blocks = plt_arena_allocations(maker.batch->arena);
      in_use = mallinfo2().uordblks + mallinfo2().hblkhd;
    }
  }
  cr_assert_eq(plt_arena_allocations(maker.batch->arena), blocks);
  cr_assert_eq(mallinfo2().uordblks + mallinfo2().hblkhd, in_use);
  free(values);
  plt_compute_destroy(&compute);
  maker_close(&maker);
  tiny_close(&tiny);
}
#endif
