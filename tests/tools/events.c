/* events.c - see events.h. */
#include "tests/tools/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"

enum { FILE_BYTES_MAX = 256 << 20 };

plt_status_t events_read(const char *path, events_t *events) {
  char *text = NULL;
  PLT_TRY(plt_file_read(path, FILE_BYTES_MAX, &text, NULL));
  plt_status_t status = PLT_OK;
  events_t all = {0};
  for (char *line = text, *end; *line; line = end) {
    end = line + strcspn(line, "\n");
    size_t bytes = (size_t)(end - line);
    if (*end) end++;
    if (bytes == 0) continue;
    all.lines = realloc(all.lines, (all.n + 1) * sizeof *all.lines);
    if (!all.lines) abort();
    memset(&all.lines[all.n], 0, sizeof *all.lines);
    PLT_TRY_OR(free_text, plt_yaml_parse(line, bytes, path, &all.lines[all.n]));
    all.n++;
  }
  *events = all;
  all = (events_t){0};
free_text:
  events_clear(&all);
  free(text);
  return status;
}

void events_clear(events_t *events) {
  for (size_t i = 0; i < events->n; i++) plt_yaml_clear(&events->lines[i]);
  free(events->lines);
  *events = (events_t){0};
}

plt_status_t document_read(const char *path, plt_yaml_t *yaml) {
  char *text = NULL;
  size_t bytes = 0;
  PLT_TRY(plt_file_read(path, FILE_BYTES_MAX, &text, &bytes));
  memset(yaml, 0, sizeof *yaml);
  plt_status_t status = plt_yaml_parse(text, bytes, path, yaml);
  free(text);
  return status;
}

static const char *scalar(const plt_yaml_t *event, const char *path) {
  const plt_yaml_entry_t *entry = plt_yaml_find(event, path);
  return entry && !entry->is_list && entry->n_items == 1 ? entry->items[0] : NULL;
}

bool event_is(const plt_yaml_t *event, const char *path, const char *text) {
  const char *value = scalar(event, path);
  return value && strcmp(value, text) == 0;
}

bool number_of(const char *text, double *value) {
  char *end = NULL;
  double parsed = strtod(text, &end);
  if (end == text || *end) return false;
  *value = parsed;
  return true;
}

bool event_number(const plt_yaml_t *event, const char *path, double *value) {
  const char *text = scalar(event, path);
  return text && number_of(text, value);
}

double compare_arguments(int argc, char **argv, const char *usage, const char *paths[2]) {
  double tolerance = 1e-5;
  int n = 0;
  for (int i = 1; i < argc; i++) {
    bool fine = false;
    if (strcmp(argv[i], "--tolerance") == 0) {
      fine = ++i < argc && number_of(argv[i], &tolerance) && tolerance >= 0;
    } else if (n < 2) {
      paths[n++] = argv[i];
      fine = true;
    }
    if (!fine) n = 3;
    if (n > 2) break;
  }
  if (n == 2) return tolerance;
  fprintf(stderr, "usage: %s\n", usage);
  exit(64);
}

int compare_failed(const char *tool) {
  fprintf(stderr, "%s: %s\n", tool, plt_fail_text());
  return 1;
}
