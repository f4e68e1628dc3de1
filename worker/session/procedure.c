/* procedure.c - see procedure.h. */
#include "worker/session/procedure.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "common/rng.h"
#include "worker/session/import.h"

plt_procedure_t *plt_procedure_create(bool is_given) {
  plt_procedure_t *procedure = plt_mem_zalloc(1, sizeof *procedure);
  procedure->is_given = is_given;
  return procedure;
}

void plt_procedure_destroy(plt_procedure_t **procedure) {
  if (*procedure == NULL) return;
  for (size_t l = 0; l < (*procedure)->n_legs; l++) free((*procedure)->legs[l].tables);
  for (size_t s = 0; s < (*procedure)->n_stages; s++) free((*procedure)->stages[s].settings);
  free((*procedure)->legs);
  free((*procedure)->stages);
  free(*procedure);
  *procedure = NULL;
}

void plt_procedure_make_room(plt_procedure_t *procedure, size_t n) {
  procedure->stages = plt_mem_zalloc(n, sizeof *procedure->stages);
  procedure->n_stages = n;
}

void plt_procedure_add_legs(plt_procedure_t *procedure, size_t first, size_t n, uint32_t repeat, bool is_loop) {
  for (uint32_t outer = 0; outer < repeat; outer++) {
    for (size_t s = first; s < first + n; s++) {
      PLT_MEM_GROW(procedure->legs, procedure->n_legs, procedure->legs_capacity);
      procedure->legs[procedure->n_legs++] =
          (plt_leg_t){.stage = &procedure->stages[s], .outer = outer, .repeat = is_loop ? repeat : 0};
    }
  }
}

/* ---- which tables a leg has ---- */

/* The table of that name among the model's of a stage; n_tables if there is none. */
static size_t find_in_model(const plt_stage_t *stage, const char *name) {
  size_t t = 0;
  while (t < stage->plan.model->n_tables && strcmp(stage->plan.specs[t].name, name) != 0) t++;
  return t;
}

static const plt_leg_table_t *find_in_leg(const plt_leg_t *leg, const char *name) {
  for (size_t i = 0; leg != NULL && i < leg->n_tables; i++)
    if (strcmp(leg->tables[i].spec->name, name) == 0) return &leg->tables[i];
  return NULL;
}

/* Whether a leg behind number l takes over the values of a table. */
static bool is_needed_later(const plt_procedure_t *procedure, size_t l, const char *name) {
  for (l++; l < procedure->n_legs; l++) {
    const plt_stage_t *stage = procedure->legs[l].stage;
    size_t t = find_in_model(stage, name);
    if (t < stage->plan.model->n_tables) return !stage->is_fresh[t];
  }
  return false;
}

/* How often a table of that name is born before leg number l. */
static uint64_t count_births(const plt_procedure_t *procedure, size_t l, const char *name) {
  uint64_t births = 0;
  for (size_t before = 0; before < l; before++) {
    const plt_leg_table_t *table = find_in_leg(&procedure->legs[before], name);
    births += table != NULL && !table->is_handed;
  }
  return births;
}

static const char *before_text(const plt_leg_t *leg) { return leg == NULL ? "" : leg->stage->name; }

static plt_status_t check_shape(const plt_leg_t *leg, const plt_leg_t *before, const plt_leg_table_t *there,
                                const plt_table_spec_t *here) {
  if (there->spec->rows == here->rows && there->spec->cols == here->cols) return PLT_OK;
  return plt_fail(PLT_ERR_USAGE,
                  "%s: stage %s has table %s of %" PRIu64 " x %" PRIu32 ", but stage %s hands it on as %" PRIu64
                  " x %" PRIu32 "; name it in fresh, or choose model.dim so that they fit",
                  leg->stage->place, leg->stage->name, here->name, here->rows, here->cols, before_text(before),
                  there->spec->rows, there->spec->cols);
}

/* A table that is frozen as it was born, or needed, has to have its values from somewhere. */
static plt_status_t check_source(const plt_leg_t *leg, size_t t) {
  const plt_stage_t *stage = leg->stage;
  const plt_plan_t *plan = &stage->plan;
  char path[PLT_PATH_MAX];
  const plt_model_table_t *table = &plan->model->tables[t];
  if (!table->needed && (!stage->is_frozen[t] || stage->is_fresh[t] || table->initial != NULL)) return PLT_OK;
  if (plan->init_from != NULL && plt_import_path(plan->init_from, plan->specs[t].name, path) == PLT_OK &&
      plt_path_exists(path))
    return PLT_OK;
  return plt_fail(PLT_ERR_USAGE,
                  "%s: stage %s %s table %s, but no stage before hands it on and init.from has no file for it",
                  stage->place, stage->name, table->needed ? "needs" : "freezes", plan->specs[t].name);
}

static plt_status_t add_model_table(plt_procedure_t *procedure, size_t l, const plt_leg_t *before, size_t t) {
  plt_leg_t *leg = &procedure->legs[l];
  const plt_stage_t *stage = leg->stage;
  const plt_table_spec_t *spec = &stage->plan.specs[t];
  const plt_leg_table_t *there = find_in_leg(before, spec->name);
  plt_leg_table_t *table = &leg->tables[leg->n_tables++];
  if (there != NULL && !stage->is_fresh[t]) {
    PLT_TRY(check_shape(leg, before, there, spec));
    *table = *there;
    table->spec = spec;
    table->is_handed = true;
    table->is_kept = false;
    return PLT_OK;
  }
  PLT_TRY(check_source(leg, t));
  *table = (plt_leg_table_t){.spec = spec,
                             .birth = spec,
                             .initial = stage->plan.model->tables[t].initial,
                             .salt = spec->born_as[0] == '\0' ? count_births(procedure, l, spec->name) : 1};
  return PLT_OK;
}

static plt_status_t place_tables(plt_procedure_t *procedure, size_t l) {
  plt_leg_t *leg = &procedure->legs[l];
  const plt_leg_t *before = l == 0 ? NULL : leg - 1;
  size_t n = leg->stage->plan.model->n_tables;
  leg->tables = plt_mem_zalloc(n + (before == NULL ? 0 : before->n_tables), sizeof *leg->tables);
  for (size_t t = 0; t < n; t++) PLT_TRY(add_model_table(procedure, l, before, t));
  for (size_t i = 0; before != NULL && i < before->n_tables; i++) {
    const char *name = before->tables[i].spec->name;
    if (find_in_model(leg->stage, name) < n || !is_needed_later(procedure, l, name)) continue;
    plt_leg_table_t *kept = &leg->tables[leg->n_tables++];
    *kept = before->tables[i];
    kept->is_handed = kept->is_kept = true;
  }
  if (leg->n_tables <= PLT_TABLES_MAX) return PLT_OK;
  return plt_fail(PLT_ERR_USAGE, "%s: stage %s and those after it need %zu tables at a time, %d are possible",
                  leg->stage->place, leg->stage->name, leg->n_tables, PLT_TABLES_MAX);
}

plt_status_t plt_procedure_link(plt_procedure_t *procedure) {
  uint64_t slot = 0;
  for (size_t l = 0; l < procedure->n_legs; l++) {
    procedure->legs[l].slot = (uint32_t)slot;
    slot += procedure->legs[l].stage->slots;
    if (slot > UINT32_MAX)
      return plt_fail(PLT_ERR_USAGE, "%s: more than 2^32 trainings one after the other",
                      procedure->legs[l].stage->place);
    PLT_TRY(place_tables(procedure, l));
  }
  return PLT_OK;
}

/* ---- legs ---- */

const plt_leg_t *plt_procedure_leg(const plt_procedure_t *procedure, uint32_t slot) {
  for (size_t l = 0; l < procedure->n_legs; l++) {
    const plt_leg_t *leg = &procedure->legs[l];
    if (slot >= leg->slot && slot - leg->slot < leg->stage->slots) return leg;
  }
  return NULL;
}

const plt_leg_t *plt_procedure_next(const plt_procedure_t *procedure, const plt_leg_t *leg) {
  return leg + 1 < procedure->legs + procedure->n_legs ? leg + 1 : NULL;
}

size_t plt_procedure_find(const plt_procedure_t *procedure, const char *name) {
  size_t length = strcspn(name, ":"), found = SIZE_MAX;
  char *rest = NULL;
  unsigned long round = name[length] == '\0' ? 0 : strtoul(name + length + 1, &rest, 10);
  if (rest != NULL && (*rest != '\0' || round == 0)) return SIZE_MAX;
  for (size_t l = 0; l < procedure->n_legs; l++) {
    const plt_leg_t *leg = &procedure->legs[l];
    bool is_named = strlen(leg->stage->name) == length && strncmp(leg->stage->name, name, length) == 0;
    if (is_named && (round == 0 || (leg->repeat > 0 && leg->outer + 1 == round))) found = l;
  }
  return found;
}

size_t plt_procedure_number(const plt_procedure_t *procedure, const plt_leg_t *leg) {
  return (size_t)(leg - procedure->legs);
}

void plt_leg_describe(const plt_leg_t *leg, char *out, size_t bytes) {
  const plt_stage_t *stage = leg->stage;
  char of[PLT_STAGE_NAME_MAX + 96] = "", round[48] = "";
  if (stage->modality != NULL)
    snprintf(of, sizeof of, " of %.48s, %zu of %zu", stage->modality, stage->part + 1, stage->parts);
  if (leg->repeat > 0) snprintf(round, sizeof round, ", round %" PRIu32 " of %" PRIu32, leg->outer + 1, leg->repeat);
  snprintf(out, bytes, "%s%s%s", stage->name, of, round);
}

void plt_leg_spec(const plt_leg_t *leg, size_t i, plt_table_spec_t *out) {
  const plt_leg_table_t *table = &leg->tables[i];
  *out = *table->spec;
  out->init = table->birth->init;
  memcpy(out->born_as, table->birth->born_as, sizeof out->born_as);
  if (!table->is_kept) return;
  out->frozen = true;
  out->optimizer[0] = '\0';
  out->settings[0] = '\0';
  out->lr_scale = 0;
  out->decay = 0;
}

/* What draws of models and graphs are keyed by: the run's seed in slot 0. */
static uint64_t seed_of(uint64_t seed, uint32_t slot) {
  plt_rng_key_t key = plt_rng_key(seed, "slot", slot);
  return slot == 0 ? seed : (uint64_t)key.word[0] << 32 | key.word[1];
}

void plt_leg_plan(const plt_procedure_t *procedure, const plt_leg_t *leg, uint32_t slot, const plt_plan_t *run,
                  plt_plan_t *out) {
  *out = leg->stage->plan;
  out->procedure = procedure;
  out->leg = leg;
  out->seed = seed_of(out->seed, slot);
  for (size_t t = 0; t < out->model->n_tables; t++) plt_leg_spec(leg, t, &out->specs[t]);
  out->max_steps = run->max_steps;
  out->last_leg = run->last_leg;
  out->run_dir = run->run_dir;
  out->checkpoint_every_s = run->checkpoint_every_s;
  out->checkpoint_every_epochs = run->checkpoint_every_epochs;
  out->checkpoint_keep = run->checkpoint_keep;
  out->workers = run->workers;
  out->servers = run->servers;
  out->threads = run->threads;
  out->alone = run->alone;
  out->staleness = run->staleness;
  out->prefetch = run->prefetch;
  out->interrupted = run->interrupted;
}
