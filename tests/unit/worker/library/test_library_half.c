/* test_library_half.c - a worker that dies in the middle of a message to all servers: some have it, others have not. It
 * is a process that speaks to some of the servers only, as far as they can tell. */
#include <time.h>

#include "common/time.h"
#include "tests/unit/worker/library/serving.h"
#include "worker/client/client.h"

enum { SERVERS = 2 };

/* A process that succeeds worker 0 and reaches server 0 alone. */
typedef struct half {
  plt_wire_t *wire;
  plt_client_t *client;
  uint64_t clock;
} half_t;

static half_t half_connect(const serving_t *s) {
  half_t half = {.wire = plt_wire_create()};
  plt_job_card_t card = {0};
  plt_progress_t progress;
  bool resumed;
  cr_assert_eq(plt_job_card_from_text(s->text, "card", &card), PLT_OK);
  plt_wire_secure(half.wire, card.secret);
  const char *address = card.doors[0].tcp;
  plt_client_config_t config = {.number = 0,
                                .workers = card.workers,
                                .servers = &address,
                                .n_servers = 1,
                                .job = card.job,
                                .generation = card.generation,
                                .deadline_s = 20,
                                .mark = 4711,
                                .succeeds = true};
  cr_assert_eq(plt_client_open(half.wire, &config, &half.clock, &resumed, &progress, &half.client), PLT_OK, "%s",
               plt_fail_text());
  plt_job_card_clear(&card);
  return half;
}

/* It is gone, without a word. */
static void half_die(half_t *half) {
  plt_client_close(&half->client);
  plt_wire_destroy(&half->wire);
}

static const uint64_t even = 2; /* server 0's */
static const float gradient[DIM] = {1, 2, 3};

/* Its push of step `clock`, of which the answer need not come. */
static void half_push(const serving_t *s, uint64_t clock) {
  half_t half = half_connect(s);
  cr_assert_eq(half.clock, clock);
  plt_push_t push = {.table = 0, .cols = DIM, .span = {0, 1}, .keys = &even, .n = 1};
  push.values = gradient;
  plt_exchange_t *exchange;
  cr_assert_eq(plt_client_step_begin(
                   half.client, &(plt_step_t){.pushes = true, .clock = clock, .eta = 0.1, .push = &push, .n_push = 1},
                   &exchange),
               PLT_OK, "%s", plt_fail_text());
  nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL); /* the server has it */
  half_die(&half);
}

static void push_both(plateau_t *first, plateau_t *second, uint32_t table) {
  plateau_push_t push = {table, 0, &even, 1, gradient}, other = {table, 1, &even, 1, gradient};
  EXPECT_OK(plateau_begin(first, &(plateau_step_t){.lr = 0.1, .push = &push, .n_push = 1}));
  EXPECT_OK(plateau_push(second, 0.1, &other, 1));
  EXPECT_OK(plateau_wait(first, NULL));
}

/* Whether the other worker has pushed the step, so that server 0 has made it, or has not. */
Test(library_half, a_push_that_some_servers_have) {
  for (int made = 0; made < 2; made++) {
    serving_t s = {0};
    serving_start(&s, SERVERS, (plt_server_config_t){.workers = 2, .linger_s = 1});
    plateau_t *first = enter(&s, 0), *other = enter(&s, 1), *heir = NULL;
    uint32_t table = declare(first);
    cr_assert_eq(declare(other), table);
    push_both(first, other, table);
    plateau_push_t push = {table, 1, &even, 1, gradient};
    if (made) EXPECT_OK(plateau_begin(other, &(plateau_step_t){.lr = 0.1, .push = &push, .n_push = 1}));
    half_push(&s, 1);
    plateau_options_t options = options_of(&s, 0);
    options.rejoin = 1;
    EXPECT_FAILS(plateau_connect(&options, &heir), PLATEAU_CHECKPOINT,
                 "worker 0 died while some servers had its push and others had not");
    cr_expect_null(heir);
    /* Nobody waits for it until a deadline. */
    int64_t begin = plt_time_ns();
    if (made)
      EXPECT_FAILS(plateau_wait(other, NULL), PLATEAU_PEER, "worker 0 gave up: worker 0 died while some servers");
    else
      EXPECT_FAILS(plateau_push(other, 0.1, &push, 1), PLATEAU_PEER, "worker 0 gave up: worker 0 died while some");
    cr_expect_lt(plt_time_seconds(plt_time_ns() - begin), 5);
    EXPECT_OK(plateau_close(&first)); /* which is shut out; the servers are still there to say so */
    EXPECT_OK(plateau_close(&other));
    cr_expect_eq(serving_end(&s, false), PLT_ERR_PEER);
    cr_expect_eq(s.hosts[1].failure.status, PLT_ERR_PEER);
  }
}

/* What was no push can be said again: rows that are set, a checkpoint. */
Test(library_half, what_some_servers_have_and_is_no_push) {
  char dir[] = "/tmp/plateau-test-half-XXXXXX", manifest[64];
  cr_assert_not_null(mkdtemp(dir));
  serving_t s = {0};
  serving_start(&s, SERVERS, (plt_server_config_t){.workers = 2, .run_dir = dir, .keep = 2});
  plateau_t *first = enter(&s, 0), *other = enter(&s, 1), *heir = NULL;
  uint32_t table = declare(first);
  cr_assert_eq(declare(other), table);
  push_both(first, other, table);
  half_t half = half_connect(&s);
  cr_assert_eq(half.clock, 1);
  float set[2 * DIM] = {1, 2, 3, 4, 5, 6}, got[2 * DIM];
  uint64_t keys[2] = {even, 3};
  cr_assert_eq(plt_client_assign(half.client, table, DIM, keys, 1, set), PLT_OK);
  plt_step_result_t result;
  plt_progress_t progress = {.batch = 1};
  plt_step_t order = {.clock = 1, .flags = PLT_FLAG_CHECKPOINT, .progress = &progress};
  cr_assert_eq(plt_client_step(half.client, &order, &result), PLT_OK, "%s", plt_fail_text());
  half_die(&half);
  plateau_options_t options = options_of(&s, 0);
  options.rejoin = 1;
  EXPECT_OK(plateau_connect(&options, &heir));
  cr_expect_eq(plateau_clock(heir), 1);
  cr_expect_eq(declare(heir), table);
  EXPECT_OK(plateau_assign(heir, table, keys, 2, set));
  EXPECT_OK(plateau_checkpoint(heir));
  uint64_t clock = 0;
  EXPECT_OK(plateau_checkpoint_wait(heir, &clock));
  cr_expect_eq(clock, 1);
  snprintf(manifest, sizeof manifest, "%s/checkpoints/1/manifest.json", dir);
  cr_expect(plt_path_exists(manifest));
  EXPECT_OK(plateau_pull(heir, &(plateau_pull_t){table, keys, 2, got}, 1));
  cr_expect_arr_eq(got, set, sizeof set);
  push_both(heir, other, table);
  EXPECT_OK(plateau_close(&first));
  EXPECT_OK(plateau_close(&heir));
  EXPECT_OK(plateau_close(&other));
  cr_expect_eq(serving_end(&s, false), PLT_OK);
  plt_dir_remove(dir);
}
