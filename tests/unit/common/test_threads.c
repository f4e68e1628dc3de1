#include "common/threads.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <time.h>

#include "common/time.h"

enum { BLOCKS_MAX = 500, SIZE_MAX_CREW = 4 };

typedef struct tally {
  atomic_int runs[BLOCKS_MAX];
  atomic_int busy[SIZE_MAX_CREW]; /* blocks that run on a lane right now */
  atomic_int faults;
  size_t size;
} tally_t;

static void count(void *context, size_t block, size_t lane) {
  tally_t *tally = context;
  if (lane >= tally->size || atomic_fetch_add(&tally->busy[lane], 1) != 0) atomic_fetch_add(&tally->faults, 1);
  atomic_fetch_add(&tally->runs[block], 1);
  atomic_fetch_sub(&tally->busy[lane], 1);
}

static void write_place(void *context, size_t piece, size_t lane) {
  (void)lane;
  ((size_t *)context)[piece] += piece + 1;
}

static void take_a_while(void *context, size_t piece, size_t lane) {
  (void)lane;
  nanosleep(&(struct timespec){.tv_nsec = (long)(piece + 1) * PLT_NS_PER_MS}, NULL);
  atomic_fetch_add((atomic_int *)context, 1);
}

static void expect_once(plt_crew_t *crew, size_t blocks) {
  static tally_t tally;
  for (size_t i = 0; i < BLOCKS_MAX; i++) atomic_store(&tally.runs[i], 0);
  tally.size = plt_crew_size(crew);
  plt_crew_run(crew, blocks, count, &tally);
  cr_assert_eq(atomic_load(&tally.faults), 0);
  for (size_t i = 0; i < BLOCKS_MAX; i++) cr_assert_eq(atomic_load(&tally.runs[i]), i < blocks, "block %zu", i);
}

Test(threads, every_block_runs_once) {
  for (size_t size = 1; size <= SIZE_MAX_CREW; size++) {
    plt_crew_t *crew = plt_crew_create(size);
    cr_assert_eq(plt_crew_size(crew), size);
    for (size_t job = 0; job < 200; job++) expect_once(crew, (job * 7) % (BLOCKS_MAX + 1));
    plt_crew_destroy(&crew);
    cr_assert_null(crew);
    plt_crew_destroy(&crew);
  }
}

/* Jobs too short for lanes to come in time, and pauses after which lanes sleep: what a piece wrote is there, and none
 * runs after its job. */
Test(threads, jobs_may_be_short_and_pauses_long) {
  enum { PIECES = 3 };
  plt_crew_t *crew = plt_crew_create(SIZE_MAX_CREW);
  for (size_t job = 0; job < 20000; job++) {
    size_t written[PIECES] = {0}; /* on the stack of this job: a lane that is late would spoil another's */
    plt_crew_run(crew, PIECES, write_place, written);
    for (size_t piece = 0; piece < PIECES; piece++) cr_assert_eq(written[piece], piece + 1, "job %zu", job);
    if (job % 1000 == 0) nanosleep(&(struct timespec){.tv_nsec = PLT_NS_PER_MS}, NULL);
  }
  plt_crew_destroy(&crew);
}

/* A piece that takes longer than anybody looks: its lane is waited for. */
Test(threads, a_long_piece_is_waited_for) {
  plt_crew_t *crew = plt_crew_create(2);
  for (int job = 0; job < 20; job++) {
    atomic_int done = 0;
    plt_crew_run(crew, 4, take_a_while, &done);
    cr_assert_eq(atomic_load(&done), 4);
  }
  plt_crew_destroy(&crew);
}

Test(threads, no_crew_runs_in_the_caller) {
  cr_assert_eq(plt_crew_size(NULL), 1);
  expect_once(NULL, 10);
}

Test(threads, size_zero_is_one) {
  plt_crew_t *crew = plt_crew_create(0);
  cr_assert_eq(plt_crew_size(crew), 1);
  expect_once(crew, 3);
  plt_crew_destroy(&crew);
}
