/* last_word.h - the last word of a process: why it failed, said once.
 *
 * Threads    the main thread's failure (common/status.h). */
#ifndef PLT_LAUNCH_HOST_LAST_WORD_H
#define PLT_LAUNCH_HOST_LAST_WORD_H

/* Prints the recorded failure to stderr, "plateau: error: " before each of its lines. Only the first call does: who
 * has to speak early does, main at the latest. */
void plt_last_word_say(void);

#endif
