/* optimizer.c - what all optimizers share: see optimizer.h. */
#include "ps/optimizers/optimizer.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

static const plt_option_t rows[] = {
    {.key = "optimizer.weight_decay",
     .type = PLT_OPT_REAL,
     .fallback = "0",
     .min = 0,
     .max = DBL_MAX,
     .help =
         "L2 form: this times the row is added to the gradient of the rows pushed; adam takes it with a dense sweep "
         "only. adamw: decoupled, every row is multiplied by 1 - lr * weight_decay in every step."},
    {.key = "optimizer.sweep",
     .type = PLT_OPT_CHOICE,
     .fallback = "sparse",
     .choices = "sparse|dense",
     .help = "Rows that take part in a step: those pushed, or all, the others with a gradient of zero. dense costs the "
             "time of all rows at every step and the memory of all rows from the first on."},
};

const plt_option_table_t plt_optimizer_common = {"every optimizer", rows, sizeof rows / sizeof *rows};

plt_status_t plt_optimizer_write(const plt_optimizer_ops_t *ops, const plt_config_t *config, plt_table_spec_t *spec) {
  const plt_option_table_t *tables[] = {&plt_optimizer_common, &ops->options};
  char *settings = plt_config_dump_tables(config, "optimizer", tables, 2);
  int length = snprintf(spec->settings, sizeof spec->settings, "%s", settings);
  snprintf(spec->optimizer, sizeof spec->optimizer, "%s", ops->name);
  free(settings);
  if (length < (int)sizeof spec->settings) return PLT_OK;
  return plt_fail(PLT_ERR_USAGE, "the settings of optimizer %s take %d bytes, but at most %zu can go to the servers",
                  ops->name, length, sizeof spec->settings - 1);
}

static plt_status_t read_settings(const plt_optimizer_ops_t *ops, const plt_table_spec_t *spec, plt_config_t *config) {
  char name[PLT_TABLE_NAME_MAX + sizeof "table "], *warnings = NULL;
  snprintf(name, sizeof name, "table %s", spec->name);
  PLT_TRY(plt_config_add(config, "optimizer", spec->settings, name));
  PLT_TRY(plt_config_apply(config, &plt_optimizer_common));
  PLT_TRY(plt_config_apply(config, &ops->options));
  return plt_config_finish(config, NULL, 0, &warnings); /* no other table is known: no warnings */
}

plt_status_t plt_optimizer_make(const plt_optimizer_ops_t *ops, const plt_table_spec_t *spec, plt_optimizer_t **out) {
  plt_config_t *config = plt_config_create();
  plt_optimizer_t *self = NULL;
  plt_status_t status = read_settings(ops, spec, config);
  if (status == PLT_OK) {
    self = plt_mem_zalloc(1, ops->size > 0 ? ops->size : sizeof *self);
    self->ops = ops;
    self->cols = spec->cols;
    self->weight_decay = plt_config_real(config, "optimizer.weight_decay");
    self->dense = strcmp(plt_config_text(config, "optimizer.sweep"), "dense") == 0;
    status = ops->init == NULL ? PLT_OK : ops->init(self, config);
    if (status != PLT_OK) plt_fail_within(status, "table %s", spec->name);
  }
  plt_config_destroy(&config);
  if (status == PLT_OK)
    *out = self;
  else
    plt_optimizer_destroy(&self);
  return status;
}

void plt_optimizer_destroy(plt_optimizer_t **self) {
  if (*self == NULL) return;
  if ((*self)->ops->clear != NULL) (*self)->ops->clear(*self);
  free(*self);
  *self = NULL;
}

size_t plt_optimizer_state_floats(const plt_optimizer_t *self) {
  return self->ops->state_floats == NULL ? 0 : self->ops->state_floats(self);
}

void plt_optimizer_begin(plt_optimizer_t *self, uint64_t t, const plt_eta_history_t *history) {
  if (self->ops->begin != NULL) self->ops->begin(self, t, history);
  self->t = t;
  self->eta = t == 0 ? 0 : (float)plt_eta_history_at(history, t);
}
