/* star.h - the supervisors and their conductor: who is where, and what is wanted, told again and again.
 *
 *   supervisors ── report: the state of my child ──▶ conductor (rank 0)
 *               ◀── order: what all are to do now ──
 *
 * Both ways carry the whole present state, at every change and once a second, so a lost message costs a second and
 * nothing needs an answer. One JSON line per message.
 * Errors     plt_report_decode, plt_order_decode: PLT_ERR_PROTOCOL for what does not parse. */
#ifndef PLT_LAUNCH_CLUSTER_STAR_H
#define PLT_LAUNCH_CLUSTER_STAR_H

#include "launch/cluster/child.h"
#include "launch/cluster/runtime.h"
#include "proto/wire/wire.h"

/* DISMISSED: order FINISH was heard, this is the supervisor's last report. */
typedef enum { PLT_CHILD_IDLE, PLT_CHILD_RUNNING, PLT_CHILD_ENDED, PLT_CHILD_DISMISSED } plt_child_state_t;

typedef struct plt_report {
  int rank;
  bool serves; /* its child is a server */
  uint64_t job;
  uint32_t generation; /* of the child, or of the last order to stop that was carried out */
  plt_child_state_t state;
  plt_child_end_t end;  /* ENDED: how */
  bool wants_interrupt; /* a signal asked for checkpoint and stop */
} plt_report_t;

typedef enum { PLT_WANT_STOP, PLT_WANT_RUN, PLT_WANT_FINISH } plt_want_t;

typedef struct plt_order {
  uint64_t job;
  uint32_t generation;
  plt_want_t want;
  bool interrupt;     /* RUN: worker 0 is to make a checkpoint and stop */
  plt_task_t task;    /* RUN */
  char restore[64];   /* RUN: the checkpoint to start from */
  uint32_t end_epoch; /* RUN, conclude */
  uint64_t end_gradients;
  double end_seconds;
} plt_order_t;

char *plt_report_encode(const plt_report_t *report);
plt_status_t plt_report_decode(const char *text, size_t bytes, plt_report_t *report);
char *plt_order_encode(const plt_order_t *order);
plt_status_t plt_order_decode(const char *text, size_t bytes, plt_order_t *order);

/* A text as a message of one frame. */
void plt_star_fill(plt_wire_t *wire, const char *text, plt_parcel_t *parcel);

#endif
