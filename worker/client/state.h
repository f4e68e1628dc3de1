/* state.h - what the files of the client share; for them only.
 *
 *   client.c   a client's life, and calls without rows
 *   rows.c     STEP, READ, ASSIGN
 *   pending.c  CHECKPOINTED
 *
 * Threads    the client's owner. */
#ifndef PLT_WORKER_CLIENT_STATE_H
#define PLT_WORKER_CLIENT_STATE_H

#include "worker/client/loans.h"

struct plt_client {
  plt_wire_t *wire;
  plt_desk_t *desk;
  plt_loans_t *loans;
  uint32_t n_servers;
  bool sparse[PLT_TABLES_MAX]; /* as tables were declared */
  plt_wire_type_t type;
  uint64_t lent_out, lent_in; /* bytes that went through lent memory */
};

#endif
