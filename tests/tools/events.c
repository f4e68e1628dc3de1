/* events.c - see events.h. */
#include "tests/tools/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"

enum { FILE_BYTES_MAX = 256 << 20 };

static plt_status_t parse(const char *text, size_t bytes, const char *path, int line, json_t **out) {
  json_error_t error = {.line = 1, .column = 1, .text = "no object"};
  json_t *json = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
  if (json_is_object(json)) {
    *out = json;
    return PLT_OK;
  }
  json_decref(json);
  return plt_fail(PLT_ERR_DATA, "%s:%d:%d: %s", path, line - 1 + error.line, error.column, error.text);
}

plt_status_t events_read(const char *path, json_t **events) {
  char *text = NULL;
  PLT_TRY(plt_file_read(path, FILE_BYTES_MAX, &text, NULL));
  plt_status_t status = PLT_OK;
  json_t *all = json_array();
  int number = 1;
  for (char *line = text, *end; *line && status == PLT_OK; line = end, number++) {
    json_t *event;
    end = line + strcspn(line, "\n");
    size_t bytes = (size_t)(end - line);
    if (*end) end++;
    if (bytes == 0) continue;
    status = parse(line, bytes, path, number, &event);
    if (status == PLT_OK) json_array_append_new(all, event);
  }
  free(text);
  if (status == PLT_OK)
    *events = all;
  else
    json_decref(all);
  return status;
}

plt_status_t document_read(const char *path, json_t **document) {
  char *text = NULL;
  size_t bytes = 0;
  PLT_TRY(plt_file_read(path, FILE_BYTES_MAX, &text, &bytes));
  plt_status_t status = parse(text, bytes, path, 1, document);
  free(text);
  return status;
}

bool event_is(const json_t *event, const char *key, const char *text) {
  const char *value = json_string_value(json_object_get(event, key));
  return value && strcmp(value, text) == 0;
}

bool event_number(const json_t *event, const char *key, double *value) {
  const json_t *number = json_object_get(event, key);
  if (!json_is_number(number)) return false;
  *value = json_number_value(number);
  return true;
}

static bool number_of(const char *text, double *value) {
  char *end = NULL;
  double parsed = strtod(text, &end);
  if (end == text || *end) return false;
  *value = parsed;
  return true;
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
