/* events.h - reads metrics.jsonl and expectation files for the comparing tools, with jansson alone: what plateau writes
 * is read by code that it does not share.
 *
 * Ownership  json_decref frees what is read.
 * Errors     plt_status_t with its text recorded. */
#ifndef PLT_TESTS_TOOLS_EVENTS_H
#define PLT_TESTS_TOOLS_EVENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/status.h"

/* All lines of a file, in a list; every one is an object. */
plt_status_t events_read(const char *path, json_t **events);
/* One object: a whole file. */
plt_status_t document_read(const char *path, json_t **document);

/* The text under `key` equals `text`. */
bool event_is(const json_t *event, const char *key, const char *text);
/* The number under `key`; false if there is none. */
bool event_number(const json_t *event, const char *key, double *value);

/* Parses [--tolerance X] among the arguments; the two others are stored in `paths`. Exits 64 with `usage`. */
double compare_arguments(int argc, char **argv, const char *usage, const char *paths[2]);
/* Prints "tool: text" for a recorded failure; returns 1. */
int compare_failed(const char *tool);

#endif
