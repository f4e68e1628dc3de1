/* interactions_parse.c - see interactions_parse.h.
 *
 * A file is read as a whole and walked once, line by line, by hand: no copies, no library that would take "3.0" or
 * " 7" for an id. */
#include "worker/data/interactions_parse.h"

#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "common/utf8.h"

/* A file being walked. `line` points at the next line, `number` counts the lines taken. */
typedef struct text {
  const char *path;
  const char *line, *end;
  uint64_t number;
} text_t;

typedef struct span {
  const char *at, *end;
} span_t;

typedef struct reader {
  plt_interactions_t *rows;
  const plt_problem_sink_t *sink;
} reader_t;

static bool span_is(span_t span, const char *word) {
  size_t length = strlen(word);
  return (size_t)(span.end - span.at) == length && memcmp(span.at, word, length) == 0;
}

/* The next line without its end; false after the last. */
static bool next_line(text_t *text, span_t *line) {
  if (text->line >= text->end) return false;
  const char *stop = memchr(text->line, '\n', (size_t)(text->end - text->line));
  if (stop == NULL) stop = text->end;
  *line = (span_t){text->line, stop};
  if (stop > text->line && stop[-1] == '\r') line->end--;
  text->line = stop + 1;
  text->number++;
  return true;
}

/* Takes the text up to the next tab off `line`. */
static span_t take_field(span_t *line) {
  const char *stop = memchr(line->at, '\t', (size_t)(line->end - line->at));
  span_t field = {line->at, stop == NULL ? line->end : stop};
  line->at = stop == NULL ? line->end : stop + 1;
  return field;
}

static bool parse_id(span_t field, uint32_t *id) {
  uint64_t value = 0;
  if (field.at == field.end) return false;
  for (const char *at = field.at; at < field.end; at++) {
    unsigned digit = (unsigned)(unsigned char)*at - '0';
    if (digit > 9) return false;
    value = value * 10 + digit;
    if (value >= UINT32_MAX) return false;
  }
  *id = (uint32_t)value;
  return true;
}

static const char *show(span_t span, char out[PLT_SHOWN_BYTES]) {
  return plt_bytes_show(span.at, (size_t)(span.end - span.at), out);
}

static plt_status_t report_id(const reader_t *reader, const text_t *text, const char *what, span_t field) {
  char shown[PLT_SHOWN_BYTES];
  return plt_problem_report(
      reader->sink, PLT_PROBLEM_BAD_ID,
      "%s:%llu: %s \"%s\" is not an id: ids are whole numbers from 0 to 4294967294; `plateau data "
      "import` numbers others",
      text->path, (unsigned long long)text->number, what, show(field, shown));
}

/* From 0; they are few, and a row has two bytes for one. */
static bool parse_environment(span_t field, uint16_t *environment) {
  uint32_t value;
  if (!parse_id(field, &value) || value >= UINT16_MAX) return false;
  *environment = (uint16_t)value;
  return true;
}

static void append(reader_t *reader, const text_t *text, uint32_t user, uint32_t item, plt_part_t part,
                   uint16_t environment) {
  plt_interactions_t *rows = reader->rows;
  PLT_MEM_GROW(rows->row, rows->n, rows->capacity);
  uint32_t line = text->number < UINT32_MAX ? (uint32_t)text->number : UINT32_MAX;
  rows->row[rows->n++] = (plt_interaction_t){user, item, line, (uint16_t)part, environment};
}

enum { USER, ITEM, LABEL, NEEDED, ENVIRONMENT = NEEDED, COLUMNS };
static const char *const column_names[COLUMNS] = {"userID", "itemID", "x_label", "environment"};

typedef struct header {
  int column[COLUMNS]; /* place of each in a row; -1: there is none */
  int fields;
} header_t;

/* What a file may be instead, by its first line. */
static const char *guess(span_t line, const char *text) {
  if (memchr(line.at, '\t', (size_t)(line.end - line.at)) == NULL)
    return strchr(text, ',') != NULL
               ? "; there is no tab in it: columns separated by commas? `plateau data import` reads that"
           : strchr(text, ' ') != NULL
               ? "; there is no tab in it: columns separated by spaces? `plateau data import` reads that"
               : "; there is no tab in it; `plateau data import` reads other tables";
  return strstr(text, ":token") != NULL ? "; names with :token are RecBole's: `plateau data import` reads its files"
                                        : "";
}

/* The header lacks a column: what is there, fit for a terminal. */
static plt_status_t fail_without(const text_t *text, const char *column, span_t line) {
  char *found = plt_mem_print("%.*s", (int)(line.end - line.at < 400 ? line.end - line.at : 400), line.at);
  const char *hint = guess(line, found);
  for (char *at = found; *at != '\0'; at++)
    if ((unsigned char)*at < ' ' || (unsigned char)*at > '~') *at = *at == '\t' ? ' ' : '?';
  plt_fail(PLT_ERR_DATA, "%s:1: no column %s; the tab-separated header has: %s%s", text->path, column, found, hint);
  free(found);
  return PLT_ERR_DATA;
}

static plt_status_t read_header(text_t *text, header_t *header) {
  span_t line;
  *header = (header_t){.column = {-1, -1, -1, -1}};
  if (!next_line(text, &line)) return plt_fail(PLT_ERR_DATA, "%s: the file is empty", text->path);
  span_t rest = line;
  bool more = true;
  for (; more; header->fields++) {
    span_t field = take_field(&rest);
    more = field.end < line.end;
    for (int i = 0; i < COLUMNS; i++) {
      if (!span_is(field, column_names[i])) continue;
      if (header->column[i] >= 0)
        return plt_fail(PLT_ERR_DATA, "%s:1: column %s stands there twice", text->path, column_names[i]);
      header->column[i] = header->fields;
    }
  }
  for (int i = 0; i < NEEDED; i++) {
    if (header->column[i] >= 0) continue;
    return fail_without(text, column_names[i], line);
  }
  return PLT_OK;
}

static plt_status_t read_row(reader_t *reader, const text_t *text, const header_t *header, span_t line) {
  char shown[PLT_SHOWN_BYTES];
  span_t field[COLUMNS] = {0};
  int fields = 0;
  bool more = true;
  for (span_t rest = line; more; fields++) {
    span_t taken = take_field(&rest);
    more = taken.end < line.end;
    for (int i = 0; i < COLUMNS; i++)
      if (header->column[i] == fields) field[i] = taken;
  }
  if (fields < header->fields)
    return plt_problem_report(reader->sink, PLT_PROBLEM_SHORT_ROW,
                              "%s:%llu: the row has %d of the header's %d tab-separated fields", text->path,
                              (unsigned long long)text->number, line.at == line.end ? 0 : fields, header->fields);
  uint32_t user, item;
  if (!parse_id(field[USER], &user)) return report_id(reader, text, "userID", field[USER]);
  if (!parse_id(field[ITEM], &item)) return report_id(reader, text, "itemID", field[ITEM]);
  span_t label = field[LABEL];
  if (label.end - label.at != 1 || *label.at < '0' || *label.at > '3')
    return plt_problem_report(reader->sink, PLT_PROBLEM_BAD_LABEL,
                              "%s:%llu: x_label \"%s\" is none of 0 (train), 1 (validation), 2 (test), 3 (shift)",
                              text->path, (unsigned long long)text->number, show(label, shown));
  uint16_t environment = 0;
  if (header->column[ENVIRONMENT] >= 0 && !parse_environment(field[ENVIRONMENT], &environment))
    return plt_problem_report(reader->sink, PLT_PROBLEM_BAD_ENVIRONMENT,
                              "%s:%llu: environment \"%s\" is no whole number from 0 to 65534; a column of another "
                              "meaning needs another name",
                              text->path, (unsigned long long)text->number, show(field[ENVIRONMENT], shown));
  append(reader, text, user, item, (plt_part_t)(*label.at - '0'), environment);
  return PLT_OK;
}

static plt_status_t read_inter(reader_t *reader, text_t *text) {
  header_t header;
  span_t line;
  PLT_TRY(read_header(text, &header));
  reader->rows->has_environments = header.column[ENVIRONMENT] >= 0;
  while (next_line(text, &line)) PLT_TRY(read_row(reader, text, &header, line));
  if (text->number == 1) return plt_fail(PLT_ERR_DATA, "%s: no rows below the header", text->path);
  return PLT_OK;
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* Takes a word off `line`; false when only blanks are left. */
static bool take_word(span_t *line, span_t *word) {
  while (line->at < line->end && is_blank(*line->at)) line->at++;
  word->at = line->at;
  while (line->at < line->end && !is_blank(*line->at)) line->at++;
  word->end = line->at;
  return word->at < word->end;
}

/* A user without items is no fault: the published test files have such lines. */
static plt_status_t read_lightgcn(reader_t *reader, text_t *text, plt_part_t part) {
  span_t line, word;
  while (next_line(text, &line)) {
    uint32_t user, item;
    if (!take_word(&line, &word)) {
      PLT_TRY(plt_problem_report(reader->sink, PLT_PROBLEM_SHORT_ROW,
                                 "%s:%llu: the line is empty; a user id and item ids belong there", text->path,
                                 (unsigned long long)text->number));
    } else if (!parse_id(word, &user)) {
      PLT_TRY(report_id(reader, text, "user", word));
    } else {
      while (take_word(&line, &word)) {
        if (parse_id(word, &item))
          append(reader, text, user, item, part, 0);
        else
          PLT_TRY(report_id(reader, text, "item", word));
      }
    }
  }
  if (text->number == 0) return plt_fail(PLT_ERR_DATA, "%s: the file is empty", text->path);
  return PLT_OK;
}

plt_status_t plt_interactions_parse(plt_interactions_t *rows, const char *path, plt_part_t part,
                                    const plt_problem_sink_t *sink) {
  static const char byte_order_mark[] = "\xEF\xBB\xBF";
  char *bytes = NULL;
  size_t n = 0;
  PLT_TRY(plt_file_read(path, SIZE_MAX / 2, &bytes, &n));
  const char *start = bytes;
  if (n >= 3 && memcmp(bytes, byte_order_mark, 3) == 0) start += 3;
  const char *end = bytes + n;
  while (end > start && (end[-1] == '\n' || end[-1] == '\r')) end--; /* empty lines at the end are no rows */
  text_t text = {.path = path, .line = start, .end = end};
  reader_t reader = {.rows = rows, .sink = sink};
  plt_status_t status = part == PLT_PARTS ? read_inter(&reader, &text) : read_lightgcn(&reader, &text, part);
  free(bytes);
  return status;
}
