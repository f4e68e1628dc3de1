/* landscape.c - see landscape.h. */
#include "worker/flatness/landscape.h"

#include <stdlib.h>

#include "common/mem.h"
#include "worker/flatness/probe.h"
#include "worker/flatness/share.h"

size_t plt_landscape_points(const plt_landscape_t *landscape) {
  return landscape->axes == 1 ? landscape->resolution : (size_t)landscape->resolution * landscape->resolution;
}

double plt_landscape_place(const plt_landscape_t *landscape, uint32_t i) {
  uint32_t half = (landscape->resolution - 1) / 2;
  return half == 0 ? 0 : landscape->range * ((double)i - (double)half) / (double)half;
}

static void move(size_t n, const float *w, float a, const float *first, float b, const float *second, float *out) {
  for (size_t i = 0; i < n; i++) out[i] = w[i] + (a * first[i] + b * second[i]);
}

/* plt_share_fn: adds the batch's losses. */
static plt_status_t add_batch(plt_probe_t *probe, const void *context, double *loss) {
  const plt_landscape_t *landscape = context;
  const uint32_t rows = landscape->axes == 1 ? 1 : landscape->resolution;
  for (size_t l = 0; l < plt_probe_leaves(probe); l++) {
    size_t n;
    const float *w = plt_probe_point(probe, l, &n);
    float *first = plt_probe_vector(probe, n), *second = plt_probe_vector(probe, n), *at = plt_probe_vector(probe, n);
    plt_probe_direction(probe, l, landscape->seed, 0, true, first);
    plt_probe_direction(probe, l, landscape->seed, 1, true, second);
    for (uint32_t i = 0; i < rows; i++) {
      const float b = rows == 1 ? 0 : (float)plt_landscape_place(landscape, i);
      for (uint32_t j = 0; j < landscape->resolution; j++) {
        move(n, w, (float)plt_landscape_place(landscape, j), first, b, second, at);
        loss[(size_t)i * landscape->resolution + j] += plt_probe_weight(probe, l) * plt_probe_loss(probe, l, at, NULL);
      }
    }
  }
  return PLT_OK;
}

plt_status_t plt_landscape_measure(plt_session_t *session, plt_landscape_t *landscape, double *loss) {
  return plt_share_batches(session, "landscape", &landscape->batches, add_batch, landscape, loss,
                           plt_landscape_points(landscape));
}
