/* options.c - see options.h. Entries (what the user wrote, as text) and settings (rows of applied tables with
 * checked values) are two lists; apply makes settings from entries, finish looks for entries without a row. */
#include "common/options/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "common/options/config.h"

enum { FILE_BYTES_MAX = 1 << 20 };

plt_config_t *plt_config_create(void) {
  plt_config_t *config = plt_mem_zalloc(1, sizeof *config);
  char *here = getcwd(NULL, 0);
  config->work_dir = here == NULL ? plt_mem_strdup("/") : here;
  return config;
}

const char *plt_option_below(const char *key, const char *path) {
  size_t length = strlen(key);
  if (strncmp(key, path, length) != 0) return NULL;
  if (path[length] == '\0') return path + length;
  return path[length] == '.' && path[length + 1] != '\0' ? path + length + 1 : NULL;
}

bool plt_option_is_null(const plt_yaml_entry_t *entry) { return entry->n_items == 0 && !entry->is_list; }

static void entry_clear(plt_config_entry_t *entry) {
  plt_yaml_entry_clear(&entry->yaml);
  free(entry->shown);
  free(entry->origin);
}

static void setting_clear(plt_config_setting_t *setting) {
  plt_option_value_clear(&setting->value);
  free(setting->origin);
}

void plt_config_destroy(plt_config_t **config_at) {
  plt_config_t *config = *config_at;
  if (config == NULL) return;
  for (size_t i = 0; i < config->n_nested; i++) plt_config_destroy(&config->nested[i]);
  for (size_t i = 0; i < config->n_settings; i++) setting_clear(&config->settings[i]);
  for (size_t i = 0; i < config->n_entries; i++) entry_clear(&config->entries[i]);
  free(config->settings);
  free(config->entries);
  free(config->nested);
  free(config->section);
  free(config->under);
  free(config->file_dir);
  free(config->work_dir);
  free(config);
  *config_at = NULL;
}

/* ---- what the user wrote ---- */

/* Takes the entries out of `yaml`, whose paths start at `base`. file NULL: from the command
 * line, whichever of its options it was. */
static void take_entries(plt_config_t *config, plt_yaml_t *yaml, const char *file, const char *base) {
  for (size_t i = 0; i < yaml->n_entries; i++) {
    plt_yaml_entry_t *from = &yaml->entries[i];
    PLT_MEM_GROW(config->entries, config->n_entries, config->entries_capacity);
    plt_config_entry_t *entry = &config->entries[config->n_entries++];
    *entry = (plt_config_entry_t){.yaml = *from, .shown = plt_mem_strdup(from->path)};
    entry->base = base;
    entry->origin =
        file == NULL ? plt_mem_strdup("command line") : plt_mem_print("%s:%zu:%zu", file, from->line, from->column);
  }
  yaml->n_entries = 0;
  plt_yaml_clear(yaml);
}

static void drop_entries_below(plt_config_t *config, const char *key) {
  size_t kept = 0;
  for (size_t i = 0; i < config->n_entries; i++) {
    if (plt_option_below(key, config->entries[i].yaml.path) == NULL) {
      config->entries[kept++] = config->entries[i];
    } else {
      entry_clear(&config->entries[i]);
    }
  }
  config->n_entries = kept;
}

/* Where paths in a configuration start: the file's directory; of a pipe (a shell's <(...), /dev/stdin), which lies
 * nowhere, the current one. */
static char *base_of(const char *path) {
  struct stat info;
  bool is_file = stat(path, &info) == 0 && S_ISREG(info.st_mode) && strncmp(path, "/dev/", 5) != 0 &&
                 strncmp(path, "/proc/", 6) != 0;
  if (!is_file) path = "";
  char *copy = plt_mem_strdup(path);
  char *slash = strrchr(copy, '/');
  if (slash != NULL) slash[slash == copy] = '\0';
  char *dir = realpath(slash == NULL ? "." : copy, NULL);
  free(copy);
  return dir == NULL ? plt_mem_strdup("/") : dir;
}

plt_status_t plt_config_read(plt_config_t *config, const char *path) {
  char *text;
  size_t bytes;
  if (config->file_dir != NULL || config->was_set)
    return plt_fail(PLT_ERR_BUG, "%s: a configuration reads one file, before --set", path);
  if (plt_file_read(path, FILE_BYTES_MAX, &text, &bytes) != PLT_OK) return PLT_ERR_USAGE;
  plt_yaml_t yaml;
  plt_status_t status = plt_yaml_parse(text, bytes, path, &yaml);
  free(text);
  if (status != PLT_OK) return status;
  config->file_dir = base_of(path);
  take_entries(config, &yaml, path, config->file_dir);
  return PLT_OK;
}

plt_status_t plt_config_add(plt_config_t *config, const char *key, const char *text, const char *name) {
  plt_yaml_t yaml;
  PLT_TRY(plt_yaml_parse_value(text, strlen(text), name, key, &yaml));
  take_entries(config, &yaml, name, config->work_dir);
  return PLT_OK;
}

/* A text of several words that a shell hands on as one: YAML would take "#" for a comment, and put lines together. */
static bool is_cut(const plt_yaml_t *yaml, const char *key, const char *text) {
  const plt_yaml_entry_t *entry = yaml->entries;
  bool is_plain = strchr("\"'[{|>!&*", text[0]) == NULL;
  bool is_one = yaml->n_entries == 1 && !entry->is_list && entry->n_items <= 1 && strcmp(entry->path, key) == 0;
  return is_plain && is_one && (text[0] == '#' || strstr(text, " #") != NULL || strchr(text, '\n') != NULL);
}

/* As YAML writes it in quotes; free it. */
static char *quoted(const char *text) {
  char *out = plt_mem_alloc(2 * strlen(text) + 3), *at = out;
  *at++ = '"';
  for (; *text != '\0'; text++) {
    if (*text == '"' || *text == '\\' || *text == '\n') *at++ = '\\';
    *at++ = *text;
    if (*text == '\n') at[-1] = 'n';
  }
  *at++ = '"';
  *at = '\0';
  return out;
}

/* What stands behind the "=". */
static plt_status_t parse_value(const char *text, const char *name, const char *key, plt_yaml_t *yaml) {
  PLT_TRY(plt_yaml_parse_value(text, strlen(text), name, key, yaml));
  if (!is_cut(yaml, key, text)) return PLT_OK;
  plt_yaml_clear(yaml);
  char *whole = quoted(text);
  plt_status_t status = plt_yaml_parse_value(whole, strlen(whole), name, key, yaml);
  free(whole);
  return status;
}

plt_status_t plt_config_set(plt_config_t *config, const char *assignment) {
  const char *equals = strchr(assignment, '=');
  if (equals == NULL || equals == assignment)
    return plt_fail(PLT_ERR_USAGE, "--set: \"%s\" is not of the form key=value", assignment);
  if (equals[1] == '\0')
    return plt_fail(PLT_ERR_USAGE,
                    "command line: %.*s has no value behind \"=\"; null is the default, '\"\"' an empty text",
                    (int)(equals - assignment), assignment);
  char *key = plt_mem_strdup(assignment);
  key[equals - assignment] = '\0';
  char *name = plt_mem_print("command line: %s", key);
  plt_yaml_t yaml;
  plt_status_t status = parse_value(equals + 1, name, key, &yaml);
  if (status == PLT_OK) {
    drop_entries_below(config, key);
    take_entries(config, &yaml, NULL, config->work_dir);
    config->was_set = true;
  }
  free(name);
  free(key);
  return status;
}

void plt_config_forget(plt_config_t *config, const char *section) { drop_entries_below(config, section); }

const char *plt_config_written(const plt_config_t *config, const char *key) {
  for (size_t i = config->n_entries; i-- > 0;) {
    const plt_yaml_entry_t *entry = &config->entries[i].yaml;
    if (strcmp(entry->path, key) == 0 && entry->n_items == 1 && !entry->is_list) return entry->items[0];
  }
  return NULL;
}

/* ---- tables ---- */

plt_config_setting_t *plt_config_find(const plt_config_t *config, const char *key) {
  for (size_t i = 0; i < config->n_settings; i++) {
    if (strcmp(config->settings[i].row->key, key) == 0) return &config->settings[i];
  }
  return NULL;
}

/* A table or a caller is wrong, not the user. */
_Noreturn static void bug(const char *key, const char *what) {
  fprintf(stderr, "plateau: bug: option %s: %s\n", key, what);
  abort();
}

/* The value that our own `text` stands for: a default, or what the program worked out. */
static void parse_own(const plt_config_t *config, const plt_option_t *row, const char *text, const char *base,
                      plt_config_setting_t *setting) {
  plt_yaml_t yaml;
  char *fault = NULL;
  if (plt_yaml_parse_value(text, strlen(text), "text", row->key, &yaml) != PLT_OK) bug(row->key, plt_fail_text());
  for (size_t i = 0; i < yaml.n_entries && fault == NULL; i++) {
    const plt_yaml_entry_t *entry = &yaml.entries[i];
    const char *name = plt_option_below(row->key, entry->path);
    if (plt_option_is_null(entry) && name[0] == '\0') continue;
    fault = plt_option_type_is_named(row->type) && name[0] != '\0'
                ? plt_option_value_add_named(row, name, entry, &setting->value)
                : plt_option_value_add(row, entry, base == NULL ? config->work_dir : base, &setting->value);
    setting->is_given = true;
  }
  if (fault != NULL) bug(row->key, fault);
  plt_yaml_clear(&yaml);
}

/* What a shell would have made of it: else a run lies in a folder "~", which nobody dares to remove. */
static char *tilde_fault(const plt_option_t *row, const plt_yaml_entry_t *entry) {
  if (row->type != PLT_OPT_PATH || entry->n_items == 0 || strncmp(entry->items[0], "~/", 2) != 0) return NULL;
  return plt_mem_print("\"%s\": ~ is not your home here; write its path out (./%s is a folder of that name)",
                       entry->items[0], entry->items[0]);
}

static void add_entry(plt_config_setting_t *setting, const plt_config_entry_t *entry, const char *name,
                      plt_faults_t *faults) {
  const plt_option_t *row = setting->row;
  char *fault = tilde_fault(row, &entry->yaml);
  if (fault == NULL)
    fault = name[0] == '\0' ? plt_option_value_add(row, &entry->yaml, entry->base, &setting->value)
                            : plt_option_value_add_named(row, name, &entry->yaml, &setting->value);
  if (fault != NULL) plt_faults_add(faults, "%s: %s: %s", entry->origin, entry->shown, fault);
  if (fault != NULL) plt_option_value_clear(&setting->value);
  free(fault);
  if (setting->origin == NULL) setting->origin = plt_mem_strdup(entry->origin);
  setting->is_given = setting->is_set = true;
}

/* Whether an entry gives the row a value, or one of its names: *name. */
static bool gives(const plt_config_entry_t *entry, const plt_option_t *row, const char **name) {
  *name = plt_option_below(row->key, entry->yaml.path);
  return *name != NULL && ((*name)[0] == '\0' || plt_option_type_is_named(row->type));
}

/* The highest rank among the entries that give the row a value: the innermost section counts. */
static unsigned rank_of(const plt_config_t *config, const plt_option_t *row) {
  unsigned rank = 0;
  const char *name;
  for (size_t i = 0; i < config->n_entries; i++)
    if (gives(&config->entries[i], row, &name) && config->entries[i].rank > rank) rank = config->entries[i].rank;
  return rank;
}

void plt_config_mark_used(plt_config_t *config, size_t i) {
  config->entries[i].is_used = true;
  while (config->outer != NULL) {
    i = config->entries[i].from;
    config = config->outer;
    config->entries[i].is_used = true;
  }
}

static void apply_row(plt_config_t *config, const plt_option_t *row, plt_faults_t *faults) {
  plt_config_setting_t setting = {.row = row};
  unsigned rank = rank_of(config, row);
  for (size_t i = 0; i < config->n_entries; i++) {
    const plt_config_entry_t *entry = &config->entries[i];
    const char *name;
    if (!gives(entry, row, &name)) continue;
    plt_config_mark_used(config, i);
    if (entry->rank < rank) continue;
    if (name[0] == '\0' && plt_option_is_null(&entry->yaml)) continue;
    add_entry(&setting, entry, name, faults);
  }
  if (!setting.is_given) {
    setting.origin = plt_mem_strdup("default");
    if (row->fallback != NULL) parse_own(config, row, row->fallback, config->file_dir, &setting);
  }
  PLT_MEM_GROW(config->settings, config->n_settings, config->settings_capacity);
  config->settings[config->n_settings++] = setting;
}

plt_status_t plt_config_apply(plt_config_t *config, const plt_option_table_t *table) {
  plt_faults_t faults;
  plt_faults_begin(&faults);
  for (size_t i = 0; i < table->n_rows; i++) {
    const plt_config_setting_t *before = plt_config_find(config, table->rows[i].key);
    if (before == NULL) {
      apply_row(config, &table->rows[i], &faults);
    } else if (before->row->type != table->rows[i].type) {
      bug(table->rows[i].key, "two tables give it different types");
    }
  }
  return plt_faults_end(&faults);
}

/* The items of a list, cut at commas in `copy`. */
static char **cut_items(char *copy, size_t *n) {
  size_t capacity = 0;
  char **items = NULL;
  *n = 0;
  for (char *at = copy; at != NULL;) {
    PLT_MEM_GROW(items, *n, capacity);
    items[(*n)++] = strsep(&at, ",");
  }
  return items;
}

plt_status_t plt_config_give(plt_config_t *config, const char *key, const char *text, const char *origin) {
  plt_config_setting_t *setting = plt_config_find(config, key);
  if (setting == NULL) bug(key, "given, but no applied table has it");
  bool is_list = plt_option_type_is_list(setting->row->type);
  char *copy = plt_mem_strdup(text), *fault;
  plt_yaml_entry_t entry = {.items = &copy, .n_items = 1, .is_list = is_list};
  plt_option_value_t value = {0};
  if (is_list) entry.items = cut_items(copy, &entry.n_items);
  fault = plt_option_value_add(setting->row, &entry, config->work_dir, &value);
  if (is_list) free(entry.items);
  free(copy);
  if (fault != NULL) {
    plt_option_value_clear(&value);
    plt_fail(PLT_ERR_USAGE, "%s: %s", origin, fault);
    free(fault);
    return PLT_ERR_USAGE;
  }
  plt_option_value_clear(&setting->value);
  free(setting->origin);
  setting->value = value;
  setting->origin = plt_mem_strdup(origin);
  setting->is_given = setting->is_set = true;
  return PLT_OK;
}

/* ---- values ---- */

static const plt_config_setting_t *get(const plt_config_t *config, const char *key) {
  const plt_config_setting_t *setting = plt_config_find(config, key);
  if (setting == NULL) bug(key, "asked for, but no applied table has it");
  return setting;
}

static const plt_config_setting_t *get_typed(const plt_config_t *config, const char *key, plt_option_type_t type) {
  const plt_config_setting_t *setting = get(config, key);
  if (setting->row->type != type) bug(key, "asked for with another type than its table gives");
  return setting;
}

static const plt_config_setting_t *get_item(const plt_config_t *config, const char *key, plt_option_type_t type,
                                            size_t i) {
  const plt_config_setting_t *setting = get(config, key);
  plt_option_type_t has = setting->row->type;
  bool is_part = (has == PLT_OPT_WEIGHTS && type != PLT_OPT_INTS) || (has == PLT_OPT_CHOICES && type != PLT_OPT_REALS);
  if (has != type && !is_part) bug(key, "asked for with another type than its table gives");
  if (i >= setting->value.n) bug(key, "asked for an item behind the end of the list");
  return setting;
}

bool plt_config_knows(const plt_config_t *config, const char *key) { return plt_config_find(config, key) != NULL; }

bool plt_config_given(const plt_config_t *config, const char *key) { return get(config, key)->is_given; }

plt_status_t plt_config_require(const plt_config_t *config, const char *key) {
  const plt_config_setting_t *setting = get(config, key);
  if (setting->is_given) return PLT_OK;
  for (size_t i = 0; i < config->n_entries; i++) {
    const plt_config_entry_t *entry = &config->entries[i];
    if (entry->yaml.n_items > 0 && plt_option_below(entry->yaml.path, key) != NULL)
      return plt_fail(PLT_ERR_USAGE, "%s: " PLT_IS_SECTION, entry->origin, entry->shown, key);
  }
  if (setting->row->type != PLT_OPT_CHOICE) return plt_fail(PLT_ERR_USAGE, "%s is not given", key);
  char *choices = plt_option_choices(setting->row, ", ");
  plt_status_t status = plt_fail(PLT_ERR_USAGE, "%s is not given: it is one of %s", key, choices);
  free(choices);
  return status;
}

bool plt_config_is_set(const plt_config_t *config, const char *key) { return get(config, key)->is_set; }

bool plt_config_bool(const plt_config_t *config, const char *key) {
  const plt_config_setting_t *setting = get_typed(config, key, PLT_OPT_BOOL);
  return setting->value.n > 0 && setting->value.ints[0] != 0;
}

int64_t plt_config_int(const plt_config_t *config, const char *key) {
  const plt_config_setting_t *setting = get_typed(config, key, PLT_OPT_INT);
  return setting->value.n > 0 ? setting->value.ints[0] : 0;
}

double plt_config_real(const plt_config_t *config, const char *key) {
  const plt_config_setting_t *setting = get_typed(config, key, PLT_OPT_REAL);
  return setting->value.n > 0 ? setting->value.reals[0] : 0;
}

const char *plt_config_text(const plt_config_t *config, const char *key) {
  const plt_config_setting_t *setting = get(config, key);
  plt_option_type_t type = setting->row->type;
  if (type != PLT_OPT_TEXT && type != PLT_OPT_PATH && type != PLT_OPT_CHOICE) bug(key, "is no text");
  return setting->value.n > 0 ? setting->value.texts[0] : NULL;
}

size_t plt_config_list_size(const plt_config_t *config, const char *key) {
  const plt_config_setting_t *setting = get(config, key);
  plt_option_type_t type = setting->row->type;
  if (!plt_option_type_is_list(type) && !plt_option_type_is_named(type)) bug(key, "is no list");
  return setting->value.n;
}

int64_t plt_config_list_int(const plt_config_t *config, const char *key, size_t i) {
  return get_item(config, key, PLT_OPT_INTS, i)->value.ints[i];
}

double plt_config_list_real(const plt_config_t *config, const char *key, size_t i) {
  return get_item(config, key, PLT_OPT_REALS, i)->value.reals[i];
}

const char *plt_config_list_text(const plt_config_t *config, const char *key, size_t i) {
  return get_item(config, key, PLT_OPT_TEXTS, i)->value.texts[i];
}

const char *plt_config_origin(const plt_config_t *config, const char *key) { return get(config, key)->origin; }

void plt_config_put(plt_config_t *config, const char *key, const char *text) {
  plt_config_setting_t *setting = plt_config_find(config, key);
  if (setting == NULL) bug(key, "put, but no applied table has it");
  plt_option_value_clear(&setting->value);
  setting->is_given = false;
  if (setting->row->type != PLT_OPT_TEXT && setting->row->type != PLT_OPT_PATH) {
    parse_own(config, setting->row, text, NULL, setting);
    return;
  }
  char *item = plt_mem_strdup(text);
  plt_yaml_entry_t entry = {.items = &item, .n_items = 1, .is_quoted = true};
  char *fault = plt_option_value_add(setting->row, &entry, config->work_dir, &setting->value);
  if (fault != NULL) bug(key, fault);
  setting->is_given = true;
  free(item);
}
