/* yaml.c - see yaml.h. A recursive descent over libyaml's events: no document tree is built, so there is nothing
 * that an anchor could make cyclic; anchors are refused all the same, with a message that says so. */
#include "common/io/yaml.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "common/mem.h"

enum { DEPTH_MAX = 32 };

typedef struct reader {
  yaml_parser_t parser;
  yaml_event_t event; /* the current one */
  const char *text;   /* [bytes] */
  size_t bytes;
  const char *name;
  plt_yaml_t *yaml;
} reader_t;

static plt_status_t read_value(reader_t *reader, const char *path, int depth);

/* "path: cause" or, at the top, "cause". */
static plt_status_t fail_at(const reader_t *reader, yaml_mark_t mark, const char *path, const char *cause) {
  return plt_fail(PLT_ERR_USAGE, "%s:%zu:%zu: %s%s%s", reader->name, mark.line + 1, mark.column + 1, path,
                  path[0] == '\0' ? "" : ": ", cause);
}

/* libyaml gives bad characters an offset, but no line. */
static plt_status_t fail_encoding(const reader_t *reader) {
  yaml_mark_t mark = {0};
  for (size_t i = 0; i < reader->parser.problem_offset; i++) {
    mark.column++;
    if (reader->text[i] == '\n') mark = (yaml_mark_t){.line = mark.line + 1};
  }
  return fail_at(reader, mark, "", reader->parser.problem);
}

/* Whether nothing but blanks stands before the mark of the problem, and a tab there. */
static bool begins_with_tab(const reader_t *reader) {
  const yaml_mark_t mark = reader->parser.problem_mark;
  const char *line = reader->text, *end = reader->text + reader->bytes;
  for (size_t i = 0; i < mark.line && line != NULL; i++) {
    line = memchr(line, '\n', (size_t)(end - line));
    if (line != NULL) line++;
  }
  if (line == NULL || (size_t)(end - line) <= mark.column || line[mark.column] != '\t') return false;
  for (size_t i = 0; i < mark.column; i++)
    if (line[i] != ' ') return false;
  return true;
}

static plt_status_t next(reader_t *reader) {
  yaml_event_delete(&reader->event);
  if (yaml_parser_parse(&reader->parser, &reader->event)) return PLT_OK;
  const yaml_parser_t *parser = &reader->parser;
  if (parser->error == YAML_READER_ERROR) return fail_encoding(reader);
  if (begins_with_tab(reader))
    return fail_at(reader, parser->problem_mark, "", "a tab: YAML indents lines with spaces");
  return plt_fail(PLT_ERR_USAGE, "%s:%zu:%zu: %s%s%s", reader->name, parser->problem_mark.line + 1,
                  parser->problem_mark.column + 1, parser->context == NULL ? "" : parser->context,
                  parser->context == NULL ? "" : ": ", parser->problem == NULL ? "syntax error" : parser->problem);
}

static const char *scalar_text(const yaml_event_t *event) { return (const char *)event->data.scalar.value; }

static bool scalar_is_quoted(const yaml_event_t *event) {
  return event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE && event->data.scalar.style != YAML_ANY_SCALAR_STYLE;
}

static bool scalar_is_null(const yaml_event_t *event) {
  static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
  if (scalar_is_quoted(event)) return false;
  for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++) {
    if (strcmp(scalar_text(event), nulls[i]) == 0) return true;
  }
  return false;
}

static bool has_nul(const yaml_event_t *event) { return strlen(scalar_text(event)) != event->data.scalar.length; }

static bool has_tag_or_anchor(const yaml_event_t *event) {
  switch (event->type) {
    case YAML_SCALAR_EVENT: return event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL;
    case YAML_SEQUENCE_START_EVENT:
      return event->data.sequence_start.anchor != NULL || event->data.sequence_start.tag != NULL;
    case YAML_MAPPING_START_EVENT:
      return event->data.mapping_start.anchor != NULL || event->data.mapping_start.tag != NULL;
    default: return event->type == YAML_ALIAS_EVENT;
  }
}

static plt_status_t check_value(const reader_t *reader, const char *path) {
  const yaml_event_t *event = &reader->event;
  if (has_tag_or_anchor(event))
    return fail_at(reader, event->start_mark, path, "anchors (&a), aliases (*a) and tags (!a) are not supported");
  if (event->type == YAML_SCALAR_EVENT && has_nul(event))
    return fail_at(reader, event->start_mark, path, "a text cannot hold a NUL character");
  return PLT_OK;
}

static plt_yaml_entry_t *add_entry(reader_t *reader, const char *path) {
  plt_yaml_t *yaml = reader->yaml;
  PLT_MEM_GROW(yaml->entries, yaml->n_entries, yaml->capacity);
  plt_yaml_entry_t *entry = &yaml->entries[yaml->n_entries++];
  yaml_mark_t mark = reader->event.start_mark;
  *entry = (plt_yaml_entry_t){.path = plt_mem_strdup(path), .line = mark.line + 1, .column = mark.column + 1};
  return entry;
}

static void add_item(plt_yaml_entry_t *entry, const char *text) {
  if ((entry->n_items & (entry->n_items - 1)) == 0) /* full at 0 and at powers of two */
    entry->items = plt_mem_resize(entry->items, entry->n_items == 0 ? 1 : entry->n_items * 2, sizeof *entry->items);
  entry->items[entry->n_items++] = plt_mem_strdup(text);
}

/* The current event begins the first item of a list of mappings; their places are parts of the paths. */
static plt_status_t read_mappings(reader_t *reader, const char *path, int depth) {
  for (size_t i = 0; reader->event.type != YAML_SEQUENCE_END_EVENT; i++) {
    PLT_TRY(check_value(reader, path));
    if (reader->event.type != YAML_MAPPING_START_EVENT)
      return fail_at(reader, reader->event.start_mark, path, "a list holds single values or mappings, not both");
    char *item = plt_mem_print("%s.%zu", path, i);
    plt_status_t status = read_value(reader, item, depth + 1);
    free(item);
    PLT_TRY(status);
    PLT_TRY(next(reader));
  }
  return PLT_OK;
}

static plt_status_t read_list(reader_t *reader, const char *path, int depth) {
  plt_yaml_entry_t *entry = add_entry(reader, path);
  entry->is_list = true;
  for (;;) {
    PLT_TRY(next(reader));
    if (reader->event.type == YAML_SEQUENCE_END_EVENT) return PLT_OK;
    PLT_TRY(check_value(reader, path));
    if (reader->event.type == YAML_MAPPING_START_EVENT && entry->n_items == 0) break;
    if (reader->event.type != YAML_SCALAR_EVENT)
      return fail_at(reader, reader->event.start_mark, path, "a list holds single values or mappings, not both");
    if (scalar_is_null(&reader->event))
      return fail_at(reader, reader->event.start_mark, path, "a list may not hold empty values");
    add_item(entry, scalar_text(&reader->event));
  }
  plt_yaml_entry_clear(entry); /* the last one: its items have entries of their own */
  reader->yaml->n_entries--;
  return read_mappings(reader, path, depth);
}

/* Every key leaves an entry, its own or one below it, so the entries tell whether a key was there before. */
static const plt_yaml_entry_t *find_at_or_below(const plt_yaml_t *yaml, const char *path) {
  size_t length = strlen(path);
  for (size_t i = 0; i < yaml->n_entries; i++) {
    const char *other = yaml->entries[i].path;
    if (strncmp(other, path, length) == 0 && (other[length] == '\0' || other[length] == '.')) return &yaml->entries[i];
  }
  return NULL;
}

/* The current event is a key; *path is its full path, to be freed. */
static plt_status_t read_key(reader_t *reader, const char *parent, char **path) {
  yaml_mark_t mark = reader->event.start_mark;
  PLT_TRY(check_value(reader, parent));
  if (reader->event.type != YAML_SCALAR_EVENT) return fail_at(reader, mark, parent, "a key must be a text");
  const char *key = scalar_text(&reader->event);
  if (scalar_is_null(&reader->event) || key[0] == '\0') return fail_at(reader, mark, parent, "a key is empty");
  char *full = parent[0] == '\0' ? plt_mem_strdup(key) : plt_mem_print("%s.%s", parent, key);
  const plt_yaml_entry_t *first = find_at_or_below(reader->yaml, full);
  if (first != NULL) {
    plt_fail(PLT_ERR_USAGE, "%s:%zu:%zu: %s: given twice, first in line %zu", reader->name, mark.line + 1,
             mark.column + 1, full, first->line);
    free(full);
    return PLT_ERR_USAGE;
  }
  *path = full;
  return PLT_OK;
}

static plt_status_t read_mapping(reader_t *reader, const char *path, int depth) {
  if (depth > DEPTH_MAX) return fail_at(reader, reader->event.start_mark, "", "nested too deeply");
  size_t before = reader->yaml->n_entries;
  for (;;) {
    PLT_TRY(next(reader));
    if (reader->event.type == YAML_MAPPING_END_EVENT) break;
    char *child = NULL;
    PLT_TRY(read_key(reader, path, &child));
    assert(child != NULL);
    plt_status_t status = next(reader);
    if (status == PLT_OK) status = read_value(reader, child, depth + 1);
    free(child);
    if (status != PLT_OK) return status;
  }
  if (reader->yaml->n_entries == before && path[0] != '\0') add_entry(reader, path);
  return PLT_OK;
}

static plt_status_t read_value(reader_t *reader, const char *path, int depth) {
  PLT_TRY(check_value(reader, path));
  if (reader->event.type == YAML_MAPPING_START_EVENT) return read_mapping(reader, path, depth);
  if (path[0] == '\0') {
    if (reader->event.type == YAML_SCALAR_EVENT && scalar_is_null(&reader->event)) return PLT_OK;
    return fail_at(reader, reader->event.start_mark, "", "expected lines of the form \"key: value\"");
  }
  if (reader->event.type == YAML_SEQUENCE_START_EVENT) return read_list(reader, path, depth);
  plt_yaml_entry_t *entry = add_entry(reader, path);
  entry->is_quoted = scalar_is_quoted(&reader->event);
  if (!scalar_is_null(&reader->event)) add_item(entry, scalar_text(&reader->event));
  return PLT_OK;
}

static plt_status_t read_stream(reader_t *reader, const char *path) {
  PLT_TRY(next(reader)); /* start of the stream */
  PLT_TRY(next(reader));
  if (reader->event.type == YAML_STREAM_END_EVENT) {
    if (path[0] != '\0') add_entry(reader, path);
    return PLT_OK;
  }
  PLT_TRY(next(reader));
  PLT_TRY(read_value(reader, path, 0));
  PLT_TRY(next(reader)); /* end of the document */
  PLT_TRY(next(reader));
  if (reader->event.type != YAML_STREAM_END_EVENT)
    return fail_at(reader, reader->event.start_mark, "", "a second document begins here; only one is allowed");
  return PLT_OK;
}

plt_status_t plt_yaml_parse_value(const char *text, size_t bytes, const char *name, const char *path,
                                  plt_yaml_t *yaml) {
  plt_yaml_t result = {0};
  reader_t reader = {.text = text, .bytes = bytes, .name = name, .yaml = &result};
  if (!yaml_parser_initialize(&reader.parser)) return plt_fail(PLT_ERR_BUG, "%s: cannot start the YAML parser", name);
  yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, bytes);
  plt_status_t status = read_stream(&reader, path);
  yaml_event_delete(&reader.event);
  yaml_parser_delete(&reader.parser);
  if (status == PLT_OK) {
    *yaml = result;
  } else {
    plt_yaml_clear(&result);
  }
  return status;
}

plt_status_t plt_yaml_parse(const char *text, size_t bytes, const char *name, plt_yaml_t *yaml) {
  return plt_yaml_parse_value(text, bytes, name, "", yaml);
}

void plt_yaml_entry_clear(plt_yaml_entry_t *entry) {
  for (size_t i = 0; i < entry->n_items; i++) free(entry->items[i]);
  free(entry->items);
  free(entry->path);
  *entry = (plt_yaml_entry_t){0};
}

void plt_yaml_clear(plt_yaml_t *yaml) {
  for (size_t i = 0; i < yaml->n_entries; i++) plt_yaml_entry_clear(&yaml->entries[i]);
  free(yaml->entries);
  *yaml = (plt_yaml_t){0};
}

const plt_yaml_entry_t *plt_yaml_find(const plt_yaml_t *yaml, const char *path) {
  for (size_t i = 0; i < yaml->n_entries; i++) {
    if (strcmp(yaml->entries[i].path, path) == 0) return &yaml->entries[i];
  }
  return NULL;
}

void plt_yaml_library(char *out, size_t bytes) { snprintf(out, bytes, "libyaml %s", yaml_get_version_string()); }
