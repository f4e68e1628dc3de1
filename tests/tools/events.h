/* events.h - reads metrics.jsonl and expectation files for the comparing tools.
 *
 * JSON is read as YAML flow style (yaml.h). One document a line in metrics.jsonl, one per expectation file.
 * Ownership  events_clear frees what events_read made.
 * Errors     plt_status_t with its text recorded. */
#ifndef PLT_TESTS_TOOLS_EVENTS_H
#define PLT_TESTS_TOOLS_EVENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/io/yaml.h"

typedef struct events {
  plt_yaml_t *lines;
  size_t n;
} events_t;

plt_status_t events_read(const char *path, events_t *events);
void events_clear(events_t *events);
/* One document: a whole file. */
plt_status_t document_read(const char *path, plt_yaml_t *yaml);

/* The scalar at `path` equals `text`. */
bool event_is(const plt_yaml_t *event, const char *path, const char *text);
/* The number at `path`; false if there is none. */
bool event_number(const plt_yaml_t *event, const char *path, double *value);
/* A whole text as a number. */
bool number_of(const char *text, double *value);

/* Parses [--tolerance X] among the arguments; the two others are stored in `paths`. Exits 64 with `usage`. */
double compare_arguments(int argc, char **argv, const char *usage, const char *paths[2]);
/* Prints "tool: text" for a recorded failure; returns 1. */
int compare_failed(const char *tool);

#endif
