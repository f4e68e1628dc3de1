/* invariance.h - what a mask stage of InvRL minimises, and its gradient in closed form (docs/methods/invrl.md 3).
 *
 *   T(W, mu) = mean_e L_e + alpha sum_kj (P_kj a_k)^2 + lambda sum_k mu_k^2
 *
 *   L_e  UltraGCN's loss of environment e's batch on features x . z_e, z_e = clamp(mu + noise_e + 1/2, 0, 1)
 *   g_e  its gradient by W, P = sum_e (g_e - mean g)^2, a = mu + 1/2
 *
 * T holds a gradient, so its own has second derivatives; W stands in scores linearly, so they are sums over the batch
 * like the first. In two sweeps over the environments that have a batch:
 *
 *   first:   scores, L_e, g_e  ─▶ all g_e: mean g, P ─▶  second: by W and mu, from g_e - mean g
 *
 * Whoever calls may do environments anywhere, as long as all g_e come together in between.
 *
 * Memory     first sweep keeps 2 floats a sample's item and 2 F x f for each environment that it did.
 * Threads    one owner; products use the crew.
 * Errors     none: the caller looks whether what comes out is finite.
 * Source     Du et al. 2022, and their code; checked against golden cases and differences. */
#ifndef PLT_WORKER_MATH_INVARIANCE_H
#define PLT_WORKER_MATH_INVARIANCE_H

#include <stdint.h>

#include "worker/math/lazy.h"

typedef struct plt_invariance plt_invariance_t;

typedef struct plt_invariance_shape {
  size_t features, f, d; /* F; columns of W; columns of items */
  float alpha, lambda;
} plt_invariance_shape_t;

/* An environment's batch: samples of a user, then its positive and its negatives. */
typedef struct plt_invariance_batch {
  size_t n, items_each;        /* samples; items of one, 1 + negatives */
  const uint32_t *user, *item; /* [n], [n, items_each]: positions among users and items below */
  const float *weight;         /* [n, items_each]: of each pair in L_e */
  size_t n_users, n_items;
  const float *users; /* [n_users, d + f] */
  const float *items; /* [n_items, d] */
  plt_lazy_t x;       /* [n_items, F] */
  const float *noise; /* [F], sigma included */
} plt_invariance_batch_t;

plt_invariance_t *plt_invariance_create(const plt_invariance_shape_t *shape, size_t environments, plt_crew_t *crew);
void plt_invariance_destroy(plt_invariance_t **self);

/* Environment e at (w [F, f], mu [F]): gradient [F, f]. Returns L_e. */
float plt_invariance_first(plt_invariance_t *self, size_t e, const plt_invariance_batch_t *batch, const float *w,
                           const float *mu, float *gradient);
/* With gradients[k] [F, f] of the n environments that have a batch, in their order: mean and P. Returns the penalties,
 * and their part of the gradient by mu into mu_gradient [F]. */
double plt_invariance_meet(plt_invariance_t *self, size_t n, const float *const *gradients, const float *mu,
                           float *mu_gradient);
/* Environment e's part of the gradient of T: by w [F, f], and by mu [F]. `gradient`: what first() gave. */
void plt_invariance_second(plt_invariance_t *self, size_t e, const plt_invariance_batch_t *batch, const float *w,
                           const float *mu, const float *gradient, float *by_w, float *by_mu);

#endif
