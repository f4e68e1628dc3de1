/* values.c - see values.h.
 *
 * A text is taken whole or not at all ("4x" is no number), and a number is written as the shortest text that reads back
 * to the same value. */
#include "common/options/values.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "common/options/nearest.h"
#include "common/real.h"
#include "common/utf8.h"

bool plt_option_type_is_list(plt_option_type_t type) {
  return type == PLT_OPT_INTS || type == PLT_OPT_REALS || type == PLT_OPT_TEXTS;
}

bool plt_option_type_is_named(plt_option_type_t type) { return type == PLT_OPT_WEIGHTS || type == PLT_OPT_CHOICES; }

bool plt_option_type_is_nested(plt_option_type_t type) { return type == PLT_OPT_LIST || type == PLT_OPT_MAP; }

static plt_option_type_t item_type(plt_option_type_t type) {
  switch (type) {
    case PLT_OPT_INTS: return PLT_OPT_INT;
    case PLT_OPT_REALS:
    case PLT_OPT_WEIGHTS: return PLT_OPT_REAL;
    case PLT_OPT_TEXTS: return PLT_OPT_TEXT;
    default: return type;
  }
}

const char *plt_option_type_text(plt_option_type_t type) {
  static const char *const texts[] = {
      [PLT_OPT_BOOL] = "true or false",
      [PLT_OPT_INT] = "a whole number",
      [PLT_OPT_REAL] = "a number",
      [PLT_OPT_TEXT] = "a text",
      [PLT_OPT_PATH] = "a path",
      [PLT_OPT_CHOICE] = "a choice",
      [PLT_OPT_INTS] = "a list of whole numbers",
      [PLT_OPT_REALS] = "a list of numbers",
      [PLT_OPT_TEXTS] = "a list of texts",
      [PLT_OPT_WEIGHTS] = "a mapping of names to numbers",
      [PLT_OPT_CHOICES] = "a choice, or a mapping of names to choices",
      [PLT_OPT_LIST] = "a list of mappings",
      [PLT_OPT_MAP] = "a mapping of names to mappings",
  };
  return texts[type];
}

/* ---- ranges ---- */

static void write_bound(double bound, char out[32]) {
  if (fabs(bound) >= 0x1p63) { /* tables may write INFINITY, DBL_MAX or INT64_MAX for "no bound" */
    snprintf(out, 32, "%s", bound < 0 ? "-inf" : "inf");
  } else if (fabs(bound) < 1e15 && floor(bound) == bound) {
    snprintf(out, 32, "%.0f", bound); /* 100000, not 1e+05 */
  } else {
    plt_real_text(bound, out);
  }
}

bool plt_option_range(const plt_option_t *row, char out[64]) {
  if (row->min == row->max) return false;
  char min[32], max[32];
  write_bound(row->min, min);
  write_bound(row->max, max);
  bool open_below = row->above_min || strcmp(min, "-inf") == 0;
  snprintf(out, 64, "%c%s, %s%c", open_below ? '(' : '[', min, max, strcmp(max, "inf") == 0 ? ')' : ']');
  return true;
}

static char *check_range(const plt_option_t *row, const char *text, double number) {
  char range[64];
  if (!plt_option_range(row, range)) return NULL;
  if (number >= row->min && number <= row->max && !(row->above_min && number == row->min)) return NULL;
  return plt_mem_print("%s must be in %s", text, range);
}

/* ---- reading one item ---- */

static char *parse_bool(const char *text, int64_t *out) {
  static const char *const words[] = {"false", "False", "FALSE", "true", "True", "TRUE"};
  for (size_t i = 0; i < 6; i++) {
    if (strcmp(text, words[i]) != 0) continue;
    *out = i >= 3;
    return NULL;
  }
  return plt_mem_print("\"%s\" is not true or false", text);
}

/* Decimal only: "010" is ten, "0x10" and "1e3" are faults. */
static char *parse_int(const plt_option_t *row, const char *text, int64_t *out) {
  size_t sign = text[0] == '-' || text[0] == '+', digits = strspn(text + sign, "0123456789");
  if (digits == 0 || text[sign + digits] != '\0') return plt_mem_print("\"%s\" is not a whole number", text);
  errno = 0;
  long long number = strtoll(text, NULL, 10);
  if (errno == ERANGE) return plt_mem_print("%s does not fit into 64 bits", text);
  *out = number;
  return check_range(row, text, (double)number);
}

/* The alphabet keeps out what strtod knows besides: "nan", "inf", "0x1p3", blanks. */
static char *parse_real(const plt_option_t *row, const char *text, double *out) {
  char *end = NULL;
  double number = strtod(text, &end);
  if (text[0] == '\0' || *end != '\0' || text[strspn(text, "+-.0123456789eE")] != '\0')
    return plt_mem_print("\"%s\" is not a number", text);
  if (!isfinite(number)) return plt_mem_print("%s is too large", text);
  *out = number;
  return check_range(row, text, number);
}

char *plt_option_choices(const plt_option_t *row, const char *between) {
  char *text = NULL;
  size_t bytes;
  FILE *out = open_memstream(&text, &bytes);
  if (row->choices != NULL) {
    for (const char *c = row->choices; *c != '\0'; c++) *c == '|' ? fputs(between, out) : fputc(*c, out);
  } else {
    for (size_t i = 0; row->choice_at(i) != NULL; i++) fprintf(out, "%s%s", i == 0 ? "" : between, row->choice_at(i));
  }
  fclose(out);
  return text;
}

/* Cuts "a|b|c" into words, in place; free the array. */
static const char **split_choices(char *choices, size_t *n) {
  const char **words = NULL;
  size_t capacity = 0;
  *n = 0;
  for (char *word = choices; word != NULL; (*n)++) {
    PLT_MEM_GROW(words, *n, capacity);
    words[*n] = word;
    word = strchr(word, '|');
    if (word != NULL) *word++ = '\0';
  }
  return words;
}

static char *choice_fault(const char *text, const char *const *words, size_t n) {
  char *fault = NULL;
  size_t bytes;
  FILE *out = open_memstream(&fault, &bytes);
  const char *near = plt_nearest(text, words, n);
  fprintf(out, "\"%s\" is not one of ", text);
  for (size_t i = 0; i < n; i++) fprintf(out, "%s%s", i == 0 ? "" : ", ", words[i]);
  if (near != NULL) fprintf(out, "; did you mean %s?", near);
  fclose(out);
  return fault;
}

/* *out: which one. */
static char *parse_choice(const plt_option_t *row, const char *text, int64_t *out) {
  size_t n, i = 0;
  char *choices = plt_option_choices(row, "|");
  const char **words = split_choices(choices, &n);
  char *fault = NULL;
  while (i < n && strcmp(words[i], text) != 0) i++;
  if (i == n) fault = choice_fault(text, words, n);
  *out = (int64_t)i;
  free(words);
  free(choices);
  return fault;
}

/* Walks leading "." and ".." of `text` in `dir`, which has no symbolic links in it, so that a path from the file and
 * one from the command line come out as the same text. Returns the rest. */
static const char *walk_up(const char *text, char *dir) {
  for (;;) {
    size_t n = strcspn(text, "/");
    bool up = n == 2 && text[0] == '.' && text[1] == '.', here = n == 1 && text[0] == '.';
    if (!up && !here) return text;
    char *slash = strrchr(dir, '/');
    if (up && slash != NULL) slash[slash == dir] = '\0';
    text += n;
    text += strspn(text, "/");
  }
}

static char *parse_path(const char *text, const char *base, char **out) {
  char full[PLT_PATH_MAX];
  if (text[0] == '\0') return plt_mem_strdup("a path cannot be empty");
  char *dir = plt_mem_strdup(base);
  const char *rest = walk_up(text, dir);
  plt_status_t status = rest[0] == '\0' ? plt_path_join("", dir, full) : plt_path_join(dir, rest, full);
  free(dir);
  if (status != PLT_OK) return plt_mem_strdup("the path is too long");
  *out = plt_mem_strdup(full);
  return NULL;
}

static void make_room(plt_option_value_t *value) {
  size_t n = value->n + 1;
  value->ints = plt_mem_resize(value->ints, n, sizeof *value->ints);
  value->reals = plt_mem_resize(value->reals, n, sizeof *value->reals);
  value->texts = plt_mem_resize(value->texts, n, sizeof *value->texts);
  value->ints[value->n] = 0;
  value->reals[value->n] = 0;
  value->texts[value->n] = NULL;
  value->n = n;
}

static char *add_item(const plt_option_t *row, const char *text, const char *base, plt_option_value_t *value) {
  make_room(value);
  size_t i = value->n - 1;
  switch (item_type(row->type)) {
    case PLT_OPT_BOOL: return parse_bool(text, &value->ints[i]);
    case PLT_OPT_INT: return parse_int(row, text, &value->ints[i]);
    case PLT_OPT_REAL: return parse_real(row, text, &value->reals[i]);
    case PLT_OPT_CHOICES: return parse_choice(row, text, &value->ints[i]);
    case PLT_OPT_PATH: return parse_path(text, base, &value->texts[i]);
    case PLT_OPT_CHOICE: value->texts[i] = plt_mem_strdup(text); return parse_choice(row, text, &value->ints[i]);
    default: value->texts[i] = plt_mem_strdup(text); return NULL;
  }
}

static char *add_named(const plt_option_t *row, const char *name, const char *text, plt_option_value_t *value) {
  char *fault = add_item(row, text, "/", value);
  value->texts[value->n - 1] = plt_mem_strdup(name);
  return fault;
}

static bool takes_quoted(plt_option_type_t type) {
  return type == PLT_OPT_TEXT || type == PLT_OPT_PATH || type == PLT_OPT_CHOICE || type == PLT_OPT_CHOICES;
}

static char *check_shape(const plt_option_t *row, const plt_yaml_entry_t *entry, bool may_be_list) {
  if (entry->is_list && !may_be_list)
    return plt_mem_print("expected %s, not a list", plt_option_type_text(item_type(row->type)));
  if (entry->is_quoted && !takes_quoted(item_type(row->type)))
    return plt_mem_print("expected %s, not a quoted text", plt_option_type_text(item_type(row->type)));
  return NULL;
}

static bool is_list_of_numbers(plt_option_type_t type) { return type == PLT_OPT_INTS || type == PLT_OPT_REALS; }

/* "1,3" where a list of numbers is wanted: as people write them on a command line. */
static char *add_numbers(const plt_option_t *row, const char *text, plt_option_value_t *value) {
  char *words = plt_mem_strdup(text), *fault = NULL;
  for (char *at = words; at != NULL && fault == NULL;) {
    char *word = at;
    at = strchr(at, ',');
    if (at != NULL) *at++ = '\0';
    fault = add_item(row, word, "/", value);
  }
  free(words);
  return fault;
}

char *plt_option_value_add(const plt_option_t *row, const plt_yaml_entry_t *entry, const char *base,
                           plt_option_value_t *value) {
  if (row->type == PLT_OPT_WEIGHTS) return plt_mem_print("expected %s: {name: 0.5}", plt_option_type_text(row->type));
  if (plt_option_type_is_nested(row->type)) return plt_mem_print("expected %s", plt_option_type_text(row->type));
  char *fault = check_shape(row, entry, plt_option_type_is_list(row->type));
  if (fault == NULL && row->type == PLT_OPT_CHOICES) return plt_option_value_add_named(row, "*", entry, value);
  if (fault == NULL && is_list_of_numbers(row->type) && !entry->is_list && entry->n_items == 1)
    return add_numbers(row, entry->items[0], value);
  for (size_t i = 0; i < entry->n_items && fault == NULL; i++) fault = add_item(row, entry->items[i], base, value);
  return fault;
}

char *plt_option_value_add_named(const plt_option_t *row, const char *name, const plt_yaml_entry_t *entry,
                                 plt_option_value_t *value) {
  char *fault = check_shape(row, entry, false);
  if (fault == NULL && entry->n_items != 1)
    fault = plt_mem_strdup(row->type == PLT_OPT_WEIGHTS ? "expected a number" : "expected a choice");
  return fault != NULL ? fault : add_named(row, name, entry->items[0], value);
}

void plt_option_value_clear(plt_option_value_t *value) {
  for (size_t i = 0; i < value->n; i++) free(value->texts[i]);
  free(value->texts);
  free(value->ints);
  free(value->reals);
  *value = (plt_option_value_t){0};
}

/* ---- writing ---- */

/* Narrow on purpose: also YAML 1.1 readers must not take a text for a number, a bool or null. */
static bool is_plain(const char *text) {
  static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_/";
  if (text[0] == '\0' || strchr(letters, text[0]) == NULL) return false;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (strcasecmp(text, words[i]) == 0) return false;
  }
  size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_/0123456789.+-");
  return text[length] == '\0';
}

/* What YAML does not take as it is inside quotes: controls, its extra line breaks, the byte order mark. */
static bool needs_escape(uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029 || code == 0xFEFF ||
         (code & 0xFFFE) == 0xFFFE;
}

void plt_option_text_write(FILE *out, const char *text) {
  if (is_plain(text)) {
    fputs(text, out);
    return;
  }
  fputc('"', out);
  while (*text != '\0') {
    uint32_t code = 0xFFFD;
    size_t n = plt_utf8_decode(text, &code);
    if (code == '"' || code == '\\') {
      fprintf(out, "\\%c", (char)code);
    } else if (n == 0 || needs_escape(code)) {
      fprintf(out, "\\U%08X", (unsigned)code);
    } else {
      fwrite(text, 1, n, out);
    }
    text += n == 0 ? 1 : n;
  }
  fputc('"', out);
}

/* "1.0e-05" for "1e-05": YAML 1.1 readers take the latter for a text. */
static void write_yaml_real(FILE *out, double value) {
  char text[PLT_REAL_TEXT];
  plt_real_text(value, text);
  size_t whole = strcspn(text, ".e");
  if (text[whole] == 'e') {
    fprintf(out, "%.*s.0%s", (int)whole, text, text + whole);
  } else {
    fputs(text, out);
  }
}

static void write_choice(FILE *out, const plt_option_t *row, int64_t which) {
  const char *at = row->choices;
  for (; which > 0; which--) at = strchr(at, '|') + 1;
  char *word = plt_mem_print("%.*s", (int)strcspn(at, "|"), at);
  plt_option_text_write(out, word);
  free(word);
}

static void write_item(FILE *out, const plt_option_t *row, const plt_option_value_t *value, size_t i) {
  switch (item_type(row->type)) {
    case PLT_OPT_CHOICES: write_choice(out, row, value->ints[i]); break;
    case PLT_OPT_BOOL: fputs(value->ints[i] ? "true" : "false", out); break;
    case PLT_OPT_INT: fprintf(out, "%lld", (long long)value->ints[i]); break;
    case PLT_OPT_REAL: write_yaml_real(out, value->reals[i]); break;
    default: plt_option_text_write(out, value->texts[i]);
  }
}

char *plt_option_value_write(const plt_option_t *row, const plt_option_value_t *value) {
  char *text = NULL;
  size_t bytes;
  FILE *out = open_memstream(&text, &bytes);
  bool is_list = plt_option_type_is_list(row->type), is_named = plt_option_type_is_named(row->type);
  if (row->type == PLT_OPT_CHOICES && value->n == 1 && strcmp(value->texts[0], "*") == 0) is_named = false;
  if (is_list || is_named) fputc(is_list ? '[' : '{', out);
  for (size_t i = 0; i < value->n; i++) {
    if (i > 0) fputs(", ", out);
    if (is_named) {
      plt_option_text_write(out, value->texts[i]);
      fputs(": ", out);
    }
    write_item(out, row, value, i);
  }
  if (is_list || is_named) fputc(is_list ? ']' : '}', out);
  fclose(out);
  return text;
}
