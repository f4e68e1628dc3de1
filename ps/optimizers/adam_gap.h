/* adam_gap.h - how far dense Adam moves a row in the k steps in which it was not pushed; private to ps/.
 *
 * With g = 0 an element (w, m, v) as of step `last` moves in step n = last + j by
 *
 *   -c_j m / (s + eps q_j),   s = sqrt(v),  r = beta1 / sqrt(beta2),
 *   c_j = eta_n r^j sqrt(1 - beta2^n) / (1 - beta1^n),   q_j = sqrt(1 - beta2^n) beta2^(-j/2)
 *
 * An expansion in powers of eps q_j / s diverges for elements with tiny gradients. This one is around a centre Q, one
 * of the q_j:
 *
 *   1 / (s + eps q_j) = (1 + tau_j) sum_p (u tau_j)^p / (s + eps Q),
 *   tau_j = (Q - q_j) / (Q + q_j),   u = (eps Q - s) / (eps Q + s)
 *
 * which converges for every s >= 0, because |u| <= 1 and |tau_j| < 1, and fast, because the q_j of the steps that
 * count lie close together. So one polynomial in u, with coefficients T_p = sum_j c_j (1 + tau_j) tau_j^p that
 * all rows with this `last` share, moves elements with tiny gradients as well as all others:
 *
 *   w(now) = w - m / (s + eps Q) * sum_p T_p u^p
 *
 * Decoupled decay multiplies w by f_n = 1 - eta_n decay in each step before it moves. The movement of a step then
 * shrinks by the factors of all later steps, and w by all of them:
 *
 *   w(now) = w * prod f_n - m / (s + eps Q) * sum_p T_p u^p,   T_p = sum_j c_j (prod_{i > last + j} f_i) ...
 *
 * T_p grows by T_p f_n + the new term; products of many steps are exp of a sum of logarithms, one per run of equal
 * learning rates. decay = 0 is the case in which all f_n are 1, to the bit. A learning rate so large that f_n would
 * be negative makes it 0 (in effect: 2^-1000).
 *
 * 8 terms do from some step on (89 with the default betas), 32 from an earlier one (1); what is left, with
 * unusual betas, is summed step by step. The error stays below 1e-7 of the learning rate: by Cauchy-Schwarz
 * |m| / s <= (1 - beta1) / sqrt((1 - beta2) (1 - beta1^2 / beta2)), and steps later than `span`, where r^j has
 * become negligible, are left out.
 *
 * Bits       T_p is always summed in the order of j, from 1: it is a function of (history, last, now), whether
 *            it grew clock by clock or is computed at once after a restart. The cache only saves time.
 * Threads    one owner, no locks.
 * Errors     PLT_ERR_USAGE when beta1 is not well below sqrt(beta2): then old gradients never fade.
 * Source     docs/methods/optimizers.md 4.1; docs/decisions/adam-closed-form.md. */
#ifndef PLT_PS_OPTIMIZERS_ADAM_GAP_H
#define PLT_PS_OPTIMIZERS_ADAM_GAP_H

#include "ps/optimizers/optimizer.h"

enum { PLT_ADAM_SHORT = 8, PLT_ADAM_LONG = 32 };

typedef struct plt_adam_gap plt_adam_gap_t;

/* The polynomial of 8 terms as floats have it: -T_p, eps Q, and what these two floats missed. */
typedef struct plt_adam_series {
  float t0, t0_rest, t1, t2, t3, t4, t5, t6, t7;
  float shift, shift_rest, shift_twice;
} plt_adam_series_t;

typedef struct plt_adam_move {
  size_t terms;                    /* of the polynomial: PLT_ADAM_SHORT, PLT_ADAM_LONG, or 0: see steps */
  double shift;                    /* eps Q */
  double kept;                     /* what decay left of w */
  double later;                    /* what it left of the sums: factor of sum[] and weight[] */
  const double *sum;               /* T_p, terms of them; valid until the next call */
  const plt_adam_series_t *series; /* of PLT_ADAM_SHORT terms, the same; valid until the next call */
  size_t steps;                    /* terms == 0: the steps to add up one by one; 0: no movement */
  const double *weight;            /* c_j */
  const double *root;              /* eps q_j */
} plt_adam_move_t;

typedef struct plt_adam_decay {
  double m, v; /* beta1^k, beta2^k */
} plt_adam_decay_t;

plt_status_t plt_adam_gap_create(double beta1, double beta2, double eps, double decay, plt_adam_gap_t **out);
void plt_adam_gap_destroy(plt_adam_gap_t **gap);
/* Step t begins, or a restored table stands at t. */
void plt_adam_gap_begin(plt_adam_gap_t *gap, uint64_t t, const plt_eta_history_t *history);
/* f of a step with this learning rate. */
double plt_adam_gap_keep(const plt_adam_gap_t *gap, double eta);
/* The movement of steps last + 1 .. now; last <= now <= t. */
plt_adam_move_t plt_adam_gap_move(plt_adam_gap_t *gap, uint64_t last, uint64_t now);
/* What k steps without a gradient leave of m and v. */
plt_adam_decay_t plt_adam_gap_decay(const plt_adam_gap_t *gap, uint64_t k);
/* For tests: the first `last` from which 8 and 32 terms do. */
void plt_adam_gap_reach(const plt_adam_gap_t *gap, uint64_t *from_short, uint64_t *from_long);

#endif
