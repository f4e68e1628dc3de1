/* runtime.c - see runtime.h. */
#include "launch/cluster/runtime.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/io/json.h"
#include "common/mem.h"

const char *const plt_task_names[PLT_TASKS] = {"train", "conclude", "evaluate", "export", "recommend"};

static const char *or_empty(const char *text) { return text == NULL ? "" : text; }

static void put_list(plt_json_t *json, const char *key, char **texts, size_t n) {
  plt_json_t *list = plt_json_add_list(json, key);
  for (size_t i = 0; i < n; i++) plt_json_text(list, NULL, texts[i]);
}

char *plt_runtime_encode(const plt_runtime_t *r) {
  plt_json_t *json = plt_json_create();
  char job[32], staleness[32];
  snprintf(job, sizeof job, "%" PRIu64, r->job); /* as text: JSON numbers are doubles to many readers */
  snprintf(staleness, sizeof staleness, "%" PRIu64, r->staleness);
  plt_json_text(json, "task", plt_task_names[r->task]);
  plt_json_text(json, "run_dir", or_empty(r->run_dir));
  plt_json_int(json, "keeps", r->keeps);
  plt_json_int(json, "quiet", r->quiet);
  plt_json_text(json, "job", job);
  plt_json_int(json, "generation", r->generation);
  plt_json_int(json, "servers", r->servers);
  plt_json_int(json, "workers", r->workers);
  plt_json_int(json, "alone", r->alone);
  plt_json_text(json, "staleness", staleness);
  plt_json_text(json, "restore", or_empty(r->restore));
  plt_json_text(json, "proxy", or_empty(r->proxy));
  plt_json_text(json, "secret", or_empty(r->secret));
  plt_json_text(json, "output", or_empty(r->output));
  plt_json_int(json, "vectors", r->vectors);
  plt_json_int(json, "topk", r->topk);
  plt_json_text(json, "split", or_empty(r->split));
  plt_json_int(json, "end_epoch", r->end_epoch);
  plt_json_int(json, "end_gradients", (int64_t)r->end_gradients);
  plt_json_real(json, "end_seconds", r->end_seconds);
  plt_json_int(json, "is_server", r->is_server);
  plt_json_int(json, "number", r->number);
  plt_json_text(json, "endpoint0", or_empty(r->endpoints[0]));
  plt_json_text(json, "endpoint1", or_empty(r->endpoints[1]));
  put_list(json, "sets", r->sets, r->n_sets);
  put_list(json, "addresses", r->addresses, r->n_addresses);
  char *text = plt_json_print(json);
  plt_json_destroy(&json);
  return text;
}

double plt_runtime_number(const plt_yaml_t *yaml, const char *key, double fallback) {
  const plt_yaml_entry_t *entry = plt_yaml_find(yaml, key);
  return entry == NULL || entry->n_items != 1 ? fallback : strtod(entry->items[0], NULL);
}

const char *plt_runtime_text(const plt_yaml_t *yaml, const char *key) {
  const plt_yaml_entry_t *entry = plt_yaml_find(yaml, key);
  return entry == NULL || entry->n_items != 1 ? "" : entry->items[0];
}

static char **take_list(const plt_yaml_t *yaml, const char *key, size_t *n) {
  const plt_yaml_entry_t *entry = plt_yaml_find(yaml, key);
  *n = entry == NULL ? 0 : entry->n_items;
  char **texts = plt_mem_zalloc(*n, sizeof *texts);
  for (size_t i = 0; i < *n; i++) texts[i] = plt_mem_strdup(entry->items[i]);
  return texts;
}

plt_status_t plt_runtime_decode(const char *text, plt_runtime_t *r) {
  plt_yaml_t yaml = {0};
  *r = (plt_runtime_t){0};
  PLT_TRY(plt_yaml_parse(text, strlen(text), "runtime", &yaml));
  for (plt_task_t task = 0; task < PLT_TASKS; task++)
    if (strcmp(plt_runtime_text(&yaml, "task"), plt_task_names[task]) == 0) r->task = task;
#define NUMBER(field, type) r->field = (type)plt_runtime_number(&yaml, #field, 0)
#define TEXT(field) r->field = plt_mem_strdup(plt_runtime_text(&yaml, #field))
  TEXT(run_dir);
  NUMBER(keeps, bool);
  NUMBER(quiet, bool);
  r->job = strtoull(plt_runtime_text(&yaml, "job"), NULL, 10);
  NUMBER(generation, uint32_t);
  NUMBER(servers, uint32_t);
  NUMBER(workers, uint32_t);
  NUMBER(alone, bool);
  r->staleness = strtoull(plt_runtime_text(&yaml, "staleness"), NULL, 10);
  TEXT(restore);
  TEXT(proxy);
  TEXT(secret);
  TEXT(output);
  NUMBER(vectors, bool);
  NUMBER(topk, uint32_t);
  TEXT(split);
  NUMBER(end_epoch, uint32_t);
  NUMBER(end_gradients, uint64_t);
  NUMBER(end_seconds, double);
  NUMBER(is_server, bool);
  NUMBER(number, uint32_t);
#undef NUMBER
#undef TEXT
  r->endpoints[0] = plt_mem_strdup(plt_runtime_text(&yaml, "endpoint0"));
  r->endpoints[1] = plt_mem_strdup(plt_runtime_text(&yaml, "endpoint1"));
  r->addresses = take_list(&yaml, "addresses", &r->n_addresses);
  r->sets = take_list(&yaml, "sets", &r->n_sets);
  plt_yaml_clear(&yaml);
  return PLT_OK;
}

void plt_runtime_clear(plt_runtime_t *r) {
  if (r->secret != NULL) explicit_bzero(r->secret, strlen(r->secret));
  char *const texts[] = {r->run_dir, r->restore, r->proxy,        r->secret,
                         r->output,  r->split,   r->endpoints[0], r->endpoints[1]};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) free(texts[i]);
  plt_names_free(&r->addresses, r->n_addresses);
  plt_names_free(&r->sets, r->n_sets);
  *r = (plt_runtime_t){0};
}

plt_status_t plt_runtime_secure(const plt_runtime_t *r, plt_wire_t *wire) {
  plt_secret_t *secret;
  PLT_TRY(plt_secret_from_text(or_empty(r->secret), &secret));
  plt_wire_secure(wire, secret);
  plt_secret_destroy(&secret);
  return PLT_OK;
}
