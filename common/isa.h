/* isa.h - what a processor can do with vectors of floats, as one ladder.
 *
 *   level   x86-64
 *   SSE3    SSE3
 *   SSE42   SSE4.2
 *   AVX     AVX
 *   AVX2    AVX2, FMA
 *   AVX512  AVX-512 F, CD, BW, DQ, VL
 *
 * Elsewhere than on x86-64 the level is unknown.
 * Threads    any. */
#ifndef PLT_COMMON_ISA_H
#define PLT_COMMON_ISA_H

typedef enum {
  PLT_ISA_UNKNOWN,
  PLT_ISA_SSE3,
  PLT_ISA_SSE42,
  PLT_ISA_AVX,
  PLT_ISA_AVX2,
  PLT_ISA_AVX512,
  PLT_ISA_LEVELS
} plt_isa_t;

/* Of the processor that this runs on. */
plt_isa_t plt_isa_here(void);
/* "AVX-512"; NULL: unknown. */
const char *plt_isa_name(plt_isa_t level);

#endif
