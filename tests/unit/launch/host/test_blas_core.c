/* Names of OpenBLAS's kernels and what processors can do with them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "launch/host/blas_core.h"

static const char *const ladder[] = {"Prescott", "Nehalem", "Sandybridge", "Haswell", "SkylakeX"};
enum { LADDER = sizeof ladder / sizeof *ladder };

/* The flags of /proc/cpuinfo, as " sse sse2 ... ". */
static void read_flags(char *out, size_t bytes) {
  char line[4096];
  FILE *file = fopen("/proc/cpuinfo", "r");
  snprintf(out, bytes, " ");
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    if (strncmp(line, "flags", 5) != 0) continue;
    snprintf(out, bytes, "%.*s ", (int)strcspn(line, "\n"), line);
    break;
  }
  if (file != NULL) fclose(file);
}

Test(blas_core, the_level_of_this_processor_is_what_the_kernel_says) {
  static const struct {
    plt_blas_level_t level;
    const char *flags[6];
  } needs[] = {{PLT_BLAS_PRESCOTT, {" pni "}},
               {PLT_BLAS_NEHALEM, {" sse4_2 "}},
               {PLT_BLAS_SANDYBRIDGE, {" avx "}},
               {PLT_BLAS_HASWELL, {" avx2 ", " fma "}},
               {PLT_BLAS_SKYLAKEX, {" avx512f ", " avx512cd ", " avx512bw ", " avx512dq ", " avx512vl "}}};
  char flags[4096];
  plt_blas_level_t expected = PLT_BLAS_UNKNOWN;
  read_flags(flags, sizeof flags);
#ifdef __x86_64__
  for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
    bool has = true;
    for (size_t k = 0; needs[i].flags[k] != NULL; k++) has = has && strstr(flags, needs[i].flags[k]) != NULL;
    if (has) expected = needs[i].level;
  }
#else
  (void)needs;
#endif
  cr_assert_eq(plt_blas_level_here(), expected, "%d, not %d: %s", plt_blas_level_here(), expected, flags);
}

Test(blas_core, levels_rise_and_every_core_stands_at_one) {
  for (size_t i = 0; i < LADDER; i++)
    cr_assert_eq(plt_blas_level_of(ladder[i]), PLT_BLAS_PRESCOTT + (plt_blas_level_t)i);
  cr_assert_eq(plt_blas_level_of("Barcelona"), PLT_BLAS_PRESCOTT);
  cr_assert_eq(plt_blas_level_of("Piledriver"), PLT_BLAS_SANDYBRIDGE);
  cr_assert_eq(plt_blas_level_of("Zen"), PLT_BLAS_HASWELL);
  cr_assert_eq(plt_blas_level_of("Cooperlake"), PLT_BLAS_SKYLAKEX);
  cr_assert_eq(plt_blas_level_of("SapphireRapids"), PLT_BLAS_SKYLAKEX);
  cr_assert_eq(plt_blas_level_of("neoversen1"), PLT_BLAS_UNKNOWN);
  cr_assert_eq(plt_blas_level_of(""), PLT_BLAS_UNKNOWN);
}

Test(blas_core, a_processor_that_openblas_does_not_know_gets_its_own_level) {
  cr_assert_str_eq(plt_blas_core_wanted("Prescott", PLT_BLAS_SKYLAKEX), "SkylakeX"); /* family 6 model 207 */
  cr_assert_str_eq(plt_blas_core_wanted("Barcelona", PLT_BLAS_HASWELL), "Haswell");
  cr_assert_str_eq(plt_blas_core_wanted("Zen", PLT_BLAS_SKYLAKEX), "SkylakeX");
  cr_assert_str_eq(plt_blas_core_wanted("Nehalem", PLT_BLAS_SANDYBRIDGE), "Sandybridge");
}

Test(blas_core, a_choice_that_is_good_or_unknown_stays) {
  cr_assert_null(plt_blas_core_wanted("Cooperlake", PLT_BLAS_SKYLAKEX));
  cr_assert_null(plt_blas_core_wanted("Zen", PLT_BLAS_HASWELL));
  cr_assert_null(plt_blas_core_wanted("Core2", PLT_BLAS_PRESCOTT));
  cr_assert_null(plt_blas_core_wanted("SkylakeX", PLT_BLAS_HASWELL));
  cr_assert_null(plt_blas_core_wanted("neoversen1", PLT_BLAS_UNKNOWN));
  cr_assert_null(plt_blas_core_wanted("GraniteRapids", PLT_BLAS_SKYLAKEX));
  cr_assert_null(plt_blas_core_wanted("Prescott", PLT_BLAS_UNKNOWN));
}

Test(blas_core, no_more_is_used_than_the_processor_has) {
  cr_assert_str_eq(plt_blas_core_within("SkylakeX", PLT_BLAS_HASWELL), "Haswell");
  cr_assert_str_eq(plt_blas_core_within("Cooperlake", PLT_BLAS_SANDYBRIDGE), "Sandybridge");
  cr_assert_str_eq(plt_blas_core_within("Zen", PLT_BLAS_HASWELL), "Zen");
  cr_assert_str_eq(plt_blas_core_within("Prescott", PLT_BLAS_SKYLAKEX), "Prescott");
  cr_assert_str_eq(plt_blas_core_within("neoversen1", PLT_BLAS_UNKNOWN), "neoversen1");
  cr_assert_str_eq(plt_blas_core_within("GraniteRapids", PLT_BLAS_HASWELL), "GraniteRapids");
}

Test(blas_core, the_common_core_runs_on_both) {
  for (size_t a = 0; a < LADDER; a++)
    for (size_t b = 0; b < LADDER; b++)
      cr_assert_str_eq(plt_blas_core_common(ladder[a], ladder[b]), ladder[a < b ? a : b]);
  cr_assert_str_eq(plt_blas_core_common("Zen", "SkylakeX"), "Haswell");
  cr_assert_str_eq(plt_blas_core_common("Zen", "Zen"), "Zen");
  cr_assert_str_eq(plt_blas_core_common("Zen", "Haswell"), "Haswell");
  cr_assert_str_eq(plt_blas_core_common("Cooperlake", "SapphireRapids"), "SkylakeX");
  cr_assert_str_eq(plt_blas_core_common("SapphireRapids", "Nehalem"), "Nehalem");
  cr_assert_str_eq(plt_blas_core_common("new", "new"), "new");
  cr_assert_null(plt_blas_core_common("new", "Haswell"));
}
