/* kernel_set.h - which of its kernel sets the library of matrix products runs (worker/math/gemm.h): the best one that
 * the processor has, and the same one in all processes of a job.
 *
 * OpenBLAS chooses when it is loaded, by tables of processor models. A model that is newer than the library gets the
 * kernels of a far older one (0.3.21 of Debian 12: Prescott's, SSE3, on family 6 model 207): a third of the speed, and
 * other bits than beside a newer library. So the processor is asked what it has, and a process whose library stays
 * below that starts itself once more, with the library's variable set. oneDNN asks the processor itself: with it this
 * never happens.
 *
 * What a user has set in the variable stays. Where the level of the processor is unknown, nothing of this happens.
 * Threads    settle before there are any.
 * Source     docs/mechanisms.md 8. */
#ifndef PLT_LAUNCH_HOST_KERNEL_SET_H
#define PLT_LAUNCH_HOST_KERNEL_SET_H

#include "common/isa.h"

/* The set to ask for where the library has chosen `chosen`; NULL: that is as good as the processor, or unknown. */
const char *plt_kernel_set_wanted(const char *chosen, plt_isa_t processor);
/* `set`, or what the processor can do if a user has asked for more than that. */
const char *plt_kernel_set_within(const char *set, plt_isa_t processor);
/* The set that runs wherever either runs; NULL if they differ and one of them is not known. */
const char *plt_kernel_set_common(const char *a, const char *b);

/* First thing in main. May execute the program anew, with the same arguments and process id. */
void plt_kernel_set_settle(char *const arguments[]);
/* Has the children of this process use `set`. */
void plt_kernel_set_hand_down(const char *set);
/* Once there is a log: whether the library's choice was changed. */
void plt_kernel_set_log(void);

#endif
