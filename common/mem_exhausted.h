/* mem_exhausted.h - the end of a process that gets no memory: for those that ask for it, and for what stands in for the
 * system's malloc (launch/host/exhausted.c), on which mem.c stands.
 *
 * Threads    any. */
#ifndef PLT_COMMON_MEM_EXHAUSTED_H
#define PLT_COMMON_MEM_EXHAUSTED_H

/* Ends the process because there is no memory for what the text says: one line and abort(), or what was set. For
 * libraries that say so and cannot be asked again. */
_Noreturn void plt_mem_exhausted(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What plt_mem_exhausted() calls instead, in the thread that has no memory: it must end the process. Set once, before
 * other threads start. */
void plt_mem_on_exhausted(void (*die)(const char *text));

#endif
