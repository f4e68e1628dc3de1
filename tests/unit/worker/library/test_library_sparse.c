/* Tables under keys of any 64 bits over real servers: the same rows for any servers and workers; what is refused. */
#include "tests/unit/worker/library/serving.h"

enum { LEAVES = 4, STEPS = 30, IDS = 60, OF_LEAF = 12 };

/* In ascending order; the first is 0, the last the largest there is. */
static uint64_t id_of(uint64_t i) { return i == IDS - 1 ? UINT64_MAX : UINT64_MAX / (IDS - 1) * i; }

static uint32_t declare_ids(plateau_t *job, plateau_sparse_t sparse) {
  uint32_t table;
  plateau_table_t spec = {
      .name = "ids", .dim = DIM, .init = PLATEAU_NORMAL, .scale = 1, .seed = 3, .optimizer = "adam"};
  EXPECT_OK(plateau_declare_sparse(job, &spec, &sparse, &table));
  return table;
}

/* Every leaf pushes some ids, and others from step to step: ids come, stay away for longer than they are kept, and come
 * again. */
static size_t draw(uint64_t t, uint32_t leaf, uint64_t *keys, float *values) {
  size_t n = 0;
  for (uint64_t i = 0; i < IDS && n < OF_LEAF; i++) {
    if ((i * 7 + t * (1 + leaf) + i * t / 3) % 11 != 0) continue;
    for (int c = 0; c < DIM; c++)
      values[n * DIM + (size_t)c] = 1.0f / (float)(1 + t * 7 + leaf * 131 + i * 17 + (uint64_t)c);
    keys[n++] = id_of(i);
  }
  return n;
}

static void *train(void *argument) {
  member_t *m = argument;
  plateau_t *job = enter(m->s, m->worker);
  uint32_t table = declare_ids(job, (plateau_sparse_t){.admit_pushes = 2, .max_age = 5});
  uint32_t first = LEAVES * m->worker / m->workers, end = LEAVES * (m->worker + 1) / m->workers;
  for (uint64_t t = plateau_clock(job); t < STEPS; t++) {
    plateau_push_t push[LEAVES];
    uint64_t keys[LEAVES][OF_LEAF];
    float values[LEAVES][OF_LEAF * DIM];
    for (uint32_t leaf = first; leaf < end; leaf++) {
      size_t n = draw(t, leaf, keys[leaf], values[leaf]);
      push[leaf - first] = (plateau_push_t){table, leaf, keys[leaf], n, values[leaf]};
    }
    EXPECT_OK(plateau_push(job, 0.1, push, end - first));
  }
  uint64_t all[IDS];
  for (uint64_t i = 0; i < IDS; i++) all[i] = id_of(i);
  EXPECT_OK(plateau_pull(job, &(plateau_pull_t){table, all, IDS, m->result}, 1));
  EXPECT_OK(plateau_close(&job));
  return NULL;
}

Test(library_sparse, the_same_bits_for_any_servers_and_workers) {
  float one[IDS * DIM], other[IDS * DIM], born[DIM];
  size_t moved = 0;
  serving_train(1, 1, train, one, sizeof one);
  for (uint32_t servers = 1; servers <= SERVERS_MAX; servers++)
    for (uint32_t workers = 1; workers <= LEAVES; workers += 3) {
      serving_train(servers, workers, train, other, sizeof other);
      cr_expect_arr_eq(other, one, sizeof one, "%u servers, %u workers", servers, workers);
    }
  plt_table_spec_t spec = {.name = "ids", .cols = DIM, .init = {PLT_INIT_NORMAL, 1}, .seed = 3};
  for (uint64_t i = 0; i < IDS; i++) {
    plt_table_spec_birth(&spec, 0, id_of(i), born);
    moved += memcmp(born, one + i * DIM, sizeof born) != 0;
  }
  cr_expect(moved > IDS / 10 && moved < IDS, "%zu of %d rows are stored at the end", moved, IDS);
}

/* Ids that two workers push in the same step were pushed once. */
Test(library_sparse, a_step_is_one_push) {
  serving_t s = {0};
  serving_start(&s, 2, (plt_server_config_t){.workers = 1});
  plateau_t *job = enter(&s, 0);
  uint32_t table = declare_ids(job, (plateau_sparse_t){.admit_pushes = 2});
  uint64_t key = UINT64_C(1) << 40;
  float gradient[DIM] = {1, 1, 1}, before[DIM], after[DIM];
  plateau_pull_t pull = {table, &key, 1, before};
  plateau_push_t push[2] = {{table, 0, &key, 1, gradient}, {table, 1, &key, 1, gradient}};
  EXPECT_OK(plateau_pull(job, &pull, 1));
  for (int step = 0; step < 2; step++) {
    EXPECT_OK(plateau_push(job, 0.1, push, 2));
    pull.values = after;
    EXPECT_OK(plateau_pull(job, &pull, 1));
    cr_expect_eq(memcmp(before, after, sizeof after) == 0, step == 0);
  }
  EXPECT_OK(plateau_close(&job));
  serving_end(&s, false);
}

Test(library_sparse, what_cannot_be_is_refused) {
  serving_t s = {0};
  serving_start(&s, 2, (plt_server_config_t){.workers = 1});
  plateau_t *job = enter(&s, 0);
  uint32_t table;
  plateau_table_t spec = {.name = "ids", .dim = DIM, .rows = 4};
  plateau_sparse_t sparse = {0};
  EXPECT_FAILS(plateau_declare_sparse(job, &spec, &sparse, &table), PLATEAU_USAGE, "leave rows 0");
  spec.rows = 0;
  EXPECT_FAILS(plateau_declare(job, &spec, &table), PLATEAU_USAGE, "0 rows");
  sparse = (plateau_sparse_t){.admit_pushes = 3, .admit_share = 0.5};
  EXPECT_FAILS(plateau_declare_sparse(job, &spec, &sparse, &table), PLATEAU_USAGE, "not both");
  sparse = (plateau_sparse_t){.admit_share = -1};
  EXPECT_FAILS(plateau_declare_sparse(job, &spec, &sparse, &table), PLATEAU_USAGE, "probability");
  sparse = (plateau_sparse_t){.max_rows = 10};
  EXPECT_FAILS(plateau_declare_sparse(job, &spec, &sparse, &table), PLATEAU_USAGE, "too small");
  spec.optimizer = "adam";
  spec.settings = "sweep=dense";
  EXPECT_FAILS(plateau_declare_sparse(job, &spec, NULL, &table), PLATEAU_USAGE, "no end");
  spec.settings = NULL;
  EXPECT_OK(plateau_declare_sparse(job, &spec, NULL, &table));
  uint64_t key = UINT64_MAX;
  float row[DIM];
  EXPECT_OK(plateau_pull(job, &(plateau_pull_t){table, &key, 1, row}, 1));
  EXPECT_OK(plateau_close(&job));
  cr_expect_eq(serving_end(&s, false), PLT_OK);
}

/* A table without a bound grows until the servers' memory is full; the push that is one too many is made by nobody. */
Test(library_sparse, grows_until_memory_is_full) {
  enum { BATCH = 200, WIDE = 50 };
  serving_t s = {0};
  serving_start(&s, 2, (plt_server_config_t){.workers = 1, .memory_bytes = 1000 * 1000});
  plateau_t *job = enter(&s, 0);
  uint32_t table;
  plateau_table_t spec = {.name = "ids", .dim = WIDE};
  static float values[BATCH * WIDE];
  uint64_t keys[BATCH];
  EXPECT_OK(plateau_declare_sparse(job, &spec, NULL, &table));
  int status = PLATEAU_OK;
  uint64_t t = 0;
  for (; t < 100 && status == PLATEAU_OK; t++) {
    for (uint64_t i = 0; i < BATCH; i++) keys[i] = (t * BATCH + i) << 20;
    status = plateau_push(job, 0.1, &(plateau_push_t){table, 0, keys, BATCH, values}, 1);
    if (t != 10) continue; /* what is there already needs no more room */
    for (int again = 0; again < 60; again++)
      EXPECT_OK(plateau_push(job, 0.1, &(plateau_push_t){table, 0, keys, BATCH, values}, 1));
  }
  cr_expect_eq(status, PLATEAU_REFUSED, "%s", plateau_error());
  cr_expect_not_null(strstr(plateau_error(), "max_rows"), "%s", plateau_error());
  cr_expect(t > 2 * 1000 * 1000 / (BATCH * (WIDE * 4 + 40)) && t < 60, "refused at push %d", (int)t);
  plateau_close(&job);
  serving_end(&s, true);
}
