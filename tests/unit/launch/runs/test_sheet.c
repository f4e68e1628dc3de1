/* Sheets in all their forms. */
#include "launch/runs/sheet.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static plt_sheet_t *sheet_of_two(void) {
  plt_sheet_t *sheet = plt_sheet_create();
  plt_sheet_column(sheet, "run", NULL, false);
  plt_sheet_column(sheet, "seconds", "time s", true);
  plt_sheet_column(sheet, "seed", NULL, true);
  plt_sheet_row(sheet);
  plt_sheet_text(sheet, "größe, a|b \"x\"");
  plt_sheet_real(sheet, 0.1 + 0.2, 2);
  plt_sheet_value(sheet, "7");
  plt_sheet_row(sheet);
  plt_sheet_text(sheet, "b");
  plt_sheet_real(sheet, NAN, 2);
  return sheet;
}

static char *printed(const plt_sheet_t *sheet, plt_sheet_format_t format) {
  char *text = NULL;
  size_t bytes;
  FILE *file = open_memstream(&text, &bytes);
  plt_sheet_print(sheet, format, file);
  fclose(file);
  return text;
}

Test(sheet, forms) {
  plt_sheet_t *sheet = sheet_of_two();
  char *text = printed(sheet, PLT_SHEET_TABLE);
  cr_expect_str_eq(text,
                   "run             time s  seed\n"
                   "größe, a|b \"x\"    0.30     7\n"
                   "b                    -     -\n");
  free(text);
  text = printed(sheet, PLT_SHEET_MARKDOWN);
  cr_expect_str_eq(text,
                   "| run | time s | seed |\n|---|---:|---:|\n"
                   "| größe, a\\|b \"x\" | 0.30 | 7 |\n| b | - | - |\n");
  free(text);
  text = printed(sheet, PLT_SHEET_CSV);
  cr_expect_str_eq(text, "run,seconds,seed\n\"größe, a|b \"\"x\"\"\",0.30000000000000004,7\nb,,\n");
  free(text);
  plt_json_t *json = plt_json_create();
  plt_sheet_put(sheet, json, "runs");
  text = plt_json_print(json);
  cr_expect_str_eq(text,
                   "{\"runs\": [{\"run\": \"größe, a|b \\\"x\\\"\", \"seconds\": 0.30000000000000004, \"seed\": 7}, "
                   "{\"run\": \"b\", \"seconds\": null, \"seed\": null}]}");
  free(text);
  plt_json_destroy(&json);
  plt_sheet_destroy(&sheet);
}

Test(sheet, names_of_forms) {
  plt_sheet_format_t format;
  cr_expect(plt_sheet_format_of("runs", "csv", &format) == PLT_OK && format == PLT_SHEET_CSV);
  cr_expect_eq(plt_sheet_format_of("runs", "xml", &format), PLT_ERR_USAGE);
  cr_expect_not_null(strstr(plt_fail_text(), "runs: --format: \"xml\" is none of: table, markdown, csv, json"));
}
