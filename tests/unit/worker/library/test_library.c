/* test_library.c - libplateau over real servers: what it computes. What it refuses is in test_library_trouble.c. */
#include "tests/unit/worker/library/serving.h"

/* ---- what a step does ---- */

typedef struct trained {
  float rows[ROWS * DIM];
  double loss;
} trained_t;

enum { LEAVES = 4, STEPS = 5 };

/* Gradients that are no whole numbers: sums in another order have other bits. */
static float gradient(uint64_t t, uint64_t leaf, uint64_t key, int column) {
  return 1.0f / (float)(1 + t * 7 + leaf * 131 + key * 17 + (uint64_t)column);
}

static void *train(void *argument) {
  member_t *m = argument;
  trained_t *result = m->result;
  plateau_t *job = enter(m->s, m->worker);
  uint32_t table = declare(job);
  uint64_t keys[ROWS], few[] = {0, 7, 39};
  float pulled[3 * DIM];
  for (uint64_t k = 0; k < ROWS; k++) keys[k] = k;
  uint32_t first = LEAVES * m->worker / m->workers, end = LEAVES * (m->worker + 1) / m->workers;
  for (uint64_t t = plateau_clock(job); t < STEPS; t++) {
    plateau_push_t push[LEAVES];
    plateau_loss_t losses[LEAVES];
    static _Thread_local float values[LEAVES][ROWS * DIM];
    size_t n = 0;
    for (uint32_t leaf = first; leaf < end; leaf++, n++) {
      for (uint64_t k = 0; k < ROWS; k++)
        for (int c = 0; c < DIM; c++) values[n][k * DIM + (uint64_t)c] = gradient(t, leaf, k, c);
      push[n] = (plateau_push_t){table, leaf, keys, ROWS, values[n]};
      losses[n] = (plateau_loss_t){leaf, gradient(t, leaf, 1, 2)};
    }
    plateau_pull_t pull = {table, few, 3, pulled};
    plateau_step_t step = {
        .lr = 0.1, .push = push, .n_push = n, .pull = &pull, .n_pull = 1, .losses = losses, .n_losses = n};
    EXPECT_OK(plateau_step(job, &step, &result->loss));
    cr_expect_eq(plateau_clock(job), t + 1);
  }
  EXPECT_OK(plateau_pull(job, &(plateau_pull_t){table, keys, ROWS, result->rows}, 1));
  for (int i = 0; i < 3; i++) cr_expect_arr_eq(pulled + i * DIM, result->rows + few[i] * DIM, DIM * sizeof(float));
  EXPECT_OK(plateau_close(&job));
  cr_expect_null(job);
  return NULL;
}

static trained_t train_with(uint32_t servers, uint32_t workers) {
  trained_t result;
  serving_train(servers, workers, train, &result, sizeof result);
  return result;
}

Test(library, steps_have_the_same_bits_for_any_servers_and_workers) {
  trained_t one = train_with(1, 1);
  for (uint32_t servers = 1; servers <= SERVERS_MAX; servers++)
    for (uint32_t workers = 1; workers <= LEAVES; workers++) {
      trained_t other = train_with(servers, workers);
      cr_expect_arr_eq(&other, &one, sizeof one, "%u servers, %u workers", servers, workers);
    }
}

/* Against the update written down: sgd, one row, one leaf. */
Test(library, a_step_is_what_it_says) {
  serving_t s = {0};
  serving_start(&s, 2, (plt_server_config_t){.workers = 1});
  plateau_t *job = enter(&s, 0);
  uint32_t table = declare(job);
  uint64_t key = 5;
  float before[DIM], after[DIM], g[DIM] = {1, -2, 0.5f};
  EXPECT_OK(plateau_pull(job, &(plateau_pull_t){table, &key, 1, before}, 1));
  EXPECT_OK(plateau_push(job, 0.25, &(plateau_push_t){table, 0, &key, 1, g}, 1));
  EXPECT_OK(plateau_pull(job, &(plateau_pull_t){table, &key, 1, after}, 1));
  for (int c = 0; c < DIM; c++) cr_expect_eq(after[c], before[c] - 0.25f * g[c]);
  float set[DIM] = {3, 4, 5};
  EXPECT_OK(plateau_assign(job, table, &key, 1, set));
  EXPECT_OK(plateau_pull(job, &(plateau_pull_t){table, &key, 1, after}, 1));
  cr_expect_arr_eq(after, set, sizeof set);
  EXPECT_OK(plateau_pull(job, &(plateau_pull_t){table, NULL, 0, NULL}, 1)); /* no rows */
  EXPECT_OK(plateau_pull(job, NULL, 0));
  EXPECT_OK(plateau_close(&job));
  serving_end(&s, false);
}

Test(library, a_step_in_two_halves) {
  serving_t s = {0};
  serving_start(&s, 2, (plt_server_config_t){.workers = 1});
  plateau_t *job = enter(&s, 0);
  uint32_t table = declare(job);
  uint64_t key = 1;
  double loss = 0;
  float row[DIM], g[DIM] = {1, 1, 1};
  plateau_push_t push = {table, 0, &key, 1, g};
  plateau_pull_t pull = {table, &key, 1, row};
  plateau_loss_t mine = {0, 2.5};
  plateau_step_t step = {
      .lr = 1, .push = &push, .n_push = 1, .pull = &pull, .n_pull = 1, .losses = &mine, .n_losses = 1};
  EXPECT_FAILS(plateau_wait(job, &loss), PLATEAU_USAGE, "no step was begun");
  EXPECT_OK(plateau_begin(job, &step));
  EXPECT_FAILS(plateau_begin(job, &step), PLATEAU_USAGE, "plateau_wait() comes first");
  EXPECT_FAILS(plateau_barrier(job), PLATEAU_USAGE, "step 0 was begun");
  EXPECT_OK(plateau_wait(job, &loss));
  cr_expect_eq(loss, 2.5);
  EXPECT_OK(plateau_begin(job, &step));
  EXPECT_OK(plateau_close(&job)); /* in the middle: the servers hear that this worker gave up */
  serving_end(&s, false);
}

/* ---- helpers ---- */

Test(library, distinct_against_a_naive_twin) {
  enum { N = 3000 };
  for (uint64_t range = 1; range < UINT64_C(1) << 60; range *= 37) {
    uint64_t given[N], keys[N], x = range;
    uint32_t place[N];
    for (size_t i = 0; i < N; i++) {
      x = x * 6364136223846793005u + 1442695040888963407u;
      given[i] = keys[i] = (x >> 3) % range;
    }
    size_t n = plateau_distinct(keys, N, place);
    for (size_t i = 1; i < n; i++) cr_assert(keys[i - 1] < keys[i]);
    for (size_t i = 0; i < N; i++) cr_assert(place[i] < n && keys[place[i]] == given[i]);
  }
  cr_expect_eq(plateau_distinct(NULL, 0, NULL), 0);
}

/* ---- all together, and checkpoints ---- */

typedef struct pair {
  const serving_t *s;
  uint32_t worker;
  uint64_t stop_at;
  double sum;
  float rows[ROWS * DIM];
  uint64_t start;
  bool resumed;
} pair_t;

/* Two workers, one leaf each; a checkpoint at clock 3. */
static void *run_pair(void *argument) {
  pair_t *p = argument;
  plateau_t *job = enter(p->s, p->worker);
  uint32_t table = declare(job);
  plateau_info_t info;
  uint64_t keys[ROWS];
  static _Thread_local float g[ROWS * DIM];
  for (uint64_t k = 0; k < ROWS; k++) keys[k] = k;
  plateau_info(job, &info);
  p->start = info.start;
  p->resumed = info.resumed;
  for (uint64_t t = plateau_clock(job); t < p->stop_at; t++) {
    for (uint64_t i = 0; i < ROWS * DIM; i++) g[i] = gradient(t, p->worker, i, 0);
    EXPECT_OK(plateau_push(job, 0.1, &(plateau_push_t){table, p->worker, keys, ROWS, g}, 1));
    if (t + 1 == 3) EXPECT_OK(plateau_checkpoint(job));
  }
  p->sum = p->worker + 1;
  EXPECT_OK(plateau_sum(job, &p->sum, 1));
  EXPECT_OK(plateau_barrier(job));
  uint64_t clock;
  EXPECT_OK(plateau_checkpoint_wait(job, &clock));
  EXPECT_OK(plateau_pull(job, &(plateau_pull_t){table, keys, ROWS, p->rows}, 1));
  EXPECT_OK(plateau_close(&job));
  return NULL;
}

static void run_both(const serving_t *s, uint64_t stop_at, pair_t pair[2]) {
  pthread_t threads[2];
  for (uint32_t w = 0; w < 2; w++) {
    pair[w] = (pair_t){.s = s, .worker = w, .stop_at = stop_at};
    cr_assert_eq(pthread_create(&threads[w], NULL, run_pair, &pair[w]), 0);
  }
  for (uint32_t w = 0; w < 2; w++) pthread_join(threads[w], NULL);
  cr_expect_eq(pair[0].sum, 3);
  cr_expect_eq(pair[1].sum, 3);
}

/* Ends behind the checkpoint, goes on from it with other servers: as if nothing had been. ssp with staleness 0 lets one
 * worker step in turn with the other. */
static void resume_in(plt_server_config_t like) {
  serving_t s = {0};
  pair_t pair[2], again[2];
  char dir[PLT_PATH_MAX];
  plt_manifest_t manifest;
  snprintf(s.run_dir, sizeof s.run_dir, "/tmp/plateau-library-XXXXXX");
  cr_assert_not_null(mkdtemp(s.run_dir));
  like.workers = 2;
  like.run_dir = s.run_dir;
  serving_start(&s, 2, like);
  run_both(&s, 6, pair);
  cr_expect_eq(serving_end(&s, false), PLT_OK);
  cr_assert_eq(plt_manifest_load(s.run_dir, "last", &manifest, dir), PLT_OK, "%s", plt_fail_text());
  cr_expect_eq(manifest.n_parts, 2);
  cr_expect_eq(manifest.clock, like.alone ? 6 : 3);
  like.start = (plt_start_t){.dir = dir, .manifest = &manifest};
  like.generation = 1;
  serving_start(&s, 3, like);
  run_both(&s, 6, again);
  serving_end(&s, false);
  cr_expect_eq(again[0].start, 3);
  cr_expect_eq(again[1].start, 3);
  cr_expect(again[0].resumed && !pair[0].resumed);
  if (!like.alone) cr_expect_arr_eq(again[0].rows, pair[0].rows, sizeof pair[0].rows);
  plt_manifest_clear(&manifest);
  plt_dir_remove(s.run_dir);
}

Test(library, goes_on_from_a_checkpoint) { resume_in((plt_server_config_t){.keep = 2}); }
Test(library, goes_on_from_a_checkpoint_of_ssp) { resume_in((plt_server_config_t){.alone = true, .staleness = 2}); }
Test(library, goes_on_from_a_checkpoint_of_asp) {
  resume_in((plt_server_config_t){.alone = true, .staleness = UINT64_MAX});
}
