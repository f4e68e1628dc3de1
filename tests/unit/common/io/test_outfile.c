/* Files that take their place when they are whole. */
#include "common/io/outfile.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io/fileio.h"
#include "tests/unit/common/scratch.h"

TestSuite(outfile, .init = scratch_make, .fini = scratch_remove);

static void expect_text(const char *name, const char *text) {
  char *found;
  CR_OK(plt_file_read(scratch_path(name), 1000, &found, NULL));
  cr_expect_str_eq(found, text);
  free(found);
}

/* How many files there are in the folder. */
static size_t count_files(void) {
  char **names;
  size_t n;
  CR_OK(plt_dir_list(scratch, &names, &n));
  plt_names_free(&names, n);
  return n;
}

Test(outfile, what_was_there_stays_until_the_new_one_is_whole) {
  plt_outfile_t out;
  scratch_write_text("top", "old");
  CR_OK(plt_outfile_open(scratch_path("top"), &out));
  fputs("new", out.file);
  fflush(out.file);
  expect_text("top", "old");
  CR_OK(plt_outfile_close(&out, PLT_OK));
  expect_text("top", "new");
  CR_OK(plt_outfile_open(scratch_path("top"), &out));
  fputs("half", out.file);
  plt_fail(PLT_ERR_PEER, "a worker is lost");
  CR_FAILED_WITH(plt_outfile_close(&out, PLT_ERR_PEER), PLT_ERR_PEER, "a worker is lost");
  expect_text("top", "new");
  cr_expect_eq(count_files(), 1, "a temporary file is left");
}

Test(outfile, links_stay_links) {
  plt_outfile_t out;
  struct stat info;
  scratch_write_text("real", "old");
  cr_assert_eq(symlink("real", scratch_path("link")), 0);
  cr_assert_eq(symlink("later", scratch_path("dangling")), 0);
  CR_OK(plt_outfile_open(scratch_path("link"), &out));
  fputs("new", out.file);
  CR_OK(plt_outfile_close(&out, PLT_OK));
  expect_text("real", "new");
  cr_expect(lstat(scratch_path("link"), &info) == 0 && S_ISLNK(info.st_mode));
  CR_OK(plt_outfile_open(scratch_path("dangling"), &out));
  CR_OK(plt_outfile_close(&out, PLT_OK));
  expect_text("later", "");
}

Test(outfile, what_is_no_regular_file_is_written_as_it_is) {
  plt_outfile_t out;
  CR_OK(plt_outfile_open("/dev/null", &out));
  fputs("x", out.file);
  CR_OK(plt_outfile_close(&out, PLT_OK));
  CR_OK(plt_outfile_open("/dev/full", &out));
  fputs("x", out.file);
  CR_FAILED_WITH(plt_outfile_close(&out, PLT_OK), PLT_ERR_SPACE, "/dev/full: cannot write: No space left");
  CR_FAILED_WITH(plt_outfile_open(scratch_path("no/file"), &out), PLT_ERR_CREATE, "no/file: cannot create: No such");
  CR_FAILED_WITH(plt_outfile_open(scratch, &out), PLT_ERR_CREATE, "Is a directory");
}
