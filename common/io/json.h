/* json.h - writes one JSON object at a time into a growing string: what metrics.jsonl, manifests and
 * --json outputs need. Doubles are written with 17 digits (they read back to the same bits); non-finite ones
 * as null. JSON is read with yaml.h (YAML 1.2 flow style covers what we write).
 *
 * A zeroed plt_json_t is empty. Texts are written as UTF-8; bytes that are not become U+FFFD. */
#ifndef PLT_COMMON_IO_JSON_H
#define PLT_COMMON_IO_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct plt_json {
  char *text; /* NUL-terminated; free with plt_json_clear */
  size_t length, capacity;
  bool needs_comma;
} plt_json_t;

void plt_json_clear(plt_json_t *json);
/* key NULL inside arrays and at the top. */
void plt_json_open(plt_json_t *json, const char *key, char bracket);      /* '{' or '[' */
void plt_json_close(plt_json_t *json, char bracket);                      /* '}' or ']' */
void plt_json_text(plt_json_t *json, const char *key, const char *value); /* value NULL: null */
void plt_json_int(plt_json_t *json, const char *key, int64_t value);
void plt_json_real(plt_json_t *json, const char *key, double value);
void plt_json_bool(plt_json_t *json, const char *key, bool value);

#endif
