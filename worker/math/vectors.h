/* vectors.h - arithmetic on flat vectors, w and its gradients, in one thread: products and sums in double, in a fixed
 * order, rounded once to float.
 *
 * Threads    any; pure functions. */
#ifndef PLT_WORKER_MATH_VECTORS_H
#define PLT_WORKER_MATH_VECTORS_H

#include <stdbool.h>
#include <stddef.h>

double plt_vector_norm(const float *x, size_t n);
void plt_vector_scale(float *x, size_t n, double factor);
/* out = a * x + b * y; out may be x or y. */
void plt_vector_blend(float *out, double a, const float *x, double b, const float *y, size_t n);
/* Scales g to norm at most `limit` (limit 0: leaves it); PyTorch's clip_grad_norm_: factor limit / (norm + 1e-6). */
void plt_vector_clip(float *g, size_t n, double limit);
bool plt_vector_is_finite(const float *x, size_t n);

#endif
