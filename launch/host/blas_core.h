/* blas_core.h - which of OpenBLAS's sets of kernels ("cores") a process runs.
 *
 * OpenBLAS chooses when it is loaded, by tables of processor models. A model that is newer than the library gets the
 * kernels of a far older one (0.3.21 of Debian 12: Prescott's, SSE3, on family 6 model 207): a third of the speed, and
 * other bits than beside a newer library. So the processor is asked what it has (CPUID), and a process whose OpenBLAS
 * stays below that starts itself once more with OPENBLAS_CORETYPE.
 *
 *   level       Prescott < Nehalem < Sandybridge < Haswell < SkylakeX
 *   asks for    SSE3       SSE4.2    AVX           AVX2, FMA AVX-512 F, CD, BW, DQ, VL
 *
 * Other cores stand at the highest level that runs where they run: Zen at Haswell, Cooperlake at SkylakeX. What a user
 * has set in OPENBLAS_CORETYPE stays. Elsewhere than on x86-64 the level of the processor is unknown and nothing of
 * this happens.
 * Threads    settle before there are any.
 * Source     docs/mechanisms.md 8. */
#ifndef PLT_LAUNCH_HOST_BLAS_CORE_H
#define PLT_LAUNCH_HOST_BLAS_CORE_H

typedef enum {
  PLT_BLAS_UNKNOWN,
  PLT_BLAS_PRESCOTT,
  PLT_BLAS_NEHALEM,
  PLT_BLAS_SANDYBRIDGE,
  PLT_BLAS_HASWELL,
  PLT_BLAS_SKYLAKEX,
  PLT_BLAS_LEVELS
} plt_blas_level_t;

/* Of this processor. */
plt_blas_level_t plt_blas_level_here(void);
/* Of a core's name. */
plt_blas_level_t plt_blas_level_of(const char *core);
/* The core of that name; NULL: unknown. */
const char *plt_blas_level_name(plt_blas_level_t level);

/* The core to ask for where OpenBLAS has chosen `chosen`; NULL: that is as good as the processor, or unknown. */
const char *plt_blas_core_wanted(const char *chosen, plt_blas_level_t processor);
/* `core`, or what the processor can do if a user has asked for more than that. */
const char *plt_blas_core_within(const char *core, plt_blas_level_t processor);
/* The core that runs wherever either runs; NULL if they differ and one of them is not known. */
const char *plt_blas_core_common(const char *a, const char *b);

/* First thing in main; `chosen` is what runs. May execute the program anew, with the same arguments and process id. */
void plt_blas_core_settle(const char *chosen, char *const arguments[]);
/* Has the children of this process use `core`. */
void plt_blas_core_hand_down(const char *core);
/* Once there is a log: whether OpenBLAS's choice was changed. */
void plt_blas_core_log(void);

#endif
