/* help.c - what people read about options: tables for --help and the reference, and "did you mean". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/options/values.h"

static void describe_type(FILE *out, const plt_option_t *row) {
  char *choices = row->type == PLT_OPT_CHOICE ? plt_option_choices(row, ", ") : NULL;
  fputs(choices == NULL ? plt_option_type_text(row->type) : choices, out);
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
    if (*text == '|') fputc('\\', out);
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

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* Insertions, deletions, replacements and swaps of neighbours that turn a into b; rows of the usual table: the
 * one before last, the last and the current. */
static size_t edit_distance(const char *a, const char *b) {
  size_t n = strlen(b);
  size_t *rows = plt_mem_zalloc(3 * (n + 1), sizeof *rows);
  size_t *before = rows, *last = rows + n + 1, *now = rows + 2 * (n + 1);
  for (size_t j = 0; j <= n; j++) now[j] = j;
  for (size_t i = 1; a[i - 1] != '\0'; i++) {
    size_t *oldest = before;
    before = last, last = now, now = oldest;
    now[0] = i;
    for (size_t j = 1; j <= n; j++) {
      now[j] = least(last[j - 1] + (a[i - 1] != b[j - 1]), 1 + least(last[j], now[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) now[j] = least(now[j], before[j - 2] + 1);
    }
  }
  size_t distance = now[n];
  free(rows);
  return distance;
}

const char *plt_nearest(const char *word, const char *const *candidates, size_t n) {
  enum { FAR = 4, WORD_MAX = 256 };
  if (strlen(word) > WORD_MAX) return NULL;
  size_t best = least(FAR, strlen(word) / 4 + 2); /* one slip in short words, three in long ones */
  const char *nearest = NULL;
  for (size_t i = 0; i < n; i++) {
    size_t distance = edit_distance(word, candidates[i]);
    if (distance >= best) continue;
    best = distance;
    nearest = candidates[i];
  }
  return nearest;
}
