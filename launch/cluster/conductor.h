/* conductor.h - the supervisor of rank 0: it decides what all ranks do next, generation by generation.
 *
 *   RUN g: a turn ── all ended well ──▶ RUN g+1: the next turn ── all ended well ──▶ FINISH ok
 *     │  │ └─ a child's own failure (configuration, data, NaN, disk ...) ─────▶ FINISH its status
 *     │  └─── interrupted: all ended with a checkpoint ───────────────────────▶ FINISH, to be tried again
 *     └─ a child was killed or lost its peers ─▶ STOP g ── all idle ──▶ RUN g+1 from the newest checkpoint
 *
 * A restart takes the path of --resume; it is the only way of recovery (docs/architecture.md 9). After
 * cluster.max_restarts without a newer checkpoint the job ends with 69.
 *
 * Threads    the main thread, which starts rank 0's child (child.h); checkpoints are sought on an errand
 *            (common/errand.h), which has ended when it returns.
 * Units      deadline_s in seconds.
 * Errors     a child's own failure as it reported it; PLT_ERR_PREEMPTED after a stop by request; PLT_ERR_GAVE_UP when
 *            max_restarts are used up; PLT_ERR_PEER when the launcher is gone; PLT_ERR_DEADLINE for a silent rank;
 *            PLT_ERR_CHECKPOINT when there is nothing sound to go on from; of the wire those of a listener (wire.h). */
#ifndef PLT_LAUNCH_CLUSTER_CONDUCTOR_H
#define PLT_LAUNCH_CLUSTER_CONDUCTOR_H

#include "launch/cluster/rendezvous.h"
#include "launch/cluster/supervisor.h"

typedef struct plt_conductor_config {
  int size;
  const char (*hosts)[PLT_NODE_NAME_MAX]; /* of the ranks */
  plt_turn_t first;
  const char *run_dir;
  uint64_t job;
  uint32_t max_restarts;
  double deadline_s;
} plt_conductor_config_t;

/* Until the job is over; `own` is rank 0's supervisor, `listener` the centre of the star. Returns the status of the
 * job with its text recorded, and said before the others were dismissed. */
plt_status_t plt_conductor_run(plt_wire_t *wire, plt_listener_t *listener, plt_supervisor_t *own,
                               const plt_conductor_config_t *config);

#endif
