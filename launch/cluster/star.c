/* star.c - see star.h. */
#include "launch/cluster/star.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/json.h"

static void put_number64(plt_json_t *json, const char *key, uint64_t value) {
  char text[32];
  snprintf(text, sizeof text, "%" PRIu64, value);
  plt_json_text(json, key, text);
}

static uint64_t number64(const plt_yaml_t *yaml, const char *key) {
  return strtoull(plt_runtime_text(yaml, key), NULL, 10);
}

char *plt_report_encode(const plt_report_t *r) {
  plt_json_t *json = plt_json_create();
  put_number64(json, "job", r->job);
  plt_json_int(json, "rank", r->rank);
  plt_json_int(json, "serves", r->serves);
  plt_json_int(json, "generation", r->generation);
  plt_json_int(json, "state", r->state);
  plt_json_int(json, "status", r->end.status);
  plt_json_int(json, "signal", r->end.signal);
  plt_json_text(json, "text", r->end.text);
  plt_json_int(json, "wants_interrupt", r->wants_interrupt);
  char *text = plt_json_print(json);
  plt_json_destroy(&json);
  return text;
}

plt_status_t plt_report_decode(const char *text, size_t bytes, plt_report_t *r) {
  plt_yaml_t yaml = {0};
  if (plt_yaml_parse(text, bytes, "report", &yaml) != PLT_OK) return PLT_ERR_PROTOCOL;
  *r = (plt_report_t){.rank = (int)plt_runtime_number(&yaml, "rank", -1),
                      .serves = plt_runtime_number(&yaml, "serves", 0) != 0,
                      .job = number64(&yaml, "job"),
                      .generation = (uint32_t)plt_runtime_number(&yaml, "generation", 0),
                      .state = (plt_child_state_t)plt_runtime_number(&yaml, "state", 0),
                      .end = {.status = (plt_status_t)plt_runtime_number(&yaml, "status", 0),
                              .signal = (int)plt_runtime_number(&yaml, "signal", 0)},
                      .wants_interrupt = plt_runtime_number(&yaml, "wants_interrupt", 0) != 0};
  snprintf(r->end.text, sizeof r->end.text, "%s", plt_runtime_text(&yaml, "text"));
  plt_yaml_clear(&yaml);
  return PLT_OK;
}

char *plt_order_encode(const plt_order_t *o) {
  plt_json_t *json = plt_json_create();
  put_number64(json, "job", o->job);
  plt_json_int(json, "generation", o->generation);
  plt_json_int(json, "want", o->want);
  plt_json_int(json, "interrupt", o->interrupt);
  plt_json_int(json, "task", o->task);
  plt_json_text(json, "restore", o->restore);
  plt_json_int(json, "end_epoch", o->end_epoch);
  put_number64(json, "end_gradients", o->end_gradients);
  plt_json_real(json, "end_seconds", o->end_seconds);
  char *text = plt_json_print(json);
  plt_json_destroy(&json);
  return text;
}

plt_status_t plt_order_decode(const char *text, size_t bytes, plt_order_t *o) {
  plt_yaml_t yaml = {0};
  if (plt_yaml_parse(text, bytes, "order", &yaml) != PLT_OK) return PLT_ERR_PROTOCOL;
  *o = (plt_order_t){.job = number64(&yaml, "job"),
                     .generation = (uint32_t)plt_runtime_number(&yaml, "generation", 0),
                     .want = (plt_want_t)plt_runtime_number(&yaml, "want", 0),
                     .interrupt = plt_runtime_number(&yaml, "interrupt", 0) != 0,
                     .task = (plt_task_t)plt_runtime_number(&yaml, "task", 0),
                     .end_epoch = (uint32_t)plt_runtime_number(&yaml, "end_epoch", 0),
                     .end_gradients = number64(&yaml, "end_gradients"),
                     .end_seconds = plt_runtime_number(&yaml, "end_seconds", 0)};
  snprintf(o->restore, sizeof o->restore, "%s", plt_runtime_text(&yaml, "restore"));
  plt_yaml_clear(&yaml);
  return PLT_OK;
}

void plt_star_fill(plt_wire_t *wire, const char *text, plt_parcel_t *parcel) {
  size_t bytes = strlen(text);
  char *buffer = plt_pool_take(plt_wire_pool(wire), bytes);
  memcpy(buffer, text, bytes);
  plt_parcel_clear(parcel);
  plt_parcel_add_pooled(parcel, buffer, bytes);
}
