/* state.h - what the files of a table share; for them only.
 *
 *   table.c     the table; rows assigned, restored
 *   rows.c      rows found, stepped, read
 *   inherit.c   a fresh table that takes the rows of another
 *
 * Threads    the table's owner; while it steps or reads many rows, the threads of its crew, each with a lane. */
#ifndef PLT_PS_TABLE_STATE_H
#define PLT_PS_TABLE_STATE_H

#include <string.h>

#include "ps/table/sparse_rows.h"
#include "ps/table/table.h"

/* What a thread needs of its own to step and read rows. */
typedef struct plt_lane {
  plt_optimizer_t *optimizer; /* its object is scratch, too */
  float *gradient;            /* cols: an aligned copy of what arrived */
  float *unborn;              /* stride: scratch; the state is that of a row at its birth */
  float *exact;               /* rows that are encoded next; NULL before the first */
  uint64_t born;              /* rows stored that table->slabs->stored does not count yet */
} plt_lane_t;

struct plt_table {
  plt_table_spec_t spec;
  uint32_t number, servers;
  uint64_t salt, t;
  uint64_t local_rows;
  size_t cols, stride; /* floats of a value; of value and state */
  plt_slabs_t *slabs;  /* its own, or those of sparse keys */
  plt_slabs_t arithmetic;
  plt_sparse_rows_t *sparse;  /* NULL: rows 0 .. rows - 1 */
  plt_optimizer_t *optimizer; /* the first lane's */
  plt_eta_history_t history;
  bool dense;       /* every row takes part in every step */
  double eta_scale; /* what the learning rate of a step is multiplied by */
  plt_crew_t *crew; /* NULL: its owner does all */
  plt_lane_t *lanes;
  size_t n_lanes;
  plt_rows_t *cuts; /* what the threads of the crew take in turn: a push in pieces of some rows */
  size_t n_cuts, cuts_capacity;
  float *decayed; /* gradients of a piece of a push, with decay */
  size_t decayed_capacity;
};

static inline uint64_t plt_table_local(const plt_table_t *table, uint64_t key) {
  if (key <= UINT32_MAX) return (uint32_t)key / table->servers; /* far cheaper than in 64 bits */
  return key / table->servers;
}

/* Step t of the history, to the optimizers of all lanes. */
static inline void plt_table_begin(plt_table_t *table) {
  for (size_t i = 0; i < table->n_lanes; i++) plt_optimizer_begin(table->lanes[i].optimizer, table->t, &table->history);
}

static inline void plt_table_birth_state(const plt_table_t *table, float *row) {
  const plt_optimizer_ops_t *ops = table->optimizer->ops;
  memset(row + table->cols, 0, (table->stride - table->cols) * sizeof *row);
  if (ops->state_init != NULL) ops->state_init(table->optimizer, row + table->cols);
}

#endif
