/* clock_jump.c - preloaded: the wall clock jumps hours back and forth at every look. The monotonic clock stays. */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long jump(void) {
  static const long jumps[] = {0, 86400, -86400, 10, -10, 3600, -1};
  static atomic_uint looks;
  return jumps[atomic_fetch_add(&looks, 1) / 3 % (sizeof jumps / sizeof *jumps)];
}

typedef int (*clock_gettime_fn)(clockid_t clock, struct timespec *now);

int clock_gettime(clockid_t clock, struct timespec *now) {
  static _Atomic(clock_gettime_fn) next;
  if (atomic_load(&next) == NULL) {
    union {
      void *symbol;
      clock_gettime_fn fn;
    } found = {.symbol = dlsym(RTLD_NEXT, "clock_gettime")};
    atomic_store(&next, found.fn);
  }
  int result = atomic_load(&next)(clock, now);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += jump();
  return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  struct timespec precise;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &precise) != 0) return -1;
  *now = (struct timeval){.tv_sec = precise.tv_sec, .tv_usec = precise.tv_nsec / 1000};
  return 0;
}

time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}
