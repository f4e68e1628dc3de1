/* view.h - where the time of a training went, by phase, over all workers: told in short at its end, at length by
 * `plateau train --log-view`.
 *
 *   plt_view_begin ─▶ { plt_lap_begin ... plt_lap_end } ─▶ plt_view_gather ─▶ plt_view_print, plt_view_put
 *
 * Sampling and computing are counted by the loop, packing and waiting by the client. A lap is a stretch of another
 * phase (an evaluation, a checkpoint): what the client packs and waits in it belongs to that phase, and to no other.
 *
 * Ownership  the caller's structs; nothing is allocated but by gather, for the time of its call.
 * Threads    one owner. gather is collective: all workers call it.
 * Units      seconds of the clock, since plt_view_begin(); a start after a stop counts anew.
 * Errors     gather: plt_status_t of the client. */
#ifndef PLT_WORKER_TRAIN_VIEW_H
#define PLT_WORKER_TRAIN_VIEW_H

#include <stdio.h>

#include "common/io/json.h"
#include "worker/client/client.h"
#include "worker/train/trace.h"

/* Name, key in events, what it is. REST is what the others leave of TOTAL. */
#define PLT_VIEW_LIST(X)                                                  \
  X(SAMPLE, "sample", "drawing batches, finding their rows")              \
  X(COMPUTE, "compute", "gradients of the worker's leaves")               \
  X(EXCHANGE, "exchange", "packing and unpacking messages")               \
  X(WAIT, "wait", "waiting for servers and, through them, other workers") \
  X(EVALUATION, "evaluation", "ranking the validation part")              \
  X(CHECKPOINT, "checkpoint", "ordering checkpoints, waiting for them")   \
  X(REST, "rest", "the loop itself, stages, the journal")                 \
  X(TOTAL, "total", "all of the training")

#define PLT_VIEW_ENUM(name, key, help) PLT_VIEW_##name,
typedef enum { PLT_VIEW_LIST(PLT_VIEW_ENUM) PLT_VIEW_PHASES } plt_view_phase_t;
#undef PLT_VIEW_ENUM

/* One worker's clock. */
typedef struct plt_view_clock {
  const plt_client_t *client;
  int64_t begin_ns, ns[PLT_VIEW_PHASES];
  plt_client_count_t begin;
  int64_t aside_exchange_ns, aside_wait_ns; /* of laps */
  plt_trace_t *trace;                       /* is told of laps; may be NULL */
} plt_view_clock_t;

/* The key of a phase: "sample". */
const char *plt_view_key(plt_view_phase_t phase);

typedef struct plt_lap {
  int64_t begin_ns;
  plt_client_count_t count;
} plt_lap_t;

void plt_view_begin(plt_view_clock_t *clock, const plt_client_t *client);
plt_lap_t plt_lap_begin(const plt_view_clock_t *clock);
/* Laps do not overlap. Returns how long it was, in seconds. */
double plt_lap_end(plt_view_clock_t *clock, const plt_lap_t *lap, plt_view_phase_t phase);

/* A phase over the workers, in seconds. */
typedef struct plt_view_row {
  double sum, min, max;
  uint32_t slowest; /* the worker with most */
} plt_view_row_t;

typedef struct plt_view {
  uint32_t workers; /* 0: there is none */
  plt_view_row_t row[PLT_VIEW_PHASES];
} plt_view_t;

plt_status_t plt_view_gather(const plt_view_clock_t *clock, plt_client_t *client, uint32_t worker, uint32_t workers,
                             plt_view_t *out);
/* From seconds [workers, PLT_VIEW_PHASES]. */
void plt_view_of(const double *seconds, uint32_t workers, plt_view_t *out);
/* For people, within 80 columns: shares, and of several workers the most that one had, over the least. */
void plt_view_print_short(const plt_view_t *view, FILE *out);
/* A table for people; the fields of an event. */
void plt_view_print(const plt_view_t *view, FILE *out);
void plt_view_put(const plt_view_t *view, plt_json_t *json);

#endif
