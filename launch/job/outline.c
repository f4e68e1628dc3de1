/* outline.c - see outline.h. */
#include "launch/job/outline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/options/nest.h"
#include "launch/job/config.h"
#include "ps/optimizers/registry.h"
#include "worker/math/ranking.h"
#include "worker/models/registry.h"
#include "worker/procedures/registry.h"
#include "worker/strategies/registry.h"

/* One reading: faults and warnings are lines, none twice (what stands on top is looked at for each stage). */
typedef struct reading {
  plt_config_t *config;
  char *faults, *warnings;
} reading_t;

static bool has_line(const char *lines, const char *line, size_t length) {
  for (const char *at = lines; at != NULL && *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n')
    if (strcspn(at, "\n") == length && strncmp(at, line, length) == 0) return true;
  return false;
}

static void add_lines(char **lines, const char *more) {
  while (more != NULL && *more != '\0') {
    size_t length = strcspn(more, "\n");
    if (!has_line(*lines, more, length)) {
      char *longer =
          plt_mem_print("%s%s%.*s", *lines == NULL ? "" : *lines, *lines == NULL ? "" : "\n", (int)length, more);
      free(*lines);
      *lines = longer;
    }
    more += length;
    more += *more == '\n';
  }
}

/* Takes note of a failure; whether there was one. */
static bool fails(reading_t *reading, plt_status_t status) {
  if (status != PLT_OK) add_lines(&reading->faults, plt_fail_text());
  return status != PLT_OK;
}

static void apply(reading_t *reading, plt_config_t *config, const plt_option_table_t *table) {
  fails(reading, plt_config_apply(config, table));
}

static void apply_all(reading_t *reading, plt_config_t *config, const plt_option_table_t *const *tables) {
  for (size_t i = 0; tables[i] != NULL; i++) apply(reading, config, tables[i]);
}

/* That a name was given, where messages do not say which stage's. */
static bool lacks(reading_t *reading, const plt_config_t *config, const char *place, const char *key) {
  plt_status_t status = plt_config_require(config, key);
  if (status != PLT_OK && place[0] != '\0') plt_fail_within(status, "%s", place);
  return fails(reading, status);
}

static void finish(reading_t *reading, plt_config_t *config) {
  size_t n;
  char *warnings = NULL;
  const plt_option_table_t **known = plt_config_all_tables(false, &n);
  fails(reading, plt_config_finish(config, known, n, &warnings));
  add_lines(&reading->warnings, warnings);
  free(warnings);
  free(known);
}

/* ---- a stage ---- */

/* The optimizer of some tables. */
static void read_table(reading_t *reading, plt_config_t *config, const char *name) {
  static const char *const keys[] = {"optimizer.clip_norm", "optimizer.schedule", "optimizer.tables"};
  char *section = plt_mem_print("optimizer.tables.%s", name);
  plt_config_t *nested = plt_config_nest(config, section, "optimizer", true);
  free(section);
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    fails(reading, plt_config_refuse(nested, keys[i], "is of all tables together"));
  apply_all(reading, nested, plt_config_optimizer_tables);
  const char *optimizer = plt_config_text(nested, "optimizer.name");
  if (optimizer == NULL) return;
  apply(reading, nested, &plt_optimizer_find(optimizer)->options);
  finish(reading, nested);
}

/* Not given: recall@20, or at the largest K there is. The configuration says which one it is, before it is compared
 * with that of a run. */
static void settle_metric(plt_config_t *config) {
  char metric[48];
  long long most = 0;
  size_t n = plt_config_list_size(config, "eval.topk");
  if (plt_config_written(config, "eval.metric") != NULL) return;
  for (size_t i = 0; i < n; i++) {
    long long k = plt_config_list_int(config, "eval.topk", i);
    snprintf(metric, sizeof metric, "%s@%lld", plt_metric_names[0], k);
    if (strcmp(metric, plt_config_text(config, "eval.metric")) == 0) return;
    if (k > most) most = k;
  }
  snprintf(metric, sizeof metric, "%s@%lld", plt_metric_names[0], most);
  if (n > 0) plt_config_put(config, "eval.metric", metric);
}

/* The options of what the configuration chooses, and those of single tables. */
static void read_chosen(reading_t *reading, plt_config_t *config, const char *place) {
  char **names;
  size_t n;
  const char *model = plt_config_text(config, "model.name"), *strategy = plt_config_text(config, "strategy.name"),
             *optimizer = plt_config_text(config, "optimizer.name");
  if (model == NULL) lacks(reading, config, place, "model.name");
  if (model == NULL || strategy == NULL || optimizer == NULL) return; /* what is no name is told of already */
  apply(reading, config, &plt_model_find(model)->options);
  apply(reading, config, &plt_strategy_find(strategy)->options);
  if (plt_strategy_find(strategy)->settle != NULL) plt_strategy_find(strategy)->settle(config);
  settle_metric(config);
  apply(reading, config, &plt_optimizer_find(optimizer)->options);
  if (fails(reading, plt_config_names(config, "optimizer.tables", &names, &n))) return;
  for (size_t i = 0; i < n; i++) read_table(reading, config, names[i]);
  plt_names_free(&names, n);
  finish(reading, config);
}

/* A name of a stage becomes one of files. */
static bool is_name(const char *name) {
  static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  return name[0] != '\0' && name[strspn(name, allowed)] == '\0' && strlen(name) < PLT_STAGE_NAME_MAX;
}

static void read_name(reading_t *reading, plt_config_t *config, const char *place) {
  if (!plt_config_given(config, "name")) plt_config_put(config, "name", plt_config_text(config, "stage"));
  const char *name = plt_config_text(config, "name");
  if (!is_name(name))
    fails(reading, plt_fail(PLT_ERR_USAGE,
                            "%s: %s.name: \"%s\" is none for a stage: it has letters, digits, - and _, %d at most",
                            plt_config_origin(config, "name"), place, name, PLT_STAGE_NAME_MAX - 1));
}

static void read_stage(reading_t *reading, const char *place) {
  static const char *const keys[] = {"run",         "data",     "cluster", "checkpoint", "train.max_steps",
                                     "train.until", "procedure"};
  plt_config_t *config = plt_config_nest(reading->config, place, "", true);
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    fails(reading, plt_config_refuse(config, keys[i], "is of the whole run: it stands on top, not in a stage"));
  apply(reading, config, &plt_stage_options);
  if (plt_config_text(config, "stage") == NULL) {
    lacks(reading, config, place, "stage");
    return;
  }
  read_name(reading, config, place);
  apply(reading, config, &plt_stage_find(plt_config_text(config, "stage"))->options);
  apply_all(reading, config, plt_config_stage_tables);
  read_chosen(reading, config, place);
}

/* ---- the procedure ---- */

static bool is_loop(const plt_config_t *config, const char *place) {
  char *repeat = plt_mem_print("%s.repeat", place), *stages = plt_mem_print("%s.stages", place);
  bool has = plt_config_has(config, repeat) || plt_config_has(config, stages);
  free(repeat);
  free(stages);
  return has;
}

static void read_loop(reading_t *reading, const char *place) {
  char *list = plt_mem_print("%s.stages", place);
  size_t n = 0;
  bool failed = fails(reading, plt_config_items(reading->config, list, &n));
  if (!failed && n == 0) fails(reading, plt_fail(PLT_ERR_USAGE, "%s: a loop needs stages", place));
  for (size_t i = 0; i < n; i++) {
    char *stage = plt_mem_print("%s.%zu", list, i);
    if (is_loop(reading->config, stage))
      fails(reading, plt_fail(PLT_ERR_USAGE, "%s: a loop in a loop: they do not nest", stage));
    else
      read_stage(reading, stage);
    free(stage);
  }
  free(list);
  plt_config_t *config = plt_config_nest(reading->config, place, "", false);
  apply(reading, config, &plt_config_loop_table);
  lacks(reading, config, place, "repeat");
  finish(reading, config);
}

static void read_names(reading_t *reading) {
  plt_outline_t outline = plt_outline_of(reading->config);
  for (size_t i = 0; i < outline.n_stages; i++) {
    for (size_t j = 0; j < i && outline.stages[i].part == 0; j++) {
      const char *name = plt_config_text(outline.stages[i].config, "name");
      if (strcmp(name, plt_config_text(outline.stages[j].config, "name")) != 0) continue;
      fails(reading, plt_fail(PLT_ERR_USAGE, "%s and %s are both called %s: give one of them another name (name: ...)",
                              outline.stages[j].place, outline.stages[i].place, name));
      break;
    }
  }
  plt_outline_clear(&outline);
}

static void read_procedure(reading_t *reading) {
  size_t n;
  if (fails(reading, plt_config_items(reading->config, "procedure", &n))) return;
  for (size_t i = 0; i < n; i++) {
    char *place = plt_mem_print("procedure.%zu", i);
    (is_loop(reading->config, place) ? read_loop : read_stage)(reading, place);
    free(place);
  }
  apply_all(reading, reading->config, plt_config_run_tables);
  finish(reading, reading->config);
  if (reading->faults == NULL) read_names(reading);
}

static plt_status_t read_all(reading_t *reading) {
  if (plt_config_has(reading->config, "procedure")) {
    read_procedure(reading);
  } else {
    apply_all(reading, reading->config, plt_config_tables);
    read_chosen(reading, reading->config, "");
  }
  if (reading->faults != NULL) return plt_fail(PLT_ERR_USAGE, "%s", reading->faults);
  for (char *line = reading->warnings == NULL ? NULL : strtok(reading->warnings, "\n"); line != NULL;
       line = strtok(NULL, "\n"))
    plt_log(PLT_LOG_WARN, "%s", line);
  return PLT_OK;
}

/* A model that stands for a procedure brings its own, where none is written down. */
static plt_status_t add_procedure(plt_config_t *config) {
  const char *name = plt_config_written(config, "model.name");
  const plt_model_ops_t *model = name == NULL ? NULL : plt_model_find(name);
  if (model == NULL || model->procedure == NULL || plt_config_has(config, "procedure")) return PLT_OK;
  char *origin = plt_mem_print("the procedure of model %s", name);
  plt_status_t status = plt_config_add(config, "procedure", model->procedure(config), origin);
  free(origin);
  return status;
}

plt_status_t plt_config_load(const char *path, const char *const *sets, size_t n, plt_config_t **out) {
  reading_t reading = {.config = plt_config_create()};
  plt_status_t status = plt_config_read(reading.config, path);
  plt_config_forget(reading.config, "tune"); /* of plateau tune, which says what it trains with --set */
  if (status == PLT_OK) status = add_procedure(reading.config);
  for (size_t i = 0; i < n && status == PLT_OK; i++) status = plt_config_set(reading.config, sets[i]);
  if (status == PLT_OK) status = add_procedure(reading.config);
  if (status == PLT_OK) status = read_all(&reading);
  free(reading.faults);
  free(reading.warnings);
  if (status == PLT_OK)
    *out = reading.config;
  else
    plt_config_destroy(&reading.config);
  return status;
}

/* ---- what was read ---- */

static void add_stage(plt_outline_t *outline, plt_config_t *config, const char *place) {
  bool is_given = place[0] != '\0' && plt_config_knows(config, "stage");
  bool repeats = is_given && plt_stage_find(plt_config_text(config, "stage"))->per_modality && outline->modalities > 1;
  size_t parts = repeats ? outline->modalities : 1;
  for (size_t part = 0; part < parts; part++) {
    PLT_MEM_GROW(outline->stages, outline->n_stages, outline->stages_capacity);
    plt_outline_stage_t *stage = &outline->stages[outline->n_stages++];
    *stage = (plt_outline_stage_t){.config = config, .part = part, .parts = parts};
    snprintf(stage->place, sizeof stage->place, "%s", place);
  }
}

/* Nested configurations "place.0", "place.1" ... */
static void add_stages(plt_outline_t *outline, const plt_config_t *config, const char *place) {
  for (size_t i = 0;; i++) {
    char *item = plt_mem_print("%s.%zu", place, i);
    plt_config_t *nested = plt_config_nested(config, item);
    if (nested != NULL) add_stage(outline, nested, item);
    free(item);
    if (nested == NULL) return;
  }
}

static void add_entry(plt_outline_t *outline, size_t first, uint32_t repeat, bool is_loop) {
  PLT_MEM_GROW(outline->entries, outline->n_entries, outline->entries_capacity);
  outline->entries[outline->n_entries++] =
      (plt_outline_entry_t){.first = first, .n = outline->n_stages - first, .repeat = repeat, .is_loop = is_loop};
}

plt_outline_t plt_outline_of(plt_config_t *config) {
  plt_outline_t outline = {
      .is_given = plt_config_nested(config, "procedure.0") != NULL,
      .modalities = plt_config_given(config, "data.features") ? plt_config_list_size(config, "data.features") : 0};
  if (!outline.is_given) {
    add_stage(&outline, config, "");
    add_entry(&outline, 0, 1, false);
    return outline;
  }
  plt_config_t *nested;
  char place[32];
  for (size_t i = 0; snprintf(place, sizeof place, "procedure.%zu", i), (nested = plt_config_nested(config, place));
       i++) {
    size_t first = outline.n_stages;
    char *list = plt_mem_print("%s.stages", place);
    add_stages(&outline, config, list);
    free(list);
    bool loops = outline.n_stages > first;
    if (!loops) add_stage(&outline, nested, place);
    add_entry(&outline, first, loops ? (uint32_t)plt_config_int(nested, "repeat") : 1, loops);
  }
  return outline;
}

void plt_outline_clear(plt_outline_t *outline) {
  free(outline->stages);
  free(outline->entries);
  *outline = (plt_outline_t){0};
}
