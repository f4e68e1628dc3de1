/* landscape.h - the loss over one or two random directions through the weights, w + a δ₁ + b δ₂.
 *
 * δ is drawn for each row and brought to the length of the row's weights, so that runs whose weights differ in size can
 * be held beside each other; it depends on seed, table and row alone, so runs of equal shape share their directions.
 *
 * Threads    all workers call, each with its session. The same bits for any number of them.
 * Errors     those of plt_probe_open() and of the client; PLT_ERR_STOPPED (session.h).
 * Source     Li, Xu, Taylor, Studer, Goldstein, "Visualizing the Loss Landscape of Neural Nets", NeurIPS 2018. */
#ifndef PLT_WORKER_FLATNESS_LANDSCAPE_H
#define PLT_WORKER_FLATNESS_LANDSCAPE_H

#include "worker/session/session.h"

typedef struct plt_landscape {
  uint32_t axes;       /* 1 or 2 */
  uint32_t resolution; /* points of an axis, odd: one of them is w itself */
  double range;        /* an axis goes from -range to range */
  uint32_t batches;    /* of an epoch; 0: all. Becomes how many there are */
  uint64_t seed;       /* of the directions */
} plt_landscape_t;

/* Numbers of a landscape: resolution, or its square. */
size_t plt_landscape_points(const plt_landscape_t *landscape);
/* Where point i of an axis lies. */
double plt_landscape_place(const plt_landscape_t *landscape, uint32_t i);
/* Mean loss over the batches, into loss [points]: b is the row, a the column. */
plt_status_t plt_landscape_measure(plt_session_t *session, plt_landscape_t *landscape, double *loss);

#endif
