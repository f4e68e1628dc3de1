/* tape.h - reverse-mode differentiation over float32 matrices.
 *
 * A forward pass records operations on a tape; plt_tape_backward() walks it backwards and adds to the gradient
 * of every variable that leads to a parameter. Matrices are row-major [rows, cols]; a scalar is [1, 1].
 *
 * Memory     all values and gradients lie in one arena that plt_tape_reset() gives back: after the first passes
 *            nothing is allocated.
 * Threads    one owner; kernels cut their work into fixed pieces for a crew, so the bits do not
 *            depend on the number of threads (threads.h).
 * Determinism  an operation's result depends on its operands alone; reductions have a fixed order and double
 *            accumulators; matrix products are gemm.h's on fixed tiles; exponentials and the like are elementary.h's.
 * Errors     shapes that do not fit are our bug: assert. Values may become non-finite; the trainer looks.
 * Source     each operation's derivative is checked by finite differences in tests/unit/worker. */
#ifndef PLT_WORKER_TAPE_TAPE_H
#define PLT_WORKER_TAPE_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker/math/lazy.h"
#include "worker/math/sparse.h"

typedef struct plt_tape plt_tape_t;
typedef struct plt_var {
  uint32_t index;
} plt_var_t;

/* crew may be NULL. */
plt_tape_t *plt_tape_create(plt_crew_t *crew);
void plt_tape_destroy(plt_tape_t **tape);
plt_crew_t *plt_tape_crew(const plt_tape_t *tape);
/* Forgets all variables. */
void plt_tape_reset(plt_tape_t *tape);
/* Times that memory was taken from the system since creation; constant once warm. */
size_t plt_tape_allocations(const plt_tape_t *tape);

/* ---- variables ---- */
/* Neither copies: `value` [rows, cols] must stay until the reset. backward adds into `gradient` of the same
 * shape (the caller zeroes it); NULL: none is wanted, the same as a constant. */
plt_var_t plt_tape_parameter(plt_tape_t *tape, size_t rows, size_t cols, const float *value, float *gradient);
plt_var_t plt_tape_constant(plt_tape_t *tape, size_t rows, size_t cols, const float *value);
/* A constant that is made by the first operation that takes it; matmul multiplies its rows as they are made. *x is
 * copied, its context must stay. */
plt_var_t plt_tape_lazy(plt_tape_t *tape, const plt_lazy_t *x);
/* Uninitialised memory of the tape's arena, for a constant made by the caller. */
float *plt_tape_scratch(plt_tape_t *tape, size_t rows, size_t cols);
/* A copy there of what an operation must find until the reset. */
void *plt_tape_keep(plt_tape_t *tape, const void *what, size_t bytes);
/* The same as scratch for positions, of plt_op_gather(). */
uint32_t *plt_tape_index(plt_tape_t *tape, size_t n);
size_t plt_tape_rows(const plt_tape_t *tape, plt_var_t x);
size_t plt_tape_cols(const plt_tape_t *tape, plt_var_t x);
const float *plt_tape_value(const plt_tape_t *tape, plt_var_t x);
double plt_tape_scalar(const plt_tape_t *tape, plt_var_t x); /* of a [1, 1] */
/* d loss / d everything; loss is [1, 1]. Once per reset. */
void plt_tape_backward(plt_tape_t *tape, plt_var_t loss);

/* ---- operations: shapes in comments, all results are new variables ---- */
plt_var_t plt_op_gather(plt_tape_t *t, plt_var_t x, const uint32_t *index, size_t n); /* [r,c] -> [n,c]; index stays */
/* y[k] = <a[index[k]], b[other[k]]>: [r,c][s,c] -> [n,1], two variables; no row is copied */
plt_var_t plt_op_gather_dot(plt_tape_t *t, plt_var_t a, const uint32_t *index, plt_var_t b, const uint32_t *other,
                            size_t n);
plt_var_t plt_op_matmul(plt_tape_t *t, plt_var_t a, plt_var_t b);              /* [n,k][k,m] -> [n,m] */
plt_var_t plt_op_propagate(plt_tape_t *t, const plt_sparse_t *s, plt_var_t x); /* s [n,k] stays; [k,c] -> [n,c] */
/* Edges of s, row by row, as variables [edges, 1]; weights in s do not count. softmax: over each row's edges. attend:
 * s with these weights [n,k] times x, two variables (Velickovic et al., "Graph attention networks", ICLR 2018). */
plt_var_t plt_op_edge_softmax(plt_tape_t *t, const plt_sparse_t *s, plt_var_t x);
plt_var_t plt_op_attend(plt_tape_t *t, const plt_sparse_t *s, plt_var_t weight, plt_var_t x);
plt_var_t plt_op_matmul_bt(plt_tape_t *t, plt_var_t a, plt_var_t b); /* [n,k][m,k] -> [n,m], a b^T */
plt_var_t plt_op_matmul_at(plt_tape_t *t, plt_var_t a, plt_var_t b); /* [k,n][k,m] -> [n,m], a^T b */
plt_var_t plt_op_add(plt_tape_t *t, plt_var_t a, plt_var_t b);       /* same shape, or b is [1,c] or [n,1] */
plt_var_t plt_op_sub(plt_tape_t *t, plt_var_t a, plt_var_t b);       /* same shape */
plt_var_t plt_op_mul(plt_tape_t *t, plt_var_t a, plt_var_t b);       /* same shape, or b is [1,c] or [n,1] */
plt_var_t plt_op_scale(plt_tape_t *t, plt_var_t x, float factor);
plt_var_t plt_op_shift(plt_tape_t *t, plt_var_t x, float addend);
plt_var_t plt_op_concat(plt_tape_t *t, const plt_var_t *parts, size_t n); /* side by side: [n,c1][n,c2] -> [n,c1+c2] */
plt_var_t plt_op_columns(plt_tape_t *t, plt_var_t x, size_t first, size_t n); /* [r,c] -> [r,n] */
plt_var_t plt_op_row_dot(plt_tape_t *t, plt_var_t a, plt_var_t b);            /* [n,c][n,c] -> [n,1] */
plt_var_t plt_op_normalise(plt_tape_t *t, plt_var_t x);                       /* rows / max(norm, 1e-12) */
/* Spherical interpolation of rows: sin(l t)/sin t a + sin((1-l) t)/sin t b, t = acos(clamp(<a,b>, +-(1 - 1e-6))), of
 * unit rows a, b [n,c] and constants l [n,1] (Shoemake 1985). The mixes of p points: bezier replaces point k by
 * slerp(k, k+1) until one is left (De Casteljau); nested makes r = slerp(next point, r) from the first on
 * (docs/methods/models.md 8). */
plt_var_t plt_op_slerp(plt_tape_t *t, plt_var_t a, plt_var_t b, plt_var_t share);
plt_var_t plt_op_bezier(plt_tape_t *t, const plt_var_t *points, size_t n, plt_var_t share);
plt_var_t plt_op_nested_slerp(plt_tape_t *t, const plt_var_t *points, size_t n, plt_var_t share);
plt_var_t plt_op_softmax(plt_tape_t *t, plt_var_t x); /* over each row */
plt_var_t plt_op_sigmoid(plt_tape_t *t, plt_var_t x);
plt_var_t plt_op_tanh(plt_tape_t *t, plt_var_t x);
plt_var_t plt_op_softplus(plt_tape_t *t, plt_var_t x); /* log(1 + e^x), stable */
plt_var_t plt_op_leaky_relu(plt_tape_t *t, plt_var_t x, float slope);
plt_var_t plt_op_exp(plt_tape_t *t, plt_var_t x);
plt_var_t plt_op_log(plt_tape_t *t, plt_var_t x);
plt_var_t plt_op_clamp(plt_tape_t *t, plt_var_t x, float low, float high); /* derivative 0 outside */
plt_var_t plt_op_stop(plt_tape_t *t, plt_var_t x);                         /* same value, no derivative */
plt_var_t plt_op_sum(plt_tape_t *t, plt_var_t x);                          /* -> [1,1] */
plt_var_t plt_op_mean(plt_tape_t *t, plt_var_t x);                         /* -> [1,1] */
plt_var_t plt_op_row_sum(plt_tape_t *t, plt_var_t x);                      /* [n,c] -> [n,1] */
plt_var_t plt_op_norm(plt_tape_t *t, plt_var_t x);                         /* Frobenius, -> [1,1]; derivative 0 at 0 */
/* -mean log(1e-10 + sigmoid(p - n)) of [n,1] scores, -> [1,1] (docs/methods/models.md 1; Rendle et al. 2009). */
plt_var_t plt_op_bpr(plt_tape_t *t, plt_var_t positive, plt_var_t negative);

/* mean_i log sum_j e^<a_i, b_j>, stable: [n,c][m,c] -> [1,1] (van den Oord et al., "Representation learning with
 * contrastive predictive coding", 2018). No matrix [n,m] is made. */
plt_var_t plt_op_contrast(plt_tape_t *t, plt_var_t a, plt_var_t b);
/* Floats of the tape's arena that it takes, with the gradients of a and b. */
size_t plt_contrast_floats(size_t n, size_t m, size_t cols, size_t threads);

/* Uniformity of unit rows x [n,c], n > 1, -> [1,1]: the log of the mean over pairs a < b of exp(-2 |x_a - x_b|^2), or
 * of exp(4 (<x_a, x_b> - y_ab)) with y_ab = clamp(<alike_a, alike_b>, low, high), alike [n,m] unit rows, derivative 0
 * outside (docs/methods/models.md 8; Wang and Isola 2020). Costs n^2 (c + m) multiplications and the memory of x and
 * alike. */
plt_var_t plt_op_uniformity(plt_tape_t *t, plt_var_t x);
plt_var_t plt_op_calibrated_uniformity(plt_tape_t *t, plt_var_t x, plt_var_t alike, float low, float high);

#endif
