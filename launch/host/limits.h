/* limits.h - what the machine lets this process have.
 *
 * Threads    any; the limit is the whole process's. */
#ifndef PLT_LAUNCH_HOST_LIMITS_H
#define PLT_LAUNCH_HOST_LIMITS_H

#include <stdint.h>

/* Raises the soft limit of open files as far as the hard one allows, to 65536 at most: each connection of a server
 * takes one, each link of a worker four. Child processes inherit it. */
void plt_limits_raise_files(void);
/* How many files this process may have open. */
uint64_t plt_limits_files(void);
/* Bytes of memory that are free for this process: the machine's, or its control group's if that is less. */
uint64_t plt_limits_memory(void);
/* Cores that this process may use: those it is bound to, or the share of its control group, rounded up, if that is
 * less. */
uint32_t plt_limits_cores(void);
/* The same for each of n > 0 that share them: one at least. */
uint32_t plt_limits_cores_each(uint32_t n);

/* What control groups of both versions allow: memory that is free and all of it, UINT64_MAX without a limit, and cores,
 * 0 without one. `root` stands before /proc and /sys: "", or a test's directory. */
typedef struct plt_limits_group {
  uint64_t memory_free, memory_most;
  double cores;
} plt_limits_group_t;
plt_limits_group_t plt_limits_group(const char *root);

#endif
