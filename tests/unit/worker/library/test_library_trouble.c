/* test_library_trouble.c - what libplateau refuses, and what happens to workers when others die: each a status and a
 * sentence. */
#include <errno.h>
#include <math.h>
#include <time.h>

#include "tests/unit/worker/library/serving.h"
#include "worker/library/state.h"

/* The machine that is out of something is no bug of ours. */
Test(library_trouble, out_of_memory_or_threads) {
  errno = ENOMEM;
  cr_expect_eq(plt_library_answer(NULL, plt_fail_errno(PLT_ERR_IO, "mmap"), false), PLATEAU_SYSTEM);
  cr_expect_neq(strstr(plateau_error(), "mmap"), NULL);
  cr_expect_str_eq(plateau_status_name(PLATEAU_SYSTEM), "system");
}

/* ---- connecting ---- */

Test(library_trouble, options_that_cannot_be) {
  serving_t s = {0};
  plateau_t *job = NULL;
  serving_start(&s, 1, (plt_server_config_t){.workers = 2});
  plateau_options_t options = {0};
  EXPECT_FAILS(plateau_connect(NULL, &job), PLATEAU_USAGE, "NULL");
  EXPECT_FAILS(plateau_connect(&options, &job), PLATEAU_USAGE, "job_file or job_text");
  options = options_of(&s, 2);
  EXPECT_FAILS(plateau_connect(&options, &job), PLATEAU_USAGE, "this job has workers 0 to 1");
  options = options_of(&s, 0);
  options.workers = 3;
  EXPECT_FAILS(plateau_connect(&options, &job), PLATEAU_USAGE, "3 workers were started, but the servers wait for 2");
  options = options_of(&s, 0);
  options.deadline_s = -1;
  EXPECT_FAILS(plateau_connect(&options, &job), PLATEAU_USAGE, "deadline_s is -1");
  options = (plateau_options_t){.job_file = "/nowhere/job", .deadline_s = 0.2};
  EXPECT_FAILS(plateau_connect(&options, &job), PLATEAU_DEADLINE, "/nowhere/job: no such file after 0.2 s");
  options = (plateau_options_t){.job_text = "plateau job 1\njob zz\n"};
  EXPECT_FAILS(plateau_connect(&options, &job), PLATEAU_REFUSED, "job_text:2:");
  options = (plateau_options_t){.job_file = "/etc/hostname"};
  EXPECT_FAILS(plateau_connect(&options, &job), PLATEAU_REFUSED, "/etc/hostname:1:");
  cr_expect_null(job);
  EXPECT_OK(plateau_close(&job));
  plateau_abandon(&job, "nothing");
  serving_end(&s, true);
}

Test(library_trouble, a_wrong_secret) {
  serving_t s = {0};
  plateau_t *job = NULL;
  serving_start(&s, 1, (plt_server_config_t){.workers = 1});
  char *digit = strstr(s.text, "token ") + 6;
  *digit = *digit == '0' ? '1' : '0';
  plateau_options_t options = options_of(&s, 0);
  EXPECT_FAILS(plateau_connect(&options, &job), PLATEAU_PEER, "secret");
  serving_end(&s, true);
}

Test(library_trouble, a_server_that_is_gone) {
  serving_t s = {0};
  serving_start(&s, 2, (plt_server_config_t){.workers = 1});
  plateau_t *job;
  plateau_options_t options = options_of(&s, 0);
  options.deadline_s = 1;
  EXPECT_OK(plateau_connect(&options, &job));
  uint32_t table = declare(job);
  serving_end(&s, true);
  uint64_t key = 1;
  float row[DIM];
  plateau_pull_t pull = {table, &key, 1, row};
  EXPECT_FAILS(plateau_pull(job, &pull, 1), PLATEAU_DEADLINE, "did not answer STEP of clock 0 for 1 s (deadline_s)");
  EXPECT_FAILS(plateau_barrier(job), PLATEAU_DEADLINE, "did not answer STEP of clock 0"); /* spent: the same again */
  EXPECT_OK(plateau_close(&job));
}

/* ---- numbers ---- */

Test(library_trouble, two_workers_of_one_number) {
  serving_t s = {0};
  serving_start(&s, 2, (plt_server_config_t){.workers = 1});
  plateau_t *first = enter(&s, 0), *second = NULL;
  uint32_t table = declare(first);
  plateau_options_t options = options_of(&s, 0);
  EXPECT_FAILS(plateau_connect(&options, &second), PLATEAU_USAGE, "a process has connected as worker 0 already");
  uint64_t key = 1;
  float g[DIM] = {0};
  plateau_push_t push = {table, 0, &key, 1, g};
  EXPECT_OK(plateau_push(first, 1, &push, 1)); /* nothing has happened to it */
  options.rejoin = 1;
  EXPECT_OK(plateau_connect(&options, &second));
  cr_expect_eq(plateau_clock(second), 1);
  cr_expect_eq(declare(second), table);
  EXPECT_FAILS(plateau_push(first, 1, &push, 1), PLATEAU_REFUSED, "another process has taken the number");
  EXPECT_OK(plateau_push(second, 1, &push, 1));
  EXPECT_OK(plateau_close(&first)); /* which is not a worker that gave up */
  EXPECT_OK(plateau_push(second, 1, &push, 1));
  EXPECT_OK(plateau_close(&second));
  cr_expect_eq(serving_end(&s, false), PLT_OK);
}

typedef struct other {
  plateau_t *job;
  uint32_t table;
  uint64_t steps;
  int status;
} other_t;

/* A worker that goes on stepping, with a push of one row and a sum behind every second step. */
static void *go_on(void *argument) {
  other_t *o = argument;
  uint64_t key = 3;
  float g[DIM] = {1, 2, 3};
  while (o->status == PLATEAU_OK && plateau_clock(o->job) < o->steps) {
    double one = 1;
    o->status = plateau_push(o->job, 0.1, &(plateau_push_t){o->table, 1, &key, 1, g}, 1);
    if (o->status == PLATEAU_OK && plateau_clock(o->job) % 2 == 0) o->status = plateau_sum(o->job, &one, 1);
    if (o->status == PLATEAU_OK && plateau_clock(o->job) % 2 == 0) cr_expect_eq(one, 2);
  }
  return NULL;
}

/* Worker 0 of two: steps from its clock on up to `until`. */
static void step_until(plateau_t *job, uint32_t table, uint64_t until) {
  uint64_t key = 3;
  float g[DIM] = {1, 2, 3};
  while (plateau_clock(job) < until) {
    double one = 1;
    EXPECT_OK(plateau_push(job, 0.1, &(plateau_push_t){table, 0, &key, 1, g}, 1));
    if (plateau_clock(job) % 2 != 0) continue;
    EXPECT_OK(plateau_sum(job, &one, 1));
    cr_expect_eq(one, 2);
  }
}

enum { DIES_BETWEEN, DIES_BEHIND_PUSH, WAYS };

Test(library_trouble, a_worker_that_died_comes_back) {
  for (int how = 0; how < WAYS; how++) {
    serving_t s = {0};
    serving_start(&s, 2, (plt_server_config_t){.workers = 2});
    plateau_t *first = enter(&s, 0), *second = NULL;
    other_t other = {.job = enter(&s, 1), .steps = 8};
    uint32_t table = declare(first);
    other.table = declare(other.job);
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, go_on, &other), 0);
    step_until(first, table, 3);
    uint64_t key = 3;
    float g[DIM] = {1, 2, 3}, row[DIM];
    plateau_push_t push = {table, 0, &key, 1, g};
    if (how == DIES_BEHIND_PUSH)
      EXPECT_OK(plateau_begin(first, &(plateau_step_t){.lr = 0.1, .push = &push, .n_push = 1}));
    nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL); /* the servers have it */
    plateau_options_t options = options_of(&s, 0);
    options.rejoin = 1;
    EXPECT_OK(plateau_connect(&options, &second));
    cr_expect_eq(plateau_clock(second), how == DIES_BEHIND_PUSH ? 4 : 3);
    table = declare(second);
    if (how == DIES_BEHIND_PUSH) { /* the sum of clock 4, which the first did not come to */
      double one = 1;
      EXPECT_OK(plateau_sum(second, &one, 1));
    }
    step_until(second, table, 8);
    pthread_join(thread, NULL);
    cr_expect_eq(other.status, PLATEAU_OK, "%s", plateau_error());
    EXPECT_OK(plateau_pull(second, &(plateau_pull_t){table, &key, 1, row}, 1));
    float born[DIM];
    plt_table_spec_t spec = {.name = "rows", .rows = ROWS, .cols = DIM, .init = {PLT_INIT_NORMAL, 1}, .seed = 3};
    plt_table_spec_birth(&spec, 0, key, born);
    for (int t = 0; t < 8; t++)
      for (int c = 0; c < DIM; c++) born[c] -= 0.1f * (g[c] + g[c]);
    cr_expect_arr_eq(row, born, sizeof row);
    EXPECT_OK(plateau_close(&second));
    EXPECT_OK(plateau_close(&other.job));
    EXPECT_OK(plateau_close(&first));
    cr_expect_eq(serving_end(&s, false), PLT_OK);
  }
}

Test(library_trouble, who_cannot_come_back) {
  serving_t s = {0};
  serving_start(&s, 1, (plt_server_config_t){.workers = 1});
  plateau_t *first = enter(&s, 0), *second = NULL;
  EXPECT_OK(plateau_barrier(first));
  EXPECT_OK(plateau_barrier(first));
  plateau_options_t options = options_of(&s, 0);
  options.rejoin = 1;
  EXPECT_FAILS(plateau_connect(&options, &second), PLATEAU_USAGE, "cannot come back behind 2 sums");
  EXPECT_OK(plateau_close(&first));
  options.deadline_s = 1;
  EXPECT_FAILS(plateau_connect(&options, &second), PLATEAU_DEADLINE, "did not answer HELLO");
  serving_end(&s, false);
}

Test(library_trouble, nobody_comes_back_in_asp) {
  serving_t s = {0};
  serving_start(&s, 1, (plt_server_config_t){.workers = 1, .alone = true, .staleness = UINT64_MAX});
  plateau_t *first = enter(&s, 0), *second = NULL;
  plateau_options_t options = options_of(&s, 0);
  options.rejoin = 1;
  EXPECT_FAILS(plateau_connect(&options, &second), PLATEAU_USAGE, "cannot come back in ssp and asp");
  EXPECT_OK(plateau_close(&first));
  serving_end(&s, false);
}

/* ---- what others do ---- */

Test(library_trouble, a_worker_gives_up) {
  serving_t s = {0};
  serving_start(&s, 1, (plt_server_config_t){.workers = 2, .linger_s = 0.2});
  plateau_t *first = enter(&s, 0), *second = enter(&s, 1);
  plateau_abandon(&second, "it ran out of cheese");
  EXPECT_FAILS(plateau_barrier(first), PLATEAU_PEER, "worker 1 gave up: it ran out of cheese");
  cr_expect_eq(serving_end(&s, false), PLT_ERR_PEER); /* first has not said goodbye */
  EXPECT_OK(plateau_close(&first));
}

Test(library_trouble, a_worker_is_silent) {
  serving_t s = {0};
  serving_start(&s, 1, (plt_server_config_t){.workers = 2, .idle_s = 8});
  plateau_t *first, *second = enter(&s, 1);
  plateau_options_t options = options_of(&s, 0);
  options.deadline_s = 2.5;
  EXPECT_OK(plateau_connect(&options, &first));
  EXPECT_FAILS(plateau_barrier(first), PLATEAU_DEADLINE, "waits for worker 1, which was last heard");
  cr_expect_eq(serving_end(&s, false), PLT_ERR_DEADLINE);
  EXPECT_OK(plateau_close(&first));
  plateau_abandon(&second, NULL);
}

static void *cancel_soon(void *job) {
  nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
  plateau_cancel(job);
  return NULL;
}

Test(library_trouble, a_call_is_cancelled) {
  serving_t s = {0};
  serving_start(&s, 1, (plt_server_config_t){.workers = 2});
  plateau_t *first = enter(&s, 0), *second = enter(&s, 1);
  pthread_t thread;
  cr_assert_eq(pthread_create(&thread, NULL, cancel_soon, first), 0);
  EXPECT_FAILS(plateau_barrier(first), PLATEAU_CANCELLED, "cancelled by the program");
  pthread_join(thread, NULL);
  EXPECT_FAILS(plateau_barrier(first), PLATEAU_CANCELLED, "cancelled by the program");
  EXPECT_OK(plateau_close(&first));
  EXPECT_FAILS(plateau_barrier(second), PLATEAU_PEER, "worker 0 gave up: cancelled");
  EXPECT_OK(plateau_close(&second));
  serving_end(&s, false);
}

/* ---- tables and rows ---- */

Test(library_trouble, declarations) {
  serving_t s = {0};
  serving_start(&s, 2, (plt_server_config_t){.workers = 2, .memory_bytes = 1 << 20});
  plateau_t *first = enter(&s, 0), *second = enter(&s, 1);
  uint32_t table;
  plateau_table_t spec = {.name = "t", .rows = 10, .dim = 2, .optimizer = "adma"}, good = spec;
  EXPECT_FAILS(plateau_declare(first, &spec, &table), PLATEAU_USAGE, "there is no optimizer \"adma\"");
  spec.optimizer = "adam";
  spec.settings = "beta3=0.5";
  EXPECT_FAILS(plateau_declare(first, &spec, &table), PLATEAU_USAGE, "beta3");
  spec.settings = "beta1=";
  EXPECT_FAILS(plateau_declare(first, &spec, &table), PLATEAU_USAGE, "is not key=value");
  spec.settings = "beta1=2";
  EXPECT_FAILS(plateau_declare(first, &spec, &table), PLATEAU_USAGE, "beta1");
  spec.settings = NULL;
  spec.name = "a/b";
  EXPECT_FAILS(plateau_declare(first, &spec, &table), PLATEAU_USAGE, "a name has letters");
  spec.name = "";
  EXPECT_FAILS(plateau_declare(first, &spec, &table), PLATEAU_USAGE, "needs a name");
  spec.name = "t";
  spec.rows = 0;
  EXPECT_FAILS(plateau_declare(first, &spec, &table), PLATEAU_USAGE, "at least one of each");
  spec.rows = UINT64_C(1) << 40;
  EXPECT_FAILS(plateau_declare(first, &spec, &table), PLATEAU_USAGE, "memory");
  spec.rows = 10;
  const uint32_t dim = spec.dim;
  spec.dim = UINT32_MAX;
  EXPECT_FAILS(plateau_declare(first, &spec, &table), PLATEAU_USAGE, "16777216 at most");
  spec.dim = dim;
  spec.init = 77;
  EXPECT_FAILS(plateau_declare(first, &spec, &table), PLATEAU_USAGE, "no plateau_init_t");
  spec.init = PLATEAU_NORMAL;
  spec.scale = NAN;
  EXPECT_FAILS(plateau_declare(first, &spec, &table), PLATEAU_USAGE, "scale nan");
  EXPECT_FAILS(plateau_declare(first, NULL, &table), PLATEAU_USAGE, "NULL");
  good.optimizer = "adam";
  good.settings = "beta1=0.8, eps=1e-7";
  EXPECT_OK(plateau_declare(first, &good, &table));
  cr_expect_eq(table, 0);
  EXPECT_FAILS(plateau_declare(first, &good, &table), PLATEAU_USAGE, "declared before, as table 0");
  good.settings = "beta1: 0.8\neps: 1e-7\n"; /* the same as YAML */
  EXPECT_OK(plateau_declare(second, &good, &table));
  good.name = "u";
  EXPECT_OK(plateau_declare(first, &good, &table));
  good.dim = 3;
  EXPECT_FAILS(plateau_declare(second, &good, &table), PLATEAU_REFUSED, "workers declare table 1 (u) differently");
  EXPECT_OK(plateau_close(&second));
  EXPECT_OK(plateau_close(&first));
  serving_end(&s, true);
}

Test(library_trouble, rows_that_cannot_be) {
  serving_t s = {0};
  serving_start(&s, 2, (plt_server_config_t){.workers = 1});
  plateau_t *job = enter(&s, 0);
  uint64_t keys[] = {1, 2, ROWS}, twice[] = {3, 3}, back[] = {5, 4};
  float values[3 * DIM] = {0};
  plateau_push_t push = {0, 0, keys, 2, values};
  plateau_pull_t pull = {0, keys, 2, values}, both[2] = {pull, pull};
  EXPECT_FAILS(plateau_push(job, 1, &push, 1), PLATEAU_USAGE, "table 0 was not declared here: 0 were");
  EXPECT_FAILS(plateau_pull(job, &pull, 1), PLATEAU_USAGE, "was not declared");
  uint32_t table = declare(job), frozen;
  plateau_table_t ice = {.name = "ice", .rows = 4, .dim = DIM, .frozen = 1};
  EXPECT_OK(plateau_declare(job, &ice, &frozen));
  push.n = pull.n = 3;
  EXPECT_FAILS(plateau_push(job, 1, &push, 1), PLATEAU_USAGE, "table rows: key 40, but there are 40 rows");
  EXPECT_FAILS(plateau_pull(job, &pull, 1), PLATEAU_USAGE, "key 40");
  EXPECT_FAILS(plateau_assign(job, table, keys, 3, values), PLATEAU_USAGE, "key 40");
  push.n = pull.n = 2;
  push.keys = twice;
  EXPECT_FAILS(plateau_push(job, 1, &push, 1), PLATEAU_USAGE, "keys must ascend, but behind 3 comes 3 (place 1)");
  pull.keys = back;
  EXPECT_FAILS(plateau_pull(job, &pull, 1), PLATEAU_USAGE, "behind 5 comes 4");
  pull.keys = NULL;
  EXPECT_FAILS(plateau_pull(job, &pull, 1), PLATEAU_USAGE, "2 rows without keys");
  EXPECT_FAILS(plateau_pull(job, both, 2), PLATEAU_USAGE, "asked for twice");
  push = (plateau_push_t){table, 0, keys, 2, NULL};
  EXPECT_FAILS(plateau_push(job, 1, &push, 1), PLATEAU_USAGE, "without values");
  push = (plateau_push_t){frozen, 0, keys, 2, values};
  EXPECT_FAILS(plateau_push(job, 1, &push, 1), PLATEAU_USAGE, "table ice is frozen");
  push.table = table;
  for (int bad = 0; bad < 3; bad++) {
    values[DIM + 1] = bad == 0 ? NAN : bad == 1 ? INFINITY : -INFINITY;
    EXPECT_FAILS(plateau_push(job, 1, &push, 1), PLATEAU_NAN, "table rows: the values of row 2 are not finite");
  }
  EXPECT_FAILS(plateau_assign(job, table, keys, 2, values), PLATEAU_NAN, "row 2");
  values[DIM + 1] = 0;
  EXPECT_FAILS(plateau_push(job, NAN, &push, 1), PLATEAU_USAGE, "the learning rate is nan");
  plateau_loss_t losses[] = {{0, 1}, {0, 2}, {1, NAN}};
  plateau_step_t step = {.lr = 1, .losses = losses, .n_losses = 2};
  EXPECT_FAILS(plateau_step(job, &step, NULL), PLATEAU_USAGE, "two losses of leaf 0");
  step.losses = &losses[1];
  EXPECT_FAILS(plateau_step(job, &step, NULL), PLATEAU_NAN, "the loss of leaf 1");
  EXPECT_FAILS(plateau_step(job, NULL, NULL), PLATEAU_USAGE, "NULL");
  EXPECT_FAILS(plateau_sum(job, NULL, 1), PLATEAU_USAGE, "NULL");
  EXPECT_FAILS(plateau_step(NULL, &step, NULL), PLATEAU_USAGE, "handle is NULL");
  cr_expect_eq(plateau_clock(job), 0);
  EXPECT_OK(plateau_push(job, 1, &push, 1)); /* none of these has spent the handle */
  plateau_push_t overlap[] = {push, push};
  EXPECT_FAILS(plateau_push(job, 1, overlap, 2), PLATEAU_REFUSED, "leaves");
  EXPECT_OK(plateau_close(&job));
  serving_end(&s, true);
}

Test(library_trouble, a_checkpoint_without_a_directory) {
  serving_t s = {0};
  serving_start(&s, 1, (plt_server_config_t){.workers = 1});
  plateau_t *job = enter(&s, 0);
  declare(job);
  int status = plateau_checkpoint(job);
  if (status == PLATEAU_OK) status = plateau_checkpoint_wait(job, NULL);
  cr_expect_neq(status, PLATEAU_OK);
  cr_expect(strstr(plateau_error(), "run directory") != NULL, "%s", plateau_error());
  EXPECT_OK(plateau_close(&job));
  serving_end(&s, true);
}

/* More tables than a word has bits, all in one step. */
Test(library_trouble, many_tables) {
  enum { TABLES = 130 };
  serving_t s = {0};
  serving_start(&s, 2, (plt_server_config_t){.workers = 1});
  plateau_t *job = enter(&s, 0);
  uint64_t key = 1;
  static float rows[TABLES];
  plateau_pull_t pull[TABLES];
  for (uint32_t i = 0; i < TABLES; i++) {
    char name[16];
    uint32_t table;
    snprintf(name, sizeof name, "t%u", i);
    plateau_table_t spec = {.name = name, .rows = 3, .dim = 1, .init = PLATEAU_NORMAL, .scale = 1};
    EXPECT_OK(plateau_declare(job, &spec, &table));
    pull[i] = (plateau_pull_t){table, &key, 1, &rows[i]};
  }
  EXPECT_OK(plateau_pull(job, pull, TABLES));
  EXPECT_OK(plateau_step(job, &(plateau_step_t){.pull = pull, .n_pull = TABLES}, NULL));
  EXPECT_OK(plateau_close(&job));
  serving_end(&s, false);
}
