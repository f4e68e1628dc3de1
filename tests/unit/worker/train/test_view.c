/* Where time went: sums, extremes, and the table. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "worker/train/view.h"

static plt_view_t view_of_three(void) {
  double seconds[3][PLT_VIEW_PHASES] = {{0}};
  for (size_t w = 0; w < 3; w++) {
    seconds[w][PLT_VIEW_COMPUTE] = w == 1 ? 6 : 2;
    seconds[w][PLT_VIEW_WAIT] = w == 1 ? 0 : 4;
    seconds[w][PLT_VIEW_CHECKPOINT] = w == 0 ? 1 : 0;
    seconds[w][PLT_VIEW_TOTAL] = 10;
  }
  plt_view_t view;
  plt_view_of(&seconds[0][0], 3, &view);
  return view;
}

Test(view, rows_over_workers) {
  plt_view_t view = view_of_three();
  const plt_view_row_t *compute = &view.row[PLT_VIEW_COMPUTE];
  cr_expect_eq(view.workers, 3);
  cr_expect_eq(compute->sum, 10);
  cr_expect_eq(compute->min, 2);
  cr_expect_eq(compute->max, 6);
  cr_expect_eq(compute->slowest, 1);
  cr_expect_eq(view.row[PLT_VIEW_WAIT].min, 0);
  cr_expect_eq(view.row[PLT_VIEW_WAIT].slowest, 0, "the first of equals");
}

static char *printed_by(void (*print)(const plt_view_t *view, FILE *out), const plt_view_t *view) {
  char *text = NULL;
  size_t bytes = 0;
  FILE *file = open_memstream(&text, &bytes);
  print(view, file);
  fclose(file);
  return text;
}

static char *printed(const plt_view_t *view) { return printed_by(plt_view_print, view); }

Test(view, short_table) {
  plt_view_t view = view_of_three();
  char *text = printed_by(plt_view_print_short, &view);
  cr_expect_str_eq(text,
                   "\ntime 10.0 s    sample compute exchange    wait evaluation checkpoint    rest\n"
                   "share             0 %    33 %      0 %    27 %        0 %        3 %     0 %\n"
                   "most s           0.00    6.00     0.00    4.00       0.00       1.00    0.00\n"
                   "most/least          -    3.00        -       -          -          -       -\n");
  free(text);
  double seconds[PLT_VIEW_PHASES] = {[PLT_VIEW_COMPUTE] = 1e5, [PLT_VIEW_TOTAL] = 2e5};
  plt_view_of(seconds, 1, &view);
  text = printed_by(plt_view_print_short, &view);
  size_t lines = 0;
  for (const char *at = text; *at != '\0'; at += strcspn(at, "\n") + 1, lines++)
    cr_expect_leq(strcspn(at, "\n"), 80, "%s", text);
  cr_expect_eq(lines, 3, "an empty line, phases, shares: of one worker there is no most and least");
  free(text);
}

Test(view, table) {
  plt_view_t view = view_of_three();
  char *text = printed(&view);
  cr_expect_not_null(strstr(text, "time of 3 workers"));
  cr_expect_not_null(strstr(text, "compute          10.000  33.3 %      6.000     3.00        1"), "%s", text);
  cr_expect_not_null(strstr(text, "wait              8.000  26.7 %      4.000        -        0"), "%s", text);
  cr_expect_not_null(strstr(text, "total            30.000 100.0 %     10.000     1.00        0"), "%s", text);
  free(text);
  double nothing[PLT_VIEW_PHASES] = {0};
  plt_view_of(nothing, 1, &view);
  text = printed(&view);
  cr_expect_not_null(strstr(text, "time of 1 worker went"));
  cr_expect_null(strstr(text, "nan"), "%s", text);
  free(text);
}

Test(view, event) {
  plt_view_t view = view_of_three();
  plt_json_t *json = plt_json_create();
  plt_view_put(&view, json);
  uint64_t workers, slowest;
  cr_expect(plt_json_get_uint(plt_json_find(json, "workers"), 10, &workers) && workers == 3);
  for (size_t p = 0; p < PLT_VIEW_PHASES; p++) cr_expect_eq(view.row[p].max >= view.row[p].min, true);
  const plt_json_t *compute = plt_json_find(json, "compute");
  cr_expect(plt_json_get_uint(plt_json_find(compute, "slowest"), 10, &slowest) && slowest == 1);
  plt_json_destroy(&json);
}
