/* blas_core.c - see blas_core.h. */
#include "launch/host/blas_core.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "launch/host/self.h"

static const char coretype[] = "OPENBLAS_CORETYPE";        /* read by OpenBLAS when it is loaded */
static const char passed_over[] = "PLATEAU_OPENBLAS_CORE"; /* from a process to itself: OpenBLAS's own choice */

/* What OpenBLAS runs, and what it had chosen before it was told; "": the same. */
static char running[24], own_choice[24];

static const char *const level_names[PLT_BLAS_LEVELS] = {
    NULL, "Prescott", "Nehalem", "Sandybridge", "Haswell", "SkylakeX",
};

plt_blas_level_t plt_blas_level_here(void) {
#ifdef __x86_64__
  __builtin_cpu_init();
  bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
                __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                __builtin_cpu_supports("avx512vl");
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2 && avx512) return PLT_BLAS_SKYLAKEX;
  if (avx2) return PLT_BLAS_HASWELL;
  if (__builtin_cpu_supports("avx")) return PLT_BLAS_SANDYBRIDGE;
  if (__builtin_cpu_supports("sse4.2")) return PLT_BLAS_NEHALEM;
  if (__builtin_cpu_supports("sse3")) return PLT_BLAS_PRESCOTT;
#endif
  return PLT_BLAS_UNKNOWN;
}

plt_blas_level_t plt_blas_level_of(const char *core) {
  /* AMD's from Bulldozer to Steamroller have FMA4 or FMA, but no AVX2. */
  static const struct {
    const char *core;
    plt_blas_level_t level;
  } rows[] = {
      {"Opteron_SSE3", PLT_BLAS_PRESCOTT},
      {"Barcelona", PLT_BLAS_PRESCOTT},
      {"Bobcat", PLT_BLAS_PRESCOTT},
      {"Atom", PLT_BLAS_PRESCOTT},
      {"Nano", PLT_BLAS_PRESCOTT},
      {"Core2", PLT_BLAS_PRESCOTT},
      {"Penryn", PLT_BLAS_PRESCOTT},
      {"Dunnington", PLT_BLAS_PRESCOTT},
      {"Bulldozer", PLT_BLAS_SANDYBRIDGE},
      {"Piledriver", PLT_BLAS_SANDYBRIDGE},
      {"Steamroller", PLT_BLAS_SANDYBRIDGE},
      {"Excavator", PLT_BLAS_HASWELL},
      {"Zen", PLT_BLAS_HASWELL},
      {"Cooperlake", PLT_BLAS_SKYLAKEX},
      {"SapphireRapids", PLT_BLAS_SKYLAKEX},
  };
  for (plt_blas_level_t level = PLT_BLAS_PRESCOTT; level < PLT_BLAS_LEVELS; level++)
    if (strcmp(level_names[level], core) == 0) return level;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (strcmp(rows[i].core, core) == 0) return rows[i].level;
  return PLT_BLAS_UNKNOWN;
}

const char *plt_blas_level_name(plt_blas_level_t level) { return level_names[level]; }

const char *plt_blas_core_wanted(const char *chosen, plt_blas_level_t processor) {
  plt_blas_level_t level = plt_blas_level_of(chosen);
  return level == PLT_BLAS_UNKNOWN || level >= processor ? NULL : level_names[processor];
}

const char *plt_blas_core_within(const char *core, plt_blas_level_t processor) {
  return processor == PLT_BLAS_UNKNOWN || plt_blas_level_of(core) <= processor ? core : level_names[processor];
}

const char *plt_blas_core_common(const char *a, const char *b) {
  if (strcmp(a, b) == 0) return a;
  plt_blas_level_t of_a = plt_blas_level_of(a), of_b = plt_blas_level_of(b);
  if (of_a == PLT_BLAS_UNKNOWN || of_b == PLT_BLAS_UNKNOWN) return NULL;
  return level_names[of_a < of_b ? of_a : of_b];
}

/* Valgrind, whose processors have no AVX-512, would be left behind by executing anew; but they are all models that
 * OpenBLAS knows, so there it never comes to that. */
void plt_blas_core_settle(const char *chosen, char *const arguments[]) {
  char path[PLT_PATH_MAX];
  const char *before = getenv(passed_over), *set = getenv(coretype);
  snprintf(running, sizeof running, "%s", chosen);
  if (before != NULL) { /* for the second time */
    snprintf(own_choice, sizeof own_choice, "%s", before);
    unsetenv(passed_over);
    return;
  }
  if (set != NULL && set[0] != '\0') return;
  const char *wanted = plt_blas_core_wanted(chosen, plt_blas_level_here());
  if (wanted == NULL || plt_self_path(path) != PLT_OK) return;
  setenv(coretype, wanted, 1);
  setenv(passed_over, chosen, 1);
  plt_self_exec(path, arguments);
  unsetenv(coretype); /* it goes on as it is */
  unsetenv(passed_over);
}

void plt_blas_core_hand_down(const char *core) { setenv(coretype, core, 1); }

void plt_blas_core_log(void) {
  if (own_choice[0] == '\0' || strcmp(own_choice, running) == 0) return;
  plt_log(PLT_LOG_INFO,
          "OpenBLAS chose its kernels for %s, but this processor has more: plateau was started anew with "
          "OPENBLAS_CORETYPE=%s",
          own_choice, running);
}
