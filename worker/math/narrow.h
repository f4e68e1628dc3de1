/* narrow.h - products of matrices that are rounded to bfloat16 and summed in float32, by the tile registers (AMX) of
 * some processors: four times as fast there as float32, with half of the memory. Elsewhere there are none.
 *
 *   x [n,k] float32 ─▶ rows of 256, the last ones filled up with zeros, as bfloat16: a copy
 *   forward   out [n,m] = x b          b [k,m] is rounded, too
 *   backward  out [k,m] (+)= x^T y     and so is y [n,m]
 *
 * Rounding     to the nearest, ties to even: a relative error of at most 2^-9 of each factor.
 * Determinism  the same for any number of threads: shapes of tiles depend on k and m alone. Bits are those of oneDNN's
 *              kernels for AMX (gemm.h).
 * Threads      any number of callers at once; crew may be NULL.
 * Source       Intel 64 and IA-32 manual, vol. 1, 18 (TDPBF16PS); Kalamkar et al., "A study of bfloat16 for deep
 *              learning training", 2019. */
#ifndef PLT_WORKER_MATH_NARROW_H
#define PLT_WORKER_MATH_NARROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/threads.h"
#include "worker/math/lazy.h"

/* Whether this processor and this build have them. */
bool plt_narrow_is_there(void);

/* Elements of the copy of a matrix of n rows of k. */
size_t plt_narrow_size(size_t n, size_t k);
/* x into `copy`, unless it is there already (made), and out [n,m] = x b. */
void plt_narrow_matmul(plt_crew_t *crew, const plt_lazy_t *x, bool made, size_t m, const float *b, uint16_t *copy,
                       float *out);
/* out [k,m] = x^T y, or is added to. */
void plt_narrow_matmul_at(plt_crew_t *crew, size_t n, size_t k, size_t m, const uint16_t *copy, const float *y,
                          bool add, float *out);

#endif
