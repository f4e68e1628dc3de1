/* A call on a thread of its own. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <time.h>

#include "common/errand.h"

typedef struct work {
  atomic_bool may_end;
  int turns;
  plt_status_t status;
} work_t;

static plt_status_t work_on(void *context) {
  work_t *work = context;
  while (!atomic_load(&work->may_end)) nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
  work->turns++;
  return work->status == PLT_OK ? PLT_OK : plt_fail(work->status, "no luck in turn %d", work->turns);
}

Test(errand, goes_on_beside_and_is_seen_once) {
  work_t work = {.status = PLT_OK};
  plt_errand_t errand = {0};
  plt_status_t status = PLT_ERR_BUG;
  cr_assert(!plt_errand_look(&errand, &status) && !plt_errand_wait(&errand, &status));
  plt_errand_begin(&errand, work_on, &work);
  cr_assert(errand.under_way && !plt_errand_look(&errand, &status));
  atomic_store(&work.may_end, true);
  for (int i = 0; i < 10000 && !plt_errand_look(&errand, &status); i++)
    nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
  cr_assert(!errand.under_way && status == PLT_OK && work.turns == 1);
  cr_assert(!plt_errand_look(&errand, &status) && !plt_errand_wait(&errand, &status));
}

Test(errand, failures_come_with_their_text) {
  work_t work = {.may_end = true, .status = PLT_ERR_SPACE};
  plt_errand_t errand = {0};
  plt_status_t status = PLT_OK;
  for (int turn = 1; turn < 3; turn++) {
    char expected[64];
    plt_errand_begin(&errand, work_on, &work);
    cr_assert(plt_errand_wait(&errand, &status));
    cr_assert_eq(status, PLT_ERR_SPACE);
    snprintf(expected, sizeof expected, "no luck in turn %d", turn);
    cr_assert_str_eq(plt_fail_text(), expected);
  }
}
