/* gemm_openblas.c - gemm.h by OpenBLAS. */
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/math/gemm.h"

void plt_gemm_init(void) { openblas_set_num_threads(1); }

void plt_gemm(const plt_gemm_t *p) {
  cblas_sgemm(CblasRowMajor, p->a_transposed ? CblasTrans : CblasNoTrans, p->b_transposed ? CblasTrans : CblasNoTrans,
              (int)p->n, (int)p->m, (int)p->k, 1.0f, p->a, (int)p->a_stride, p->b, (int)p->b_stride,
              p->add ? 1.0f : 0.0f, p->out, (int)p->out_stride);
}

bool plt_gemm_narrow_is_there(void) { return false; }

void plt_gemm_narrow(const plt_gemm_narrow_t *product) {
  (void)product;
  abort();
}

void plt_gemm_library(char *out, size_t bytes) {
  const char *config = openblas_get_config(); /* "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ..." */
  size_t name = strcspn(config, " ");
  size_t version = config[name] == '\0' ? 0 : strcspn(config + name + 1, " ") + 1;
  snprintf(out, bytes, "%.*s", (int)(name + version), config);
}

const char *plt_gemm_set(void) { return openblas_get_corename(); }

const char *plt_gemm_variable(void) { return "OPENBLAS_CORETYPE"; }

bool plt_gemm_asks_processor(void) { return false; }

/* Other sets stand at the highest level that runs where they run. AMD's from Bulldozer to Steamroller have FMA4 or FMA,
 * but no AVX2. The first of a level is the one to ask for. */
static const struct {
  const char *set;
  plt_isa_t level;
} rows[] = {
    {"Prescott", PLT_ISA_SSE3},     {"Nehalem", PLT_ISA_SSE42},
    {"Sandybridge", PLT_ISA_AVX},   {"Haswell", PLT_ISA_AVX2},
    {"SkylakeX", PLT_ISA_AVX512},   {"Opteron_SSE3", PLT_ISA_SSE3},
    {"Barcelona", PLT_ISA_SSE3},    {"Bobcat", PLT_ISA_SSE3},
    {"Atom", PLT_ISA_SSE3},         {"Nano", PLT_ISA_SSE3},
    {"Core2", PLT_ISA_SSE3},        {"Penryn", PLT_ISA_SSE3},
    {"Dunnington", PLT_ISA_SSE3},   {"Bulldozer", PLT_ISA_AVX},
    {"Piledriver", PLT_ISA_AVX},    {"Steamroller", PLT_ISA_AVX},
    {"Excavator", PLT_ISA_AVX2},    {"Zen", PLT_ISA_AVX2},
    {"Cooperlake", PLT_ISA_AVX512}, {"SapphireRapids", PLT_ISA_AVX512},
};

const char *plt_gemm_set_of(plt_isa_t level) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (rows[i].level == level) return rows[i].set;
  return NULL;
}

plt_isa_t plt_gemm_level_of(const char *set) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (strcmp(rows[i].set, set) == 0) return rows[i].level;
  return PLT_ISA_UNKNOWN;
}
