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

#endif
