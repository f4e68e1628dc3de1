/* optimizer.c - what all optimizers share: see optimizer.h. */
#include "ps/optimizers/optimizer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

static const char prefix[] = "optimizer.";

static const plt_option_t *find_row(const plt_optimizer_ops_t *ops, const char *name) {
  for (size_t i = 0; i < ops->options.n_rows; i++)
    if (strcmp(ops->options.rows[i].key + sizeof prefix - 1, name) == 0) return &ops->options.rows[i];
  return NULL;
}

double plt_optimizer_setting(const plt_optimizer_ops_t *ops, const plt_table_spec_t *spec, const char *name) {
  return plt_table_spec_setting(spec, name, strtod(find_row(ops, name)->fallback, NULL));
}

bool plt_optimizer_is_dense(const plt_table_spec_t *spec) { return plt_table_spec_setting(spec, "sweep", 0) != 0; }

static plt_status_t check_setting(const plt_optimizer_ops_t *ops, const plt_table_spec_t *spec,
                                  const plt_setting_t *setting) {
  if (strcmp(setting->name, "weight_decay") == 0) {
    if (isfinite(setting->value) && setting->value >= 0) return PLT_OK;
    return plt_fail(PLT_ERR_USAGE, "table %s: weight_decay is %g, but must be a number >= 0", spec->name,
                    setting->value);
  }
  if (strcmp(setting->name, "sweep") == 0) {
    if (setting->value == 0 || setting->value == 1) return PLT_OK;
    return plt_fail(PLT_ERR_USAGE, "table %s: sweep is %g, but must be 0 (sparse) or 1 (dense)", spec->name,
                    setting->value);
  }
  const plt_option_t *row = find_row(ops, setting->name);
  if (row == NULL)
    return plt_fail(PLT_ERR_USAGE, "table %s: optimizer %s has no setting \"%s\"", spec->name, ops->name,
                    setting->name);
  bool inside = isfinite(setting->value) && setting->value >= row->min && setting->value <= row->max &&
                !(row->above_min && setting->value == row->min);
  if (inside) return PLT_OK;
  return plt_fail(PLT_ERR_USAGE, "table %s: %s is %g, but must be %s %g and <= %g", spec->name, setting->name,
                  setting->value, row->above_min ? ">" : ">=", row->min, row->max);
}

plt_status_t plt_optimizer_make(const plt_optimizer_ops_t *ops, const plt_table_spec_t *spec, plt_optimizer_t **out) {
  plt_optimizer_t *self = NULL;
  for (size_t i = 0; i < spec->n_settings; i++) PLT_TRY(check_setting(ops, spec, &spec->settings[i]));
  if (ops->create != NULL)
    PLT_TRY(ops->create(spec, &self));
  else
    self = plt_mem_zalloc(1, sizeof *self);
  self->ops = ops;
  self->cols = spec->cols;
  self->weight_decay = plt_table_spec_setting(spec, "weight_decay", 0);
  *out = self;
  return PLT_OK;
}

void plt_optimizer_destroy(plt_optimizer_t **self) {
  if (*self == NULL) return;
  if ((*self)->ops->destroy != NULL)
    (*self)->ops->destroy(*self);
  else
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
