/* bf16.h - bfloat16: the upper half of a float32, rounded to the nearest, ties to even; not-a-number stays so.
 *
 * Threads    any; pure functions. Both ends may be unaligned. */
#ifndef PLT_COMMON_BF16_H
#define PLT_COMMON_BF16_H

#include <stddef.h>

/* n float32 into 2 bytes each, and back. */
void plt_bf16_encode(size_t n, const void *from, void *out);
void plt_bf16_decode(size_t n, const void *from, float *out);

#endif
