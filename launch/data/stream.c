/* stream.c - see stream.h. */
#include "launch/data/stream.h"

#include <math.h>

static uint64_t step(uint64_t x) {
  uint64_t z = x + UINT64_C(0x9E3779B97F4A7C15);
  z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
  return z ^ (z >> 31);
}

plt_stream_t plt_stream(uint64_t seed, uint64_t number) { return (plt_stream_t){step(step(seed) ^ number)}; }

double plt_stream_uniform(plt_stream_t stream, uint64_t i) {
  return ((double)(step(stream.key ^ i) >> 11) + 0.5) * 0x1p-53;
}

double plt_stream_normal(plt_stream_t stream, uint64_t i) {
  static const double turn = 6.28318530717958647692;
  return sqrt(-2 * log(plt_stream_uniform(stream, 2 * i))) * cos(turn * plt_stream_uniform(stream, 2 * i + 1));
}
