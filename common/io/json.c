/* json.c - see json.h.
 *
 * jansson's trees are handed on as they are. It refuses texts that are not UTF-8, so they are cleaned before it sees
 * them; of what can fail while a tree is made only memory is left, and that ends the process. */
#include "common/io/json.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "common/utf8.h"

/* jansson has no other reason to fail at building a tree than memory. */
static void must(bool done) {
  if (!done) plt_mem_exhausted("a JSON document");
}

plt_json_t *plt_json_create(void) {
  plt_json_t *json = json_object();
  must(json != NULL);
  return json;
}

void plt_json_destroy(plt_json_t **json) {
  json_decref(*json);
  *json = NULL;
}

char *plt_json_print(const plt_json_t *json) {
  char *text = json_dumps(json, JSON_REAL_PRECISION(17));
  must(text != NULL);
  return text;
}

void plt_json_write(plt_json_t **json, FILE *file) {
  char *line = plt_json_print(*json);
  fprintf(file, "%s\n", line);
  free(line);
  plt_json_destroy(json);
}

/* ---- writing ---- */

/* JSON must be UTF-8, file names need not be. Free the result. */
static char *to_utf8(const char *text) {
  static const char stray[] = "\xEF\xBF\xBD";
  char *clean = plt_mem_alloc(strlen(text) * (sizeof stray - 1) + 1), *end = clean;
  while (*text != '\0') {
    uint32_t code;
    size_t n = plt_utf8_decode(text, &code);
    end = mempcpy(end, n == 0 ? stray : text, n == 0 ? sizeof stray - 1 : n);
    text += n == 0 ? 1 : n;
  }
  *end = '\0';
  return clean;
}

/* Takes `value`. */
static void put(plt_json_t *to, const char *key, json_t *value) {
  must(value != NULL);
  if (key == NULL) {
    must(json_array_append_new(to, value) == 0);
    return;
  }
  char *clean = to_utf8(key);
  must(json_object_set_new_nocheck(to, clean, value) == 0);
  free(clean);
}

void plt_json_text(plt_json_t *to, const char *key, const char *value) {
  if (value == NULL) {
    put(to, key, json_null());
    return;
  }
  char *clean = to_utf8(value);
  put(to, key, json_string_nocheck(clean));
  free(clean);
}

void plt_json_int(plt_json_t *to, const char *key, int64_t value) { put(to, key, json_integer(value)); }

void plt_json_real(plt_json_t *to, const char *key, double value) {
  put(to, key, isfinite(value) ? json_real(value) : json_null());
}

void plt_json_bool(plt_json_t *to, const char *key, bool value) { put(to, key, json_boolean(value)); }

plt_json_t *plt_json_add_object(plt_json_t *to, const char *key) {
  plt_json_t *object = json_object();
  put(to, key, object);
  return object;
}

plt_json_t *plt_json_add_list(plt_json_t *to, const char *key) {
  plt_json_t *list = json_array();
  put(to, key, list);
  return list;
}

void plt_json_reals(plt_json_t *to, const char *key, const double *values, size_t n) {
  plt_json_t *list = plt_json_add_list(to, key);
  for (size_t i = 0; i < n; i++) plt_json_real(list, NULL, values[i]);
}

/* ---- reading ---- */

plt_status_t plt_json_parse(const char *text, size_t bytes, const char *name, plt_json_t **out) {
  json_error_t error;
  json_t *json = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
  if (json == NULL) return plt_fail(PLT_ERR_DATA, "%s:%d:%d: %s", name, error.line, error.column, error.text);
  if (!json_is_object(json)) {
    json_decref(json);
    return plt_fail(PLT_ERR_DATA, "%s:1:1: expected an object, {\"key\": value, ...}", name);
  }
  *out = json;
  return PLT_OK;
}

plt_status_t plt_json_read(const char *path, size_t bytes_max, plt_json_t **out) {
  char *text;
  size_t bytes;
  PLT_TRY(plt_file_read(path, bytes_max, &text, &bytes));
  plt_status_t status = plt_json_parse(text, bytes, path, out);
  free(text);
  return status;
}

const plt_json_t *plt_json_find(const plt_json_t *object, const char *key) { return json_object_get(object, key); }

size_t plt_json_length(const plt_json_t *list) { return json_array_size(list); }

const plt_json_t *plt_json_item(const plt_json_t *list, size_t index) { return json_array_get(list, index); }

const char *plt_json_get_text(const plt_json_t *json) { return json_string_value(json); }

bool plt_json_get_uint(const plt_json_t *json, uint64_t limit, uint64_t *out) {
  if (!json_is_integer(json)) return false;
  json_int_t value = json_integer_value(json);
  if (value < 0 || (uint64_t)value > limit) return false;
  *out = (uint64_t)value;
  return true;
}

bool plt_json_get_real(const plt_json_t *json, double *out) {
  if (!json_is_number(json)) return false;
  *out = json_number_value(json);
  return true;
}

void plt_json_library(char *out, size_t bytes) { snprintf(out, bytes, "jansson %s", jansson_version_str()); }
