#include "common/threads.h"

#include <criterion/criterion.h>
#include <stdatomic.h>

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
