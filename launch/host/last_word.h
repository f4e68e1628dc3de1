/* last_word.h - the last word of a process: why it failed, said once.
 *
 * Threads    the main thread's failure (common/status.h). */
#ifndef PLT_LAUNCH_HOST_LAST_WORD_H
#define PLT_LAUNCH_HOST_LAST_WORD_H

#include "common/status.h"

/* Prints the recorded failure to stderr, "plateau: error: " before each of its lines; a stop that was asked for is no
 * error: "plateau: ". Only the first call does: who has to speak early does, main at the latest. */
void plt_last_word_say(plt_status_t status);

#endif
