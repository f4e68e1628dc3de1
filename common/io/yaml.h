/* yaml.h - a YAML document as a flat list of (path, scalar or list, place), with libyaml.
 *
 *   train:                     path "train.schedule", items {"0.5","1.0"}, is_list, line 2, column 13
 *     schedule: [0.5, 1.0]
 *   graph: {image: 0.1}        path "graph.image", items {"0.1"}
 *   stages:
 *     - {name: a}              path "stages.0.name", items {"a"}
 *
 * Scalars stay text: what a text means is the business of the option it is given to.
 * A key without a value (`key:`, `key: null`, `key: ~`) and an empty mapping give an entry with n_items 0 that is
 * no list; `key: []` gives one that is. Dotted keys may be written out ("train.epochs: 3" at the top).
 *
 * Ownership  the caller clears what was parsed; it needs nothing of the text any more.
 * Threads    any; nothing is shared.
 * Errors     PLT_ERR_USAGE with "file:line:column: cause": syntax, a key given twice, lists of lists, lists that mix
 *            scalars and mappings, anchors, aliases and tags, nesting deeper than 32, more than one document, keys that
 *            are not text. An empty document gives no entries. PLT_ERR_BUG when libyaml cannot start. */
#ifndef PLT_COMMON_IO_YAML_H
#define PLT_COMMON_IO_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "common/status.h"

typedef struct plt_yaml_entry {
  char *path;
  char **items;
  size_t n_items;
  bool is_list;
  bool is_quoted;      /* a quoted scalar: text even where it looks like a number */
  size_t line, column; /* from 1 */
} plt_yaml_entry_t;

typedef struct plt_yaml {
  plt_yaml_entry_t *entries;
  size_t n_entries, capacity;
} plt_yaml_t;

/* Parses `text`; `name` is what errors call it. The caller clears the result. */
plt_status_t plt_yaml_parse(const char *text, size_t bytes, const char *name, plt_yaml_t *yaml);
/* Parses `text` as the value of `path` ("[1, 2]", "0.5", "{a: 1}", ""): what a command line gives. */
plt_status_t plt_yaml_parse_value(const char *text, size_t bytes, const char *name, const char *path, plt_yaml_t *yaml);
void plt_yaml_entry_clear(plt_yaml_entry_t *entry);
void plt_yaml_clear(plt_yaml_t *yaml);
/* NULL if there is none. */
const plt_yaml_entry_t *plt_yaml_find(const plt_yaml_t *yaml, const char *path);

/* "libyaml 0.2.5", for --version. */
void plt_yaml_library(char *out, size_t bytes);

#endif
