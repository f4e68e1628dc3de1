/* Events of metrics.jsonl that a start from an older checkpoint takes back. */
#include "worker/train/undone.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "tests/unit/worker/folder.h"

static const char before[] =
    "{\"event\": \"step\", \"epoch\": 0, \"step\": 0, \"loss\": 0.69999999999999996, \"clock\": 1}\n"
    "{\"event\": \"epoch\", \"epoch\": 0, \"clock\": 4}\n"
    "{\"event\": \"eval\", \"epoch\": 0, \"split\": \"valid\", \"clock\": 4}\n"
    "{\"event\": \"checkpoint\", \"epochs\": 1, \"clock\": 4}\n"
    "{\"event\": \"step\", \"stage\": \"an\\\"}\", \"epoch\": 1, \"step\": 4, \"loss\": 0.5, \"clock\": 5}\n"
    "{\"event\": \"time\", \"workers\": 1}\n"
    "no JSON at all\n"
    "{\"event\": \"recovery\", \"generation\": 2, \"clock\": 8}\n"
    "{\"event\": \"undone\", \"was\": \"epoch\", \"clock\": 9}\n"
    "{\"event\": \"epoch\", \"epoch\": 1, \"clock\": 8}\n";

/* Of `before` and half a line, marked; free it. */
static char *marked(uint64_t clock, bool closed) {
  folder_t folder = folder_make();
  FILE *file = folder_create(&folder, "metrics.jsonl");
  fprintf(file, "%s{\"event\": \"ste", before);
  fclose(file);
  cr_assert_eq(plt_undone_mark(folder.path, clock, closed), PLT_OK, "%s", plt_fail_text());
  char path[PLT_PATH_MAX], *text;
  cr_assert_eq(plt_path_join(folder.path, "metrics.jsonl", path), PLT_OK);
  cr_assert_eq(plt_file_read(path, 1 << 20, &text, NULL), PLT_OK);
  folder_remove(&folder);
  return text;
}

static size_t count(const char *text, const char *what) {
  size_t n = 0;
  for (const char *at = text; (at = strstr(at, what)) != NULL; at++) n++;
  return n;
}

Test(undone, later_events_are_marked) {
  char *text = marked(4, true);
  cr_expect_eq(count(text,
                     "{\"event\": \"undone\", \"was\": \"step\", \"stage\": \"an\\\"}\", \"epoch\": 1, \"step\": 4, "
                     "\"loss\": 0.5, \"clock\": 5}\n"),
               1, "%s", text);
  cr_expect_eq(count(text, "{\"event\": \"undone\", \"was\": \"epoch\", \"epoch\": 1, \"clock\": 8}\n"), 1, "%s", text);
  cr_expect_eq(count(text, "\"undone\""), 3, "%s", text);
  cr_expect_eq(strncmp(text, before, (size_t)(strstr(before, "{\"event\": \"step\", \"stage") - before)), 0,
               "what stays keeps every digit");
  cr_expect_eq(count(text, "\n"), count(before, "\n"), "half a line is dropped");
  cr_expect_eq(count(text, "{\"event\": \"recovery\""), 1, "a recovery happened");
  cr_expect_eq(count(text, "no JSON at all\n"), 1);
  free(text);
}

Test(undone, an_epoch_that_is_not_closed_ends_again) {
  char *text = marked(4, false);
  cr_expect_eq(count(text, "{\"event\": \"undone\", \"was\": \"eval\", \"epoch\": 0"), 1, "%s", text);
  cr_expect_eq(count(text, "{\"event\": \"undone\", \"was\": \"epoch\", \"epoch\": 0"), 1, "%s", text);
  cr_expect_eq(count(text, "{\"event\": \"checkpoint\""), 1, "%s", text);
  free(text);
}

Test(undone, nothing_to_mark) {
  char *text = marked(100, true);
  cr_expect_eq(strncmp(text, before, strlen(before)), 0);
  free(text);
  folder_t folder = folder_make();
  cr_expect_eq(plt_undone_mark(folder.path, 0, false), PLT_OK, "a new run has no file");
  cr_expect_eq(plt_undone_mark(NULL, 0, false), PLT_OK, "nor has one without a directory");
  folder_remove(&folder);
}
