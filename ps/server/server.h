/* server.h - a parameter server: one event loop over one listener, one shard of every table.
 *
 *            HELLO            DECLARE                STEP, READ, ASSIGN, SUM ...            BYE of all workers
 *   (start) ───────▶ greeted ─────────▶ tables known ───────────────────────▶ serving ──────────────────────▶ (end)
 *
 * Invariants
 *  1. A table changes only when a clock completes (bsp), by a push (ssp, asp), by ASSIGN or by RESET;
 *     all are exchanged for others by ENTER.
 *  2. A push of (worker, clock) counts once, however often it arrives.
 *  3. Every request is answered, refused, or kept with a WAIT once a second. A push that overtook the one before it
 *     is kept until that comes.
 *  4. Nothing a peer sends ends the server; the failure of one worker (BYE with a status) is told to all others.
 *
 * Ownership  the listener is the caller's.
 * Threads    plt_server_run() is one thread, and a crew of `threads` for the rows of large messages; only `stop` is
 *            looked at from outside.
 * Errors     PLT_OK when all workers have said goodbye; else why the server could not go on: PLT_ERR_CHECKPOINT and
 *            PLT_ERR_IO of what it starts from, PLT_ERR_BUG of the listener; with linger_s and idle_s PLT_ERR_PEER and
 *            PLT_ERR_DEADLINE of workers.
 * Source     docs/architecture.md 6; proto/PROTOCOL.md. */
#ifndef PLT_PS_SERVER_SERVER_H
#define PLT_PS_SERVER_SERVER_H

#include <stdatomic.h>

#include "proto/wire/wire.h"
#include "ps/server/start.h"

typedef struct plt_server_config {
  uint32_t number, servers, workers;
  bool alone;         /* ssp, asp: every push is a step; bsp merges those of a clock into one */
  uint64_t staleness; /* ssp, asp: see clock.h */
  uint32_t threads;   /* that step and read rows, the loop's own among them, 8 at most; 0: that one */
  uint64_t job;
  uint32_t generation;
  const char *run_dir; /* where checkpoints go; NULL: none are written */
  plt_start_t start;
  uint64_t memory_bytes; /* what the tables may take; 0: no limit */
  size_t keep;           /* checkpoints that PUBLISH leaves, besides those that links name; 0: all */
  double
      linger_s;  /* when a worker has given up, or has not been heard for idle_s, the others may take leave for so long;
                      then the server ends by that failure. 0: it waits for them */
  double idle_s; /* without a word of any worker; 0: for ever */
  const atomic_bool *stop; /* set by the owner to end the loop early; may be NULL */
} plt_server_config_t;

plt_status_t plt_server_run(plt_wire_t *wire, plt_listener_t *listener, const plt_server_config_t *config);

#endif
