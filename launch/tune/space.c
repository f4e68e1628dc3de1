/* space.c - see space.h. */
#include "launch/tune/space.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/io/yaml.h"
#include "common/mem.h"
#include "common/rng.h"

static const plt_option_t rows[] = {
    {.key = "tune.search",
     .type = PLT_OPT_CHOICE,
     .fallback = "grid",
     .choices = "grid|random|halving",
     .help = "grid: every combination of lists, or as many of them as tune.trials says; random: drawn; halving: drawn, "
             "and the better ones are trained on."},
    {.key = "tune.trials",
     .type = PLT_OPT_INT,
     .fallback = "0",
     .min = 0,
     .max = 100000,
     .help = "Trials of each strategy, the same number for all; 0: as many as the smallest grid of a strategy has."},
    {.key = "tune.seed",
     .type = PLT_OPT_INT,
     .fallback = "1",
     .min = 0,
     .max = INT32_MAX,
     .help = "Which points are drawn."},
    {.key = "tune.seeds",
     .type = PLT_OPT_INTS,
     .fallback = "[1, 2, 3]",
     .min = 0,
     .max = INT32_MAX,
     .help = "run.seed: trials have the first, the best trial of each strategy is trained with all of them."},
    {.key = "tune.jobs",
     .type = PLT_OPT_INT,
     .fallback = "1",
     .min = 1,
     .max = 1024,
     .help = "Trials at a time; they share the threads of the machine."},
    {.key = "tune.eta",
     .type = PLT_OPT_INT,
     .fallback = "3",
     .min = 2,
     .max = 100,
     .help = "halving: one trial in so many goes on, with so many times the epochs."},
    {.key = "tune.epochs",
     .type = PLT_OPT_INT,
     .fallback = "0",
     .min = 0,
     .max = INT32_MAX,
     .help = "halving: epochs of the first round; 0: such that the last has train.epochs."},
};
const plt_option_table_t plt_tune_options = {"tune", rows, sizeof rows / sizeof *rows};

static const char space_prefix[] = "tune.space.", arms_prefix[] = "tune.strategies.";

/* ---- the file ---- */

static plt_status_t fail_at(const char *path, const plt_yaml_entry_t *entry, const char *cause) {
  if (entry->line == 0) return plt_fail(PLT_ERR_USAGE, "--set: %s: %s", entry->path, cause);
  return plt_fail(PLT_ERR_USAGE, "%s:%zu:%zu: %s: %s", path, entry->line, entry->column, entry->path, cause);
}

static bool begins_with(const char *text, const char *prefix) { return strncmp(text, prefix, strlen(prefix)) == 0; }

/* Whether "KEY.last" stands in the file. */
static const plt_yaml_entry_t *find_below(const plt_yaml_t *yaml, const char *base, const char *key, const char *last) {
  char *path = plt_mem_print("%s%s.%s", base, key, last);
  const plt_yaml_entry_t *entry = plt_yaml_find(yaml, path);
  free(path);
  return entry;
}

static bool read_number(const plt_yaml_entry_t *entry, double *out) {
  char *end = NULL;
  if (entry->n_items != 1 || entry->is_list) return false;
  *out = strtod(entry->items[0], &end);
  return *end == '\0' && end != entry->items[0] && isfinite(*out);
}

static bool read_flag(const plt_yaml_entry_t *entry, bool *out) {
  if (entry == NULL) return true;
  if (entry->n_items != 1 || entry->is_list) return false;
  *out = strcmp(entry->items[0], "true") == 0;
  return *out || strcmp(entry->items[0], "false") == 0;
}

static plt_dimension_t *add_dimension(plt_arm_t *arm, const char *key) {
  arm->dimension = plt_mem_resize(arm->dimension, arm->n + 1, sizeof *arm->dimension);
  plt_dimension_t *dimension = &arm->dimension[arm->n++];
  *dimension = (plt_dimension_t){.key = plt_mem_strdup(key)};
  return dimension;
}

static plt_status_t read_range(const char *path, const plt_yaml_t *yaml, const char *base, const char *key,
                               plt_arm_t *arm) {
  const plt_yaml_entry_t *from = find_below(yaml, base, key, "from"), *to = find_below(yaml, base, key, "to");
  plt_dimension_t *dimension = add_dimension(arm, key);
  if (!read_number(from, &dimension->from)) return fail_at(path, from, "is no number");
  if (!read_number(to, &dimension->to)) return fail_at(path, to, "is no number");
  if (!read_flag(find_below(yaml, base, key, "log"), &dimension->log) ||
      !read_flag(find_below(yaml, base, key, "whole"), &dimension->whole))
    return fail_at(path, from, "log and whole are true or false");
  if (!(dimension->from < dimension->to)) return fail_at(path, from, "must be less than to");
  if (dimension->log && dimension->from <= 0) return fail_at(path, from, "must be above 0 where log is true");
  return PLT_OK;
}

/* An entry whose option is `key`. A range is read at its `from`. */
static plt_status_t read_entry(const char *path, const plt_yaml_t *yaml, const char *base,
                               const plt_yaml_entry_t *entry, plt_arm_t *arm) {
  static const char *const parts[] = {"from", "to", "log", "whole"};
  const char *key = entry->path + strlen(base), *dot = strrchr(key, '.');
  if (dot == NULL) return fail_at(path, entry, "an option has a section and a name, like optimizer.lr");
  char *above = plt_mem_print("%.*s", (int)(dot - key), key);
  const bool is_range = find_below(yaml, base, above, "from") != NULL && find_below(yaml, base, above, "to") != NULL;
  plt_status_t status = PLT_OK;
  size_t part = 0;
  while (part < 4 && strcmp(dot + 1, parts[part]) != 0) part++;
  if (is_range && part == 0) {
    status = read_range(path, yaml, base, above, arm);
  } else if (is_range) {
    if (part == 4) status = fail_at(path, entry, "a range has from, to, log and whole");
  } else if (entry->n_items == 0) {
    status = fail_at(path, entry, "has no values");
  } else {
    plt_dimension_t *dimension = add_dimension(arm, key);
    dimension->values = plt_mem_zalloc(entry->n_items, sizeof *dimension->values);
    for (; dimension->n < entry->n_items; dimension->n++)
      dimension->values[dimension->n] = plt_mem_strdup(entry->items[dimension->n]);
  }
  free(above);
  return status;
}

/* What stands below `base`, into an arm. */
static plt_status_t read_below(const char *path, const plt_yaml_t *yaml, const char *base, plt_arm_t *arm) {
  for (size_t i = 0; i < yaml->n_entries; i++)
    if (begins_with(yaml->entries[i].path, base)) PLT_TRY(read_entry(path, yaml, base, &yaml->entries[i], arm));
  return PLT_OK;
}

static const plt_dimension_t *find(const plt_arm_t *arm, const char *key) {
  for (size_t d = 0; d < arm->n; d++)
    if (strcmp(arm->dimension[d].key, key) == 0) return &arm->dimension[d];
  return NULL;
}

/* After its strategy, if it has one of its own. */
static void name_arm(const plt_space_t *space, size_t a) {
  plt_arm_t *arm = &space->arm[a];
  const plt_dimension_t *strategy = find(arm, "strategy.name");
  snprintf(arm->name, sizeof arm->name, "%.48s",
           strategy != NULL && strategy->n == 1 ? strategy->values[0]
           : space->n_arms == 1                 ? "all"
                                                : "arm");
  bool taken = strchr(arm->name, '/') != NULL;
  for (size_t b = 0; b < a; b++) taken = taken || strcmp(space->arm[b].name, arm->name) == 0;
  if (!taken) return;
  char *longer = plt_mem_print("%zu-%s", a + 1, arm->name);
  snprintf(arm->name, sizeof arm->name, "%s", longer);
  free(longer);
}

/* The place in the list of strategies at which an entry stands; false: it stands in no list. */
static bool find_place(const plt_yaml_t *yaml, const plt_yaml_entry_t *entry, size_t *place) {
  const char *text = entry->path + strlen(arms_prefix);
  const size_t digits = strspn(text, "0123456789");
  const bool is_empty = text[digits] == '\0' && entry->n_items == 0;
  if (digits == 0 || (text[0] == '0' && digits > 1) || (text[digits] != '.' && !is_empty)) return false;
  *place = strtoul(text, NULL, 10);
  return *place < yaml->n_entries;
}

static plt_status_t count_arms(const char *path, const plt_yaml_t *yaml, size_t *out) {
  size_t n = 1;
  for (size_t i = 0; i < yaml->n_entries; i++) {
    size_t place;
    if (!begins_with(yaml->entries[i].path, arms_prefix)) continue;
    if (!find_place(yaml, &yaml->entries[i], &place))
      return fail_at(path, &yaml->entries[i], "tune.strategies is a list, a strategy an entry: - {strategy.name: ...}");
    if (place >= n) n = place + 1;
  }
  *out = n;
  return PLT_OK;
}

static plt_status_t read_arms(const char *path, const plt_yaml_t *yaml, plt_space_t *out) {
  PLT_TRY(count_arms(path, yaml, &out->n_arms));
  out->arm = plt_mem_zalloc(out->n_arms, sizeof *out->arm);
  for (size_t a = 0; a < out->n_arms; a++) {
    char base[64];
    plt_arm_t *arm = &out->arm[a];
    snprintf(base, sizeof base, "%s%zu.", arms_prefix, a);
    PLT_TRY(read_below(path, yaml, base, arm));
    arm->n_own = arm->n;
    PLT_TRY(read_below(path, yaml, space_prefix, arm));
    for (size_t d = arm->n_own; d < arm->n; d++)
      for (size_t e = 0; e < arm->n_own; e++)
        if (strcmp(arm->dimension[d].key, arm->dimension[e].key) == 0)
          return plt_fail(PLT_ERR_USAGE, "%s: tune: %s stands in space and in a strategy", path, arm->dimension[d].key);
    name_arm(out, a);
  }
  return PLT_OK;
}

/* ---- how many ---- */

/* Points of a grid of dimensions [begin, end), at most UINT32_MAX; 0: it has a range. */
static uint64_t points_between(const plt_arm_t *arm, size_t begin, size_t end) {
  uint64_t size = 1;
  for (size_t d = begin; d < end; d++) {
    if (arm->dimension[d].values == NULL) return 0;
    size *= arm->dimension[d].n;
    if (size > UINT32_MAX) return UINT32_MAX;
  }
  return size;
}

static uint64_t grid_size(const plt_arm_t *arm) { return points_between(arm, 0, arm->n); }

static plt_status_t count_trials(const char *path, plt_space_t *space) {
  uint64_t least = UINT32_MAX;
  for (size_t a = 0; a < space->n_arms; a++) {
    const plt_arm_t *arm = &space->arm[a];
    uint64_t size = grid_size(arm);
    if (arm->n == 0) return plt_fail(PLT_ERR_USAGE, "%s: tune: nothing to search: tune.space is empty", path);
    if (space->search != PLT_SEARCH_GRID) continue;
    if (size == 0)
      return plt_fail(PLT_ERR_USAGE, "%s: tune: a range has no grid: give lists, or tune.search: random", path);
    if (space->trials > size)
      return plt_fail(PLT_ERR_USAGE,
                      "%s: tune: %s has a grid of %" PRIu64 " points, fewer than tune.trials %" PRIu32
                      ": strategies are compared at equal numbers of trials",
                      path, arm->name, size, space->trials);
    if (size < least) least = size;
  }
  if (space->trials == 0 && space->search != PLT_SEARCH_GRID)
    return plt_fail(PLT_ERR_USAGE, "%s: tune.trials: how many points are to be drawn for each strategy?", path);
  if (space->trials == 0) space->trials = (uint32_t)least;
  return PLT_OK;
}

/* ---- reading ---- */

static bool is_at_or_below(const char *path, const char *key) {
  const size_t length = strlen(key);
  return strncmp(path, key, length) == 0 && (path[length] == '\0' || path[length] == '.');
}

/* What an assignment says, in the place of what stands at or below its key. Its entries have no line. */
static plt_status_t override(plt_yaml_t *yaml, const char *assignment) {
  const char *equals = strchr(assignment, '=');
  if (equals == NULL) return PLT_OK; /* plt_config_set() says so */
  char *key = plt_mem_print("%.*s", (int)(equals - assignment), assignment);
  char *name = plt_mem_print("--set %s", key);
  plt_yaml_t given = {0};
  plt_status_t status = plt_yaml_parse_value(equals + 1, strlen(equals + 1), name, key, &given);
  size_t kept = 0;
  for (size_t i = 0; i < yaml->n_entries && status == PLT_OK; i++) {
    if (!is_at_or_below(yaml->entries[i].path, key))
      yaml->entries[kept++] = yaml->entries[i];
    else
      plt_yaml_entry_clear(&yaml->entries[i]);
  }
  if (status == PLT_OK) yaml->n_entries = kept;
  for (size_t i = 0; i < given.n_entries; i++) {
    PLT_MEM_GROW(yaml->entries, yaml->n_entries, yaml->capacity);
    given.entries[i].line = 0;
    yaml->entries[yaml->n_entries++] = given.entries[i];
  }
  given.n_entries = 0;
  plt_yaml_clear(&given);
  free(name);
  free(key);
  return status;
}

/* What the search sets itself, after the point: it would be searched in vain. */
static plt_status_t check_dimensions(const char *path, const plt_space_t *space) {
  static const char *const own[] = {"run.seed", "run.dir", "eval.final"};
  for (size_t a = 0; a < space->n_arms; a++)
    for (size_t d = 0; d < space->arm[a].n; d++)
      for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(space->arm[a].dimension[d].key, own[i]) == 0)
          return plt_fail(PLT_ERR_USAGE, "%s: tune: %s cannot be searched, the search sets it%s", path, own[i],
                          i == 0 ? " (tune.seeds)" : "");
  return PLT_OK;
}

static plt_status_t check_keys(const char *path, const plt_yaml_t *yaml) {
  bool any = false;
  for (size_t i = 0; i < yaml->n_entries; i++) {
    const plt_yaml_entry_t *entry = &yaml->entries[i];
    if (!begins_with(entry->path, "tune.") && strcmp(entry->path, "tune") != 0) continue;
    any = true;
    if (begins_with(entry->path, space_prefix) || begins_with(entry->path, arms_prefix)) continue;
    if (entry->n_items == 0 && !entry->is_list) continue; /* null: as if it were not there */
    size_t row = 0;
    while (row < plt_tune_options.n_rows && strcmp(rows[row].key, entry->path) != 0) row++;
    if (row == plt_tune_options.n_rows)
      return fail_at(path, entry,
                     "unknown; tune has search, trials, seed, seeds, jobs, eta, epochs, space, strategies");
  }
  if (any) return PLT_OK;
  return plt_fail(PLT_ERR_USAGE, "%s: has no section tune: what is to be searched? (docs/tune.md)", path);
}

/* A seed that comes twice would be a run that is counted twice. */
static plt_status_t check_seeds(const char *path, const plt_space_t *space) {
  for (size_t i = 0; i < space->n_seeds; i++)
    for (size_t j = 0; j < i; j++)
      if (space->seeds[i] == space->seeds[j])
        return plt_fail(PLT_ERR_USAGE, "%s: tune.seeds: %" PRIu32 " stands there twice", path, space->seeds[i]);
  return PLT_OK;
}

static plt_status_t read_settings(const char *path, const char *const *sets, size_t n, plt_space_t *out) {
  plt_config_t *config = plt_config_create();
  plt_status_t status = plt_config_read(config, path);
  for (size_t i = 0; i < n && status == PLT_OK; i++) status = plt_config_set(config, sets[i]);
  if (status == PLT_OK) status = plt_config_apply(config, &plt_tune_options);
  if (status == PLT_OK && plt_config_list_size(config, "tune.seeds") == 0)
    status = plt_fail(PLT_ERR_USAGE, "%s: tune.seeds: one at least", path);
  if (status == PLT_OK) {
    const char *search = plt_config_text(config, "tune.search");
    *out = (plt_space_t){.search = search[0] == 'g'   ? PLT_SEARCH_GRID
                                   : search[0] == 'r' ? PLT_SEARCH_RANDOM
                                                      : PLT_SEARCH_HALVING,
                         .seed = (uint64_t)plt_config_int(config, "tune.seed"),
                         .n_seeds = plt_config_list_size(config, "tune.seeds"),
                         .trials = (uint32_t)plt_config_int(config, "tune.trials"),
                         .eta = (uint32_t)plt_config_int(config, "tune.eta"),
                         .epochs = (uint32_t)plt_config_int(config, "tune.epochs"),
                         .jobs = (uint32_t)plt_config_int(config, "tune.jobs")};
    out->seeds = plt_mem_alloc(out->n_seeds * sizeof *out->seeds);
    for (size_t i = 0; i < out->n_seeds; i++) out->seeds[i] = (uint32_t)plt_config_list_int(config, "tune.seeds", i);
  }
  plt_config_destroy(&config);
  return status;
}

plt_status_t plt_space_read(const char *path, const char *const *sets, size_t n, plt_space_t *out) {
  enum { FILE_BYTES_MAX = 16 << 20 };
  char *text;
  size_t bytes;
  plt_yaml_t yaml;
  *out = (plt_space_t){0};
  if (plt_file_read(path, FILE_BYTES_MAX, &text, &bytes) != PLT_OK) return PLT_ERR_USAGE;
  plt_status_t status = plt_yaml_parse(text, bytes, path, &yaml);
  free(text);
  PLT_TRY(status);
  for (size_t i = 0; i < n && status == PLT_OK; i++) status = override(&yaml, sets[i]);
  if (status == PLT_OK) status = check_keys(path, &yaml);
  if (status == PLT_OK) status = read_settings(path, sets, n, out);
  if (status == PLT_OK) status = read_arms(path, &yaml, out);
  if (status == PLT_OK) status = check_seeds(path, out);
  if (status == PLT_OK) status = check_dimensions(path, out);
  if (status == PLT_OK) status = count_trials(path, out);
  plt_yaml_clear(&yaml);
  if (status != PLT_OK) plt_space_clear(out);
  return status;
}

void plt_space_clear(plt_space_t *space) {
  for (size_t a = 0; a < space->n_arms; a++) {
    plt_arm_t *arm = &space->arm[a];
    for (size_t d = 0; d < arm->n; d++) {
      plt_dimension_t *dimension = &arm->dimension[d];
      for (size_t v = 0; v < dimension->n; v++) free(dimension->values[v]);
      free(dimension->values);
      free(dimension->key);
    }
    free(arm->dimension);
  }
  free(space->arm);
  free(space->seeds);
  *space = (plt_space_t){0};
}

/* ---- points ---- */

static void put_drawn(const plt_space_t *space, const plt_dimension_t *dimension, uint32_t number, plt_sets_t *out) {
  plt_rng_block_t draw = plt_rng_draw(plt_rng_key(space->seed, dimension->key, 0), number, 0, 0, 0);
  if (dimension->values != NULL) {
    uint32_t at = plt_rng_below((uint64_t)draw.word[0] << 32 | draw.word[1], (uint32_t)dimension->n);
    plt_sets_add(out, dimension->key, dimension->values[at]);
    return;
  }
  char text[32];
  double u = plt_rng_open01(draw.word[0]), from = dimension->from, to = dimension->to;
  if (dimension->whole) to += 1;
  double value = dimension->log ? exp(log(from) + u * (log(to) - log(from))) : from + u * (to - from);
  if (dimension->whole)
    snprintf(text, sizeof text, "%.0f", floor(fmin(value, dimension->to)));
  else
    snprintf(text, sizeof text, "%.3g", value);
  plt_sets_add(out, dimension->key, text);
}

/* Which of a strategy's own points goes with a point of space: as in a Latin square, so that none of its values goes
 * with one value of space alone. turn: how often the point of space was there before; own: how many to choose from. */
static uint64_t beside(const plt_arm_t *arm, uint64_t shared, uint64_t turn, uint64_t own) {
  uint64_t sum = turn, weight = 1;
  for (size_t d = arm->n; d-- > arm->n_own; shared /= arm->dimension[d].n) {
    sum += shared % arm->dimension[d].n * weight;
    weight = weight * arm->dimension[d].n % own;
    if (weight == 0) weight = 1;
  }
  return sum % own;
}

/* Which point of a grid a trial is. Where there are fewer trials than points, space's points are gone through in an
 * order that is drawn, the same for all strategies, and again once all had their turn, with other points of the
 * strategy's own beside them: no two trials are the same. */
static uint64_t grid_point(const plt_space_t *space, const plt_arm_t *arm, uint32_t number) {
  if (space->trials == grid_size(arm)) return number;
  uint64_t n_shared = points_between(arm, arm->n_own, arm->n), n_own = points_between(arm, 0, arm->n_own);
  uint64_t shared = plt_rng_permute(plt_rng_key(space->seed, "grid", 0), n_shared, number % n_shared);
  uint64_t own = beside(arm, shared, number / n_shared, n_own);
  return plt_rng_permute(plt_rng_key(space->seed, "own", 0), n_own, own) * n_shared + shared;
}

void plt_space_point(const plt_space_t *space, const plt_arm_t *arm, uint32_t number, plt_sets_t *out) {
  if (space->search != PLT_SEARCH_GRID) {
    for (size_t d = 0; d < arm->n; d++) put_drawn(space, &arm->dimension[d], number, out);
    return;
  }
  uint64_t at = grid_point(space, arm, number);
  for (size_t d = arm->n; d-- > 0; at /= arm->dimension[d].n)
    plt_sets_add(out, arm->dimension[d].key, arm->dimension[d].values[at % arm->dimension[d].n]);
}
