/* The last word: one line per fault, once per process. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>

#include "common/status.h"
#include "launch/host/last_word.h"

Test(last_word, is_said_once, .init = cr_redirect_stderr) {
  plt_last_word_say(plt_fail(PLT_ERR_USAGE, "run.dir: is not there\ntrain.epochs: is no number"));
  plt_last_word_say(plt_fail(PLT_ERR_IO, "what comes later is a consequence"));
  fflush(stderr);
  cr_assert_stderr_eq_str(
      "plateau: error: run.dir: is not there\n"
      "plateau: error: train.epochs: is no number\n");
}

Test(last_word, of_a_stop_is_no_error, .init = cr_redirect_stderr) {
  plt_last_word_say(plt_fail(PLT_ERR_PREEMPTED, "stopped by request"));
  fflush(stderr);
  cr_assert_stderr_eq_str("plateau: stopped by request\n");
}
