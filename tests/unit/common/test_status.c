/* Failures of a thread, and what is kept of them. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "common/status.h"

static plt_status_t fail_long(char letter, size_t n) {
  char text[2 * PLT_FAIL_TEXT_MAX] = "";
  memset(text, letter, n);
  return plt_fail(PLT_ERR_DATA, "%s", text);
}

Test(status, text_is_the_last_one) {
  cr_assert_str_eq(plt_fail_text(), "");
  cr_assert_eq(plt_fail(PLT_ERR_DATA, "row %d", 7), PLT_ERR_DATA);
  cr_assert_eq(plt_fail_within(PLT_ERR_USAGE, "a%s", ".csv"), PLT_ERR_USAGE);
  cr_assert_str_eq(plt_fail_text(), "a.csv: row 7");
  errno = EDQUOT;
  cr_assert_eq(plt_fail_errno(PLT_ERR_IO, "b"), PLT_ERR_SPACE);
  errno = EACCES;
  cr_assert_eq(plt_fail_errno(PLT_ERR_IO, "b"), PLT_ERR_IO);
  cr_assert_not_null(strstr(plt_fail_text(), "b: Perm"));
}

Test(status, long_texts_are_cut) {
  cr_assert_eq(fail_long('x', PLT_FAIL_TEXT_MAX), PLT_ERR_DATA);
  cr_assert_eq(strlen(plt_fail_text()), PLT_FAIL_TEXT_MAX - 1);
  cr_assert_eq(plt_fail_within(PLT_ERR_DATA, "in"), PLT_ERR_DATA);
  cr_assert_eq(strlen(plt_fail_text()), PLT_FAIL_TEXT_MAX - 1);
  cr_assert_eq(strncmp(plt_fail_text(), "in: xxx", 7), 0);
}

Test(status, first_failure_outlives_those_of_a_clean_up) {
  plt_failure_t failure = {0};
  plt_failure_keep(&failure, PLT_OK);
  cr_assert_eq(plt_failure_restore(&failure), PLT_OK);
  plt_failure_keep(&failure, plt_fail(PLT_ERR_NAN, "the cause"));
  plt_failure_keep(&failure, PLT_OK);
  plt_failure_keep(&failure, plt_fail(PLT_ERR_IO, "a consequence"));
  cr_assert_str_eq(plt_fail_text(), "a consequence");
  cr_assert_eq(plt_failure_restore(&failure), PLT_ERR_NAN);
  cr_assert_str_eq(plt_fail_text(), "the cause");
}

Test(status, nothing_kept_leaves_the_text_alone) {
  plt_failure_t failure = {0};
  plt_fail(PLT_ERR_IO, "older");
  plt_failure_keep(&failure, PLT_OK);
  cr_assert_eq(plt_failure_restore(&failure), PLT_OK);
  cr_assert_str_eq(plt_fail_text(), "older");
  cr_assert_str_eq(failure.text, "");
}

Test(status, whole_text_is_kept) {
  plt_failure_t failure = {0};
  plt_failure_keep(&failure, fail_long('y', PLT_FAIL_TEXT_MAX));
  plt_failure_keep(&failure, fail_long('z', 10));
  plt_failure_restore(&failure);
  cr_assert_eq(strlen(plt_fail_text()), PLT_FAIL_TEXT_MAX - 1);
  cr_assert_eq(strspn(plt_fail_text(), "y"), PLT_FAIL_TEXT_MAX - 1);
}

static void *fail_there(void *failure) {
  plt_failure_keep(failure, plt_fail(PLT_ERR_PEER, "of another thread"));
  return NULL;
}

Test(status, failures_cross_threads_only_when_kept) {
  pthread_t thread;
  plt_failure_t failure = {0};
  plt_fail(PLT_ERR_IO, "of this one");
  cr_assert_eq(pthread_create(&thread, NULL, fail_there, &failure), 0);
  pthread_join(thread, NULL);
  cr_assert_str_eq(plt_fail_text(), "of this one");
  cr_assert_eq(plt_failure_restore(&failure), PLT_ERR_PEER);
  cr_assert_str_eq(plt_fail_text(), "of another thread");
}
