/* optimizer.h - the update of one row, as a table of functions per optimizer.
 *
 * A row on the server is one run of floats: [value: cols][state: state_floats], and `last`, the table's step
 * count at which it was last pushed. An optimizer sees one row at a time and what is common to all rows of the
 * table: its own object, made from the table's spec.
 *
 *   begin  once per applied clock, with the step count t (from 1) and the learning rates so far
 *   apply  for each row of the merged push: row and gradient, cols floats each; must not keep the pointer
 *   value  what the row is now, without storing anything (METHODS 3: reads never change the training bits);
 *          NULL means the stored value
 *
 * A new optimizer is one file and one row in list.h; registry.h has them by name.
 * Threads    one owner, no locks.
 * Errors     create: PLT_ERR_USAGE for settings out of range.
 * Source     METHODS 3. */
#ifndef PLT_PS_OPTIMIZERS_OPTIMIZER_H
#define PLT_PS_OPTIMIZERS_OPTIMIZER_H

#include <stddef.h>
#include <stdint.h>

#include "common/options/options.h"
#include "proto/table_spec.h"

typedef struct plt_eta_run {
  uint64_t first; /* step count from which this learning rate holds */
  double eta;
} plt_eta_run_t;

/* The learning rates of all steps so far, as run lengths in ascending order of `first`, the first from 1. */
typedef struct plt_eta_history {
  plt_eta_run_t *runs;
  size_t n, capacity;
} plt_eta_history_t;

void plt_eta_history_append(plt_eta_history_t *history, uint64_t t, double eta);
/* The run that holds step t (at least the first run's). */
size_t plt_eta_history_find(const plt_eta_history_t *history, uint64_t t);
double plt_eta_history_at(const plt_eta_history_t *history, uint64_t t);
void plt_eta_history_clear(plt_eta_history_t *history);

typedef struct plt_optimizer plt_optimizer_t; /* an optimizer's own object begins with this */

typedef struct plt_optimizer_ops {
  const char *name;
  const char *summary;        /* one line for --help */
  plt_option_table_t options; /* rows "optimizer.<setting>": the numbers that travel as plt_setting_t */
  /* Floats of state per row. */
  size_t (*state_floats)(const plt_optimizer_t *self);
  /* Makes the object; plt_optimizer_make() has checked the settings against `options` and fills the base. */
  plt_status_t (*create)(const plt_table_spec_t *spec, plt_optimizer_t **out);
  void (*destroy)(plt_optimizer_t *self);
  /* Fills a newborn row's state; NULL means zeros. */
  void (*state_init)(const plt_optimizer_t *self, float *state);
  /* `history` already holds step t and stays valid until the next begin. May be NULL. */
  void (*begin)(plt_optimizer_t *self, uint64_t t, const plt_eta_history_t *history);
  void (*apply)(plt_optimizer_t *self, float *value, float *state, uint64_t last, const float *gradient);
  void (*value)(plt_optimizer_t *self, const float *value, const float *state, uint64_t last, float *out);
} plt_optimizer_ops_t;

struct plt_optimizer {
  const plt_optimizer_ops_t *ops;
  size_t cols;
  double weight_decay;
  uint64_t t; /* steps so far; set by plt_optimizer_begin and on restore */
  float eta;  /* learning rate of step t */
};

/* A setting of spec, or the default of its option row: the only place where defaults stand. */
double plt_optimizer_setting(const plt_optimizer_ops_t *ops, const plt_table_spec_t *spec, const char *name);
/* Setting "sweep" (all optimizers have it): every row of the table takes part in every step; tables see to it. */
bool plt_optimizer_is_dense(const plt_table_spec_t *spec);
/* Makes an optimizer for a table. PLT_ERR_USAGE: a setting of spec that it does not have ("weight_decay" and "sweep"
 * all have) or that is out of the range of its row. */
plt_status_t plt_optimizer_make(const plt_optimizer_ops_t *ops, const plt_table_spec_t *spec, plt_optimizer_t **out);
void plt_optimizer_destroy(plt_optimizer_t **self);
/* Step t begins; `history` holds it. Also called after a restore (t may be 0 then). */
void plt_optimizer_begin(plt_optimizer_t *self, uint64_t t, const plt_eta_history_t *history);

#endif
