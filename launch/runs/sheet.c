/* sheet.c - see sheet.h. */
#include "launch/runs/sheet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/utf8.h"

typedef struct column {
  char *key, *title;
  bool right;
} column_t;

typedef struct cell {
  char *shown; /* NULL: empty */
  bool is_number;
  double number;
} cell_t;

struct plt_sheet {
  column_t *columns;
  cell_t *cells; /* [rows, columns] */
  size_t n_columns, n_cells, room, rows;
};

plt_status_t plt_sheet_format_of(const char *command, const char *name, plt_sheet_format_t *out) {
  static const char *const names[] = {"table", "markdown", "csv", "json"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (strcmp(name, names[i]) != 0) continue;
    *out = (plt_sheet_format_t)i;
    return PLT_OK;
  }
  return plt_fail(PLT_ERR_USAGE, "%s: --format: \"%s\" is none of: table, markdown, csv, json", command, name);
}

plt_sheet_t *plt_sheet_create(void) { return plt_mem_zalloc(1, sizeof(plt_sheet_t)); }

void plt_sheet_destroy(plt_sheet_t **sheet_at) {
  plt_sheet_t *sheet = *sheet_at;
  if (sheet == NULL) return;
  for (size_t i = 0; i < sheet->n_cells; i++) free(sheet->cells[i].shown);
  for (size_t i = 0; i < sheet->n_columns; i++) {
    free(sheet->columns[i].key);
    free(sheet->columns[i].title);
  }
  free(sheet->cells);
  free(sheet->columns);
  free(sheet);
  *sheet_at = NULL;
}

void plt_sheet_column(plt_sheet_t *sheet, const char *key, const char *title, bool right) {
  sheet->columns = plt_mem_resize(sheet->columns, sheet->n_columns + 1, sizeof *sheet->columns);
  sheet->columns[sheet->n_columns++] =
      (column_t){plt_mem_strdup(key), plt_mem_strdup(title == NULL ? key : title), right};
}

static void add(plt_sheet_t *sheet, cell_t cell) {
  if (sheet->n_cells == sheet->room) {
    sheet->room = 2 * sheet->room + 64;
    sheet->cells = plt_mem_resize(sheet->cells, sheet->room, sizeof *sheet->cells);
  }
  sheet->cells[sheet->n_cells++] = cell;
}

void plt_sheet_row(plt_sheet_t *sheet) {
  while (sheet->n_cells < sheet->rows * sheet->n_columns) add(sheet, (cell_t){0});
  sheet->rows++;
}

void plt_sheet_skip(plt_sheet_t *sheet) { add(sheet, (cell_t){0}); }

void plt_sheet_text(plt_sheet_t *sheet, const char *text) {
  add(sheet, (cell_t){.shown = text == NULL ? NULL : plt_mem_strdup(text)});
}

void plt_sheet_number(plt_sheet_t *sheet, double value, const char *shown) {
  if (!isfinite(value))
    plt_sheet_skip(sheet);
  else
    add(sheet, (cell_t){.shown = plt_mem_strdup(shown), .is_number = true, .number = value});
}

void plt_sheet_value(plt_sheet_t *sheet, const char *text) {
  if (text == NULL || *text == '\0') {
    plt_sheet_skip(sheet);
    return;
  }
  char *end;
  double value = strtod(text, &end);
  if (*end == '\0' && isfinite(value))
    plt_sheet_number(sheet, value, text);
  else
    plt_sheet_text(sheet, text);
}

void plt_sheet_real(plt_sheet_t *sheet, double value, int decimals) {
  char shown[64];
  snprintf(shown, sizeof shown, "%.*f", decimals, value);
  plt_sheet_number(sheet, value, shown);
}

/* ---- reading ---- */

size_t plt_sheet_rows(const plt_sheet_t *sheet) { return sheet->rows; }
size_t plt_sheet_columns(const plt_sheet_t *sheet) { return sheet->n_columns; }
const char *plt_sheet_title(const plt_sheet_t *sheet, size_t column) { return sheet->columns[column].title; }
bool plt_sheet_is_right(const plt_sheet_t *sheet, size_t column) { return sheet->columns[column].right; }

static const cell_t *cell_at(const plt_sheet_t *sheet, size_t row, size_t column) {
  static const cell_t empty;
  size_t at = row * sheet->n_columns + column;
  return at < sheet->n_cells ? &sheet->cells[at] : &empty;
}

const char *plt_sheet_shown(const plt_sheet_t *sheet, size_t row, size_t column) {
  const char *shown = cell_at(sheet, row, column)->shown;
  return shown == NULL || *shown == '\0' ? "-" : shown;
}

/* ---- printing ---- */

/* Characters of UTF-8. */
static size_t length_of(const char *text) {
  size_t n = 0;
  for (uint32_t code; *text != '\0'; n++) {
    size_t bytes = plt_utf8_decode(text, &code);
    text += bytes == 0 ? 1 : bytes;
  }
  return n;
}

static void print_padded(FILE *out, const char *text, size_t width, bool right, bool is_last) {
  size_t length = length_of(text), pad = length < width ? width - length : 0;
  if (right) fprintf(out, "%*s", (int)pad, "");
  fputs(text, out);
  if (!right && !is_last) fprintf(out, "%*s", (int)pad, "");
}

static void print_table_row(const plt_sheet_t *sheet, const size_t *widths, size_t row, FILE *out) {
  for (size_t c = 0; c < sheet->n_columns; c++) {
    const char *text = row == SIZE_MAX ? sheet->columns[c].title : plt_sheet_shown(sheet, row, c);
    if (c > 0) fputs("  ", out);
    print_padded(out, text, widths[c], sheet->columns[c].right, c + 1 == sheet->n_columns);
  }
  fputc('\n', out);
}

static void print_table(const plt_sheet_t *sheet, FILE *out) {
  size_t *widths = plt_mem_zalloc(sheet->n_columns + 1, sizeof *widths);
  for (size_t c = 0; c < sheet->n_columns; c++) {
    widths[c] = length_of(sheet->columns[c].title);
    for (size_t r = 0; r < sheet->rows; r++) {
      size_t length = length_of(plt_sheet_shown(sheet, r, c));
      if (length > widths[c]) widths[c] = length;
    }
  }
  print_table_row(sheet, widths, SIZE_MAX, out);
  for (size_t r = 0; r < sheet->rows; r++) print_table_row(sheet, widths, r, out);
  free(widths);
}

static void print_markdown_text(const char *text, FILE *out) {
  for (; *text != '\0'; text++) {
    if (*text == '|') fputc('\\', out);
    fputc(*text == '\n' ? ' ' : *text, out);
  }
}

static void print_markdown(const plt_sheet_t *sheet, FILE *out) {
  for (size_t c = 0; c < sheet->n_columns; c++) {
    fputs(c == 0 ? "| " : " | ", out);
    print_markdown_text(sheet->columns[c].title, out);
  }
  fputs(" |\n|", out);
  for (size_t c = 0; c < sheet->n_columns; c++) fputs(sheet->columns[c].right ? "---:|" : "---|", out);
  fputc('\n', out);
  for (size_t r = 0; r < sheet->rows; r++) {
    for (size_t c = 0; c < sheet->n_columns; c++) {
      fputs(c == 0 ? "| " : " | ", out);
      print_markdown_text(plt_sheet_shown(sheet, r, c), out);
    }
    fputs(" |\n", out);
  }
}

static void print_csv_text(const char *text, FILE *out) {
  if (strpbrk(text, ",\"\r\n") == NULL) {
    fputs(text, out);
    return;
  }
  fputc('"', out);
  for (; *text != '\0'; text++) {
    if (*text == '"') fputc('"', out);
    fputc(*text, out);
  }
  fputc('"', out);
}

static void print_csv(const plt_sheet_t *sheet, FILE *out) {
  for (size_t c = 0; c < sheet->n_columns; c++) {
    if (c > 0) fputc(',', out);
    print_csv_text(sheet->columns[c].key, out);
  }
  fputc('\n', out);
  for (size_t r = 0; r < sheet->rows; r++) {
    for (size_t c = 0; c < sheet->n_columns; c++) {
      const cell_t *cell = cell_at(sheet, r, c);
      if (c > 0) fputc(',', out);
      if (cell->is_number)
        fprintf(out, "%.17g", cell->number);
      else if (cell->shown != NULL)
        print_csv_text(cell->shown, out);
    }
    fputc('\n', out);
  }
}

void plt_sheet_print(const plt_sheet_t *sheet, plt_sheet_format_t format, FILE *out) {
  if (format == PLT_SHEET_MARKDOWN)
    print_markdown(sheet, out);
  else if (format == PLT_SHEET_CSV)
    print_csv(sheet, out);
  else
    print_table(sheet, out);
}

void plt_sheet_hand_out(plt_sheet_t *sheet, plt_sheet_format_t format, FILE *out) {
  plt_sheet_print(sheet, format, out);
  plt_sheet_destroy(&sheet);
}

void plt_sheet_put(const plt_sheet_t *sheet, plt_json_t *to, const char *key) {
  plt_json_t *list = plt_json_add_list(to, key);
  for (size_t r = 0; r < sheet->rows; r++) {
    plt_json_t *object = plt_json_add_object(list, NULL);
    for (size_t c = 0; c < sheet->n_columns; c++) {
      const cell_t *cell = cell_at(sheet, r, c);
      const char *name = sheet->columns[c].key;
      if (!cell->is_number)
        plt_json_text(object, name, cell->shown);
      else if (cell->number == floor(cell->number) && fabs(cell->number) < 9e15)
        plt_json_int(object, name, (int64_t)cell->number);
      else
        plt_json_real(object, name, cell->number);
    }
  }
}
