#include "common/io/fileio.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/common/scratch.h"

TestSuite(fileio, .init = scratch_make, .fini = scratch_remove);

Test(fileio, join) {
  char out[PLT_PATH_MAX], longer[PLT_PATH_MAX + 1];
  CR_OK(plt_path_join("a", "b", out));
  cr_assert_str_eq(out, "a/b");
  CR_OK(plt_path_join("a/", "b", out));
  cr_assert_str_eq(out, "a/b");
  CR_OK(plt_path_join("a", "/b", out));
  cr_assert_str_eq(out, "/b");
  CR_OK(plt_path_join("", "b", out));
  cr_assert_str_eq(out, "b");
  memset(longer, 'x', PLT_PATH_MAX);
  longer[PLT_PATH_MAX] = '\0';
  CR_FAILED_WITH(plt_path_join("a", longer, out), PLT_ERR_USAGE, "too long");
  longer[PLT_PATH_MAX - 3] = '\0';
  CR_OK(plt_path_join("a", longer, out));
  cr_assert_eq(strlen(out), PLT_PATH_MAX - 1);
  cr_assert_str_eq(out + 2, longer);
}

Test(fileio, directories) {
  const char *deep = scratch_path("a/b//c/");
  CR_OK(plt_dir_create(deep));
  CR_OK(plt_dir_create(deep));
  cr_assert(plt_path_is_dir(deep));
  scratch_write_text("a/b/file", "x");
  cr_assert(plt_path_exists(scratch_path("a/b/file")));
  cr_assert_not(plt_path_is_dir(scratch_path("a/b/file")));
  CR_FAILED_WITH(plt_dir_create(scratch_path("a/b/file/d")), PLT_ERR_CREATE, "a/b/file: cannot create directory");
  CR_FAILED_WITH(plt_dir_create(scratch_path("a/b/file")), PLT_ERR_CREATE, "it is there already, and is none");
  cr_assert_eq(symlink("a", scratch_path("link")), 0);
  CR_OK(plt_dir_remove(scratch_path("link")));
  cr_assert(plt_path_exists(scratch_path("a/b/file")));
  CR_OK(plt_dir_remove(scratch_path("a")));
  CR_OK(plt_dir_remove(scratch_path("a")));
  cr_assert_not(plt_path_exists(scratch_path("a")));
}

Test(fileio, list) {
  char **names;
  size_t n;
  scratch_write_text("b", "");
  scratch_write_text("a10", "");
  scratch_write_text(".hidden", "");
  CR_OK(plt_dir_list(scratch, &names, &n));
  cr_assert_eq(n, 2);
  cr_assert_str_eq(names[0], "a10");
  cr_assert_str_eq(names[1], "b");
  plt_names_free(&names, n);
  CR_FAILED_WITH(plt_dir_list(scratch_path("nothing"), &names, &n), PLT_ERR_IO, "nothing: cannot list");
}

Test(fileio, publish_and_read) {
  char *text;
  size_t bytes;
  const char *path = scratch_path("f.txt");
  CR_OK(plt_file_publish(path, "first", 5));
  CR_OK(plt_file_publish(path, "sec\0nd", 6));
  CR_OK(plt_file_read(path, 6, &text, &bytes));
  cr_assert_eq(bytes, 6);
  cr_assert_eq(memcmp(text, "sec\0nd", 7), 0);
  free(text);
  expect_no_temporary();
  CR_FAILED_WITH(plt_file_read(path, 5, &text, NULL), PLT_ERR_DATA, "larger than 5 bytes");
  CR_FAILED_WITH(plt_file_read(scratch_path("none"), 5, &text, NULL), PLT_ERR_IO, "none: cannot open");
  CR_FAILED_WITH(plt_file_read(scratch, 5, &text, NULL), PLT_ERR_IO, "cannot read");
}

Test(fileio, a_large_file_is_read_whole) {
  enum { N = 100000 };
  char *big = malloc(N), *text;
  size_t bytes;
  for (int i = 0; i < N; i++) big[i] = (char)('a' + i % 26);
  CR_OK(plt_file_publish(scratch_path("big"), big, N));
  CR_OK(plt_file_read(scratch_path("big"), N, &text, &bytes));
  cr_assert_eq(bytes, N);
  cr_assert_eq(memcmp(text, big, N), 0);
  free(text);
  free(big);
}

Test(fileio, publishing_can_fail) {
  CR_FAILED_WITH(plt_file_publish(scratch_path("no/f"), "x", 1), PLT_ERR_CREATE, "tmp: cannot create");
  CR_OK(plt_dir_create(scratch_path("dir/x")));
  CR_FAILED_WITH(plt_file_publish(scratch_path("dir"), "x", 1), PLT_ERR_CREATE, "cannot rename");
  expect_no_temporary();
  char *temporary = plt_path_temporary(scratch_path("full"));
  cr_assert_eq(symlink("/dev/full", temporary), 0);
  CR_FAILED_WITH(plt_file_publish(scratch_path("full"), "x", 1), PLT_ERR_SPACE, "tmp: cannot write");
  free(temporary);
}

Test(fileio, publishing_where_nothing_is) {
  const char *path = scratch_path("new.txt");
  char *text;
  bool taken;
  CR_OK(plt_file_publish_new(path, "first", 5, &taken));
  cr_assert_not(taken);
  CR_OK(plt_file_publish_new(path, "second", 6, &taken));
  cr_assert(taken);
  CR_OK(plt_file_read(path, 10, &text, NULL));
  cr_assert_str_eq(text, "first");
  free(text);
  expect_no_temporary();
}

/* Several processes, one path: one of them has it, and what is there is whole. */
Test(fileio, one_of_many_publishes_where_nothing_is) {
  enum { PROCESSES = 8 };
  pid_t pids[PROCESSES];
  int first = 0;
  for (int i = 0; i < PROCESSES; i++) {
    pids[i] = fork();
    if (pids[i] == 0) {
      bool taken;
      char text[4096];
      memset(text, 'a' + i, sizeof text);
      _exit(plt_file_publish_new(scratch_path("race"), text, sizeof text, &taken) != PLT_OK ? 2 : taken);
    }
  }
  for (int i = 0; i < PROCESSES; i++) {
    int how;
    cr_assert_eq(waitpid(pids[i], &how, 0), pids[i]);
    cr_assert(WIFEXITED(how) && WEXITSTATUS(how) < 2);
    first += WEXITSTATUS(how) == 0;
  }
  cr_assert_eq(first, 1, "%d of %d were first", first, PROCESSES);
  char *text;
  size_t bytes;
  CR_OK(plt_file_read(scratch_path("race"), 8192, &text, &bytes));
  cr_assert(bytes == 4096 && strspn(text, (char[]){text[0], '\0'}) == 4096, "a mixture");
  free(text);
  expect_no_temporary();
}

Test(fileio, what_the_dead_left_is_swept) {
  static const char *const names[] = {"f.12-0badcafe.tmp", "f.tmp.x", "ff.12-0badcafe.tmp"};
  for (int i = 0; i < 3; i++) CR_OK(plt_file_publish(scratch_path(names[i]), "x", 1));
  plt_path_sweep(scratch_path("f"));
  cr_assert_not(plt_path_exists(scratch_path(names[0])));
  cr_assert(plt_path_exists(scratch_path(names[1])) && plt_path_exists(scratch_path(names[2])));
}

Test(fileio, sync_and_space) {
  uint64_t bytes = 0;
  CR_OK(plt_path_sync(scratch));
  CR_OK(plt_dir_sync_of(scratch));
  CR_OK(plt_dir_sync_of("relative"));
  CR_FAILED_WITH(plt_path_sync(scratch_path("none")), PLT_ERR_IO, "none");
  CR_OK(plt_dir_free_bytes(scratch, &bytes));
  cr_assert_gt(bytes, 0);
  CR_FAILED_WITH(plt_dir_free_bytes(scratch_path("none"), &bytes), PLT_ERR_IO, "none");
}
