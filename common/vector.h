/* vector.h - loops over a row of floats compiled three times, for AVX-512, for AVX2 with FMA and for every x86-64, and
 * chosen when the program is loaded.
 *
 *   PLT_VECTOR_CLONES static void add(size_t n, const float *restrict a, float *restrict b) { ... }
 *
 * The bits are the same in all: the compiler may not fuse or reorder (-ffp-contract=off, no -ffast-math), and sums,
 * products, quotients and roots are IEEE's at every width. So is fmaf(), but where no instruction does it, a function
 * of libm takes a hundred times as long: plt_vector_fuses() tells. Worth it where a loop computes in double, or much.
 * Means nothing where a compiler, libc or sanitizer cannot do it.
 *
 * Threads    any. */
#ifndef PLT_COMMON_VECTOR_H
#define PLT_COMMON_VECTOR_H

#include <stdbool.h>
#include <stddef.h>

#define PLT_VECTOR_CLONES
#ifdef __FP_FAST_FMAF
#define PLT_VECTOR_FUSES true
#else
#define PLT_VECTOR_FUSES false
#endif
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__has_attribute) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__) && !defined(__clang__)
#if __has_attribute(target_clones)
#undef PLT_VECTOR_CLONES
#define PLT_VECTOR_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#undef PLT_VECTOR_FUSES
#define PLT_VECTOR_FUSES __builtin_cpu_supports("x86-64-v3")
#endif
#endif

/* Whether fmaf() is an instruction in loops compiled so, on this processor. */
static inline bool plt_vector_fuses(void) { return PLT_VECTOR_FUSES; }

#endif
