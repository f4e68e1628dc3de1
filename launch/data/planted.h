/* planted.h - an invented data folder in which it is known what causes choices and what only goes along with them, over
 * environments, and a test part in which what goes along is reversed.
 *
 * Items have causal latents z and spurious ones y (their style), users a taste p and a spurious companion a. In
 * environment e user u values item i at
 *   v = (kappa <p_u, z_i> + rho_e <a_u, y_i> + trend <t_e, y_i>) / sqrt(q) + pop * pi_i + Gumbel noise,
 * t_e being the fashion of e, and takes, of the items that she has not yet taken, the best n_train + n_valid + n_test
 * (Gumbel top-k: Kool et al., arXiv 1903.06059); in the shift, which comes last, n_shift, with rho_shift and the
 * reverse of the mean fashion. Features are causal = z A / sqrt(q) and spurious = y B / sqrt(q), each plus
 * noise * N(0, 1). Draws are those of stream.h, index row-major, streams: z 1, y 2, p 3, a 4, A 5, B 6, causal noise 7,
 * spurious noise 8, Gumbel 9, pi 10, which of an environment's items are held out 11, t 12.
 *
 * The same parameters give the same rows.
 * Ownership  the caller frees what draw made.
 * Threads    a call has `threads` of its own and waits for them.
 * Errors     PLT_ERR_USAGE for parameters that cannot be met; writing: PLT_ERR_CREATE, PLT_ERR_IO, PLT_ERR_SPACE.
 * Source     docs/data.md, "Planted data". */
#ifndef PLT_LAUNCH_DATA_PLANTED_H
#define PLT_LAUNCH_DATA_PLANTED_H

#include "worker/data/interactions.h"

enum { PLT_PLANTED_ENVIRONMENTS = 256 };

typedef struct plt_planted {
  uint32_t users, items, latent, width; /* latent: q; width: columns of either feature */
  double rho[PLT_PLANTED_ENVIRONMENTS];
  uint32_t environments;
  double rho_shift, kappa, trend, pop, noise;
  uint32_t n_train, n_valid, n_test, n_shift; /* of a user: in each environment; n_shift in the shift */
  uint64_t seed;
  size_t threads; /* at least 1; the result does not depend on it */
  bool packs;     /* the interactions as NAME.pack instead of NAME.inter */
} plt_planted_t;

/* The usual one. */
extern const plt_planted_t plt_planted_usual;

plt_status_t plt_planted_check(const plt_planted_t *planted);
/* Rows by (user, item), with environments from 0; the shift is the last. name and source are empty. */
plt_status_t plt_planted_draw(const plt_planted_t *planted, plt_interactions_t **out);
/* A feature, [items, width]; free it. */
typedef enum { PLT_PLANTED_CAUSAL, PLT_PLANTED_SPURIOUS, PLT_PLANTED_FEATURES } plt_planted_feature_t;
float *plt_planted_features(const plt_planted_t *planted, plt_planted_feature_t which);

/* Writes NAME.inter or NAME.pack, causal_feat.npy, spurious_feat.npy and README.txt into an existing folder; NAME is
 * the folder's. Takes and nulls the rows. */
plt_status_t plt_planted_write(const plt_planted_t *planted, plt_interactions_t **rows, const char *folder);

#endif
