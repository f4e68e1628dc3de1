#include "common/log.h"

#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/common/scratch.h"

TestSuite(log, .init = scratch_make, .fini = scratch_remove);

static int hooks;
static void count_hook(void) { hooks++; }

/* stderr goes to a file while a test speaks. */
static int redirect_stderr(void) {
  int kept = dup(STDERR_FILENO), file = open(scratch_path("stderr"), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  cr_assert(kept >= 0 && file >= 0);
  dup2(file, STDERR_FILENO);
  close(file);
  return kept;
}

static char *restore_stderr(int kept) {
  char *text;
  dup2(kept, STDERR_FILENO);
  close(kept);
  CR_OK(plt_file_read(scratch_path("stderr"), 100000, &text, NULL));
  return text;
}

static void log_each_level(void) {
  plt_log(PLT_LOG_DEBUG, "d %d", 1);
  plt_log(PLT_LOG_INFO, "i %d", 2);
  plt_log(PLT_LOG_NOTE, "n %d", 3);
  plt_log(PLT_LOG_WARN, "w %d", 4);
}

Test(log, file_takes_all_and_stderr_what_matters) {
  char *text;
  hooks = 0;
  plt_log_before_speaking(count_hook);
  CR_OK(plt_log_open(scratch_path("server-0.txt"), true));
  int kept = redirect_stderr();
  log_each_level();
  char *said = restore_stderr(kept);
  cr_assert_str_eq(said, "plateau: n 3\nplateau: warning: w 4\n");
  cr_assert_eq(hooks, 2);
  plt_log_close();
  plt_log_before_speaking(NULL);
  CR_OK(plt_log_open(scratch_path("server-0.txt"), false));
  plt_log(PLT_LOG_INFO, "appended");
  plt_log_close();
  CR_OK(plt_file_read(scratch_path("server-0.txt"), 10000, &text, NULL));
  const char *const ends[] = {" debug d 1", " info  i 2", " note  n 3", " warn  w 4", " info  appended"};
  char *rest = text;
  for (size_t i = 0; i < 5; i++) {
    int year, month, day, hour, minute, second, ms;
    char *line = strsep(&rest, "\n");
    cr_assert_eq(sscanf(line, "%4d-%2d-%2d %2d:%2d:%2d.%3d", &year, &month, &day, &hour, &minute, &second, &ms), 7);
    cr_assert_str_eq(line + strlen("2026-11-21 20:57:12.345"), ends[i]);
  }
  cr_assert_str_eq(rest, "");
  free(said);
  free(text);
}

Test(log, silent_unless_it_speaks) {
  int kept = redirect_stderr();
  log_each_level();
  CR_OK(plt_log_open(NULL, false));
  log_each_level();
  CR_OK(plt_log_open(NULL, true));
  plt_log(PLT_LOG_NOTE, "heard");
  plt_log_close();
  char *said = restore_stderr(kept);
  cr_assert_str_eq(said, "plateau: heard\n");
  free(said);
}

Test(log, a_long_line_is_cut_and_ended) {
  char *text;
  size_t n;
  char *words = malloc(20001);
  memset(words, 'x', 20000);
  words[20000] = '\0';
  CR_OK(plt_log_open(scratch_path("log"), false));
  plt_log(PLT_LOG_INFO, "%s", words);
  plt_log_close();
  CR_OK(plt_file_read(scratch_path("log"), 100000, &text, &n));
  cr_assert_lt(n, 20000);
  cr_assert_eq(text[n - 1], '\n');
  cr_assert_eq(text[n - 2], 'x');
  free(text);
  free(words);
}

Test(log, a_log_that_cannot_be_made) {
  CR_FAILED_WITH(plt_log_open(scratch_path("no/log"), false), PLT_ERR_CREATE, "no/log: cannot open the log");
}

Test(log, a_log_that_cannot_be_written_ends_nothing) {
  CR_OK(plt_log_open("/dev/full", false));
  log_each_level();
  plt_log_close();
}
