/* kernels.h - float32 arithmetic over row-major matrices, cut into fixed pieces for a crew.
 *
 * Determinism  how a job is cut depends on its shape alone, never on the crew, and every sum has a fixed order: the
 *              bits of a result do not depend on the number of threads. Sums over many numbers have double
 *              accumulators. Matrix products are single-threaded calls (gemm.h), one per tile of the result; a
 *              row's bits may depend on the rows beside it, so callers keep their batches cut alike
 *              (docs/methods/determinism.md 3).
 * Vectors      loops are plain C for the compiler to vectorise: body and tail are the same arithmetic.
 * Aliasing     outputs overlap no input, unless said.
 * Threads      crew may be NULL. One caller at a time per crew; several crews may run at once. */
#ifndef PLT_WORKER_MATH_KERNELS_H
#define PLT_WORKER_MATH_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/threads.h"

/* ---- splitting ---- */
/* The length of the last piece is what is left. */
static inline size_t plt_min_size(size_t a, size_t b) { return a < b ? a : b; }
/* A part [first, last) of a job. */
typedef void (*plt_range_fn)(void *context, size_t first, size_t last);
typedef double (*plt_partial_fn)(void *context, size_t first, size_t last);
/* Runs fn over [0, n) in ranges worth handing to another thread, when one element costs about `cost` operations. */
void plt_kernel_ranges(plt_crew_t *crew, size_t n, size_t cost, plt_range_fn fn, void *context);
/* The same for a sum: the partial sums are added in the order of their ranges. */
double plt_kernel_reduce(plt_crew_t *crew, size_t n, size_t cost, plt_partial_fn fn, void *context);

/* ---- matrix products; add: out += product, else out = product ---- */
/* Rows of a tile: a dozen tiles for some thousand rows, each long enough to pay for packing b. */
enum { PLT_KERNEL_TILE_ROWS = 256 };
/* out [n,m] = a [n,k] b [k,m] */
void plt_kernel_matmul(plt_crew_t *crew, size_t n, size_t k, size_t m, const float *a, const float *b, bool add,
                       float *out);
/* out [n,m] = a [n,k] b^T, b [m,k] */
void plt_kernel_matmul_bt(plt_crew_t *crew, size_t n, size_t k, size_t m, const float *a, const float *b, bool add,
                          float *out);
/* out [n,m] = a^T b, a [k,n], b [k,m]: gradients of weights, where k is the batch. */
void plt_kernel_matmul_at(plt_crew_t *crew, size_t n, size_t k, size_t m, const float *a, const float *b, bool add,
                          float *out);
/* Scores of all items for a block of users: users [n,d], items [count,d] -> out [n,count]. */
void plt_kernel_scores(plt_crew_t *crew, size_t n, size_t count, size_t d, const float *users, const float *items,
                       float *out);

/* ---- rows ---- */
/* out [n,cols] = rows index[0..n) of x. */
void plt_kernel_gather(plt_crew_t *crew, const float *x, size_t cols, const uint32_t *index, size_t n, float *out);
/* Row i of x [n,cols] is added to row index[i] of out, in order of i. */
void plt_kernel_scatter_add(plt_crew_t *crew, const float *x, size_t cols, const uint32_t *index, size_t n, float *out);
/* out[j] += sum_i x[i,j] y[i,j]; y NULL stands for ones. */
void plt_kernel_column_dots(plt_crew_t *crew, const float *x, const float *y, size_t rows, size_t cols, float *out);
/* out[i] += sum_j x[i,j] y[i,j]; y NULL stands for ones. */
void plt_kernel_row_dots(plt_crew_t *crew, const float *x, const float *y, size_t rows, size_t cols, float *out);
/* out[i,j] += factor[i] * x[i,j] */
void plt_kernel_add_scaled_rows(plt_crew_t *crew, const float *x, const float *factor, size_t rows, size_t cols,
                                float *out);

/* ---- vectors ---- */
/* out[i] += factor * x[i] */
void plt_kernel_add_scaled(plt_crew_t *crew, size_t n, float factor, const float *x, float *out);
double plt_kernel_sum(plt_crew_t *crew, const float *x, size_t n);
double plt_kernel_sum_squares(plt_crew_t *crew, const float *x, size_t n);
/* sum_i x[i] y[i] of one short vector, in the caller. */
double plt_kernel_dot(const float *x, const float *y, size_t n);
/* sum_i x[i] of one short vector, in the caller. */
double plt_kernel_total(const float *x, size_t n);
/* The largest of x; of those that are numbers. -INFINITY: there is none. */
float plt_kernel_largest(const float *x, size_t n);

#endif
