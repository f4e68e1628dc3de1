/* state.h - what the files of the library share; for them only. The library is what other people's programs link:
 * include/plateau.h says what each call promises.
 *
 *   failures.c  statuses and sentences
 *   library.c   connecting, closing
 *   tables.c    declarations, initial values; checks of what callers give
 *   steps.c     pulls and steps
 *   meet.c      sums, barriers, checkpoints
 *   distinct.c  plateau_distinct()
 *
 * Spent      a call that fails once servers may know of it leaves the handle in a state nobody can vouch for: the
 *            failure is kept, and told by all calls that follow. What is checked before anything is sent leaves it as
 *            it was.
 * Threads    the handle's owner, but for `cancelled`.
 * Errors     inside as everywhere (common/status.h); plt_library_answer() makes of them what callers get. */
#ifndef PLT_WORKER_LIBRARY_STATE_H
#define PLT_WORKER_LIBRARY_STATE_H

#include <plateau.h>
#include <stdatomic.h>

#include "proto/job_card.h"
#include "worker/client/pending.h"

/* What is known of a table to check calls by. */
typedef struct plt_known_table {
  char name[PLT_TABLE_NAME_MAX];
  uint64_t rows;
  uint32_t dim;
  bool frozen, sparse;
} plt_known_table_t;

struct plateau {
  plt_wire_t *wire;
  plt_client_t *client;
  plt_job_card_t card; /* without its secret */
  const char **addresses;
  uint32_t worker;
  uint64_t clock, start;
  bool resumed;
  plt_known_table_t tables[PLT_TABLES_MAX];
  uint32_t n_tables;
  uint32_t sums;         /* ssp, asp: so far; bsp: since the last push */
  plt_exchange_t *begun; /* a step: plateau_begin() */
  double own_loss;       /* of it; ssp, asp: servers do not add losses */
  plt_pending_t pending; /* worker 0: a checkpoint that was ordered and is not known to be complete yet */
  uint64_t saved;        /* the clock of the last checkpoint ordered, if has_saved */
  bool has_saved;
  atomic_bool cancelled;
  plt_failure_t spent;
};

/* ---- failures.c ---- */
/* PLT_OK, or why calls are not possible: a failure before, a step that was begun. */
plt_status_t plt_library_ready(const plateau_t *job);
/* What a call returns: the failure becomes the caller's, and spends the handle if it is `lasting`. job may be NULL. */
int plt_library_answer(plateau_t *job, plt_status_t status, bool lasting);

/* ---- tables.c ---- */
/* Whether these are rows of a table: declared, ascending keys, below its rows. PLT_ERR_USAGE. */
plt_status_t plt_library_check_keys(const plateau_t *job, uint32_t table, const uint64_t *keys, size_t n);
/* Whether values [n, dim] are there and finite. PLT_ERR_USAGE, PLT_ERR_NAN. */
plt_status_t plt_library_check_values(const plateau_t *job, uint32_t table, const uint64_t *keys, size_t n,
                                      const float *values);

/* ---- meet.c ---- */
/* Worker 0: asks whether the checkpoint under way is written, if it is time or `wait`, and has it made known. */
plt_status_t plt_library_publish(plateau_t *job, bool wait);

#endif
