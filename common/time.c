/* time.c - see time.h. */
#include "common/time.h"

#include <time.h>

int64_t plt_time_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * PLT_NS_PER_S + now.tv_nsec;
}

double plt_time_seconds(int64_t ns) { return (double)ns / (double)PLT_NS_PER_S; }

void plt_time_stamp(char *out, size_t bytes) {
  time_t now = time(NULL);
  struct tm parts;
  localtime_r(&now, &parts);
  strftime(out, bytes, "%Y%m%d-%H%M%S", &parts);
}
