/* sharpness.c - see sharpness.h. */
#include "worker/flatness/sharpness.h"

#include <math.h>
#include <string.h>

#include "worker/flatness/share.h"
#include "worker/math/vectors.h"

/* What is added up: loss, length of the gradient, then the rises along the gradient and at random. */
enum { SUM_LOSS, SUM_GRADIENT, SUM_ASCENT, SUM_RANDOM = SUM_ASCENT + PLT_RHO_MAX, SUMS = SUM_RANDOM + PLT_RHO_MAX };

static double loss_along(plt_probe_t *probe, size_t l, const float *w, const float *direction, double length,
                         double rho, size_t n, float *at) {
  plt_vector_blend(at, 1, w, length > 0 ? rho / length : 0, direction, n);
  return plt_probe_loss(probe, l, at, NULL);
}

/* plt_share_fn */
static plt_status_t add_batch(plt_probe_t *probe, const void *context, double *sums) {
  const plt_sharpness_t *sharpness = context;
  const size_t leaves = plt_probe_leaves(probe);
  for (size_t l = 0; l < leaves; l++) {
    size_t n;
    const float *w = plt_probe_point(probe, l, &n);
    const double weight = plt_probe_weight(probe, l);
    float *at = plt_probe_vector(probe, n), *direction = plt_probe_vector(probe, n);
    memcpy(at, w, n * sizeof *at);
    const double loss = plt_probe_loss(probe, l, at, direction), length = plt_vector_norm(direction, n);
    sums[SUM_LOSS] += weight * loss;
    sums[SUM_GRADIENT] += length / (double)leaves;
    for (size_t r = 0; r < sharpness->n; r++)
      sums[SUM_ASCENT + r] += weight * (loss_along(probe, l, w, direction, length, sharpness->rho[r], n, at) - loss);
    for (uint32_t d = 0; d < sharpness->directions; d++) {
      plt_probe_direction(probe, l, sharpness->seed, d, false, direction);
      const double norm = plt_vector_norm(direction, n);
      for (size_t r = 0; r < sharpness->n; r++)
        sums[SUM_RANDOM + r] += weight / sharpness->directions *
                                (loss_along(probe, l, w, direction, norm, sharpness->rho[r], n, at) - loss);
    }
  }
  return PLT_OK;
}

plt_status_t plt_sharpness_measure(plt_session_t *session, const char *name, plt_sharpness_t *sharpness) {
  double means[SUMS] = {0};
  PLT_TRY(plt_share_batches(session, name, &sharpness->batches, add_batch, sharpness, means, SUMS));
  sharpness->loss = means[SUM_LOSS];
  sharpness->gradient = means[SUM_GRADIENT];
  memcpy(sharpness->ascent, means + SUM_ASCENT, sizeof sharpness->ascent);
  memcpy(sharpness->random, means + SUM_RANDOM, sizeof sharpness->random);
  return PLT_OK;
}
