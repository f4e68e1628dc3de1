/* trace.h - what a training did when, for chrome://tracing and Perfetto: JSON trace events, `plateau train --trace`.
 *
 *   open ─▶ { span, rare } ─▶ close ─▶ [all workers have closed] ─▶ merge
 *
 * Each worker writes a part of its own: worker 0 FILE, worker n FILE.worker-n. Once all have closed theirs worker 0
 * takes the others' into FILE. A part that a failure cuts off can be opened as it is: viewers do not ask for the end.
 *
 *   process n        worker n:  thread 0  spans of phases within those of epochs
 *                               thread 1  of worker 0: checkpoints, from the order until they are published
 *
 * Ownership  the caller closes; a trace that is NULL takes everything and does nothing.
 * Threads    one owner: the worker. Parts have nothing in common.
 * Units      *_ns of plt_time_ns(); in the file microseconds since worker 0 opened its part, by the wall clocks of the
 *            machines.
 * Memory     that of a stdio buffer. After PLT_TRACE_SPANS spans a part takes rare ones only, and says so.
 * Errors     open: PLT_ERR_CREATE, and those of the client's sum. What cannot be written later is a warning: a training
 *            goes on without its trace.
 * Source     Trace Event Format, Google: complete events ("X") and metadata ("M"), as a JSON array. */
#ifndef PLT_WORKER_TRAIN_TRACE_H
#define PLT_WORKER_TRAIN_TRACE_H

#include <stdint.h>

#include "worker/client/client.h"

enum { PLT_TRACE_SPANS = 500000 };

typedef struct plt_trace plt_trace_t;

/* Collective: all workers agree on the time that is 0. */
plt_status_t plt_trace_open(const char *file, plt_client_t *client, uint32_t worker, plt_trace_t **out);
/* There may be many: sampling, computing, messages. */
void plt_trace_span(plt_trace_t *trace, const char *name, int64_t begin_ns, int64_t end_ns);
/* There are few: epochs, evaluations; number: which of them, in the event's args under `what`. */
void plt_trace_rare(plt_trace_t *trace, const char *name, const char *what, uint64_t number, int64_t begin_ns,
                    int64_t end_ns);
/* A checkpoint, from its order until it was published. */
void plt_trace_checkpoint(plt_trace_t *trace, uint64_t clock, int64_t begin_ns, int64_t end_ns);
/* Ends the part. Of worker 0, with `workers` > 1: takes in those of the others before, which have closed theirs. */
void plt_trace_close(plt_trace_t **trace, uint32_t workers);

#endif
