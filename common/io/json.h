/* json.h - JSON documents as trees, over jansson: metrics.jsonl, manifests, the answers of --json.
 *
 *   json = create ─▶ text, int, real, bool, add_object, add_list ─▶ print: {"event": "step", "loss": 0.5}
 *   parse ─▶ get_*, item
 *
 * Members stay in the order in which they were put. Doubles are written with 17 digits (they read back to the same
 * bits), non-finite ones as null. Texts are UTF-8; bytes that are not become U+FFFD.
 * Ownership  whoever made or parsed a document destroys it; objects and lists within belong to it.
 * Threads    a document has one owner at a time; documents have nothing in common.
 * Errors     parse, read: PLT_ERR_DATA with "name:line:column: cause"; read: those of plt_file_read(). */
#ifndef PLT_COMMON_IO_JSON_H
#define PLT_COMMON_IO_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/status.h"

typedef struct json_t plt_json_t; /* jansson's */

/* An empty object. */
plt_json_t *plt_json_create(void);
void plt_json_destroy(plt_json_t **json);
/* As one line without its end; free it. */
char *plt_json_print(const plt_json_t *json);
/* Writes it as one line and destroys it. Whoever closes or flushes the file learns of failures. */
void plt_json_write(plt_json_t **json, FILE *file);

/* Puts a member into an object, or, key NULL, an item behind the others of a list. */
void plt_json_text(plt_json_t *to, const char *key, const char *value); /* value NULL: null */
void plt_json_int(plt_json_t *to, const char *key, int64_t value);
void plt_json_real(plt_json_t *to, const char *key, double value);
void plt_json_bool(plt_json_t *to, const char *key, bool value);
plt_json_t *plt_json_add_object(plt_json_t *to, const char *key);
plt_json_t *plt_json_add_list(plt_json_t *to, const char *key);
/* A list of n reals. */
void plt_json_reals(plt_json_t *to, const char *key, const double *values, size_t n);

/* An object; `name` is what errors call it. */
plt_status_t plt_json_parse(const char *text, size_t bytes, const char *name, plt_json_t **out);
/* The same of a file of at most bytes_max bytes. */
plt_status_t plt_json_read(const char *path, size_t bytes_max, plt_json_t **out);
/* What stands under `key`, NULL if nothing does. */
const plt_json_t *plt_json_find(const plt_json_t *object, const char *key);
/* A list's length and its items; 0 and NULL where there is none. */
size_t plt_json_length(const plt_json_t *list);
const plt_json_t *plt_json_item(const plt_json_t *list, size_t index);
/* The value of `json`, which may be NULL: NULL or false when it is of another kind, or not within 0 ... limit. */
const char *plt_json_get_text(const plt_json_t *json);
bool plt_json_get_uint(const plt_json_t *json, uint64_t limit, uint64_t *out);
bool plt_json_get_real(const plt_json_t *json, double *out);

/* "jansson 2.14", for --version. */
void plt_json_library(char *out, size_t bytes);

#endif
