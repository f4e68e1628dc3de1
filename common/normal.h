/* normal.h - standard normal values, many at a time: Box-Muller over Philox, with the same bits on every processor and
 * under every libc.
 *
 *   counter (c0, c1, block, 0) ─▶ words a b c d ─▶ values 4 block .. 4 block + 3: (a, b) and (c, d) give two each
 *   (a, b): radius √(−2 ln u), u = (a + ½) 2⁻³², angle 2π b 2⁻³²
 *
 * Logarithm, sine and cosine are polynomials in float32, whose errors stay within 4 units in the last place; sums,
 * products and roots of IEEE 754 are all they use, so nothing depends on who computes (vector.h).
 * Threads    any.
 * Source     Box, Muller, Annals of Mathematical Statistics 29, 1958; polynomials: Moshier, Cephes (logf, sinf,
 *            cosf). */
#ifndef PLT_COMMON_NORMAL_H
#define PLT_COMMON_NORMAL_H

#include <stddef.h>

#include "common/rng.h"

/* Values [0, n) of the row that (c0, c1) names, into out. A shorter row has the first values of a longer one. */
void plt_normal_row(plt_rng_key_t key, uint32_t c0, uint32_t c1, size_t n, float *out);
/* The two values of words a and b. */
void plt_normal_pair(uint32_t a, uint32_t b, float out[2]);

#endif
