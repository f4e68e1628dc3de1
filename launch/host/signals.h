/* signals.h - INT, TERM, HUP, XCPU, USR1 and USR2 ask for a checkpoint and an orderly end; a second INT ends at once.
 *
 * Threads    watch: any, also again; the signals are the process's, and any thread may look at the number. */
#ifndef PLT_LAUNCH_HOST_SIGNALS_H
#define PLT_LAUNCH_HOST_SIGNALS_H

#include <stdatomic.h>

/* From now on a USR1 is kept for who watches later. A batch system may send it while the data is still being read, and
 * unasked it would end the process without a word; INT and TERM may still do that. A pipe that nobody reads any more
 * ends nothing either. */
void plt_signals_prepare(void);
/* The number of the signal that came, 0 for none. A HUP that was ignored before stays so; a pipe that nobody reads any
 * more ends nothing from now on. */
const atomic_int *plt_signals_watch(void);

#endif
