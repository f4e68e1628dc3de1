/* completion.c - see completion.h. */
#include "launch/manual/completion.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/options/values.h"
#include "launch/job/choices.h"
#include "launch/job/config.h"
#include "launch/manual/usage.h"

/* ---- keys of --set ---- */

static void put_key(const char *what, const plt_option_t *row, FILE *out) {
  bool is_choice = row->type == PLT_OPT_CHOICE || row->type == PLT_OPT_CHOICES;
  char *choices = is_choice ? plt_option_choices(row, "|") : NULL;
  fprintf(out, "%s %s %s\n", what, row->key,
          choices != NULL             ? choices
          : row->type == PLT_OPT_BOOL ? "true|false"
                                      : "-");
  free(choices);
}

/* Models share keys: each once. */
static void put_keys(FILE *out) {
  size_t n, n_seen = 0, capacity = 0;
  const plt_option_table_t **tables = plt_config_all_tables(false, &n);
  const char **seen = NULL;
  for (size_t t = 0; t < n; t++)
    for (size_t i = 0; i < tables[t]->n_rows; i++) {
      const plt_option_t *row = &tables[t]->rows[i];
      bool is_new = true;
      for (size_t s = 0; s < n_seen && is_new; s++) is_new = strcmp(seen[s], row->key) != 0;
      if (!is_new) continue;
      put_key("key", row, out);
      PLT_MEM_GROW(seen, n_seen, capacity);
      seen[n_seen++] = row->key;
    }
  free(seen);
  free(tables);
}

/* ---- words of a synopsis ---- */

typedef struct span {
  const char *at;
  size_t length;
} span_t;

static bool is(span_t word, const char *text) {
  return word.length == strlen(text) && strncmp(word.at, text, word.length) == 0;
}

/* The next of "-o DIR [--jobs N]"; brackets, commas and blanks stand between. */
static bool next_word(const char **at, span_t *word) {
  static const char between[] = " \n[](),;";
  *at += strspn(*at, between);
  *word = (span_t){*at, strcspn(*at, between)};
  *at += word->length;
  return word->length > 0;
}

static bool has_bar(span_t word) { return memchr(word.at, '|', word.length) != NULL; }
static bool is_option(span_t word) { return word.length > 1 && word.at[0] == '-'; }
static bool is_lower(span_t word) {
  for (size_t i = 0; i < word.length; i++)
    if (strchr("abcdefghijklmnopqrstuvwxyz0123456789-|", word.at[i]) == NULL) return false;
  return true;
}

/* What a placeholder stands for. */
static const char *kind_of(span_t placeholder) {
  static const struct {
    const char *word, *kind;
  } kinds[] = {{"KEY=VALUE", "set"}, {"RUN", "run"},        {"RUN...", "run"}, {"CONFIG.yaml", "config"},
               {"DIR", "dir"},       {"OUT", "dir"},        {"FILE", "file"},  {"SCRIPT.yaml", "file"},
               {"PICTURE", "file"},  {"FILE.html", "file"}, {"FOLDER", "dir"}, {"IDS", "file"},
               {"FILE,...", "file"}, {"NAME=FILE", "file"}};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (is(placeholder, kinds[i].word)) return kinds[i].kind;
  return "value";
}

/* ---- words of a command ---- */

typedef struct words {
  char *at[16];
  const char *kinds[16]; /* of what follows each */
  size_t n;
  const char *kind; /* of what follows a command without words */
} words_t;

static void add_choices(words_t *words, span_t choices, const char *kind) {
  for (const char *at = choices.at, *end = at + choices.length; at < end;) {
    size_t length = strcspn(at, "| \n");
    bool is_new = words->n < sizeof words->at / sizeof *words->at;
    for (size_t i = 0; i < words->n; i++) is_new = is_new && !is((span_t){at, length}, words->at[i]);
    if (is_new) words->kinds[words->n] = kind;
    if (is_new) words->at[words->n++] = plt_mem_print("%.*s", (int)length, at);
    at += length + 1;
  }
}

/* Behind "plateau NAME " of a line: what is said or given first; false: an option, or another line. */
static bool first_word(const char **at, const char *command, span_t *word) {
  return next_word(at, word) && is(*word, "plateau") && next_word(at, word) && is(*word, command) &&
         next_word(at, word) && !is_option(*word);
}

/* "plateau launch slurm|mpirun CONFIG.yaml": words that are to be said, and what follows. */
static void read_synopsis(words_t *words, const char *text, const char *command) {
  for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
    line += *line == '\n';
    const char *at = line;
    span_t word, next;
    if (!first_word(&at, command, &word)) continue;
    if (is_lower(word))
      add_choices(words, word, next_word(&at, &next) && !is_option(next) ? kind_of(next) : "none");
    else if (words->kind == NULL)
      words->kind = kind_of(word);
  }
}

/* ---- options ---- */

typedef struct found {
  char *name, *owner; /* "--jobs"; a word of the command, or "" */
  char *kind;
} found_t;

typedef struct options {
  found_t *at;
  size_t n, capacity;
} options_t;

/* One more; a literal value of an option that is there (--kind sphere, --kind planted) is another choice. */
static void add(options_t *options, span_t name, const char *owner, span_t placeholder) {
  const bool literal = placeholder.length > 0 && is_lower(placeholder);
  found_t *same = NULL;
  for (size_t i = 0; i < options->n && same == NULL; i++)
    if (is(name, options->at[i].name) && strcmp(options->at[i].owner, owner) == 0) same = &options->at[i];
  if (same != NULL && literal && strstr(same->kind, "|") == NULL) {
    char *kind = plt_mem_print("%s|%.*s", same->kind, (int)placeholder.length, placeholder.at);
    free(same->kind);
    same->kind = kind;
  }
  if (same != NULL) return;
  PLT_MEM_GROW(options->at, options->n, options->capacity);
  options->at[options->n++] = (found_t){.name = plt_mem_print("%.*s", (int)name.length, name.at),
                                        .owner = plt_mem_strdup(owner),
                                        .kind = literal ? plt_mem_print("%.*s", (int)placeholder.length, placeholder.at)
                                                : placeholder.length == 0 ? plt_mem_strdup("flag")
                                                                          : plt_mem_strdup(kind_of(placeholder))};
}

/* "-k, --topk N", "--valid, --test X": a name without a placeholder has that of the next, unless none has one behind
 * it. `choices`: what the text says behind "One of ", or NULL. */
static void add_term(options_t *options, const char *term, const char *owner, span_t choices) {
  span_t names[8], word, none = {NULL, 0};
  size_t n = 0;
  for (const char *at = term; next_word(&at, &word);) {
    if (is_option(word) && n < sizeof names / sizeof *names) {
      names[n++] = word;
      continue;
    }
    for (size_t i = 0; i < n; i++) add(options, names[i], owner, choices.length > 0 ? choices : word);
    n = 0;
  }
  for (size_t i = 0; i < n; i++) add(options, names[i], owner, none);
}

static span_t choices_in(const char *text) {
  static const char before[] = "One of ";
  const char *at = text == NULL ? NULL : strstr(text, before);
  if (at == NULL) return (span_t){NULL, 0};
  at += strlen(before);
  span_t word = {at, strcspn(at, ". ")};
  return has_bar(word) ? word : (span_t){NULL, 0};
}

/* "[--format table|markdown]" in a synopsis says more than "--format FORMAT" below it. In a line "plateau data import"
 * and below it options are of import. */
static void add_synopsis(options_t *options, const words_t *words, const char *text) {
  span_t word, before = {NULL, 0};
  const char *owner = "";
  for (const char *at = text; next_word(&at, &word); before = word) {
    for (size_t i = 0; i < words->n; i++)
      if (is(word, words->at[i]) && !is_option(before)) owner = words->at[i];
    if (before.length > 0 && is_option(before) && !is_option(word) && has_bar(word) && word.length > 1 &&
        is_lower(word))
      add(options, before, owner, word);
  }
}

/* ---- a command ---- */

/* The word of the command that a paragraph speaks of: "check prints figures ..."; NULL: none. */
static const char *owner_of(const words_t *words, const char *text) {
  for (size_t i = 0; i < words->n; i++)
    if (strncmp(text, words->at[i], strlen(words->at[i])) == 0 && text[strlen(words->at[i])] == ' ')
      return words->at[i];
  return NULL;
}

static void read_parts(const plt_usage_t *usage, const words_t *words, options_t *options) {
  const char *owner = "";
  for (size_t i = 0; i < usage->n; i++) {
    const plt_usage_part_t *part = &usage->part[i];
    if (part->kind == PLT_USAGE_SYNOPSIS) add_synopsis(options, words, part->text);
    if (part->kind == PLT_USAGE_TEXT && part->begins && owner_of(words, part->text) != NULL)
      owner = owner_of(words, part->text);
    if (part->kind == PLT_USAGE_ENTRY && part->term[0] == '-')
      add_term(options, part->term, owner, choices_in(part->text));
  }
}

static void read_flags(const plt_option_table_t *flags, options_t *options) {
  for (size_t i = 0; flags != NULL && i < flags->n_rows; i++) {
    const plt_option_t *row = &flags->rows[i];
    char *name = plt_mem_print("--%s", row->key);
    char *choices = row->type == PLT_OPT_CHOICE ? plt_option_choices(row, "|") : NULL;
    const char *word = choices != NULL ? choices : row->type == PLT_OPT_BOOL ? "" : "VALUE";
    add(options, (span_t){name, strlen(name)}, "", (span_t){word, strlen(word)});
    free(choices);
    free(name);
  }
}

static void put_command(const plt_command_t *command, FILE *out) {
  plt_usage_t usage = plt_usage_of(command);
  words_t words = {.n = 0};
  options_t options = {0};
  for (size_t i = 0; i < usage.n; i++)
    if (usage.part[i].kind == PLT_USAGE_SYNOPSIS) read_synopsis(&words, usage.part[i].text, command->name);
  read_parts(&usage, &words, &options);
  read_flags(command->flags, &options);
  fprintf(out, "command %s %s %s\n", command->name, words.kind == NULL ? "none" : words.kind, command->summary);
  for (size_t i = 0; i < words.n; i++) fprintf(out, "word %s %s %s\n", command->name, words.at[i], words.kinds[i]);
  for (size_t i = 0; i < options.n; i++)
    fprintf(out, "option %s%s%s %s %s\n", command->name, options.at[i].owner[0] == '\0' ? "" : "/", options.at[i].owner,
            options.at[i].name, options.at[i].kind);
  fprintf(out, "option %s --help flag\n", command->name);
  char *what = plt_mem_print("key/%s", command->name);
  for (size_t i = 0; command->options != NULL && i < command->options->n_rows; i++)
    put_key(what, &command->options->rows[i], out);
  free(what);
  for (size_t i = 0; i < words.n; i++) free(words.at[i]);
  for (size_t i = 0; i < options.n; i++) {
    free(options.at[i].name);
    free(options.at[i].owner);
    free(options.at[i].kind);
  }
  free(options.at);
  plt_usage_clear(&usage);
}

void plt_completion_print(const plt_command_t *commands, size_t n, FILE *out) {
  for (size_t i = 0; i < n; i++)
    if (commands[i].summary != NULL) put_command(&commands[i], out);
  put_keys(out);
  fputs("topic options\ntopic metrics\ntopic exit-codes\ntopic man\n", out);
  for (size_t c = 0; c < plt_n_choices; c++) {
    plt_choice_t choice;
    fprintf(out, "topic %s\n", plt_choices[c].plural);
    for (size_t i = 0; plt_choices[c].at(i, &choice); i++) fprintf(out, "topic %s\n", choice.name);
  }
}
