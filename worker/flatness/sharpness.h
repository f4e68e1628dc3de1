/* sharpness.h - how much the loss rises around the weights, at a distance ρ.
 *
 *   along the gradient     L(w + ρ g/‖g‖) − L(w)          one ascent step, as SAM estimates the worst of the ball
 *   in random directions   L(w + ρ z/‖z‖) − L(w)          z normal; the mean over several
 *
 * Of each leaf, with its own gradient, as strategies have it (m-sharpness); leaves and batches are averaged like
 * losses.
 *
 * Threads    all workers call, each with its session. The same bits for any number of them.
 * Errors     those of plt_probe_open() and of the client; PLT_ERR_STOPPED (session.h).
 * Source     Foret et al., "Sharpness-Aware Minimization", ICLR 2021; Andriushchenko, Flammarion, "Towards
 *            Understanding Sharpness-Aware Minimization", ICML 2022 (m-sharpness). */
#ifndef PLT_WORKER_FLATNESS_SHARPNESS_H
#define PLT_WORKER_FLATNESS_SHARPNESS_H

#include "worker/session/session.h"

typedef struct plt_sharpness {
  size_t n; /* distances */
  double rho[PLT_RHO_MAX];
  uint32_t batches;    /* of an epoch; 0: all. Becomes how many there are */
  uint32_t directions; /* random ones, of each leaf */
  uint64_t seed;       /* of these */
  /* What comes out. */
  double loss, gradient; /* the mean length of a leaf's gradient */
  double ascent[PLT_RHO_MAX], random[PLT_RHO_MAX];
} plt_sharpness_t;

/* `name` is new in the session. */
plt_status_t plt_sharpness_measure(plt_session_t *session, const char *name, plt_sharpness_t *sharpness);

#endif
