/* specs.c - see specs.h. */
#include "launch/job/specs.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "common/options/nearest.h"
#include "common/options/nest.h"
#include "ps/optimizers/registry.h"
#include "worker/procedures/stage.h"

/* ---- names of tables: NAME, or PREFIX* ---- */

/* How exactly a pattern names a table: most if it is the name, the more the longer its prefix is; 0: another table. */
static size_t matches(const char *pattern, const char *name) {
  size_t length = strlen(pattern);
  if (strcmp(pattern, name) == 0) return SIZE_MAX;
  if (length == 0 || pattern[length - 1] != '*') return 0;
  return strncmp(pattern, name, length - 1) == 0 ? length : 0;
}

static plt_status_t no_such_table(const plt_model_t *model, const char *origin, const char *key, const char *pattern) {
  const char *names[PLT_MODEL_TABLES_MAX];
  char *list = NULL;
  size_t bytes;
  FILE *out = open_memstream(&list, &bytes);
  for (size_t t = 0; t < model->n_tables; t++) {
    names[t] = model->tables[t].name;
    fprintf(out, "%s%s", t == 0 ? "" : ", ", names[t]);
  }
  fclose(out);
  const char *near = plt_nearest(pattern, names, model->n_tables);
  plt_fail(PLT_ERR_USAGE, "%s: %s: model %s has no table %s, it has %s%s%s%s", origin, key, model->ops->name, pattern,
           list, near == NULL ? "" : "; did you mean ", near == NULL ? "" : near, near == NULL ? "" : "?");
  free(list);
  return PLT_ERR_USAGE;
}

/* Marks the tables that a list names; a configuration that has no such list names none. */
static plt_status_t mark(const plt_config_t *config, const char *key, const plt_model_t *model, bool *marks) {
  for (size_t i = 0; i < plt_config_list_size(config, key); i++) {
    const char *pattern = plt_config_list_text(config, key, i);
    bool any = false;
    for (size_t t = 0; t < model->n_tables; t++) {
      if (matches(pattern, model->tables[t].name) == 0) continue;
      marks[t] = any = true;
    }
    if (!any) return no_such_table(model, plt_config_origin(config, key), key, pattern);
  }
  return PLT_OK;
}

/* ---- optimizers ---- */

/* The configuration of a table's optimizer: the most exact of optimizer.tables that names it, else that of the
 * stage. */
static const plt_config_t *find_optimizer(const plt_config_t *config, char *const *names, size_t n, const char *table) {
  size_t best = 0;
  const plt_config_t *found = config;
  for (size_t i = 0; i < n; i++) {
    size_t how_much = matches(names[i], table);
    if (how_much <= best) continue;
    char *section = plt_mem_print("optimizer.tables.%s", names[i]);
    found = plt_config_nested(config, section);
    free(section);
    best = how_much;
  }
  return found;
}

static bool has_table(const plt_model_t *model, const char *pattern) {
  for (size_t t = 0; t < model->n_tables; t++)
    if (matches(pattern, model->tables[t].name) > 0) return true;
  return false;
}

static plt_status_t make_spec(const plt_config_t *config, double lr, const plt_model_table_t *table, uint64_t seed,
                              bool is_frozen, plt_table_spec_t *spec) {
  *spec = (plt_table_spec_t){
      .rows = table->rows, .cols = table->cols, .init = table->init, .seed = seed, .frozen = is_frozen};
  snprintf(spec->name, sizeof spec->name, "%s", table->name);
  snprintf(spec->born_as, sizeof spec->born_as, "%s", table->born_as == NULL ? "" : table->born_as);
  if (is_frozen) return PLT_OK; /* nothing updates it */
  double own = plt_config_real(config, "optimizer.lr");
  if (own != lr) spec->lr_scale = own / lr;
  spec->decay = table->decay;
  return plt_optimizer_specify(config, spec);
}

plt_status_t plt_specs_make(const plt_config_t *config, plt_stage_t *stage) {
  plt_plan_t *plan = &stage->plan;
  const plt_model_t *model = plan->model;
  char **names;
  size_t n;
  if (stage->kind->names_tables && stage->place[0] != '\0') {
    PLT_TRY(mark(config, "frozen", model, stage->is_frozen));
    PLT_TRY(mark(config, "fresh", model, stage->is_fresh));
  }
  PLT_TRY(plt_config_names(config, "optimizer.tables", &names, &n));
  plt_status_t status = PLT_OK;
  for (size_t t = 0; t < model->n_tables && status == PLT_OK; t++) {
    const plt_config_t *optimizer = find_optimizer(config, names, n, model->tables[t].name);
    stage->is_fresh[t] = stage->is_fresh[t] || model->tables[t].fresh;
    bool is_frozen = stage->is_frozen[t] || model->tables[t].frozen;
    status = make_spec(optimizer, plan->lr, &model->tables[t], plan->seed, is_frozen, &plan->specs[t]);
  }
  plt_names_free(&names, n);
  return status;
}

plt_status_t plt_specs_check_names(const plt_config_t *config, const plt_stage_t *stages, size_t n_stages) {
  char **names;
  size_t n;
  PLT_TRY(plt_config_names(config, "optimizer.tables", &names, &n));
  plt_status_t status = PLT_OK;
  for (size_t i = 0; i < n && status == PLT_OK; i++) {
    bool any = false;
    for (size_t s = 0; s < n_stages; s++) any = any || has_table(stages[s].plan.model, names[i]);
    if (any) continue;
    char *section = plt_mem_print("optimizer.tables.%s", names[i]);
    const char *origin = plt_config_origin(plt_config_nested(config, section), "optimizer.lr");
    status = n_stages == 1 ? no_such_table(stages->plan.model, origin, "optimizer.tables", names[i])
                           : plt_fail(PLT_ERR_USAGE, "%s: optimizer.tables: no stage has a table %s", origin, names[i]);
    free(section);
  }
  plt_names_free(&names, n);
  return status;
}

uint64_t plt_specs_bytes(const plt_table_spec_t *spec) {
  plt_optimizer_t *optimizer; /* knows how much state a row has; of a frozen table there is none */
  size_t state = 0;
  if (!spec->frozen && plt_optimizer_create(spec, &optimizer) == PLT_OK) {
    state = plt_optimizer_state_floats(optimizer);
    plt_optimizer_destroy(&optimizer);
  }
  return spec->rows * ((spec->cols + state) * sizeof(float) + sizeof(uint64_t));
}
