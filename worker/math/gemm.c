/* gemm.c - what is the same with every library; see gemm.h. */
#include "worker/math/gemm.h"

#include <stdio.h>

void plt_gemm_label(char out[PLT_GEMM_LABEL_MAX]) {
  char library[PLT_GEMM_LABEL_MAX - PLT_GEMM_SET_MAX - 8];
  plt_gemm_library(library, sizeof library);
  snprintf(out, PLT_GEMM_LABEL_MAX, "%s for %s", library, plt_gemm_set());
}
