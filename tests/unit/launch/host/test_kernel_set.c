/* Which kernel sets are asked for, with OpenBLAS's names: its own choice can fall short. */
#include <criterion/criterion.h>

#include "launch/host/kernel_set.h"
#include "worker/math/gemm.h"

static const char *const ladder[] = {"Prescott", "Nehalem", "Sandybridge", "Haswell", "SkylakeX"};
enum { LADDER = sizeof ladder / sizeof *ladder };

Test(kernel_set, levels_rise_and_every_set_stands_at_one) {
  for (size_t i = 0; i < LADDER; i++) cr_assert_eq(plt_gemm_level_of(ladder[i]), PLT_ISA_SSE3 + (plt_isa_t)i);
  cr_assert_eq(plt_gemm_level_of("Barcelona"), PLT_ISA_SSE3);
  cr_assert_eq(plt_gemm_level_of("Piledriver"), PLT_ISA_AVX);
  cr_assert_eq(plt_gemm_level_of("Zen"), PLT_ISA_AVX2);
  cr_assert_eq(plt_gemm_level_of("Cooperlake"), PLT_ISA_AVX512);
  cr_assert_eq(plt_gemm_level_of("SapphireRapids"), PLT_ISA_AVX512);
  cr_assert_eq(plt_gemm_level_of("neoversen1"), PLT_ISA_UNKNOWN);
  cr_assert_eq(plt_gemm_level_of(""), PLT_ISA_UNKNOWN);
}

Test(kernel_set, a_processor_that_openblas_does_not_know_gets_its_own_level) {
  cr_assert_str_eq(plt_kernel_set_wanted("Prescott", PLT_ISA_AVX512), "SkylakeX"); /* family 6 model 207 */
  cr_assert_str_eq(plt_kernel_set_wanted("Barcelona", PLT_ISA_AVX2), "Haswell");
  cr_assert_str_eq(plt_kernel_set_wanted("Zen", PLT_ISA_AVX512), "SkylakeX");
  cr_assert_str_eq(plt_kernel_set_wanted("Nehalem", PLT_ISA_AVX), "Sandybridge");
}

Test(kernel_set, a_choice_that_is_good_or_unknown_stays) {
  cr_assert_null(plt_kernel_set_wanted("Cooperlake", PLT_ISA_AVX512));
  cr_assert_null(plt_kernel_set_wanted("Zen", PLT_ISA_AVX2));
  cr_assert_null(plt_kernel_set_wanted("Core2", PLT_ISA_SSE3));
  cr_assert_null(plt_kernel_set_wanted("SkylakeX", PLT_ISA_AVX2));
  cr_assert_null(plt_kernel_set_wanted("neoversen1", PLT_ISA_UNKNOWN));
  cr_assert_null(plt_kernel_set_wanted("GraniteRapids", PLT_ISA_AVX512));
  cr_assert_null(plt_kernel_set_wanted("Prescott", PLT_ISA_UNKNOWN));
}

Test(kernel_set, no_more_is_used_than_the_processor_has) {
  cr_assert_str_eq(plt_kernel_set_within("SkylakeX", PLT_ISA_AVX2), "Haswell");
  cr_assert_str_eq(plt_kernel_set_within("Cooperlake", PLT_ISA_AVX), "Sandybridge");
  cr_assert_str_eq(plt_kernel_set_within("Zen", PLT_ISA_AVX2), "Zen");
  cr_assert_str_eq(plt_kernel_set_within("Prescott", PLT_ISA_AVX512), "Prescott");
  cr_assert_str_eq(plt_kernel_set_within("neoversen1", PLT_ISA_UNKNOWN), "neoversen1");
  cr_assert_str_eq(plt_kernel_set_within("GraniteRapids", PLT_ISA_AVX2), "GraniteRapids");
}

Test(kernel_set, the_common_set_runs_on_both) {
  for (size_t a = 0; a < LADDER; a++)
    for (size_t b = 0; b < LADDER; b++)
      cr_assert_str_eq(plt_kernel_set_common(ladder[a], ladder[b]), ladder[a < b ? a : b]);
  cr_assert_str_eq(plt_kernel_set_common("Zen", "SkylakeX"), "Haswell");
  cr_assert_str_eq(plt_kernel_set_common("Zen", "Zen"), "Zen");
  cr_assert_str_eq(plt_kernel_set_common("Zen", "Haswell"), "Haswell");
  cr_assert_str_eq(plt_kernel_set_common("Cooperlake", "SapphireRapids"), "SkylakeX");
  cr_assert_str_eq(plt_kernel_set_common("SapphireRapids", "Nehalem"), "Nehalem");
  cr_assert_str_eq(plt_kernel_set_common("new", "new"), "new");
  cr_assert_null(plt_kernel_set_common("new", "Haswell"));
}
