/* help.c - what people read about options: tables for --help and the reference. */
#include <stdio.h>
#include <stdlib.h>

#include "common/options/values.h"

static void describe_type(FILE *out, const plt_option_t *row) {
  bool is_choice = row->type == PLT_OPT_CHOICE || row->type == PLT_OPT_CHOICES;
  char *choices = is_choice ? plt_option_choices(row, ", ") : NULL;
  fputs(choices == NULL ? plt_option_type_text(row->type) : choices, out);
  if (row->type == PLT_OPT_CHOICES) fputs(", or a mapping of names to such", out);
  free(choices);
}

/* train.batch_size  a whole number in [1, 1000000] (rows), default 2048
 *     Samples of one step. */
static void describe_plain(FILE *out, const plt_option_t *row) {
  char range[64];
  fprintf(out, "  %s  ", row->key);
  describe_type(out, row);
  if (plt_option_range(row, range)) fprintf(out, " in %s", range);
  if (row->unit != NULL) fprintf(out, " (%s)", row->unit);
  if (row->fallback != NULL) fprintf(out, ", default %s", row->fallback);
  fprintf(out, "\n      %s\n", row->help == NULL ? "" : row->help);
}

static void describe_cell(FILE *out, const char *text) {
  fputs(" ", out);
  for (; *text != '\0'; text++) {
    if (*text == '|' || *text == '<') fputc('\\', out); /* no new column, no HTML */
    fputc(*text, out);
  }
  fputs(" |", out);
}

static void describe_markdown(FILE *out, const plt_option_t *row) {
  char range[64] = "";
  plt_option_range(row, range);
  fprintf(out, "| `%s` | ", row->key);
  describe_type(out, row);
  fputs(" |", out);
  describe_cell(out, row->fallback == NULL ? "" : row->fallback);
  describe_cell(out, range);
  describe_cell(out, row->unit == NULL ? "" : row->unit);
  describe_cell(out, row->help == NULL ? "" : row->help);
  fputc('\n', out);
}

char *plt_option_table_describe(const plt_option_table_t *table, bool markdown) {
  char *text = NULL;
  size_t bytes;
  FILE *out = open_memstream(&text, &bytes);
  if (markdown) {
    fprintf(out, "### %s\n\n| key | type | default | range | unit | meaning |\n|---|---|---|---|---|---|\n",
            table->title);
  } else {
    fprintf(out, "%s:\n", table->title);
  }
  for (size_t i = 0; i < table->n_rows; i++) {
    if (markdown) {
      describe_markdown(out, &table->rows[i]);
    } else {
      describe_plain(out, &table->rows[i]);
    }
  }
  fclose(out);
  return text;
}
