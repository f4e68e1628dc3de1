/* config.h - the insides of plt_config_t. Private to options.c, finish.c and dump.c. */
#ifndef PLT_COMMON_OPTIONS_CONFIG_H
#define PLT_COMMON_OPTIONS_CONFIG_H

#include "common/options/faults.h"
#include "common/options/values.h"

/* What the user wrote, as text. */
typedef struct plt_config_entry {
  plt_yaml_entry_t yaml;
  char *origin;
  const char *base; /* where its paths start; the configuration's */
} plt_config_entry_t;

/* A row of an applied table with its value. */
typedef struct plt_config_setting {
  const plt_option_t *row;
  plt_option_value_t value;
  bool is_given, is_set;
  char *origin;
} plt_config_setting_t;

struct plt_config {
  plt_config_entry_t *entries;
  size_t n_entries, entries_capacity;
  plt_config_setting_t *settings;
  size_t n_settings, settings_capacity;
  char *file_dir; /* NULL before read */
  char *work_dir;
  bool was_set;
};

/* The part of `path` below `key` ("graph", "graph.image": "image"); "" for the key itself, NULL if neither. */
const char *plt_option_below(const char *key, const char *path);
/* `key:` or `key: null`: as if it were not there. */
bool plt_option_is_null(const plt_yaml_entry_t *entry);
/* NULL when no applied table has the key. */
plt_config_setting_t *plt_config_find(const plt_config_t *config, const char *key);

#endif
