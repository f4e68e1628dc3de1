/* subnormals.h - floats that are too small to be normal count as zero, as operands and as results.
 *
 * Below 2^-126 (1.2e-38) processors leave their fast path: a product that meets subnormal numbers takes ten times as
 * long and more. They come where training goes well: probabilities of a contrast that is decided, moments of rows that
 * nobody pushes. Next to the numbers that they are added to they are nothing.
 *
 * Threads    of the calling thread and of those that it creates from then on (POSIX: they inherit its floating-point
 *            environment; so do forks, a new program does not). plateau's main() calls it before all else, so that all
 *            processes of a job compute alike; libplateau leaves its caller's arithmetic alone.
 * Source     Intel 64 and IA-32 manual, vol. 1, 10.2.3 (MXCSR: FTZ and DAZ); Arm, FPCR.FZ. */
#ifndef PLT_COMMON_SUBNORMALS_H
#define PLT_COMMON_SUBNORMALS_H

/* Nothing on processors of other kinds. */
void plt_subnormals_flush(void);

#endif
