/* optimizer.h - the update of one row, as a table of functions per optimizer.
 *
 * A row on the server is one run of floats: [value: cols][state: state_floats], and `last`, the table's step
 * count at which it was last pushed. An optimizer sees one row at a time and what is common to all rows of the
 * table: its own object, made from the table's spec.
 *
 * A new optimizer is one file and one row in list.h; registry.h has them by name.
 * Threads    one owner, no locks.
 * Errors     PLT_ERR_USAGE for settings; a step has none.
 * Source     docs/methods/optimizers.md. */
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

/* All but init and clear are called by the thread that owns the table, a server's loop, for one table at a time: self
 * may hold scratch. Required: name, summary, apply. */
typedef struct plt_optimizer_ops {
  const char *name;
  const char *summary;        /* half a sentence, for help */
  plt_option_table_t options; /* rows "optimizer.<setting>"; default: none */
  size_t size;                /* of the optimizer's own object; default: a base alone */
  /* For each table that a server is told of, once more by the server to know its memory, and by the launcher to check
   * the settings: reads its options, as the spec has them, into the object, which is zero but for the base. Default:
   * nothing. PLT_ERR_USAGE; clear is called then too. */
  plt_status_t (*init)(plt_optimizer_t *self, const plt_config_t *config);
  /* When the table goes: gives back what the object holds. Default: nothing. */
  void (*clear)(plt_optimizer_t *self);
  /* After init: floats of state per row, always the same. Default: 0. */
  size_t (*state_floats)(const plt_optimizer_t *self);
  /* When a row is stored for the first time, or assigned: its state. Default: zeros. */
  void (*state_init)(const plt_optimizer_t *self, float *state);
  /* Before the rows of step t (from 1), and when t was set otherwise: a new or reset table (0), a restored one.
   * `history` holds step t and stays valid until the next begin. Default: nothing. */
  void (*begin)(plt_optimizer_t *self, uint64_t t, const plt_eta_history_t *history);
  /* For each row of step t's merged push, with a dense sweep for every row: steps value and state in place by the
   * gradient [cols]; keeps none of the pointers. last: the step of the row's push before, 0 for none. Required. */
  void (*apply)(plt_optimizer_t *self, float *value, float *state, uint64_t last, const float *gradient);
  /* For each row that is read: what it is now, after step t, into `out` [cols]; stores nothing, so that reads never
   * change the training bits (docs/methods/optimizers.md 1). Default: the stored value. */
  void (*value)(plt_optimizer_t *self, const float *value, const float *state, uint64_t last, float *out);
} plt_optimizer_ops_t;

struct plt_optimizer {
  const plt_optimizer_ops_t *ops;
  size_t cols;
  double weight_decay; /* optimizer.weight_decay */
  bool dense;          /* optimizer.sweep: every row takes part in every step; tables see to it */
  uint64_t t;          /* steps so far; set by plt_optimizer_begin and on restore */
  float eta;           /* learning rate of step t */
};

/* Rows optimizer.weight_decay and optimizer.sweep, which every optimizer has beside its own. */
extern const plt_option_table_t plt_optimizer_common;
/* Options travel in a table's spec, as YAML that is read like a configuration: any type of row will do. Writes the name
 * and the values of both tables into spec->optimizer and spec->settings. PLT_ERR_USAGE when they take too much room. */
plt_status_t plt_optimizer_write(const plt_optimizer_ops_t *ops, const plt_config_t *config, plt_table_spec_t *spec);
/* The optimizer of a table by its spec. PLT_ERR_USAGE: a setting that it does not have, or of a wrong type or range. */
plt_status_t plt_optimizer_make(const plt_optimizer_ops_t *ops, const plt_table_spec_t *spec, plt_optimizer_t **out);
void plt_optimizer_destroy(plt_optimizer_t **self);
/* ops->state_floats, or its default. */
size_t plt_optimizer_state_floats(const plt_optimizer_t *self);
/* Step t begins; `history` holds it. Also called after a restore (t may be 0 then). */
void plt_optimizer_begin(plt_optimizer_t *self, uint64_t t, const plt_eta_history_t *history);

#endif
