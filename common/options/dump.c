/* dump.c - the effective configuration as YAML, and what differs between two. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/options/config.h"

/* Whether a given setting before `end` lies in the section `prefix` (its first `length` bytes; "model.graph."). */
static bool section_is_open(const plt_config_t *config, size_t end, const char *prefix, size_t length) {
  for (size_t i = 0; i < end; i++) {
    const plt_config_setting_t *setting = &config->settings[i];
    if (setting->is_given && strncmp(setting->row->key, prefix, length) == 0) return true;
  }
  return false;
}

/* The given settings whose keys begin with the first `length` bytes of `prefix`, in the order of the tables; a
 * section is written whole where its first key stands. */
static void dump_section(FILE *out, const plt_config_t *config, const char *prefix, size_t length, int depth) {
  for (size_t i = 0; i < config->n_settings; i++) {
    const plt_config_setting_t *setting = &config->settings[i];
    const char *key = setting->row->key;
    if (!setting->is_given || strncmp(key, prefix, length) != 0) continue;
    size_t word = strcspn(key + length, ".");
    if (key[length + word] == '\0') {
      char *value = plt_option_value_write(setting->row, &setting->value);
      fprintf(out, "%*s%s: %s\n", 2 * depth, "", key + length, value);
      free(value);
    } else if (!section_is_open(config, i, key, length + word + 1)) {
      fprintf(out, "%*s%.*s:\n", 2 * depth, "", (int)word, key + length);
      dump_section(out, config, key, length + word + 1, depth + 1);
    }
  }
}

char *plt_config_dump(const plt_config_t *config) {
  char *text = NULL;
  size_t bytes;
  FILE *out = open_memstream(&text, &bytes);
  dump_section(out, config, "", 0, 0);
  fclose(out);
  return text;
}

static char *text_of(const plt_config_t *config, const char *key) {
  const plt_config_setting_t *setting = plt_config_find(config, key);
  if (setting == NULL || !setting->is_given) return plt_mem_strdup("not set");
  return plt_option_value_write(setting->row, &setting->value);
}

static void compare(const plt_config_t *now, const plt_config_t *was, const char *key, plt_faults_t *lines) {
  char *new_text = text_of(now, key), *old_text = text_of(was, key);
  if (strcmp(new_text, old_text) != 0) plt_faults_add(lines, "%s: %s, was %s", key, new_text, old_text);
  free(new_text);
  free(old_text);
}

char *plt_config_differences(const plt_config_t *now, const plt_config_t *was) {
  plt_faults_t lines;
  plt_faults_begin(&lines);
  for (size_t i = 0; i < now->n_settings; i++) {
    const plt_option_t *row = now->settings[i].row;
    if (!row->resumable) compare(now, was, row->key, &lines);
  }
  for (size_t i = 0; i < was->n_settings; i++) {
    const plt_option_t *row = was->settings[i].row;
    if (!row->resumable && plt_config_find(now, row->key) == NULL) compare(now, was, row->key, &lines);
  }
  return plt_faults_take(&lines);
}
