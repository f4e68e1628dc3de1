/* options.h - option tables and the configuration made from them.
 *
 * Every module has a table of rows (key, type, default, range, unit, help); model, strategy and optimizer files
 * add their own. The same rows validate a file, take --set, give defaults, "did you mean", --help, the effective
 * config.yaml and the configuration reference.
 *
 * Life       create -> read (a file), set (command line) -> apply (each table that is active) -> finish -> get.
 *            apply may be called after get of an earlier table (model.name chooses which table comes next).
 * Ownership  the configuration owns all values it returns.
 * Threads    one owner until it is finished; then any number may ask, and nobody may put.
 * Errors     PLT_ERR_USAGE; all faults of a call are reported together, one line each:
 *            "config.yaml:7:8: train.batch_size: \"4x\" is not a whole number" . */
#ifndef PLT_COMMON_OPTIONS_OPTIONS_H
#define PLT_COMMON_OPTIONS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/status.h"

typedef enum {
  PLT_OPT_BOOL, /* true | false */
  PLT_OPT_INT,  /* decimal, whole text, int64 */
  PLT_OPT_REAL, /* decimal or exponent, finite */
  PLT_OPT_TEXT,
  PLT_OPT_PATH,   /* relative to the file that holds it (--set: to the working directory); kept absolute */
  PLT_OPT_CHOICE, /* one of `choices` */
  PLT_OPT_INTS,   /* lists: [1, 2] or one scalar */
  PLT_OPT_REALS,
  PLT_OPT_TEXTS,
  PLT_OPT_WEIGHTS, /* mapping of free names to reals: {image: 0.1, text: 0.9} */
  PLT_OPT_CHOICES, /* the same to `choices`, {image: a, text: b}, or one of them for all; the name * means all others */
  PLT_OPT_LIST,    /* of mappings, configurations of their own (nest.h): [{a: 1}, {a: 2}] */
  PLT_OPT_MAP      /* of free names to such: {user: {a: 1}} */
} plt_option_type_t;

typedef struct plt_option {
  const char *key; /* "train.batch_size" */
  plt_option_type_t type;
  const char *fallback; /* default, as it would stand in YAML; NULL: none (plt_config_given is false) */
  double min, max;      /* inclusive range of numbers and of the elements of lists; min == max: no range */
  bool above_min;       /* min itself is not allowed */
  const char *choices;  /* CHOICE, CHOICES: "a|b|c" */
  /* CHOICE, instead: the i-th of what a registry has, NULL behind the last. */
  const char *(*choice_at)(size_t i);
  const char *unit; /* "s", "rows" or NULL */
  const char *help; /* one sentence */
  const char *aka;  /* "a|b": what others call it, for hints; NULL: nothing */
  bool resumable;   /* may differ on --resume (docs/run-directory.md, "The directory") */
  /* Rows that a command line gives, by the last part of the key: --topk N. */
  char letter;             /* -k, 0: none */
  const char *placeholder; /* "N"; NULL for a BOOL, which takes no value */
} plt_option_t;

typedef struct plt_option_table {
  const char *title; /* "train", "model vbpr" */
  const plt_option_t *rows;
  size_t n_rows;
} plt_option_table_t;

typedef struct plt_config plt_config_t;

plt_config_t *plt_config_create(void);
void plt_config_destroy(plt_config_t **config);

/* Adds the entries of a YAML file. PLT_ERR_USAGE also when it cannot be read; PLT_ERR_BUG for a second file, or one
 * after --set. */
plt_status_t plt_config_read(plt_config_t *config, const char *path);
/* "key=value", value as in YAML ("[5,10]", "0.1", "{a: 1}"); wins over the file: replaces all that stands at or
 * below the key. An empty value means "not given". Once set, no file may be read. */
plt_status_t plt_config_set(plt_config_t *config, const char *assignment);
/* Adds what `text` says of `key`, as YAML below it ("lr: 1\nname: adam\n"); `name` stands for it in messages. */
plt_status_t plt_config_add(plt_config_t *config, const char *key, const char *text, const char *name);
/* Takes out what was given below `section`: it is for somebody else. */
void plt_config_forget(plt_config_t *config, const char *section);
/* What was written at `key`, a single value, before any table is applied; NULL if nothing was. */
const char *plt_config_written(const plt_config_t *config, const char *key);
/* The value of a row of an applied table as a command line gives it: text that stands for itself, nothing quoted, the
 * items of a list with commas between them. A fault is told behind `origin` ("recommend: --topk"). */
plt_status_t plt_config_give(plt_config_t *config, const char *key, const char *text, const char *origin);
/* Types, ranges and defaults for the rows of a table. The table must outlive the configuration. */
plt_status_t plt_config_apply(plt_config_t *config, const plt_option_table_t *table);
/* PLT_ERR_USAGE, with the choices there are, when a row without a default has no value. */
plt_status_t plt_config_require(const plt_config_t *config, const char *key);
/* Reports entries that no applied table has: those of a `known` table (another model's, say) as a warning line
 * into *warnings (free it; NULL if none), others as errors with "did you mean". */
plt_status_t plt_config_finish(plt_config_t *config, const plt_option_table_t *const *known, size_t n_known,
                               char **warnings);

/* Values: 0, false or NULL when there is none. Asking for a key that no applied table has, or with another type, is our
 * bug: abort. */
bool plt_config_knows(const plt_config_t *config, const char *key);  /* an applied table has it */
bool plt_config_given(const plt_config_t *config, const char *key);  /* has a value, be it the default */
bool plt_config_is_set(const plt_config_t *config, const char *key); /* written by the user */
bool plt_config_bool(const plt_config_t *config, const char *key);
int64_t plt_config_int(const plt_config_t *config, const char *key);
double plt_config_real(const plt_config_t *config, const char *key);
const char *plt_config_text(const plt_config_t *config, const char *key); /* TEXT, PATH, CHOICE; NULL if none */
size_t plt_config_list_size(const plt_config_t *config, const char *key);
int64_t plt_config_list_int(const plt_config_t *config, const char *key, size_t i); /* CHOICES: which of them */
double plt_config_list_real(const plt_config_t *config, const char *key, size_t i);
const char *plt_config_list_text(const plt_config_t *config, const char *key,
                                 size_t i); /* WEIGHTS, CHOICES: the name */
/* "config.yaml:7:8", "command line" or "default": where a value comes from, for messages. */
const char *plt_config_origin(const plt_config_t *config, const char *key);

/* Replaces a value by one that the program worked out (micro_batch, run.dir); is_set and origin stay. `text` as in
 * YAML, but as it is for TEXT and PATH (nothing to quote; relative to the working directory). */
void plt_config_put(plt_config_t *config, const char *key, const char *text);
/* The effective configuration as YAML that reads back to the same values; free it. */
char *plt_config_dump(const plt_config_t *config);
/* PLT_ERR_USAGE where a text could not be kept in YAML: a path in a directory whose name is no UTF-8. */
plt_status_t plt_config_check_texts(const plt_config_t *config);
/* The values of these tables below `key`, as YAML that plt_config_add() reads; free it. */
char *plt_config_dump_tables(const plt_config_t *config, const char *key, const plt_option_table_t *const *tables,
                             size_t n);
/* Differences to another configuration in rows that are `resumable`, or in those that are not, one line each
 * ("model.name: vbpr, was bpr"); NULL if none. free it. */
char *plt_config_differences(const plt_config_t *now, const plt_config_t *was, bool resumable);

/* The rows of a table for --help and the reference: key, type, default, range, unit, help. Free it. */
char *plt_option_table_describe(const plt_option_table_t *table, bool markdown);

#endif
