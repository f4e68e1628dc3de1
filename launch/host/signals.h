/* signals.h - INT, TERM and USR1 ask for a checkpoint and an orderly end; a second INT ends at once. */
#ifndef PLT_LAUNCH_HOST_SIGNALS_H
#define PLT_LAUNCH_HOST_SIGNALS_H

#include <stdatomic.h>

/* The number of the signal that came, 0 for none. */
const atomic_int *plt_signals_watch(void);

#endif
