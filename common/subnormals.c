/* subnormals.c - see subnormals.h. */
#include "common/subnormals.h"

#include <stdint.h>

#if defined(__x86_64__)
#include <xmmintrin.h>

enum { DENORMALS_ARE_ZERO = 1 << 6, FLUSH_TO_ZERO = 1 << 15 };

void plt_subnormals_flush(void) { _mm_setcsr(_mm_getcsr() | DENORMALS_ARE_ZERO | FLUSH_TO_ZERO); }

#elif defined(__aarch64__)

void plt_subnormals_flush(void) {
  uint64_t control;
  __asm__ volatile("mrs %0, fpcr" : "=r"(control));
  control |= UINT64_C(1) << 24; /* FZ */
  __asm__ volatile("msr fpcr, %0" : : "r"(control));
}

#else

void plt_subnormals_flush(void) {}

#endif
