/* star.h - the supervisors and their conductor: who is where, and what is wanted, told again and again.
 *
 *   supervisors ── report: the state of my child ──▶ conductor (rank 0)
 *               ◀── directive: what all are to do now ──
 *
 * Both ways carry the whole present state, at every change and once a second, so a lost message costs a second and
 * nothing needs an answer. A message (control.h) is a parcel of one frame.
 *
 * Threads    a parcel has one owner at a time (wire/parcel.h); nothing else is shared.
 * Errors     PLT_ERR_PROTOCOL: put, the message is too large; take, the parcel holds none, and the output is as it
 *            was. */
#ifndef PLT_LAUNCH_CLUSTER_STAR_H
#define PLT_LAUNCH_CLUSTER_STAR_H

#include "launch/cluster/child.h"
#include "launch/tasks/task.h"
#include "proto/wire/wire.h"

/* DISMISSED: FINISH was heard, this is the supervisor's last report. */
typedef enum { PLT_CHILD_IDLE, PLT_CHILD_RUNNING, PLT_CHILD_ENDED, PLT_CHILD_DISMISSED } plt_child_state_t;

typedef struct plt_report {
  int rank;
  bool serves; /* its child is a server */
  uint64_t job;
  uint32_t generation; /* of the child, or of the last directive to stop that was carried out */
  plt_child_state_t state;
  plt_ending_t ending;  /* ENDED: how */
  bool wants_interrupt; /* a signal asked for checkpoint and stop */
} plt_report_t;

typedef enum { PLT_WANT_STOP, PLT_WANT_RUN, PLT_WANT_FINISH } plt_want_t;

typedef struct plt_directive {
  uint64_t job;
  uint32_t generation;
  plt_want_t want;
  bool interrupt;  /* RUN: worker 0 is to make a checkpoint and stop */
  plt_turn_t turn; /* RUN */
} plt_directive_t;

/* Into a parcel, whatever it held. */
plt_status_t plt_star_put_report(plt_wire_t *wire, const plt_report_t *report, plt_parcel_t *out);
plt_status_t plt_star_put_directive(plt_wire_t *wire, const plt_directive_t *directive, plt_parcel_t *out);
/* Out of a parcel that was received. */
plt_status_t plt_star_take_report(const plt_parcel_t *in, plt_report_t *report);
plt_status_t plt_star_take_directive(const plt_parcel_t *in, plt_directive_t *directive);

#endif
