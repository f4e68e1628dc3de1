/* exhausted.h - the last words of a process that gets no more memory, or no more threads.
 *
 * Libraries say that in as many ways as there are, and some go on with a null pointer (HDF5, oneDNN) or end in an
 * assertion (ZeroMQ). So malloc and its kin are the program's own: they call the system's and end the process where
 * those have nothing. pthread_create() is, too: some can do with fewer threads, so the process is ended only if the
 * library then calls abort(). Not in programs of others that use libplateau, and not under sanitizers, which have their
 * own.
 *
 * Threads    any. The guard is the process's: set before others start. Of several threads one speaks. */
#ifndef PLT_LAUNCH_HOST_EXHAUSTED_H
#define PLT_LAUNCH_HOST_EXHAUSTED_H

/* From then on `last_words` is called with what there was not, in the thread that asked: it must end the process. If
 * it needs memory itself and gets none, a line is printed and the process ended for it. */
void plt_exhausted_guard(void (*last_words)(const char *text));

#endif
