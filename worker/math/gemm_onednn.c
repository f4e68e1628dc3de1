/* gemm_onednn.c - gemm.h by oneDNN.
 *
 * Its matmul primitive is up to a tenth faster than this one call, but wants an object for every shape, and shapes
 * change with every batch. */
#include <dlfcn.h>
#include <dnnl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "worker/math/gemm.h"

/* For float32, what goes beyond AVX512_CORE (VNNI, bf16, AMX) changes nothing. */
static const char *const sets[PLT_ISA_LEVELS] = {
    [PLT_ISA_SSE42] = "SSE41", [PLT_ISA_AVX] = "AVX", [PLT_ISA_AVX2] = "AVX2", [PLT_ISA_AVX512] = "AVX512_CORE"};

void plt_gemm_init(void) {} /* each caller sees to itself */

/* OpenMP's number of threads belongs to the thread that sets it. The function is looked up, not linked: it has to be of
 * the runtime that oneDNN was built with, which is the compiler's affair. */
static void use_one_thread(void) {
  static _Thread_local bool is_set;
  if (is_set) return;
  void (*set_threads)(int) = NULL; /* stays so where oneDNN has no threads */
  void *symbol = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
  memcpy(&set_threads, &symbol, sizeof symbol);
  if (set_threads != NULL) set_threads(1);
  is_set = true;
}

/* Some kernels lay the stack pointer at the beginning of a buffer, and the frame of a handler would be written into
 * what stands before it. Signals wait until the product is there, but for those that tell of a fault. */
static void hold_signals(sigset_t *before) {
  static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
  sigset_t held;
  sigfillset(&held);
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&held, faults[i]);
  pthread_sigmask(SIG_BLOCK, &held, before);
}

void plt_gemm(const plt_gemm_t *p) {
  sigset_t before;
  use_one_thread();
  hold_signals(&before);
  dnnl_status_t status = dnnl_sgemm(p->a_transposed ? 'T' : 'N', p->b_transposed ? 'T' : 'N', (dnnl_dim_t)p->n,
                                    (dnnl_dim_t)p->m, (dnnl_dim_t)p->k, 1.0f, p->a, (dnnl_dim_t)p->a_stride, p->b,
                                    (dnnl_dim_t)p->b_stride, p->add ? 1.0f : 0.0f, p->out, (dnnl_dim_t)p->out_stride);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (status != dnnl_success) plt_mem_exhausted("a matrix product of %zu x %zu x %zu", p->n, p->k, p->m);
}

void plt_gemm_library(char *out, size_t bytes) {
  const dnnl_version_t *version = dnnl_version();
  snprintf(out, bytes, "oneDNN %d.%d.%d", version->major, version->minor, version->patch);
}

const char *plt_gemm_set(void) {
  unsigned has = dnnl_get_effective_cpu_isa(); /* a bit for each set of instructions, and those below */
  static const struct {
    unsigned bits;
    plt_isa_t level;
  } rows[] = {{dnnl_cpu_isa_avx512_core, PLT_ISA_AVX512},
              {dnnl_cpu_isa_avx2, PLT_ISA_AVX2},
              {dnnl_cpu_isa_avx, PLT_ISA_AVX},
              {dnnl_cpu_isa_sse41, PLT_ISA_SSE42}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if ((has & rows[i].bits) == rows[i].bits) return sets[rows[i].level];
  return "any processor";
}

const char *plt_gemm_variable(void) { return "ONEDNN_MAX_CPU_ISA"; }

bool plt_gemm_asks_processor(void) { return true; }

const char *plt_gemm_set_of(plt_isa_t level) { return sets[level]; }

plt_isa_t plt_gemm_level_of(const char *set) {
  for (plt_isa_t level = PLT_ISA_UNKNOWN; level < PLT_ISA_LEVELS; level++)
    if (sets[level] != NULL && strcmp(sets[level], set) == 0) return level;
  return PLT_ISA_UNKNOWN;
}
