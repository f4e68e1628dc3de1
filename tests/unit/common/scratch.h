/* scratch.h - a directory of its own for each test: TestSuite(x, .init = scratch_make, .fini = scratch_remove). */
#ifndef PLT_TESTS_SCRATCH_H
#define PLT_TESTS_SCRATCH_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"

static char scratch[64];

static inline void scratch_make(void) {
  snprintf(scratch, sizeof scratch, "/tmp/plateau-test-XXXXXX");
  cr_assert_not_null(mkdtemp(scratch));
}

static inline void scratch_remove(void) { plt_dir_remove(scratch); }

/* Path of a file in the scratch directory; four of them live at a time. */
static inline const char *scratch_path(const char *name) {
  static char paths[4][PLT_PATH_MAX];
  static int turn;
  char *path = paths[turn++ % 4];
  cr_assert_eq(plt_path_join(scratch, name, path), PLT_OK);
  return path;
}

/* That publishing left nothing beside what it published. */
static inline void expect_no_temporary(void) {
  char **names;
  size_t n;
  cr_assert_eq(plt_dir_list(scratch, &names, &n), PLT_OK);
  for (size_t i = 0; i < n; i++) cr_assert_null(strstr(names[i], ".tmp"), "%s is left", names[i]);
  plt_names_free(&names, n);
}

static inline const char *scratch_write(const char *name, const void *bytes, size_t n) {
  const char *path = scratch_path(name);
  FILE *file = fopen(path, "wb");
  cr_assert_not_null(file);
  cr_assert_eq(fwrite(bytes, 1, n, file), n);
  fclose(file);
  return path;
}

static inline const char *scratch_write_text(const char *name, const char *text) {
  return scratch_write(name, text, strlen(text));
}

#define CR_FAILED_WITH(call, status, part)                                                               \
  do {                                                                                                   \
    plt_status_t got_ = (call);                                                                          \
    cr_assert_eq(got_, status, "status is %s: %s", plt_status_text(got_), plt_fail_text());              \
    cr_assert_not_null(strstr(plt_fail_text(), part), "\"%s\" is not in \"%s\"", part, plt_fail_text()); \
  } while (0)

#define CR_OK(call)                                                                         \
  do {                                                                                      \
    plt_status_t got_ = (call);                                                             \
    cr_assert_eq(got_, PLT_OK, "status is %s: %s", plt_status_text(got_), plt_fail_text()); \
  } while (0)

#endif
