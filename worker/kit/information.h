/* information.h - how much two representations of the same items tell of each other, as losses: bounds that are driven
 * down so that one says what the other does not (docs/methods/m3invrl.md 1).
 *
 * Rows are items, the same ones in both; columns have any scale, callers bring rows to mean square 1.
 *
 * Threads    the tape's owner.
 * Source     vCLUB: Cheng et al. 2020 with sampled pairs, and its authors' code; cross-correlation: Zbontar et al.
 *            2021. Checked against golden cases. */
#ifndef PLT_WORKER_MODELS_INFORMATION_H
#define PLT_WORKER_MODELS_INFORMATION_H

#include "worker/tape/tape.h"

/* q(s | c) = N(mu(c), diag e^v(c)): mu = lin(relu(lin(c; mu1)); mu2), v = tanh(lin(relu(lin(c; lv1)); lv2)). */
typedef struct plt_vclub {
  plt_var_t mu1_w, mu1_b, mu2_w, mu2_b, lv1_w, lv1_b, lv2_w, lv2_b;
} plt_vclub_t;

/* An upper bound of what s [n, k] tells of c [n, k], not below 0: row i against row (i + shift) mod n; q is held
 * constant. 0 < shift < n. [1, 1]. */
plt_var_t plt_loss_vclub(plt_tape_t *tape, plt_var_t c, plt_var_t s, const plt_vclub_t *q, uint32_t shift);
/* What q is trained by: the negative logarithm of q(s | c), mean over rows, without its constant; c and s are held
 * constant. [1, 1]. */
plt_var_t plt_loss_vclub_fit(plt_tape_t *tape, plt_var_t c, plt_var_t s, const plt_vclub_t *q);
/* The mean square of the correlations of each column of c with each of s over the rows. [1, 1]. */
plt_var_t plt_loss_cross_correlation(plt_tape_t *tape, plt_var_t c, plt_var_t s);

#endif
