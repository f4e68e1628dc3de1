/* finish.c - entries that no applied table has. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/options/config.h"
#include "common/options/nearest.h"

static bool row_takes(const plt_option_t *row, const char *path) {
  const char *name = plt_option_below(row->key, path);
  return name != NULL &&
         (name[0] == '\0' || plt_option_type_is_named(row->type) || plt_option_type_is_nested(row->type));
}

/* All rows in sight: those applied, then those of the known tables. */
typedef struct row_list {
  const plt_option_t **rows;
  const char **titles; /* NULL: applied */
  size_t n;
} row_list_t;

static row_list_t list_rows(const plt_config_t *config, const plt_option_table_t *const *known, size_t n_known) {
  size_t n = config->n_settings;
  for (size_t t = 0; t < n_known; t++) n += known[t]->n_rows;
  row_list_t list = {.rows = plt_mem_zalloc(n + 1, sizeof *list.rows),
                     .titles = plt_mem_zalloc(n + 1, sizeof *list.titles)};
  for (size_t i = 0; i < config->n_settings; i++) list.rows[list.n++] = config->settings[i].row;
  for (size_t t = 0; t < n_known; t++) {
    for (size_t i = 0; i < known[t]->n_rows; i++) {
      list.titles[list.n] = known[t]->title;
      list.rows[list.n++] = &known[t]->rows[i];
    }
  }
  return list;
}

static const char *last_word(const char *path) {
  const char *dot = strrchr(path, '.');
  return dot == NULL ? path : dot + 1;
}

/* Whether "a|b|c" has the word. */
static bool has_word(const char *words, const char *word) {
  const size_t length = strlen(word);
  for (const char *at = words; at != NULL; at = strchr(at, '|')) {
    at += *at == '|';
    if (strcspn(at, "|") == length && strncmp(at, word, length) == 0) return true;
  }
  return false;
}

/* The nearest key, else one that has the same last word in another section, else one that others call so. */
static const char *suggest(const row_list_t *list, const char *path) {
  const char **keys = plt_mem_alloc((list->n + 1) * sizeof *keys);
  for (size_t i = 0; i < list->n; i++) keys[i] = list->rows[i]->key;
  const char *found = plt_nearest(path, keys, list->n), *word = last_word(path);
  for (size_t i = 0; i < list->n && found == NULL; i++)
    if (strcmp(last_word(keys[i]), word) == 0) found = keys[i];
  for (size_t i = 0; i < list->n && found == NULL; i++)
    if (has_word(list->rows[i]->aka, word)) found = keys[i];
  free(keys);
  return found;
}

/* An option of what is not in use: of which models, say; i is the first of them. */
static void report_ignored(const row_list_t *list, const plt_config_entry_t *entry, size_t i, plt_faults_t *ignored) {
  enum { SHOWN = 3 };
  char *owners = plt_mem_strdup(list->titles[i]);
  size_t n = 1, more = 0;
  for (size_t j = i + 1; j < list->n; j++) {
    if (!row_takes(list->rows[j], entry->yaml.path) || list->titles[j] == NULL) continue;
    if (n++ >= SHOWN) {
      more++;
      continue;
    }
    owners = plt_mem_append(owners, ", ", list->titles[j]);
  }
  char rest[32] = "";
  if (more > 0) snprintf(rest, sizeof rest, " and %zu more", more);
  plt_faults_add(ignored, "%s: %s: ignored, it belongs to %s%s, %s not in use", entry->origin, entry->shown, owners,
                 rest, n == 1 ? "which is" : "which are");
  free(owners);
}

static void report_unknown(const row_list_t *list, const plt_config_entry_t *entry, plt_faults_t *faults) {
  const char *path = entry->yaml.path;
  for (size_t i = 0; i < list->n; i++) {
    if (plt_option_below(list->rows[i]->key, path) != NULL) {
      plt_faults_add(faults, "%s: %s: expected %s, not a mapping", entry->origin, list->rows[i]->key,
                     plt_option_type_text(list->rows[i]->type));
      return;
    }
    if (plt_option_below(path, list->rows[i]->key) != NULL) {
      if (!plt_option_is_null(&entry->yaml))
        plt_faults_add(faults, "%s: " PLT_IS_SECTION, entry->origin, entry->shown, list->rows[i]->key);
      return;
    }
  }
  const char *near = suggest(list, path);
  plt_faults_add(faults, "%s: %s: unknown option%s%s%s", entry->origin, entry->shown,
                 near == NULL ? "" : ", did you mean ", near == NULL ? "" : near, near == NULL ? "" : "?");
}

plt_status_t plt_config_finish(plt_config_t *config, const plt_option_table_t *const *known, size_t n_known,
                               char **warnings) {
  plt_faults_t faults, ignored;
  plt_faults_begin(&faults);
  plt_faults_begin(&ignored);
  row_list_t list = list_rows(config, known, n_known);
  for (size_t e = 0; e < config->n_entries; e++) {
    const plt_config_entry_t *entry = &config->entries[e];
    if (entry->is_inherited || entry->is_nested || entry->is_used) continue; /* told of elsewhere, or used there */
    size_t i = 0;
    while (i < list.n && !row_takes(list.rows[i], entry->yaml.path)) i++;
    if (i == list.n) {
      report_unknown(&list, entry, &faults);
    } else if (list.titles[i] != NULL) {
      report_ignored(&list, entry, i, &ignored);
    }
  }
  free(list.rows);
  free(list.titles);
  char *text = plt_faults_take(&ignored);
  plt_status_t status = plt_faults_end(&faults);
  if (status == PLT_OK) {
    *warnings = text;
  } else {
    free(text);
  }
  return status;
}
