/* config.h - the insides of plt_config_t. Private to this folder.
 *
 * Threads    as of options.h. */
#ifndef PLT_COMMON_OPTIONS_CONFIG_H
#define PLT_COMMON_OPTIONS_CONFIG_H

#include "common/options/faults.h"
#include "common/options/values.h"

/* What the user wrote, as text. */
typedef struct plt_config_entry {
  plt_yaml_entry_t yaml;
  char *shown; /* the path as the user wrote it: that of a nested configuration is shorter */
  char *origin;
  const char *base; /* where its paths start; the outermost configuration's */
  bool is_nested;   /* it is an entry of a nested configuration's section, and told of there */
  bool is_used;     /* a nested configuration inherited it, and had a row for it */
  /* Of a nested configuration. */
  bool is_inherited; /* from outside its section */
  size_t from;       /* its place in the outer configuration */
  unsigned rank;     /* of entries that give a row a value those of the highest rank count */
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
  plt_config_t *outer; /* NULL: this is the outermost */
  char *section;       /* of a nested one: where it stands in the outer one */
  char *under;         /* what its keys begin with instead, "" for nothing */
  unsigned rank;       /* the highest of an entry */
  plt_config_t **nested;
  size_t n_nested, nested_capacity;
};

/* The part of `path` below `key` ("graph", "graph.image": "image"); "" for the key itself, NULL if neither. */
const char *plt_option_below(const char *key, const char *path);
/* Of an entry with a value, and of a row below it. */
#define PLT_IS_SECTION "%s: is a section (%s, ...), not an option"
/* `key:` or `key: null`: as if it were not there. */
bool plt_option_is_null(const plt_yaml_entry_t *entry);
/* Entry i is there for something: so are those outside that it comes from. */
void plt_config_mark_used(plt_config_t *config, size_t i);
/* NULL when no applied table has the key. */
plt_config_setting_t *plt_config_find(const plt_config_t *config, const char *key);

#endif
