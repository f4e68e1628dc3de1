/* limits.h - what the machine lets this process have.
 *
 * Threads    any; the limit is the whole process's. */
#ifndef PLT_LAUNCH_HOST_LIMITS_H
#define PLT_LAUNCH_HOST_LIMITS_H

#include <stdint.h>

/* Raises the soft limit of open files as far as the hard one allows, to 65536 at most: each connection of a server
 * takes one, each link of a worker four. Child processes inherit it. */
void plt_limits_raise_files(void);
/* Bytes of memory that are free for this process: the machine's, or its control group's if that is less. */
uint64_t plt_limits_memory(void);

#endif
