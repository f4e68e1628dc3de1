/* json.c - see json.h. */
#include "common/io/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/utf8.h"

void plt_json_clear(plt_json_t *json) {
  free(json->text);
  *json = (plt_json_t){0};
}

static void put_bytes(plt_json_t *json, const char *bytes, size_t n) {
  if (json->length + n + 1 > json->capacity) {
    size_t twice = json->capacity * 2;
    json->capacity = twice > json->length + n + 1 ? twice : json->length + n + 128;
    json->text = plt_mem_resize(json->text, json->capacity, 1);
  }
  memcpy(json->text + json->length, bytes, n);
  json->length += n;
  json->text[json->length] = '\0';
}

static void put(plt_json_t *json, const char *text) { put_bytes(json, text, strlen(text)); }

static void put_escaped(plt_json_t *json, unsigned char c) {
  char text[8];
  if (c == '"' || c == '\\') {
    snprintf(text, sizeof text, "\\%c", c);
  } else {
    snprintf(text, sizeof text, "\\u%04x", c);
  }
  put(json, text);
}

/* JSON must be UTF-8, file names need not be: stray bytes become U+FFFD. */
static void put_quoted(plt_json_t *json, const char *text) {
  put(json, "\"");
  while (*text != '\0') {
    uint32_t code = 0;
    size_t n = plt_utf8_decode(text, &code);
    if (n == 0) {
      put(json, "\\ufffd");
    } else if (code < 0x20 || code == 0x7F || code == '"' || code == '\\') {
      put_escaped(json, (unsigned char)code);
    } else {
      put_bytes(json, text, n);
    }
    text += n == 0 ? 1 : n;
  }
  put(json, "\"");
}

static void begin_value(plt_json_t *json, const char *key) {
  if (json->needs_comma) put(json, ", ");
  json->needs_comma = true;
  if (key == NULL) return;
  put_quoted(json, key);
  put(json, ": ");
}

void plt_json_open(plt_json_t *json, const char *key, char bracket) {
  begin_value(json, key);
  put_bytes(json, &bracket, 1);
  json->needs_comma = false;
}

void plt_json_close(plt_json_t *json, char bracket) {
  put_bytes(json, &bracket, 1);
  json->needs_comma = true;
}

void plt_json_text(plt_json_t *json, const char *key, const char *value) {
  begin_value(json, key);
  if (value == NULL) {
    put(json, "null");
  } else {
    put_quoted(json, value);
  }
}

void plt_json_int(plt_json_t *json, const char *key, int64_t value) {
  char text[32];
  snprintf(text, sizeof text, "%lld", (long long)value);
  begin_value(json, key);
  put(json, text);
}

void plt_json_real(plt_json_t *json, const char *key, double value) {
  char text[32] = "null";
  if (isfinite(value)) snprintf(text, sizeof text, "%.17g", value);
  begin_value(json, key);
  put(json, text);
}

void plt_json_bool(plt_json_t *json, const char *key, bool value) {
  begin_value(json, key);
  put(json, value ? "true" : "false");
}
