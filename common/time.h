/* time.h - clocks. All durations in the code are int64 nanoseconds (_ns) of the monotonic clock.
 *
 * Threads    any. */
#ifndef PLT_COMMON_TIME_H
#define PLT_COMMON_TIME_H

#include <stddef.h>
#include <stdint.h>

#define PLT_NS_PER_S INT64_C(1000000000)
#define PLT_NS_PER_MS INT64_C(1000000)

int64_t plt_time_ns(void);
double plt_time_seconds(int64_t ns);
/* Local wall time as "20261121-205712" into `out` (at least 16 bytes). */
void plt_time_stamp(char *out, size_t bytes);

/* For loops that wait for others and come round at least once a second: how long this one did not listen, 0 if it came
 * in time. A process that was stopped (SIGSTOP, Ctrl-Z, a suspended job) or had no processor heard nobody meanwhile, so
 * nobody's silence may count for that long. *round_ns: of the loop; 0 before its first round. */
int64_t plt_time_missed(int64_t *round_ns);

#endif
