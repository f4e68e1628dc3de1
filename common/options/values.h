/* values.h - one value of an option: checked against its row, written back as YAML. Private to options.c.
 *
 * Ownership  a value owns its arrays; a zeroed one is empty.
 * Threads    any; nothing is shared.
 * Errors     a fault is a sentence to put behind "place: key: ", to be freed; NULL means none. */
#ifndef PLT_COMMON_OPTIONS_VALUES_H
#define PLT_COMMON_OPTIONS_VALUES_H

#include <stdio.h>

#include "common/io/yaml.h"
#include "common/options/options.h"

/* A scalar has n 1. BOOL, INT, INTS fill ints; REAL, REALS reals; TEXT, PATH, CHOICE, TEXTS texts; WEIGHTS both
 * texts (names) and reals, CHOICES texts (names, "*" for a choice alone) and ints (which one). */
typedef struct plt_option_value {
  size_t n;
  int64_t *ints;
  double *reals;
  char **texts;
} plt_option_value_t;

/* Adds what the entry gives. A relative PATH is taken from `base`, an absolute directory. On a fault the value is
 * not usable, but still to be cleared. */
char *plt_option_value_add(const plt_option_t *row, const plt_yaml_entry_t *entry, const char *base,
                           plt_option_value_t *value);
/* One name of a row of names. */
char *plt_option_value_add_named(const plt_option_t *row, const char *name, const plt_yaml_entry_t *entry,
                                 plt_option_value_t *value);
void plt_option_value_clear(plt_option_value_t *value);

/* The choices of a CHOICE or CHOICES row with `between` between them; free it. */
char *plt_option_choices(const plt_option_t *row, const char *between);
bool plt_option_type_is_list(plt_option_type_t type);   /* of items without names */
bool plt_option_type_is_named(plt_option_type_t type);  /* WEIGHTS, CHOICES: of names that the user chooses */
bool plt_option_type_is_nested(plt_option_type_t type); /* its values are configurations: nest.h */
/* "a whole number", "a list of numbers" */
const char *plt_option_type_text(plt_option_type_t type);
/* "[0, 1]", "(0, inf)" into out (at least 64 bytes); false when the row has no range. */
bool plt_option_range(const plt_option_t *row, char out[64]);
/* A text as YAML that reads back to it. */
void plt_option_text_write(FILE *out, const char *text);
/* As YAML that reads back to the same value; free it. */
char *plt_option_value_write(const plt_option_t *row, const plt_option_value_t *value);

#endif
