/* kernel_set.c - see kernel_set.h. */
#include "launch/host/kernel_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "launch/host/self.h"
#include "worker/math/gemm.h"

static const char passed_over[] = "PLATEAU_KERNEL_SET"; /* from a process to itself: the library's own choice */

static char own_choice[PLT_GEMM_SET_MAX]; /* before it was told; "": it was not */

const char *plt_kernel_set_wanted(const char *chosen, plt_isa_t processor) {
  plt_isa_t level = plt_gemm_level_of(chosen);
  return level == PLT_ISA_UNKNOWN || level >= processor ? NULL : plt_gemm_set_of(processor);
}

const char *plt_kernel_set_within(const char *set, plt_isa_t processor) {
  return processor == PLT_ISA_UNKNOWN || plt_gemm_level_of(set) <= processor ? set : plt_gemm_set_of(processor);
}

const char *plt_kernel_set_common(const char *a, const char *b) {
  if (strcmp(a, b) == 0) return a;
  plt_isa_t of_a = plt_gemm_level_of(a), of_b = plt_gemm_level_of(b);
  if (of_a == PLT_ISA_UNKNOWN || of_b == PLT_ISA_UNKNOWN) return NULL;
  return plt_gemm_set_of(of_a < of_b ? of_a : of_b);
}

/* Valgrind, whose processors have no AVX-512, would be left behind by executing anew; but they are all models that
 * OpenBLAS knows, so there it never comes to that. */
void plt_kernel_set_settle(char *const arguments[]) {
  char path[PLT_PATH_MAX];
  const char *before = getenv(passed_over), *set = getenv(plt_gemm_variable());
  if (before != NULL) { /* for the second time */
    snprintf(own_choice, sizeof own_choice, "%s", before);
    unsetenv(passed_over);
    return;
  }
  if (plt_gemm_asks_processor() || (set != NULL && set[0] != '\0')) return;
  const char *chosen = plt_gemm_set(), *wanted = plt_kernel_set_wanted(chosen, plt_isa_here());
  if (wanted == NULL || plt_self_path(path) != PLT_OK) return;
  setenv(plt_gemm_variable(), wanted, 1);
  setenv(passed_over, chosen, 1);
  plt_self_exec(path, arguments);
  unsetenv(plt_gemm_variable()); /* it goes on as it is */
  unsetenv(passed_over);
}

/* What a library that asks the processor does beyond the highest level changes no bits of float32, but is needed for
 * bfloat16 (worker/math/narrow.h): no limit there. */
void plt_kernel_set_hand_down(const char *set) {
  if (plt_gemm_asks_processor() && plt_gemm_level_of(set) == PLT_ISA_LEVELS - 1) return;
  setenv(plt_gemm_variable(), set, 1);
}

void plt_kernel_set_log(void) {
  char library[PLT_GEMM_LABEL_MAX];
  if (own_choice[0] == '\0' || strcmp(own_choice, plt_gemm_set()) == 0) return;
  plt_gemm_library(library, sizeof library);
  plt_log(PLT_LOG_INFO, "%s chose its kernels for %s, but this processor has more: plateau was started anew with %s=%s",
          library, own_choice, plt_gemm_variable(), plt_gemm_set());
}
