/* share.h - means over batches that the workers share.
 *
 * Batches go in at most 256 blocks; block b is worker b mod W's, who adds up its batches one after the other. All add
 * the blocks in their order: the means have the same bits for every W.
 * Threads    all workers call, each with its session.
 * Errors     those of plt_probe_open(), of the client and of `add`; PLT_ERR_STOPPED (session.h). */
#ifndef PLT_WORKER_FLATNESS_SHARE_H
#define PLT_WORKER_FLATNESS_SHARE_H

#include "worker/flatness/probe.h"

/* Adds what the batch that the probe holds has to say, into sums. */
typedef plt_status_t (*plt_share_fn)(plt_probe_t *probe, const void *context, double *sums);

/* The means of n numbers over *batches batches, 0: all of an epoch; *batches becomes how many there are. `name` is new
 * in the session. */
plt_status_t plt_share_batches(plt_session_t *session, const char *name, uint32_t *batches, plt_share_fn add,
                               const void *context, double *means, size_t n);

#endif
