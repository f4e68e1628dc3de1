/* columns.c - see columns.h. */
#include "launch/data/columns.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/utf8.h"

const char *const plt_column_names[PLT_COLUMNS] = {"user", "item", "rating", "time"};

/* What `--separator` calls them, in the order of plt_separators. */
static const char *const words[] = {"tab", "comma", "semicolon", "bar", "colons", "blank"};
#define WORDS "tab, comma, semicolon, bar, colons, blank"

/* RecBole's, where none is named. */
static const char *const usual[] = {"user_id:token", "item_id:token"};

/* A first line, cut one way. */
typedef struct header {
  char *copy;
  plt_fields_t fields;
} header_t;

static header_t cut_header(plt_span_t line, const plt_separator_t *separator) {
  header_t header = {.copy = plt_mem_alloc(line.length + 1)};
  memcpy(header.copy, line.at, line.length);
  header.copy[line.length] = '\0';
  plt_fields_cut(&header.fields, separator, header.copy, header.copy + line.length);
  return header;
}

static void drop_header(header_t *header) {
  free(header->fields.field);
  free(header->copy);
}

/* "user_id" is "user_id", and "user_id:token" of RecBole. */
static bool is_column(plt_span_t field, const char *name) {
  size_t length = strlen(name);
  if (field.length < length || memcmp(field.at, name, length) != 0) return false;
  return field.length == length || field.at[length] == ':';
}

static bool is_number(const char *name) {
  return isdigit((unsigned char)*name) && strspn(name, "0123456789") == strlen(name);
}

/* The place of a column; -1: there is none; -2: there are two. */
static int find_column(const header_t *header, const char *name, bool has_header) {
  int found = -1;
  for (size_t i = 0; has_header && i < header->fields.n; i++) {
    if (!is_column(header->fields.field[i], name)) continue;
    if (found >= 0) return -2;
    found = (int)i;
  }
  if (found >= 0 || !is_number(name) || strlen(name) > 6) return found;
  size_t number = (size_t)atol(name);
  return number >= 1 && number <= header->fields.n ? (int)number - 1 : -1;
}

static const char *wanted_name(const plt_columns_wanted_t *wanted, plt_column_t column) {
  if (wanted->name[column] != NULL) return wanted->name[column];
  return column <= PLT_COLUMN_ITEM ? usual[column] : NULL;
}

/* Cuts the line with a separator; whether all columns that are wanted are there. */
static bool try_separator(plt_span_t line, const plt_columns_wanted_t *wanted, const plt_separator_t *separator,
                          plt_columns_t *out) {
  header_t header = cut_header(line, separator);
  bool fits = true;
  *out = (plt_columns_t){.separator = separator, .fields = header.fields.n};
  for (plt_column_t c = 0; c < PLT_COLUMNS; c++) {
    const char *name = wanted_name(wanted, c);
    out->place[c] = name == NULL ? -1 : find_column(&header, name, wanted->has_header);
    if (name != NULL && out->place[c] < 0) fits = false;
  }
  drop_header(&header);
  return fits && header.fields.n > 1;
}

/* ---- what is wrong ---- */

/* The columns of a line, "a, b, c", fit for a terminal; free it. */
static char *list_columns(plt_span_t line, const plt_separator_t *separator) {
  header_t header = cut_header(line, separator);
  char *list = plt_mem_strdup(""), shown[PLT_SHOWN_BYTES];
  for (size_t i = 0; i < header.fields.n && i < 30; i++) {
    plt_span_t field = header.fields.field[i];
    list = plt_mem_append(list, i == 0 ? "" : ", ", plt_bytes_show(field.at, field.length, shown));
  }
  drop_header(&header);
  return list;
}

const plt_separator_t *plt_separator_likeliest(plt_span_t line) {
  const plt_separator_t *best = plt_separators;
  size_t most = 0;
  for (const plt_separator_t *s = plt_separators; s->name != NULL; s++) {
    header_t header = cut_header(line, s);
    if (header.fields.n > most) {
      most = header.fields.n;
      best = s;
    }
    drop_header(&header);
  }
  return best;
}

static plt_status_t fail_column(const char *path, plt_span_t line, const plt_columns_wanted_t *wanted,
                                const plt_separator_t *separator) {
  plt_columns_t tried;
  try_separator(line, wanted, separator, &tried);
  char *list = list_columns(line, separator);
  plt_column_t column = 0;
  while (column < PLT_COLUMNS && (wanted_name(wanted, column) == NULL || tried.place[column] >= 0)) column++;
  const char *option = plt_column_names[column < PLT_COLUMNS ? column : 0];
  const char *name = column < PLT_COLUMNS ? wanted->name[column] : NULL;
  const char *line_name = wanted->has_header ? "header" : "first line";
  if (name == NULL)
    plt_fail(PLT_ERR_USAGE, "data import: which column is the %s? --%s COLUMN; the %s of %s, separated by %s, has: %s",
             option, option, line_name, path, separator->name, list);
  else if (tried.place[column] == -2)
    plt_fail(PLT_ERR_USAGE, "data import: --%s %s: two columns of %s have that name; take its number, from 1: %s",
             option, name, path, list);
  else
    plt_fail(PLT_ERR_USAGE, "data import: --%s %s: there is no such column; the %s of %s, separated by %s, has: %s%s",
             option, name, line_name, path, separator->name, list,
             wanted->has_header ? " (no header? --no-header, and columns by number from 1)" : "");
  free(list);
  return PLT_ERR_USAGE;
}

/* ---- which it is ---- */

static plt_status_t named_separator(const char *name, const plt_separator_t **out) {
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcmp(name, words[i]) == 0 || strcmp(name, plt_separators[i].text) == 0) {
      *out = &plt_separators[i];
      return PLT_OK;
    }
  return plt_fail(PLT_ERR_USAGE, "data import: --separator %s: there is no such separator; allowed: " WORDS, name);
}

/* The only one that fits; blanks only where no other does, since they stand behind commas, too. */
static plt_status_t guess_separator(const char *path, plt_span_t line, const plt_columns_wanted_t *wanted,
                                    plt_columns_t *out) {
  const plt_separator_t *found = NULL; /* out's, too */
  *out = (plt_columns_t){.separator = plt_separators};
  for (const plt_separator_t *s = plt_separators; s->name != NULL; s++) {
    plt_columns_t tried;
    if ((found != NULL && s->is_blanks) || !try_separator(line, wanted, s, &tried)) continue;
    if (found != NULL)
      return plt_fail(
          PLT_ERR_USAGE,
          "data import: %s: its columns could be separated by %s or by %s; say which: --separator, one of " WORDS, path,
          out->separator->name, s->name);
    found = s;
    *out = tried;
  }
  return found != NULL ? PLT_OK : fail_column(path, line, wanted, plt_separator_likeliest(line));
}

/* A list has a user, then items: of its first line words are looked at. */
static plt_status_t find_lists(const char *path, plt_span_t line, const plt_separator_t *named, plt_columns_t *out) {
  *out = (plt_columns_t){.separator = named != NULL ? named : plt_separator_likeliest(line), .place = {0, 1, -1, -1}};
  if (named == NULL && memchr(line.at, ' ', line.length) != NULL && !out->separator->is_blanks)
    return plt_fail(PLT_ERR_USAGE,
                    "data import: %s: its first line has blanks and %s; say what separates the ids: "
                    "--separator, one of " WORDS,
                    path, out->separator->name);
  plt_log(PLT_LOG_NOTE, "%s: lists of items, each behind its user, separated by %s", path, out->separator->name);
  return PLT_OK;
}

static void tell(const char *path, plt_span_t line, const plt_columns_wanted_t *wanted, const plt_columns_t *columns) {
  header_t header = cut_header(line, columns->separator);
  char *text = plt_mem_strdup(""), shown[PLT_SHOWN_BYTES];
  for (plt_column_t c = 0; c < PLT_COLUMNS; c++) {
    if (columns->place[c] < 0 || (size_t)columns->place[c] >= header.fields.n) continue;
    plt_span_t field = header.fields.field[columns->place[c]];
    char *longer = plt_mem_print("%s, %s is column %d%s%s", text, plt_column_names[c], columns->place[c] + 1,
                                 wanted->has_header ? " " : "",
                                 wanted->has_header ? plt_bytes_show(field.at, field.length, shown) : "");
    free(text);
    text = longer;
  }
  plt_log(PLT_LOG_NOTE, "%s: %zu columns, separated by %s%s", path, columns->fields, columns->separator->name, text);
  free(text);
  drop_header(&header);
}

plt_status_t plt_columns_find(const plt_records_t *records, const char *path, const plt_columns_wanted_t *wanted,
                              plt_columns_t *out) {
  const plt_separator_t *named = NULL;
  plt_span_t line = plt_records_peek(records);
  plt_columns_t columns;
  if (wanted->separator != NULL) PLT_TRY(named_separator(wanted->separator, &named));
  if (line.length == 0) return plt_fail(PLT_ERR_DATA, "%s: the file is empty", path);
  if (wanted->is_lists) return find_lists(path, line, named, out);
  if (named == NULL)
    PLT_TRY(guess_separator(path, line, wanted, &columns));
  else if (!try_separator(line, wanted, named, &columns))
    return fail_column(path, line, wanted, named);
  if (columns.place[PLT_COLUMN_USER] == columns.place[PLT_COLUMN_ITEM])
    return plt_fail(PLT_ERR_USAGE, "data import: --user and --item are both column %d of %s",
                    columns.place[PLT_COLUMN_USER] + 1, path);
  tell(path, line, wanted, &columns);
  *out = columns;
  return PLT_OK;
}
