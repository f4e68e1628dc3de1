/* adam_core.h - what adam and adamw share: the object, its rows' arithmetic and its options; private to ps/.
 *
 * State of a row: m, v. A row is stored as of its last push; how it moved since then is computed when it is read or
 * pushed again (adam_gap.h), and only a push stores it. Bias correction and step as in PyTorch:
 *
 *   d = g + l2 w
 *   m = beta1 m + (1 - beta1) d,  v = beta2 v + (1 - beta2) d^2
 *   w = (1 - eta decay) w - eta / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
 *
 * l2 (adam) is above 0 only where every row is pushed in every step; decay (adamw) is free.
 * Threads    one owner: the table's.
 * Errors     PLT_ERR_USAGE as of plt_adam_gap_create(). */
#ifndef PLT_PS_OPTIMIZERS_ADAM_CORE_H
#define PLT_PS_OPTIMIZERS_ADAM_CORE_H

#include "ps/optimizers/adam_gap.h"
#include "ps/optimizers/optimizer.h"

/* A step; what it keeps of m, v, w until the step before, and w in it; its share of the gradient. */
typedef struct plt_adam_push {
  float keep1, rest1, keep2, keep2_rest, rest2;
  float step, unbias, eps, l2; /* eta / (1 - beta1^t), 1 / sqrt(1 - beta2^t) */
  double kept, keep;           /* keep: 1 - eta decay */
} plt_adam_push_t;

typedef struct plt_adam {
  plt_optimizer_t base;
  double beta1, beta2;
  plt_adam_push_t push; /* of step t, but for what depends on the row: keep1, keep2, keep2_rest, kept */
  bool fuses;           /* plt_vector_fuses(); for tests: may be false anywhere, with the same bits */
  plt_adam_gap_t *gap;
  double *moved; /* cols: scratch, how far a row moved */
  double *ratio; /* cols: scratch, u of adam_gap.h */
  double *still; /* cols zeros */
} plt_adam_t;

enum { PLT_ADAM_OPTIONS = 3 };
extern const plt_option_t plt_adam_options[PLT_ADAM_OPTIONS]; /* beta1, beta2, eps */

plt_status_t plt_adam_init(plt_optimizer_t *base, const plt_config_t *config, double l2, double decay);
/* The functions of plt_optimizer_ops_t. */
void plt_adam_clear(plt_optimizer_t *base);
size_t plt_adam_state_floats(const plt_optimizer_t *base);
void plt_adam_begin(plt_optimizer_t *base, uint64_t t, const plt_eta_history_t *history);
void plt_adam_apply(plt_optimizer_t *base, float *value, float *state, uint64_t last, const float *gradient);
void plt_adam_value(plt_optimizer_t *base, const float *value, const float *state, uint64_t last, float *out);

#endif
