/* state.h - what the files of a table share; for them only.
 *
 *   table.c     rows: found, stepped, read, assigned, restored
 *   inherit.c   a fresh table that takes the rows of another
 *
 * Threads    the table's owner. */
#ifndef PLT_PS_TABLE_STATE_H
#define PLT_PS_TABLE_STATE_H

#include "ps/table/sparse_rows.h"
#include "ps/table/table.h"

struct plt_table {
  plt_table_spec_t spec;
  uint32_t number, servers;
  uint64_t salt, t;
  uint64_t local_rows;
  size_t cols, stride; /* floats of a value; of value and state */
  plt_slabs_t *slabs;  /* its own, or those of sparse keys */
  plt_slabs_t arithmetic;
  plt_sparse_rows_t *sparse; /* NULL: rows 0 .. rows - 1 */
  plt_optimizer_t *optimizer;
  plt_eta_history_t history;
  bool dense;       /* every row takes part in every step */
  double eta_scale; /* what the learning rate of a step is multiplied by */
  float *gradient;  /* cols: an aligned copy of what arrived */
  float *unborn;    /* stride: scratch; the state is that of a row at its birth */
  float *decayed;   /* gradients of a piece of a push, with decay */
  size_t decayed_capacity;
};

#endif
