/* isa.c - see isa.h. */
#include "common/isa.h"

#include <stdbool.h>
#include <stddef.h>

plt_isa_t plt_isa_here(void) {
#ifdef __x86_64__
  __builtin_cpu_init();
  bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
                __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                __builtin_cpu_supports("avx512vl");
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2 && avx512) return PLT_ISA_AVX512;
  if (avx2) return PLT_ISA_AVX2;
  if (__builtin_cpu_supports("avx")) return PLT_ISA_AVX;
  if (__builtin_cpu_supports("sse4.2")) return PLT_ISA_SSE42;
  if (__builtin_cpu_supports("sse3")) return PLT_ISA_SSE3;
#endif
  return PLT_ISA_UNKNOWN;
}

const char *plt_isa_name(plt_isa_t level) {
  static const char *const names[PLT_ISA_LEVELS] = {NULL, "SSE3", "SSE4.2", "AVX", "AVX2", "AVX-512"};
  return names[level];
}
