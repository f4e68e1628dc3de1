/* dump.c - the effective configuration as YAML, and what differs between two. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/options/config.h"
#include "common/utf8.h"

/* A setting and where it stands in the outermost configuration: "stages.0.train.epochs". */
typedef struct line {
  char *key;
  const plt_config_setting_t *setting;
} line_t;

typedef struct lines {
  line_t *of;
  size_t n, capacity;
} lines_t;

/* All settings, those of nested configurations behind those of the outer one. */
static void collect(const plt_config_t *config, const char *prefix, lines_t *lines) {
  for (size_t i = 0; i < config->n_settings; i++) {
    const char *key = config->settings[i].row->key;
    if (config->under != NULL && config->under[0] != '\0') key = plt_option_below(config->under, key);
    PLT_MEM_GROW(lines->of, lines->n, lines->capacity);
    lines->of[lines->n++] = (line_t){plt_mem_print("%s%s", prefix, key), &config->settings[i]};
  }
  for (size_t i = 0; i < config->n_nested; i++) {
    char *inner = plt_mem_print("%s%s.", prefix, config->nested[i]->section);
    collect(config->nested[i], inner, lines);
    free(inner);
  }
}

static lines_t lines_of(const plt_config_t *config) {
  lines_t lines = {0};
  collect(config, "", &lines);
  return lines;
}

static void clear(lines_t *lines) {
  for (size_t i = 0; i < lines->n; i++) free(lines->of[i].key);
  free(lines->of);
}

/* ---- YAML ---- */

typedef struct writer {
  FILE *out;
  const lines_t *lines;
  bool begins_item; /* the next key is the first of an item of a list */
} writer_t;

static void begin_line(writer_t *writer, int depth) {
  fprintf(writer->out, "%*s%s", 2 * depth - 2 * writer->begins_item, "", writer->begins_item ? "- " : "");
  writer->begins_item = false;
}

/* The part of a key that was given behind the first `length` bytes of `prefix`, which it begins with; or NULL. */
static const char *inside(const line_t *line, const char *prefix, size_t length) {
  return line->setting->is_given && strncmp(line->key, prefix, length) == 0 ? line->key + length : NULL;
}

/* Whether a line before `end` lies in the section `prefix` (its first `length` bytes; "model.graph."). */
static bool section_is_open(const writer_t *writer, size_t end, const char *prefix, size_t length) {
  for (size_t i = 0; i < end; i++)
    if (inside(&writer->lines->of[i], prefix, length) != NULL) return true;
  return false;
}

static void write_section(writer_t *writer, const char *prefix, size_t length, int depth);

static void write_value(writer_t *writer, const line_t *line, const char *name, int depth) {
  char *value = plt_option_value_write(line->setting->row, &line->setting->value);
  begin_line(writer, depth);
  plt_option_text_write(writer->out, name);
  fprintf(writer->out, ": %s\n", value);
  free(value);
}

/* A section whose name is a number is an item of a list. */
static void write_inner(writer_t *writer, const line_t *line, const char *name, size_t length, int depth) {
  if (name[strspn(name, "0123456789")] == '\0') {
    writer->begins_item = true;
  } else {
    begin_line(writer, depth);
    plt_option_text_write(writer->out, name);
    fputs(":\n", writer->out);
  }
  write_section(writer, line->key, length, depth + 1);
}

/* Lines whose keys begin with the first `length` bytes of `prefix`, in their order: values, then sections, each whole
 * where its first key stands. */
static void write_section(writer_t *writer, const char *prefix, size_t length, int depth) {
  for (int sections = 0; sections < 2; sections++) {
    for (size_t i = 0; i < writer->lines->n; i++) {
      const line_t *line = &writer->lines->of[i];
      const char *key = inside(line, prefix, length);
      if (key == NULL) continue;
      size_t word = strcspn(key, ".");
      if ((key[word] != '\0') != sections) continue;
      char *name = plt_mem_print("%.*s", (int)word, key);
      if (!sections)
        write_value(writer, line, name, depth);
      else if (!section_is_open(writer, i, line->key, length + word + 1))
        write_inner(writer, line, name, length + word + 1, depth);
      free(name);
    }
  }
}

static char *write_lines(const lines_t *lines, const char *prefix) {
  char *text = NULL;
  size_t bytes;
  writer_t writer = {.out = open_memstream(&text, &bytes), .lines = lines};
  write_section(&writer, prefix, strlen(prefix), 0);
  fclose(writer.out);
  return text;
}

static bool is_utf8(const char *text) {
  uint32_t code;
  size_t bytes = 1;
  for (; *text != '\0' && bytes > 0; text += bytes) bytes = plt_utf8_decode(text, &code);
  return bytes > 0;
}

plt_status_t plt_config_check_texts(const plt_config_t *config) {
  lines_t lines = lines_of(config);
  plt_status_t status = PLT_OK;
  for (size_t i = 0; i < lines.n && status == PLT_OK; i++) {
    const plt_option_value_t *value = &lines.of[i].setting->value;
    for (size_t j = 0; j < value->n && status == PLT_OK; j++)
      if (value->texts[j] != NULL && !is_utf8(value->texts[j]))
        status = plt_fail(PLT_ERR_USAGE,
                          "%s: %s: is not UTF-8, so no configuration can keep it; give the folder another name",
                          lines.of[i].key, value->texts[j]);
  }
  clear(&lines);
  return status;
}

char *plt_config_dump(const plt_config_t *config) {
  lines_t lines = lines_of(config);
  char *text = write_lines(&lines, "");
  clear(&lines);
  return text;
}

char *plt_config_dump_tables(const plt_config_t *config, const char *key, const plt_option_table_t *const *tables,
                             size_t n) {
  lines_t lines = {0};
  for (size_t t = 0; t < n; t++) {
    for (size_t i = 0; i < tables[t]->n_rows; i++) {
      const char *of_row = tables[t]->rows[i].key;
      PLT_MEM_GROW(lines.of, lines.n, lines.capacity);
      lines.of[lines.n++] = (line_t){plt_mem_strdup(of_row), plt_config_find(config, of_row)};
    }
  }
  char *prefix = plt_mem_print("%s.", key), *text = write_lines(&lines, prefix);
  clear(&lines);
  free(prefix);
  return text;
}

/* ---- differences ---- */

static const line_t *find(const lines_t *lines, const char *key) {
  for (size_t i = 0; i < lines->n; i++)
    if (strcmp(lines->of[i].key, key) == 0) return &lines->of[i];
  return NULL;
}

static char *text_of(const line_t *line) {
  if (line == NULL || !line->setting->is_given) return plt_mem_strdup("not set");
  return plt_option_value_write(line->setting->row, &line->setting->value);
}

static void compare(const char *key, const line_t *now, const line_t *was, plt_faults_t *differences) {
  char *new_text = text_of(now), *old_text = text_of(was);
  if (strcmp(new_text, old_text) != 0) plt_faults_add(differences, "%s: %s, was %s", key, new_text, old_text);
  free(new_text);
  free(old_text);
}

char *plt_config_differences(const plt_config_t *now, const plt_config_t *was, bool resumable) {
  lines_t new_lines = lines_of(now), old_lines = lines_of(was);
  plt_faults_t differences;
  plt_faults_begin(&differences);
  for (size_t i = 0; i < new_lines.n; i++) {
    const line_t *line = &new_lines.of[i];
    if (line->setting->row->resumable == resumable) compare(line->key, line, find(&old_lines, line->key), &differences);
  }
  for (size_t i = 0; i < old_lines.n; i++) {
    const line_t *line = &old_lines.of[i];
    if (line->setting->row->resumable != resumable || find(&new_lines, line->key) != NULL) continue;
    compare(line->key, NULL, line, &differences);
  }
  clear(&new_lines);
  clear(&old_lines);
  return plt_faults_take(&differences);
}
