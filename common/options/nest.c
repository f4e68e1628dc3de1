/* nest.c - see nest.h.
 *
 * A nested configuration has copies of the outer one's entries, under shorter paths. Those of its own section have a
 * higher rank than those that it inherits, so they win key by key; what was of use to somebody is marked at all levels
 * at once (plt_config_mark_used). */
#include "common/options/nest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "common/options/config.h"

/* The part of an entry's path below `key`, NULL if it is not there, or not the section's own. */
static const char *rest_of(const plt_config_entry_t *entry, const char *key) {
  return entry->is_inherited ? NULL : plt_option_below(key, entry->yaml.path);
}

/* Adds what stands at the key itself, where something should stand below it. */
static bool report_scalar(const plt_config_entry_t *entry, const char *rest, const char *what, plt_faults_t *faults) {
  if (rest[0] != '\0') return false;
  if (!plt_option_is_null(&entry->yaml))
    plt_faults_add(faults, "%s: %s: expected %s", entry->origin, entry->shown, what);
  return true;
}

plt_status_t plt_config_items(const plt_config_t *config, const char *key, size_t *n) {
  plt_faults_t faults;
  plt_faults_begin(&faults);
  *n = 0;
  for (bool more = true; more; *n += more) {
    char *item = plt_mem_print("%s.%zu", key, *n);
    more = plt_config_has(config, item);
    free(item);
  }
  for (size_t i = 0; i < config->n_entries; i++) {
    const plt_config_entry_t *entry = &config->entries[i];
    const char *rest = rest_of(entry, key);
    if (rest == NULL || report_scalar(entry, rest, plt_option_type_text(PLT_OPT_LIST), &faults)) continue;
    char *end;
    unsigned long long number = strtoull(rest, &end, 10);
    if (rest[0] >= '0' && rest[0] <= '9' && (*end == '.' || *end == '\0') && number < *n) continue;
    plt_faults_add(&faults, "%s: %s: the list has %zu entries, the next one is %s.%zu", entry->origin, entry->shown, *n,
                   key, *n);
  }
  return plt_faults_end(&faults);
}

static bool is_among(char *const *names, size_t n, const char *name, size_t length) {
  for (size_t i = 0; i < n; i++)
    if (strncmp(names[i], name, length) == 0 && names[i][length] == '\0') return true;
  return false;
}

plt_status_t plt_config_names(const plt_config_t *config, const char *key, char ***names, size_t *n) {
  plt_faults_t faults;
  size_t capacity = 0;
  plt_faults_begin(&faults);
  *names = NULL;
  *n = 0;
  for (size_t i = 0; i < config->n_entries; i++) {
    const plt_config_entry_t *entry = &config->entries[i];
    const char *rest = plt_option_below(key, entry->yaml.path), *dot = rest == NULL ? NULL : strrchr(rest, '.');
    if (rest == NULL || report_scalar(entry, rest, plt_option_type_text(PLT_OPT_MAP), &faults)) continue;
    if (dot == NULL) {
      if (!plt_option_is_null(&entry->yaml))
        plt_faults_add(&faults, "%s: %s: expected a mapping", entry->origin, entry->shown);
      continue;
    }
    size_t length = (size_t)(dot - rest);
    if (is_among(*names, *n, rest, length)) continue;
    PLT_MEM_GROW(*names, *n, capacity);
    (*names)[*n] = plt_mem_zalloc(length + 1, 1);
    memcpy((*names)[(*n)++], rest, length);
  }
  plt_status_t status = plt_faults_end(&faults);
  if (status == PLT_OK) return PLT_OK;
  plt_names_free(names, *n);
  *n = 0;
  return status;
}

/* ---- nesting ---- */

/* Entry `from` of the outer configuration under another path. */
static plt_config_entry_t *add_copy(plt_config_t *nested, size_t from, char *path) {
  const plt_config_entry_t *entry = &nested->outer->entries[from];
  PLT_MEM_GROW(nested->entries, nested->n_entries, nested->entries_capacity);
  plt_config_entry_t *copy = &nested->entries[nested->n_entries++];
  *copy = *entry;
  copy->yaml.path = path;
  copy->yaml.items = plt_mem_zalloc(entry->yaml.n_items, sizeof *copy->yaml.items);
  for (size_t i = 0; i < entry->yaml.n_items; i++) copy->yaml.items[i] = plt_mem_strdup(entry->yaml.items[i]);
  copy->shown = plt_mem_strdup(entry->shown);
  copy->origin = plt_mem_strdup(entry->origin);
  copy->is_inherited = copy->is_nested = copy->is_used = false;
  copy->from = from;
  return copy;
}

static void add_inherited(plt_config_t *nested, size_t from) {
  add_copy(nested, from, plt_mem_strdup(nested->outer->entries[from].yaml.path))->is_inherited = true;
}

static void add_own(plt_config_t *nested, size_t from, const char *rest, const char *under) {
  char *path = under[0] == '\0' ? plt_mem_strdup(rest) : plt_mem_print("%s.%s", under, rest);
  plt_config_entry_t *copy = add_copy(nested, from, path);
  copy->rank += nested->outer->rank + 1;
  if (copy->rank > nested->rank) nested->rank = copy->rank;
  plt_config_mark_used(nested->outer, from);
  nested->outer->entries[from].is_nested = true;
}

plt_config_t *plt_config_nest(plt_config_t *config, const char *section, const char *under, bool inherits) {
  plt_config_t *nested = plt_config_create();
  nested->outer = config;
  nested->section = plt_mem_strdup(section);
  nested->under = plt_mem_strdup(under);
  nested->was_set = true;
  nested->file_dir = config->file_dir == NULL ? NULL : plt_mem_strdup(config->file_dir);
  free(nested->work_dir);
  nested->work_dir = plt_mem_strdup(config->work_dir);
  config->was_set = true;
  nested->rank = config->rank;
  for (size_t i = 0; i < config->n_entries; i++) {
    const plt_config_entry_t *entry = &config->entries[i];
    const char *rest = plt_option_below(section, entry->yaml.path);
    if (entry->is_nested) continue;
    if (rest != NULL && rest[0] != '\0')
      add_own(nested, i, rest, under);
    else if (inherits)
      add_inherited(nested, i);
  }
  PLT_MEM_GROW(config->nested, config->n_nested, config->nested_capacity);
  config->nested[config->n_nested++] = nested;
  return nested;
}

plt_status_t plt_config_refuse(plt_config_t *config, const char *key, const char *why) {
  plt_faults_t faults;
  plt_faults_begin(&faults);
  for (size_t i = 0; i < config->n_entries; i++) {
    plt_config_entry_t *entry = &config->entries[i];
    if (rest_of(entry, key) == NULL) continue;
    entry->is_used = true; /* it is told of here */
    plt_faults_add(&faults, "%s: %s: %s", entry->origin, entry->shown, why);
  }
  return plt_faults_end(&faults);
}

bool plt_config_has(const plt_config_t *config, const char *key) {
  for (size_t i = 0; i < config->n_entries; i++)
    if (rest_of(&config->entries[i], key) != NULL) return true;
  return false;
}

plt_config_t *plt_config_nested(const plt_config_t *config, const char *section) {
  for (size_t i = 0; i < config->n_nested; i++)
    if (strcmp(config->nested[i]->section, section) == 0) return config->nested[i];
  return NULL;
}
