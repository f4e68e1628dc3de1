/* conductor.h - the supervisor of rank 0: it decides what all ranks do next, generation by generation.
 *
 *   RUN g: train ── all ended well ──▶ RUN g+1: conclude ── all ended well ──▶ FINISH 0
 *     │  │ └─ a child's own failure (configuration, data, NaN, disk ...) ─────▶ FINISH its code
 *     │  └─── interrupted: all ended with a checkpoint ───────────────────────▶ FINISH 75
 *     └─ a child was killed or lost its peers ─▶ STOP g ── all idle ──▶ RUN g+1 from the newest checkpoint
 *
 * A restart takes the path of --resume; it is the only way of recovery (docs/architecture.md 9). After
 * cluster.max_restarts without a newer checkpoint the job ends with 75. */
#ifndef PLT_LAUNCH_CLUSTER_CONDUCTOR_H
#define PLT_LAUNCH_CLUSTER_CONDUCTOR_H

#include "launch/cluster/supervisor.h"

typedef struct plt_conductor_config {
  int size;
  const char (*hosts)[64]; /* of the ranks */
  plt_task_t task;         /* the first; train is followed by conclude */
  const char *run_dir;
  const char *restore; /* to start from, "" for none */
  uint64_t job;
  uint32_t max_restarts;
  double deadline_s;
  bool keeps; /* recovery events go to run_dir/metrics.jsonl */
} plt_conductor_config_t;

/* Until the job is over; `own` is rank 0's supervisor, `listener` the centre of the star. Returns the status of the
 * job with its text recorded, and said before the others were dismissed. */
plt_status_t plt_conductor_run(plt_wire_t *wire, plt_listener_t *listener, plt_supervisor_t *own,
                               const plt_conductor_config_t *config);

#endif
