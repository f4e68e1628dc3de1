/* The conductor among ranks that are played here: its own child is a process of this test, the other ranks are links
 * of this thread that report what a case wants and look at the directives. */
#include "launch/cluster/conductor.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/time.h"
#include "launch/tasks/registry.h"
#include "tests/unit/common/scratch.h"

TestSuite(conductor, .init = scratch_make, .fini = scratch_remove, .timeout = 60);

enum { RANKS = 3, JOB = 99 };

/* ---- rank 0 ---- */

static plt_ending_t own_end; /* of rank 0's child */
static bool own_lives;       /* it does not end by itself */

static plt_status_t spawn(const plt_brief_t *brief, const int sockets[2], plt_child_t *out) {
  int pair[2];
  (void)brief;
  (void)sockets;
  cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  pid_t pid = fork();
  if (pid == 0) {
    if (own_lives) pause();
    plt_child_report(pair[1], &own_end);
    _exit(plt_status_exit(own_end.status));
  }
  close(pair[1]);
  *out = (plt_child_t){.pid = pid, .control = pair[0], .pidfd = pidfd_open(pid, 0)};
  return PLT_OK;
}

typedef struct stage {
  plt_wire_t *wire;
  plt_listener_t *listener;
  plt_brief_t brief;
  atomic_int signalled;
  plt_conductor_config_t config;
  pthread_t thread;
  plt_links_t *links[RANKS];
  plt_parcel_t *parcel;
  plt_report_t report[RANKS];
  plt_directive_t seen; /* the newest directive that rank 1 heard */
  plt_status_t status;
  char text[2200];
} stage_t;

static void *conduct(void *argument) {
  stage_t *stage = argument;
  plt_supervisor_t own = {.brief = &stage->brief,
                          .spawn = spawn,
                          .sockets = {-1, -1},
                          .signalled = &stage->signalled,
                          .child = {.control = -1, .pidfd = -1},
                          .report = {.job = JOB},
                          .launcher = getppid()};
  stage->status = plt_conductor_run(stage->wire, stage->listener, &own, &stage->config);
  snprintf(stage->text, sizeof stage->text, "%s", plt_fail_text());
  return NULL;
}

static void open_stage(stage_t *stage, const char *task, uint32_t max_restarts) {
  static const char hosts[RANKS][PLT_NODE_NAME_MAX] = {"a", "b", "c"};
  *stage = (stage_t){.wire = plt_wire_create(), .parcel = plt_parcel_create()};
  CR_OK(plt_listener_open(stage->wire, "inproc://star", &stage->listener));
  stage->brief.turn = (plt_turn_t){.task = plt_task_find(task)};
  stage->config = (plt_conductor_config_t){.size = RANKS,
                                           .hosts = hosts,
                                           .first = stage->brief.turn,
                                           .run_dir = scratch,
                                           .job = JOB,
                                           .max_restarts = max_restarts,
                                           .deadline_s = 20};
  const char *address = plt_listener_address(stage->listener);
  for (int r = 1; r < RANKS; r++) {
    CR_OK(plt_links_open(stage->wire, &address, 1, &stage->links[r]));
    stage->report[r] = (plt_report_t){.rank = r, .serves = r == 2, .job = JOB};
  }
  cr_assert_eq(pthread_create(&stage->thread, NULL, conduct, stage), 0);
}

static void say(stage_t *stage, int rank) {
  CR_OK(plt_star_put_report(stage->wire, &stage->report[rank], stage->parcel));
  CR_OK(plt_links_send(stage->links[rank], 0, stage->parcel));
}

/* All have heard FINISH. */
static void close_stage(stage_t *stage) {
  for (int r = 1; r < RANKS; r++) {
    stage->report[r].state = PLT_CHILD_DISMISSED;
    say(stage, r);
  }
  pthread_join(stage->thread, NULL);
  for (int r = 1; r < RANKS; r++) plt_links_close(&stage->links[r]);
  plt_parcel_destroy(&stage->parcel);
  plt_listener_close(&stage->listener);
  plt_wire_destroy(&stage->wire);
}

/* Reports of all ranks until rank 1 hears a directive of this kind, of a generation above `above`. */
static plt_directive_t await(stage_t *stage, plt_want_t want, uint32_t above) {
  for (int64_t until = plt_time_ns() + 30 * PLT_NS_PER_S; plt_time_ns() < until;) {
    for (int r = 1; r < RANKS; r++) {
      size_t server;
      bool got = true;
      say(stage, r);
      while (got) {
        CR_OK(plt_links_receive(stage->links[r], 20, &server, stage->parcel, &got));
        if (got) CR_OK(plt_star_take_directive(stage->parcel, &stage->seen));
        cr_assert(!got || want == PLT_WANT_FINISH || stage->seen.want != PLT_WANT_FINISH, "the job is ended");
        if (got && r == 1 && stage->seen.want == want && stage->seen.generation > above) return stage->seen;
      }
    }
  }
  cr_assert_fail("no directive %d above generation %u", want, above);
  return stage->seen;
}

/* The children of ranks 1 and 2 are in this state. */
static void play(stage_t *stage, uint32_t generation, plt_child_state_t state, plt_status_t status) {
  for (int r = 1; r < RANKS; r++) {
    stage->report[r].generation = generation;
    stage->report[r].state = state;
    stage->report[r].ending = (plt_ending_t){.status = status, .text = "the words of a child"};
  }
}

/* Rank 1 loses its child in this generation; all are stopped. */
static void lose(stage_t *stage, uint32_t generation) {
  play(stage, generation, PLT_CHILD_RUNNING, PLT_OK);
  stage->report[1].state = PLT_CHILD_ENDED;
  stage->report[1].ending = (plt_ending_t){.status = PLT_ERR_PEER, .signal = 9, .text = "was ended by signal 9"};
  cr_assert_eq(await(stage, PLT_WANT_STOP, 0).generation, generation);
  play(stage, generation, PLT_CHILD_IDLE, PLT_OK);
}

/* A checkpoint of one part in the run directory. */
static void publish(uint64_t clock) {
  char dir[PLT_PATH_MAX], path[PLT_PATH_MAX];
  plt_manifest_part_t part = {.file = "server-0.h5"};
  CR_OK(plt_manifest_make_part(scratch, clock, dir));
  CR_OK(plt_path_join(dir, part.file, path));
  CR_OK(plt_file_publish(path, "rows", 4));
  CR_OK(plt_hash_file(path, part.hash, &part.bytes));
  CR_OK(plt_manifest_publish(scratch, &(plt_manifest_t){.clock = clock, .parts = &part, .n_parts = 1}, false));
}

/* ---- cases ---- */

Test(conductor, turn_follows_turn_until_the_job_is_over) {
  stage_t stage;
  own_end = (plt_ending_t){.has_standing = true, .standing = {.epoch = 4, .gradients = 1ull << 50, .seconds = 0.1}};
  open_stage(&stage, "train", 5);
  plt_directive_t run = await(&stage, PLT_WANT_RUN, 0);
  cr_assert_str_eq(run.turn.task->name, "train");
  cr_assert_eq(run.generation, 1);
  play(&stage, 1, PLT_CHILD_ENDED, PLT_OK);
  run = await(&stage, PLT_WANT_RUN, 1);
  cr_assert_str_eq(run.turn.task->name, "conclude");
  cr_assert_str_eq(run.turn.start, "last");
  cr_assert_eq(run.turn.before.epoch, 4);
  cr_assert_eq(run.turn.before.gradients, 1ull << 50);
  cr_assert_eq(run.turn.before.seconds, 0.1);
  play(&stage, 2, PLT_CHILD_ENDED, PLT_OK);
  await(&stage, PLT_WANT_FINISH, 1);
  close_stage(&stage);
  cr_assert_eq(stage.status, PLT_OK);
}

Test(conductor, a_failure_that_would_come_again_ends_the_job) {
  stage_t stage;
  own_lives = true;
  open_stage(&stage, "train", 5);
  await(&stage, PLT_WANT_RUN, 0);
  play(&stage, 1, PLT_CHILD_RUNNING, PLT_OK);
  stage.report[2].state = PLT_CHILD_ENDED;
  stage.report[2].ending = (plt_ending_t){.status = PLT_ERR_SPACE, .text = "no room on /scratch"};
  await(&stage, PLT_WANT_FINISH, 0);
  close_stage(&stage);
  cr_assert_eq(stage.status, PLT_ERR_SPACE);
  cr_assert_str_eq(stage.text, "no room on /scratch");
}

Test(conductor, a_lost_process_stops_all_and_starts_them_again) {
  stage_t stage;
  char *events;
  own_lives = true;
  open_stage(&stage, "train", 1);
  for (uint32_t generation = 1; generation <= 2; generation++) {
    plt_directive_t run = await(&stage, PLT_WANT_RUN, generation - 1);
    cr_assert_eq(run.generation, generation);
    cr_assert_str_eq(run.turn.start, ""); /* there is no checkpoint */
    lose(&stage, generation);
  }
  await(&stage, PLT_WANT_FINISH, 0);
  close_stage(&stage);
  cr_assert_eq(stage.status, PLT_ERR_GAVE_UP);
  cr_assert_eq(plt_status_exit(stage.status), 69);
  cr_assert_not_null(strstr(stage.text, "the process of rank 1 on b was ended by signal 9; gave up after 1 restarts"),
                     "%s", stage.text);
  CR_OK(plt_file_read(scratch_path("metrics.jsonl"), 10000, &events, NULL));
  cr_assert_not_null(strstr(events, "{\"event\": \"recovery\", \"what\": \"the process of rank 1 on b was ended"), "%s",
                     events);
  free(events);
}

/* Processes of two generations must not meet: not even rank 2's servers with rank 1's new workers. */
Test(conductor, nobody_starts_again_before_all_have_stopped) {
  stage_t stage;
  own_lives = true;
  open_stage(&stage, "train", 5);
  await(&stage, PLT_WANT_RUN, 0);
  lose(&stage, 1);
  stage.report[2].state = PLT_CHILD_RUNNING; /* its children take long to end */
  for (int turn = 0; turn < 20; turn++) cr_assert_eq(await(&stage, PLT_WANT_STOP, 0).generation, 1);
  stage.report[2].state = PLT_CHILD_IDLE;
  cr_assert_eq(await(&stage, PLT_WANT_RUN, 1).generation, 2);
  play(&stage, 2, PLT_CHILD_ENDED, PLT_ERR_DATA);
  await(&stage, PLT_WANT_FINISH, 0);
  close_stage(&stage);
}

/* Deaths count from the last checkpoint that is newer than all before: the same one again is no progress. */
Test(conductor, it_gives_up_where_no_newer_checkpoint_comes) {
  static const uint64_t made[] = {4, 8, 0}; /* 0: none */
  static const char *const from[] = {"", "4", "8"};
  stage_t stage;
  own_lives = true;
  open_stage(&stage, "train", 1);
  for (uint32_t generation = 1; generation <= 3; generation++) {
    plt_directive_t run = await(&stage, PLT_WANT_RUN, generation - 1);
    cr_assert_str_eq(run.turn.start, from[generation - 1]);
    if (made[generation - 1] != 0) publish(made[generation - 1]);
    lose(&stage, generation);
  }
  plt_directive_t last = await(&stage, PLT_WANT_FINISH, 0);
  cr_assert_eq(last.generation, 3);
  close_stage(&stage);
  cr_assert_eq(stage.status, PLT_ERR_GAVE_UP);
  cr_assert_not_null(strstr(stage.text, "gave up after 1 restarts"), "%s", stage.text);
}

/* Every way in which a child can fail: a restart mends it, or would meet it again. */
Test(conductor, failures_that_come_again_are_not_tried_again) {
  for (plt_status_t status = PLT_OK + 1; status < PLT_STATUS_COUNT; status++) {
    bool is_mended =
        status == PLT_ERR_PEER || status == PLT_ERR_DEADLINE || status == PLT_ERR_PROTOCOL || status == PLT_ERR_MEMORY;
    if (status == PLT_ERR_PREEMPTED || status == PLT_ERR_STOPPED) continue; /* no failures */
    stage_t stage;
    own_lives = true;
    open_stage(&stage, "train", 0);
    await(&stage, PLT_WANT_RUN, 0);
    play(&stage, 1, PLT_CHILD_RUNNING, PLT_OK);
    stage.report[2].state = PLT_CHILD_ENDED;
    stage.report[2].ending = (plt_ending_t){.status = status, .text = "the loss of epoch 3 is not finite"};
    if (is_mended) {
      await(&stage, PLT_WANT_STOP, 0);
      play(&stage, 1, PLT_CHILD_IDLE, PLT_OK);
    }
    await(&stage, PLT_WANT_FINISH, 0);
    close_stage(&stage);
    cr_assert_eq(stage.status, is_mended ? PLT_ERR_GAVE_UP : status, "%s", plt_status_text(status));
    cr_assert_not_null(strstr(stage.text, "the loss of epoch 3 is not finite"), "%s", stage.text);
  }
}

/* In an evaluation rank 0 alone hears of a stop; the others report that it gave up, and their servers run on. */
Test(conductor, a_stop_that_one_rank_alone_has_heard_ends_the_job) {
  stage_t stage;
  own_lives = true;
  open_stage(&stage, "train", 5);
  await(&stage, PLT_WANT_RUN, 0);
  play(&stage, 1, PLT_CHILD_RUNNING, PLT_OK);
  stage.report[2].state = PLT_CHILD_ENDED;
  stage.report[2].ending = (plt_ending_t){.status = PLT_ERR_PEER, .text = "worker 0 gave up: stopped by request"};
  stage.report[1].state = PLT_CHILD_ENDED;
  stage.report[1].ending = (plt_ending_t){.status = PLT_ERR_STOPPED, .text = "stopped by request"};
  await(&stage, PLT_WANT_FINISH, 0);
  close_stage(&stage);
  cr_assert_eq(plt_status_exit(stage.status), 75);
  cr_assert_str_eq(stage.text, "stopped by request");
}

Test(conductor, a_signal_asks_for_a_checkpoint_where_there_can_be_one) {
  stage_t stage;
  own_lives = true;
  open_stage(&stage, "train", 5);
  await(&stage, PLT_WANT_RUN, 0);
  play(&stage, 1, PLT_CHILD_RUNNING, PLT_OK);
  stage.report[2].wants_interrupt = true;
  while (!await(&stage, PLT_WANT_RUN, 0).interrupt) continue;
  play(&stage, 1, PLT_CHILD_ENDED, PLT_ERR_PREEMPTED);
  plt_directive_t now = await(&stage, PLT_WANT_RUN, 0); /* rank 0's child is at work still */
  cr_assert_eq(now.generation, 1);
  stage.report[1].ending.status = PLT_ERR_DATA; /* the way out of this test */
  await(&stage, PLT_WANT_FINISH, 0);
  close_stage(&stage);
}

Test(conductor, a_signal_ends_a_task_that_makes_no_checkpoints) {
  stage_t stage;
  own_lives = true;
  open_stage(&stage, "evaluate", 5);
  await(&stage, PLT_WANT_RUN, 0);
  play(&stage, 1, PLT_CHILD_RUNNING, PLT_OK);
  atomic_store(&stage.signalled, 15);
  await(&stage, PLT_WANT_FINISH, 0);
  close_stage(&stage);
  cr_assert_eq(stage.status, PLT_ERR_PREEMPTED);
  cr_assert_not_null(strstr(stage.text, "the same command tries again"));
}

Test(conductor, strangers_and_noise_are_passed_over) {
  stage_t stage;
  own_end = (plt_ending_t){0};
  open_stage(&stage, "evaluate", 5);
  await(&stage, PLT_WANT_RUN, 0);
  stage.report[1].job = JOB + 1; /* of another job */
  stage.report[2].rank = RANKS;  /* of no rank */
  play(&stage, 1, PLT_CHILD_ENDED, PLT_ERR_DATA);
  say(&stage, 1);
  say(&stage, 2);
  plt_parcel_clear(stage.parcel);
  plt_parcel_add_pooled(stage.parcel, plt_pool_take(plt_wire_pool(stage.wire), 3), 0);
  CR_OK(plt_links_send(stage.links[1], 0, stage.parcel));
  stage.report[1].job = JOB;
  stage.report[2].rank = 2;
  play(&stage, 1, PLT_CHILD_ENDED, PLT_OK);
  await(&stage, PLT_WANT_FINISH, 0);
  close_stage(&stage);
  cr_assert_eq(stage.status, PLT_OK);
}
