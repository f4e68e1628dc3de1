/* predict.h - how long a bsp step takes with so many workers and servers on so many machines, from a calibration.
 *
 *   step = the slowest of a machine's processors:  compute + worker's messages + server or sampling + network
 *
 *   compute   a leaf's time times the most leaves that one worker has; all workers at the same time
 *   worker    packing and unpacking its rows, and a message for each server
 *   server    per server: a message of each worker, its part of all pushed rows, summed; of the distinct ones, stepped;
 *             of all pulled ones. Meanwhile workers sample the next batch: what is longer counts
 *   network   bytes of the machine that has most to send or receive over the bandwidth, for pushes and for answers, and
 *             twice the latency. Peers of one machine send nothing over it
 *
 * Where roles that work at the same time are more than the cores of their machine, they take as many times longer, and
 * a step takes no less than all the work of a machine over its cores.
 *
 * Threads    any; pure.
 * Units      *_s in seconds, *_bytes in bytes. */
#ifndef PLT_LAUNCH_SIZING_PREDICT_H
#define PLT_LAUNCH_SIZING_PREDICT_H

#include "launch/sizing/calibrate.h"

typedef struct plt_layout {
  uint32_t workers, servers, nodes, cores; /* cores: of each node */
  uint32_t threads;                        /* of each worker */
  uint32_t times;                          /* the batch is so many times the calibrated one */
  double latency_s, bytes_per_s;           /* of a node, each way; 0: without limit */
} plt_layout_t;

typedef enum { PLT_LIMIT_COMPUTE, PLT_LIMIT_WORKER, PLT_LIMIT_SERVER, PLT_LIMIT_NETWORK, PLT_LIMIT_CORES } plt_limit_t;

typedef struct plt_prediction {
  double compute_s, worker_s, server_s, network_s; /* of a step; server: or sampling */
  double cores_s;                                  /* a step takes no less */
  double processor_s;                              /* of all roles together */
  double step_s, epoch_s, samples_per_s;
  double push_bytes, pull_bytes; /* of all workers */
  plt_limit_t limit;             /* what takes longest */
} plt_prediction_t;

extern const char *const plt_limit_names[];

plt_prediction_t plt_predict(const plt_calibration_t *calibration, const plt_layout_t *layout);
/* The split of `ranks` >= 2 whose step is shortest, that with fewer servers among equals; other fields from *layout. */
void plt_predict_split(const plt_calibration_t *calibration, uint32_t ranks, plt_layout_t *layout);
/* The fewest servers for layout->workers with which a step is within a fiftieth of the best, of powers of two up to the
 * workers; machines have layout->cores ranks each. */
void plt_predict_servers(const plt_calibration_t *calibration, plt_layout_t *layout);

#endif
