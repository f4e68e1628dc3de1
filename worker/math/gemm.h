/* gemm.h - products of dense float32 matrices, one after the other in the caller's thread, by the library that
 * plateau was built with: oneDNN (gemm_onednn.c), or OpenBLAS (gemm_openblas.c) where that is missing.
 *
 * Kernel sets  each library has a set of kernels for each level of vector instructions (common/isa.h), and the bits of
 *              a product depend on the set. oneDNN asks the processor what it can do; OpenBLAS looks its model up, and
 *              takes far too little on one that it does not know. launch/host/kernel_set.h sees to that, and that all
 *              processes of a job run the same set.
 * Determinism  the same shape, strides and kernel set give the same bits. A row's bits may depend on the rows beside it
 *              in the call.
 * Threads      any number of callers at once. The library's own threads are never used: they would change bits
 *              (OpenBLAS), and serialise several callers. */
#ifndef PLT_WORKER_MATH_GEMM_H
#define PLT_WORKER_MATH_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/isa.h"

/* out [n,m] = a [n,k] b [k,m], row-major; k > 0. Strides are floats between the rows of what is stored. */
typedef struct plt_gemm {
  size_t n, k, m;
  const float *a, *b;
  size_t a_stride, b_stride;
  bool a_transposed, b_transposed; /* stored is a [k,n], b [m,k] */
  bool add;                        /* out += the product */
  float *out;                      /* overlaps neither a nor b */
  size_t out_stride;
} plt_gemm_t;

void plt_gemm(const plt_gemm_t *product);

/* out [n,m] = a [n,k] b [k,m] of bfloat16, summed in float32; b and out without gaps. Shapes are few: what the library
 * makes for one stays until the process ends. */
typedef struct plt_gemm_narrow {
  size_t n, k, m;
  const uint16_t *a, *b;
  size_t a_stride;
  bool a_transposed; /* stored is [k,n] */
  bool add;
  float *out;
} plt_gemm_narrow_t;

/* Whether the library has kernels for it that are faster than float32's here (AMX), and may use them. */
bool plt_gemm_narrow_is_there(void);
/* Only where they are there. */
void plt_gemm_narrow(const plt_gemm_narrow_t *product);

/* Before the first product of a process. Idempotent. */
void plt_gemm_init(void);

enum { PLT_GEMM_SET_MAX = 24, PLT_GEMM_LABEL_MAX = 64 };

/* "oneDNN 2.6.3" */
void plt_gemm_library(char *out, size_t bytes);
/* The library and its kernel set: what the bits of products depend on. "oneDNN 2.6.3 for AVX512_CORE" */
void plt_gemm_label(char out[PLT_GEMM_LABEL_MAX]);
/* The kernel set that runs here: "AVX512_CORE", "SkylakeX". */
const char *plt_gemm_set(void);
/* The environment variable by which the library is told of a kernel set when it is loaded. */
const char *plt_gemm_variable(void);
/* Whether the library chooses by what the processor can do; else by tables of models, which may fall short. */
bool plt_gemm_asks_processor(void);
/* The library's set for a level; NULL: it has none. */
const char *plt_gemm_set_of(plt_isa_t level);
/* The level at which a set stands; unknown: it is none of the library's that we know. */
plt_isa_t plt_gemm_level_of(const char *set);

#endif
