/* What this processor can do, beside what the kernel says of it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/isa.h"

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

Test(isa, the_level_of_this_processor_is_what_the_kernel_says) {
  static const struct {
    plt_isa_t level;
    const char *flags[6];
  } needs[] = {{PLT_ISA_SSE3, {" pni "}},
               {PLT_ISA_SSE42, {" sse4_2 "}},
               {PLT_ISA_AVX, {" avx "}},
               {PLT_ISA_AVX2, {" avx2 ", " fma "}},
               {PLT_ISA_AVX512, {" avx512f ", " avx512cd ", " avx512bw ", " avx512dq ", " avx512vl "}}};
  char flags[4096];
  plt_isa_t expected = PLT_ISA_UNKNOWN;
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
  cr_assert_eq(plt_isa_here(), expected, "%d, not %d: %s", plt_isa_here(), expected, flags);
}

Test(isa, every_level_has_a_name) {
  cr_assert_null(plt_isa_name(PLT_ISA_UNKNOWN));
  for (plt_isa_t level = PLT_ISA_SSE3; level < PLT_ISA_LEVELS; level++) cr_assert_not_null(plt_isa_name(level));
}
