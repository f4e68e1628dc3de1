#include "common/io/fileio.h"

#include <sys/stat.h>
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
  cr_assert_not(plt_path_exists(scratch_path("f.txt.tmp")));
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
  CR_FAILED_WITH(plt_file_publish(scratch_path("no/f"), "x", 1), PLT_ERR_CREATE, "no/f.tmp: cannot create");
  CR_OK(plt_dir_create(scratch_path("dir/x")));
  CR_FAILED_WITH(plt_file_publish(scratch_path("dir"), "x", 1), PLT_ERR_CREATE, "cannot rename");
  cr_assert_not(plt_path_exists(scratch_path("dir.tmp")));
  cr_assert_eq(symlink("/dev/full", scratch_path("full.tmp")), 0);
  CR_FAILED_WITH(plt_file_publish(scratch_path("full"), "x", 1), PLT_ERR_SPACE, "full.tmp: cannot write");
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
