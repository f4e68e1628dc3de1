/* pending.h - a checkpoint that the servers were told to write, until all their parts are there.
 *
 *   begin ──▶ poll, now and then between steps ──▶ all ──▶ publish (its owner) ──▶ end
 *
 * The servers are asked after pauses of 2 ms at first, doubled up to 200 ms: small checkpoints are known soon, large
 * ones do not disturb. Who waits may wait for long, but not for servers that get no further.
 *
 * Ownership  the parts are the struct's, from begin to end; a zeroed struct is one that has ended.
 * Threads    the client's owner.
 * Errors     PLT_ERR_IO when servers wrote nothing of it for the deadline; those of the client. */
#ifndef PLT_WORKER_CLIENT_PENDING_H
#define PLT_WORKER_CLIENT_PENDING_H

#include "worker/client/client.h"

typedef struct plt_pending {
  bool under_way; /* from begin to end */
  uint64_t clock;
  plt_manifest_part_t *parts; /* [servers] */
  int64_t ask_ns, pause_ns;   /* when servers are asked next, and the pause before that */
  uint64_t written;           /* as they told last: rises as they get on */
  int64_t written_ns;         /* when that had risen */
  int64_t round_ns;           /* when they were asked last */
} plt_pending_t;

/* Of `servers` servers: how many `client` has. Whatever was pending before is forgotten. */
void plt_pending_begin(plt_pending_t *pending, uint64_t clock, uint32_t servers);
/* Asks if it is time to, or with `wait` until all have written. *all: pending->parts are complete, from now until the
 * end; false where none is under way. */
plt_status_t plt_pending_poll(plt_pending_t *pending, plt_client_t *client, bool wait, bool *all);
void plt_pending_end(plt_pending_t *pending);

#endif
