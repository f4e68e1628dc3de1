/* time.c - see time.h. */
#include "common/time.h"

#include <time.h>

int64_t plt_time_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * PLT_NS_PER_S + now.tv_nsec;
}

double plt_time_seconds(int64_t ns) { return (double)ns / (double)PLT_NS_PER_S; }

int64_t plt_time_missed(int64_t *round_ns) {
  const int64_t late_ns = 2 * PLT_NS_PER_S, now = plt_time_ns(), before = *round_ns;
  *round_ns = now;
  return before != 0 && now - before > late_ns ? now - before : 0;
}

void plt_time_stamp(char *out, size_t bytes) {
  time_t now = time(NULL);
  struct tm parts;
  localtime_r(&now, &parts);
  strftime(out, bytes, "%Y%m%d-%H%M%S", &parts);
}
