/* config.h - the insides of plt_config_t. Private to options.c, option_finish.c and option_dump.c. */
#ifndef PLT_COMMON_OPTIONS_CONFIG_H
#define PLT_COMMON_OPTIONS_CONFIG_H

#include <stdio.h>

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

/* Faults are collected while a call looks at everything, then reported together. */
typedef struct plt_faults {
  FILE *out;
  char *text;
  size_t bytes;
} plt_faults_t;

void plt_faults_begin(plt_faults_t *faults);
void plt_faults_add(plt_faults_t *faults, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The lines so far, to be freed; NULL if none. */
char *plt_faults_take(plt_faults_t *faults);
/* PLT_OK, or PLT_ERR_USAGE with all lines. */
plt_status_t plt_faults_end(plt_faults_t *faults);

/* The part of `path` below `key` ("graph", "graph.image": "image"); "" for the key itself, NULL if neither. */
const char *plt_option_below(const char *key, const char *path);
/* `key:` or `key: null`: as if it were not there. */
bool plt_option_is_null(const plt_yaml_entry_t *entry);
/* NULL when no applied table has the key. */
plt_config_setting_t *plt_config_find(const plt_config_t *config, const char *key);

#endif
